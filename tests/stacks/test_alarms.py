"""Every alarm of every example: what it watches, when it is on, and whom it notifies."""

import json
import re
from typing import Any

import pytest
from log_shipper.telemetry import _UNITS

from logdock.alarms import ALARMS, SECTIONS, Alarm
from logdock.settings import Deployment, load_settings
from stacks.alerts import recipients
from tests.conftest import EXAMPLES, ROOT, Synthesized, synthesize
from tests.settings.documents import document
from tests.test_readme import anchors

ACCOUNT = "111122223333"
CLOUDWATCH = ROOT / "examples" / "cloudwatch-logs.yaml"
RUNBOOK = ROOT / "docs" / "runbook.md"
WITHOUT_ALARM = {"a-deploy-or-destroy-waits-for-a-vendor,-or-fails-at-one"}
"""A section about what no alarm reports: CloudFormation does."""


Found = tuple[str, str, dict[str, Any]]


def alarms(example: Synthesized) -> list[Found]:
    """Return the subject, the name below it, and the properties of every alarm on a single metric."""
    found = []
    for _, _, alarm in example.resources("AWS::CloudWatch::Alarm"):
        properties = alarm["Properties"]
        deployment, subject, name = properties["AlarmName"].split("/")
        assert deployment == "acme-prod"
        if "MetricName" in properties:
            found.append((subject, name, properties))
    return found


def named(example: Synthesized, subject: str) -> dict[str, dict[str, Any]]:
    return {name: properties for found, name, properties in alarms(example) if found == subject}


def row_of(subject: str, name: str) -> Alarm:
    """Return the row of the table that an alarm comes from."""
    kind = "destination" if subject.startswith("ship-") else subject if subject in SECTIONS else "export"
    return next(row for key, row in ALARMS.items() if key == f"{kind}/{name}" or matches(row, kind, name))


def matches(row: Alarm, kind: str, name: str) -> bool:
    return row.subject == kind and "{" in row.name and name.startswith(f"{row.prefix}-")


def dimensions(properties: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in properties.get("Dimensions", [])}


def test_every_alarm_is_what_the_table_says(example: Synthesized) -> None:
    for subject, name, properties in alarms(example):
        row, where = row_of(subject, name), f"{subject}/{name}"
        if row.metric:
            found = (properties["Namespace"], properties["MetricName"], properties["Statistic"])
            assert found == (row.metric.namespace, row.metric.name, row.metric.statistic), where
            # of a rule on a bus of its own, the bus too
            named = [each for each in dimensions(properties) if each != "EventBusName"]
            assert named == list(row.metric.dimensions), where
        if row.threshold is not None:
            assert properties["Threshold"] == row.threshold, where
        if row.name != "silence":
            window = (properties["Period"], properties["EvaluationPeriods"], properties["DatapointsToAlarm"])
            assert window == (row.period_seconds, row.periods, row.datapoints), where
        rule = (properties["ComparisonOperator"], properties["TreatMissingData"])
        assert rule == (row.comparison, row.missing_data), where
        assert properties["AlarmDescription"].endswith(f"#{row.runbook_section}"), where
        assert "{" not in properties["AlarmDescription"]


def test_every_row_of_the_table_is_an_alarm_of_an_example() -> None:
    found = {id(row_of(subject, name)) for path in EXAMPLES for subject, name, _ in alarms(synthesize(path))}
    found |= {id(row_of(subject, name)) for subject, name, _ in alarms(synthesize(CLOUDWATCH, "kinesis"))}
    missing = {key for key, row in ALARMS.items() if id(row) not in found}
    # these two are no alarm on a single metric: they have tests of their own
    assert missing == {"export/volume-band", "destination/busy"}


def test_every_alarm_spans_no_more_than_cloudwatch_takes(example: Synthesized) -> None:
    for subject, name, properties in alarms(example):
        seconds = properties["Period"] * properties["EvaluationPeriods"]
        assert seconds <= (86400 if properties["Period"] < 3600 else 604800), f"{subject}/{name}"


def test_every_alarm_notifies_its_regions_topics_only_at_its_beginning(example: Synthesized) -> None:
    for stack, _, alarm in example.resources("AWS::CloudWatch::Alarm"):
        region = "us-east-1" if stack.endswith("us-east-1") else home(example)
        topics = [f"arn:aws:sns:{region}:{ACCOUNT}:acme-prod-alerts"]
        if "runbook" in alarm["Properties"]["AlarmDescription"] and "wiki.acme" in str(alarm):
            topics.append(f"arn:aws:sns:{region}:{ACCOUNT}:oncall")
        assert alarm["Properties"]["AlarmActions"] == topics
        assert "OKActions" not in alarm["Properties"]
        assert "InsufficientDataActions" not in alarm["Properties"]


