"""`archive.compact`: what the function may do, what else changes, and that nothing changes without it."""

import json
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from log_shipper import compacted
from log_shipper.rendering import archive_key

from logdock.settings import load_settings
from logdock.settings.archive import Archive
from logdock.settings.names import Names
from stacks import core, readers
from tests.conftest import ROOT, synthesize, synthesize_now

EXAMPLE = ROOT / "examples" / "logzio.yaml"
ARCHIVE = "arn:aws:s3:::acme-prod-archive-111122223333-us-east-1"
PART = archive_key("apps", "2026-11-21T06:00:00Z", "0" * 16)
HOUR = PART.rpartition("/")[0] + "/"
COMPACTED, INDEX = compacted.compacted_key(HOUR, 1), compacted.index_key(HOUR, "0" * 16)


@cache
def without() -> dict[str, dict[str, Any]]:
    """Return the templates without compaction."""
    settings = load_settings(EXAMPLE).model_copy(update={"archive": Archive(), "sql": None})
    templates: dict[str, dict[str, Any]] = synthesize_now(settings).templates
    return templates


def template(stack: str) -> dict[str, Any]:
    resources: dict[str, Any] = synthesize(EXAMPLE).templates[stack]["Resources"]
    return resources


def statements() -> dict[str, dict[str, Any]]:
    """Return what the compactor's role allows, by the Sid."""
    resources = template("acme-prod-core")
    role = next(each for name, each in resources.items() if name.startswith("CompactorRole") and "Policies" in
                each["Properties"])  # fmt: skip
    found = [each for policy in role["Properties"]["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    return {each["Sid"]: each for each in found}


def allows(sid: str, key: str) -> bool:
    found = statements()[sid]["Resource"]
    resources = [found] if isinstance(found, str) else found
    return any(
        fnmatchcase(f"{ARCHIVE}/{key}", each) for each in ([resources] if isinstance(resources, str) else resources)
    )


def test_role_names_are_those_that_the_shipper_writes() -> None:
    assert (core.INDEX_PREFIX, core.COMPACTED, core.COMPACTED_SUFFIX) == (
        compacted.INDEX_PREFIX, compacted.NAME, compacted.SUFFIX,
    )  # fmt: skip
    assert PART.endswith(core.PART_SUFFIX)


def test_role_writes_no_part_and_removes_nothing_else() -> None:
    assert [allows("WriteCompacted", key) for key in (COMPACTED, INDEX, PART)] == [True, True, False]
    assert [allows("RemoveParts", key) for key in (COMPACTED, INDEX, PART)] == [False, False, True]
    actions = {action for each in statements().values() for action in
               ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])}  # fmt: skip
    assert actions == {
        "logs:CreateLogStream", "logs:PutLogEvents", "ssm:GetParameter", "s3:ListBucket", "s3:GetObject",
        "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject", "kms:Decrypt", "kms:GenerateDataKey",
    }  # fmt: skip


def test_function_runs_each_hour_and_knows_the_feeds() -> None:
    resources = template("acme-prod-shipper")
    (function,) = [
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::Lambda::Function" and each["Properties"].get("FunctionName", "").endswith("compactor")
    ]
    assert json.loads(function["Environment"]["Variables"]["LOGDOCK_FEEDS"]) == ["logz-reader"]
    assert (function["MemorySize"], function["Timeout"]) == (1769, 900)
    rules = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Events::Rule"]
    assert "rate(1 hour)" in [each.get("ScheduleExpression") for each in rules]


def test_rule_announces_parts_alone() -> None:
    rules = [each["Properties"] for each in template("acme-prod-apps").values() if each["Type"] == "AWS::Events::Rule"]
    (detail,) = [each["EventPattern"]["detail"] for each in rules if "detail" in each["EventPattern"]]
    (key,) = detail["object"]["key"]
    assert [each.startswith(key["prefix"]) for each in (PART, COMPACTED, INDEX)] == [True, True, False]
    assert detail["reason"] == [{"anything-but": ["CompleteMultipartUpload"]}]


def test_readers_ask_for_the_hours_that_wait() -> None:
    settings = load_settings(EXAMPLE)
    with_and_without = (settings, settings.model_copy(update={"archive": Archive(), "sql": None}))
    allowed = [
        [each.to_statement_json()["Resource"] for each in readers._status(chosen, Names.of(chosen), ["us-east-1"])
         if "logs:FilterLogEvents" in each.actions]
        for chosen in with_and_without
    ]  # fmt: skip
    group = "log-group:/aws/lambda/acme-prod-shipper-compactor:*"
    assert allowed == [[f"arn:aws:logs:us-east-1:111122223333:{group}"], []]


def test_templates_without_compaction_are_as_before() -> None:
    text = json.dumps(without())
    assert "compact" not in text.lower()
    assert "archive-index" not in text
    assert "CompleteMultipartUpload" not in text
