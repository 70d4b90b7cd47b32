"""The cost model counts what the templates have, and the pages say what the model says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from logdock.alarms import ALARMS
from logdock.dashboard import USD_PER_GB
from logdock.expected_alarms import export_alarms, shared_alarms
from logdock.inventory import stacks_of
from logdock.settings import Deployment, load_settings
from logdock.settings.costs import (
    EVENTS_OF_AN_OBJECT,
    LANDINGS,
    METRICS,
    PER_OBJECT,
    Inputs,
    billed_alarms,
    dollars_per_gigabyte,
    keys_of,
    monthly_estimate,
    per_gigabyte,
    shared_keys,
    summary_table,
    tables,
)
from logdock.settings.retention import Retention
from tests.conftest import EXAMPLES, ROOT, Synthesized, synthesize, synthesize_now

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text(encoding="utf-8")
COSTS = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
ALERTS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_model_counts_the_alarms_and_keys_of_every_template(example: Path) -> None:
    check_counts(load_settings(example), synthesize(example))


VALUES: dict[str, list[object]] = {
    "silent_after_minutes": [0, 60],
    "daily_gb": [2.5],
    "volume_band": [False, True],
    "failed_logins_per_hour": [10],
    "privilege_changes_per_hour": [10],
    "schema_changes_per_hour": [10],
    "trail_log_group": ["/acme/trail"],
    "webhook": [{"url": "https://chat.acme.example/hook"}],
}
"""What decides which alarms there are."""
ALARMED = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in VALUES.items()})


@given(
    example=st.sampled_from(["alerts", "cockroachdb", "mongodb-atlas", "subscriptions"]),
    alerts=ALARMED,
    whole=st.fixed_dictionaries(
        {"subscriptions": st.sampled_from(["direct", "kinesis"])},
        optional={"archive": st.just({"compact": True}), "exports": st.just([])},
    ),
)
def test_the_model_counts_the_alarms_of_any_settings(
    example: str, alerts: dict[str, object], whole: dict[str, object]
) -> None:
    document = yaml.safe_load((ROOT / "examples" / f"{example}.yaml").read_text(encoding="utf-8"))
    if "exports" in whole:  # whose logs go nowhere but to where they land
        whole = whole | {"exports": [{**each, "ship_to": []} for each in document["exports"]]}
    settings = Deployment.model_validate(document | whole | {"alerts": alerts})
    found = synthesize_now(settings)
    check_counts(settings, found)
    alarms = [*found.resources("AWS::CloudWatch::Alarm"), *found.resources("AWS::CloudWatch::CompositeAlarm")]
    assert Counter(stack for stack, *_ in alarms) == Counter({each.name: each.alarms for each in stacks_of(settings)})


def check_counts(settings: Deployment, found: Synthesized) -> None:
    counted = {stack: Counter[str]() for stack in found.templates}
    for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::KMS::Key"):
        for stack, _, resource in found.resources(kind):
            band = "ThresholdMetricId" in resource["Properties"]
            watched = sum("MetricStat" in each for each in resource["Properties"].get("Metrics", ()))
            counted[stack]["band" if band else kind.rpartition("::")[2]] += 1 if band else max(1, watched)

    stacks_of = {
        export.name: [
            f"{settings.deployment}-{export.name}" + ("" if region == settings.region else f"-{region}")
            for region in settings.regions_of(export)
        ]
        + ([f"{settings.deployment}-Landing-{export.name}"] if export.other_account else [])
        for export in settings.exports
    }
    for export in settings.exports:
        counts = [counted.pop(stack) for stack in stacks_of[export.name]]
        landing = counts.pop() if export.other_account else Counter[str]()
        assert landing["Alarm"] == 0
        expected = [export_alarms(settings, export, region) for region in settings.regions_of(export)]
        assert [each["Alarm"] for each in counts] == list(map(billed_alarms, expected)), export.name
        assert sum(each["Key"] for each in (landing, *counts)) == keys_of(settings, export), export.name
        assert [each["CompositeAlarm"] for each in counts] == [bool(each) for each in expected], export.name
        bands = [sum(ALARMS[alarm].is_band for alarm in each) for each in expected]
        assert [each["band"] for each in counts] == bands, export.name
    shared = sum(counted.values(), Counter())
    expected = [each for region in settings.regions for each in shared_alarms(settings, region).values()]
    assert (shared["Alarm"], shared["CompositeAlarm"]) == (sum(map(billed_alarms, expected)), len(expected))
    assert shared["Key"] == shared_keys(settings)


def test_an_estimate_grows_with_the_volume_and_covers_every_export() -> None:
    settings = load_settings(ROOT / "examples" / "everything.yaml")
    rows = monthly_estimate(settings)
    more = monthly_estimate(settings, gigabytes_a_day={"orders": 100})

    assert {row.export for row in rows} == {"deployment", *(export.name for export in settings.exports)}
    assert all(row.dollars >= 0 and row.units >= 0 for row in rows)
    of_orders = [sum(row.dollars for row in found if row.export == "orders") for found in (rows, more)]
    assert of_orders[1] > 10 * of_orders[0]
    assert [row for row in rows if row.export != "orders"] == [row for row in more if row.export != "orders"]


def test_an_estimate_grows_with_every_kind_of_retention() -> None:
    settings = load_settings(ROOT / "examples" / "everything.yaml")

    def stored(**days: int) -> dict[tuple[str, str], float]:
        kept = settings.model_copy(update={"retention": Retention(**days)})
        return {(row.export, row.item): row.units for row in monthly_estimate(kept) if "storage" in row.item}

    base, archived, hot = (
        stored(hot_days=hot, archive_days=archived) for hot, archived in ((30, 90), (30, 900), (60, 90))
    )
    assert all(archived[each] > base[each] for each in base if each[1] == "S3 storage (GB-months)")
    of_groups = [each for each in base if each[1] == "CloudWatch Logs, storage (GB-months)"]
    assert {export for export, _ in of_groups} == {"ledger", "billing", "apps"}
    assert [hot[each] for each in of_groups] == [pytest.approx(2 * base[each]) for each in of_groups]


def test_an_event_to_another_accounts_bus_is_counted_for_each_object_of_its_exports_alone() -> None:
    rows = monthly_estimate(load_settings(ROOT / "examples" / "log-archive-account.yaml"))
    sent = {row.export: row.units for row in rows if row.item == "events to another account's bus"}
    inputs = Inputs()

    assert sent == dict.fromkeys(
        ("orders", "network"), inputs.objects_a_gb * inputs.gigabytes_a_day * inputs.month_days
    )


def test_costs_page_has_the_tables_that_the_model_prints() -> None:
    (shown,) = re.findall(r"<!-- costs -->\n(.*)\n<!-- /costs -->", COSTS, re.DOTALL)
    assert shown == tables(Inputs())


def test_readme_has_the_costs_of_the_first_export() -> None:
    (shown,) = re.findall(r"<!-- first-export -->\n(.*)\n<!-- /first-export -->", README, re.DOTALL)
    assert shown == summary_table(load_settings(ROOT / "examples" / "mongodb-atlas.yaml"))


def test_the_dashboard_reckons_with_the_models_sums() -> None:
    assert {landing: round(dollars_per_gigabyte(landing, ["push"]), 2) for landing in LANDINGS} == USD_PER_GB


def test_the_pages_say_what_watching_costs() -> None:
    inputs = Inputs()
    settings = load_settings(ROOT / "examples" / "everything.yaml")
    dollars = {}
    for export in settings.exports:
        one = export.model_copy(update={"ship_to": ("logz",)})
        alarms = billed_alarms(export_alarms(settings, one, settings.region)) - (
            getattr(one, "log_group_prefixes", ()) != ()
        )
        dollars[one.lands_in] = (
            alarms * inputs.alarm + inputs.composite_alarm + len(one.delivered_to) * len(METRICS) * inputs.metric
        )

    said = "{:.2f} if it lands in a bucket, {:.2f} if it lands in log groups"
    for page in (COSTS, ALERTS):
        assert said.format(dollars["bucket"], dollars["log groups"]) in page


def test_the_decision_for_eventbridge_has_the_models_figures() -> None:
    page = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    inputs, kept = Inputs(), ("S3 storage (GB-months)", "transfer to destinations (GB)")
    million = 1e6 / inputs.objects_a_gb
    items = {
        item: dollars * million for item, _, dollars in per_gigabyte("bucket", ["push"], inputs) if item not in kept
    }
    events, whole = items["S3's events, over an object's life"], sum(items.values())
    assert f"{events:.2f} of the {whole:.2f} dollars that a million landed objects" in page
    assert f"({events / whole:.0%})".replace("%", " %") in page
    hosts = 100 * inputs.objects_a_gb * inputs.month_days / 1e6
    assert f"{events / million:.3f} dollars a GB" in page
    assert f"and {hosts * events:.0f} a month for 100 hosts" in page
    metrics = 16 * inputs.metric
    assert f"{metrics:.2f} dollars a month and export, so below {metrics / events:.1f} million" in page
    feed = PER_OBJECT["feed"]
    assert f"{feed.events * inputs.event * 1e6:.0f} dollars per million inputs of a feed" in page
    assert f"beside {feed.puts * inputs.put * 1e6:.0f} for its PUTs" in page
    shared = EVENTS_OF_AN_OBJECT * 1.1 * inputs.event * 1e6
    assert f"shares the feed's object and pays {shared:.2f}" in page


def test_few_lines_a_host_make_a_gigabyte_dear() -> None:
    dear, usual = (
        dollars_per_gigabyte("bucket", ["push"], replace(Inputs(), objects_a_gb=objects)) for objects in (28_800, 2_880)
    )
    assert dear > 4 * usual


def test_compaction_costs_only_what_is_archived_and_less_than_it_saves() -> None:
    inputs = Inputs()
    found = {
        (landing, kinds): [{item: dollars for item, _, dollars in per_gigabyte(landing, [*kinds], inputs, compact=on)}
                           for on in (False, True)]
        for landing in LANDINGS for kinds in (("push",), ("push", "archive"))
    }  # fmt: skip
    without, compacted = found["bucket", ("push",)]
    assert compacted == without
    for (landing, kinds), (without, compacted) in found.items():
        if (landing, kinds) != ("bucket", ("push",)):
            assert sum(compacted.values()) < sum(without.values())
            assert (compacted["compaction: DynamoDB reads"] > 0) == (landing == "log groups")


def test_the_decision_has_the_sums_of_compaction() -> None:
    decision = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    row = next(line for line in tables(Inputs()).splitlines() if "`seven-years`" in line)
    _, _, small, _, compacted, _ = row.split("|")
    assert f"{small.strip()} dollars a month as small objects and {compacted.strip()} as large ones" in decision