def home(example: Synthesized) -> str:
    return str(example.templates["acme-prod-core"]["Outputs"]["ArchiveBucketName"]["Value"]).split(f"{ACCOUNT}-")[1]


def test_no_alarm_watches_a_metric_of_another_subject(example: Synthesized) -> None:
    for subject, name, properties in alarms(example):
        watched = dimensions(properties)
        exported = watched.get("export") or watched.get("RuleName", "").removeprefix("acme-prod-").partition("_")[0]
        if "-" in name and name.split("-", 1)[0] in ("lag", "refused"):
            assert watched["destination"] == name.split("-", 1)[1]
        if exported and subject != "alerts":
            assert exported == subject


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_export_has_the_alarms_that_it_needs(path: Any) -> None:
    settings, example = load_settings(path), synthesize(path)
    for export in settings.exports:
        names = set(named(example, export.name))
        archived = {"archive"} if export.lands_in == "log groups" else set()
        shipped = {*export.ship_to} - archived
        needed = {f"lag-{each}" for each in archived | shipped} | {f"refused-{each}" for each in shipped}
        needed |= {"handover"} if shipped else set()
        needed |= {"silence"} if settings.alerts_of(export).silent_after_minutes else set()
        needed |= {"rds-events"} if export.kind in ("aurora-mysql", "rds") else set()
        needed |= {"connector"} if getattr(export, "log_group_prefixes", ()) else set()
        asked = {"volume", "denied", "failed-logins", "privilege-changes", "schema-changes"}
        assert names - asked == needed, export.name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_destination_and_the_archiver_have_their_alarms(path: Any) -> None:
    settings, example = load_settings(path), synthesize(path)
    metered = {each.name: each.metrics for each in settings.destinations if each.kind == "logzio" and each.metrics}
    for destination in settings.shippers:
        metrics = {"metrics-failing", "metrics-late", "metrics-lost"} if destination in metered else set()
        metrics |= {"metrics-tags"} if destination in metered and metered[destination].tags else set()
        slow = {"slow"} if destination in settings.pushes else set()
        always = {"failing", "crashing", "lag", "dead", "recursion"}
        assert set(named(example, f"ship-{destination}")) == always | slow | metrics
    streamed = {"behind", "unclaimed"} if settings.subscriptions == "kinesis" else set()
    grouped = any(each.lands_in == "log groups" for each in settings.exports)
    direct = {"deliveries"} if settings.subscriptions == "direct" and grouped else set()
    assert set(named(example, "archiver")) == {"failed", "lost"} | streamed | direct
    assert set(named(example, "compactor")) == ({"compaction"} if settings.archive.compact else set())
    assert set(named(example, "replica")) == ({"not-copied"} if settings.replica else set())


def test_only_silence_warms_up(example: Synthesized) -> None:
    for subject, name, properties in alarms(example):
        assert ("WarmUpConfiguration" in properties) == (name == "silence"), f"{subject}/{name}"


def test_busy_is_every_invocation_at_work_while_messages_wait(example: Synthesized) -> None:
    mappings = [each["Properties"] for *_, each in example.resources("AWS::Lambda::EventSourceMapping")]
    concurrencies = sorted(each["ScalingConfig"]["MaximumConcurrency"] for each in mappings if "ScalingConfig" in each)
    alarms = [each["Properties"] for *_, each in example.resources("AWS::CloudWatch::Alarm")]
    expressions = [each["Metrics"][-1]["Expression"] for each in alarms if each["AlarmName"].endswith("/busy")]
    expected = [f"IF(running >= {limit} AND waiting > 0, 1, 0)" for limit in concurrencies]
    assert sorted(expressions) == sorted(expected)


def test_a_function_that_crashes_is_an_alarm_wherever_it_takes_messages(example: Synthesized) -> None:
    """SQS leaves what was received three times out of the age of the oldest message, so that shows no crash."""
    functions = {
        name: one["Properties"].get("FunctionName") for _, name, one in example.resources("AWS::Lambda::Function")
    }
    sources = [each["Properties"] for *_, each in example.resources("AWS::Lambda::EventSourceMapping")]
    taking = {functions[each["FunctionName"]["Ref"]] for each in sources if "ScalingConfig" in each}
    watched = {
        dimensions(each["Properties"])["FunctionName"]
        for *_, each in example.resources("AWS::CloudWatch::Alarm")
        if each["Properties"].get("MetricName") == "Errors" and each["Properties"]["AlarmName"].endswith("/crashing")
    }
    assert watched == taking


def test_every_subject_has_one_composite_of_all_its_alarms(example: Synthesized) -> None:
    for stack in example.templates:
        children: dict[str, set[str]] = {}
        for name, logical_id, alarm in example.resources("AWS::CloudWatch::Alarm"):
            if name == stack:
                children.setdefault(alarm["Properties"]["AlarmName"].rpartition("/")[0], set()).add(logical_id)
        composites = {
            composite["Properties"]["AlarmName"]: composite
            for name, _, composite in example.resources("AWS::CloudWatch::CompositeAlarm")
            if name == stack
        }
        assert set(composites) == set(children)
        resources = example.templates[stack]["Resources"]
        for name, composite in composites.items():
            ids = [resources[child]["Properties"]["AlarmName"] for child in children[name]]
            rule = composite["Properties"]["AlarmRule"].split(" OR ")
            assert sorted(rule) == sorted(f'ALARM("{each}")' for each in ids)
            assert {*composite["DependsOn"]} == children[name]
            # It has no actions, because its alarms have; reminders and the recovery are the state machine's.
            assert not {"AlarmActions", "OKActions"} & set(composite["Properties"])


def described(example: Synthesized) -> dict[str, str]:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    return {
        alarm["Properties"]["AlarmName"]: alarm["Properties"]["AlarmDescription"]
        for kind in kinds
        for _, _, alarm in example.resources(kind)
    }


def test_every_alarm_says_what_happened_what_to_run_first_and_where_to_read_on(example: Synthesized) -> None:
    for name, text in described(example).items():
        found = re.fullmatch(r"(.+[.]) Run first: (logdock [a-z -]+)[.] What to do: (\S+)#([a-z-]+)", text)
        assert found, f"{name}: {text}"
        assert found[3] in ("docs/runbook.md", "https://wiki.acme.example/logdock/runbook"), name


def test_every_alarm_has_its_section_in_the_runbook(example: Synthesized) -> None:
    sections = anchors(RUNBOOK)
    for name, text in described(example).items():
        assert text.rpartition("#")[2] in sections, name


def test_the_headings_of_the_runbook_are_the_sections_of_the_table() -> None:
    sections = {*SECTIONS.values(), *(row.runbook_section for row in ALARMS.values())}
    headings = re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert {heading.lower().replace(" ", "-") for heading in headings} == sections | WITHOUT_ALARM


def test_no_text_of_an_alarm_breaks_the_json_that_it_is_put_into(example: Synthesized) -> None:
    for text in described(example).values():
        assert json.loads(f'"{text}"') == text
        assert len(text) <= 1024


def test_an_export_with_one_destination_costs_what_the_page_says() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()
    on_request = {"volume", "denied", "failed-logins"}
    found = set(named(synthesize(ROOT / "examples" / "alerts.yaml"), "orders")) - on_request
    assert found == {"silence", "handover", "lag-logz", "refused-logz"}
    alarms_usd, metrics_usd = 0.10 * len(found), 0.30 * len(_UNITS)
    # in log groups the archiver has a lag of its own, and makes the same metrics
    in_groups_usd = alarms_usd + 0.10, 2 * metrics_usd
    assert (
        f"also the archiver's lag, of Aurora and RDS also `rds-events` | {alarms_usd:.2f}; {in_groups_usd[0]:.2f};"
        in page
    )
    assert f"as the destination `archive` | {metrics_usd:.2f}; {in_groups_usd[1]:.2f} |" in page
    bucket_usd, groups_usd = alarms_usd + 0.50 + metrics_usd, sum(in_groups_usd) + 0.50
    costs = f"costs {bucket_usd:.2f} if it lands in a bucket, {groups_usd:.2f} if it"
    assert f"watching an export with one destination {costs}" in page


def test_without_recipients_no_one_is_notified() -> None:
    settings = Deployment.model_validate(document())
    assert recipients(settings).startswith("No one: set alerts.email")
