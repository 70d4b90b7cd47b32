"""What a settings file says of an export is what the shipper reads, through the real stacks' parameters."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from log_shipper.detectors import DETECTORS
from log_shipper.errors import ConfigurationError
from log_shipper.export_config import OVERSIZE, ExportConfig, parse_export_config
from log_shipper.line_readers import FORMATS, JOINABLE_FORMATS, VENDOR_FORMATS
from log_shipper.redaction import MARKERS
from log_shipper.rendering import RESERVED_FIELDS, path_fields
from pydantic import TypeAdapter, ValidationError

from logdock.settings import Deployment, reading
from logdock.settings.landing import log_group_digest
from logdock.settings.redaction import Detector, Redaction
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.s3_logs.settings import _JOINABLE_FORMATS, S3LogsExport
from tests.conftest import EXAMPLES, ROOT, Synthesized, synthesize, synthesize_now
from tests.settings.documents import document, export

PATH_FIELDS = "logs/{team}/{_}/{host}.log"
FORMATS_OF = {
    get_args(kind.model_fields["kind"].annotation)[0]: get_args(kind.model_fields["format"].annotation)
    for kind in (S3LogsExport, CloudwatchLogsExport)
}


def configurations(synthesized: Synthesized) -> dict[str, ExportConfig]:
    """Return what the shipper makes of each export's parameter."""
    found: dict[str, ExportConfig] = {}
    for _, _, parameter in synthesized.resources("AWS::SSM::Parameter"):
        name = re.fullmatch(r"/logdock/acme-prod/exports/([a-z0-9-]+)", parameter["Properties"]["Name"])
        if name:
            found[name[1]] = parse_export_config(name[1], parameter["Properties"]["Value"])
    return found


@pytest.fixture(scope="module")
def every_setting(tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """A deployment with an export for every format, and for each of the other settings of reading."""
    exports: list[dict[str, Any]] = []
    for kind, formats in FORMATS_OF.items():
        for name in formats:
            place = {"log_groups": [f"/{name}"]} if kind == "cloudwatch-logs" else {}
            exports.append(export(kind, name=f"{kind}-{name}", format=name, **place))
    more: dict[str, Any] = {"record_start": "^20", "oversize": "truncate", "max_expansion": 900}
    more["redaction"] = {"markers": "strip"}
    more["log_type"] = "guardduty"
    exports.append(export("s3-logs", name="whole", path_fields=PATH_FIELDS, include=["a"], exclude=["b"], **more))
    path = tmp_path_factory.mktemp("settings") / "logdock.yaml"
    path.write_text(yaml.safe_dump(document(*exports)))
    return synthesize(Path(path))


def test_the_shipper_takes_every_format_that_a_user_may_name(every_setting: Synthesized) -> None:
    found = configurations(every_setting)
    named = {f"{kind}-{name}": name for kind, formats in FORMATS_OF.items() for name in formats}
    assert {export: found[export].format_name for export in named} == named


def test_a_user_may_name_every_format_that_is_no_vendors_own() -> None:
    assert set(FORMATS_OF["s3-logs"]) == set(FORMATS) - (set(VENDOR_FORMATS.values()) - {"auto"}) - {"archive"}


def test_the_shipper_knows_the_default_name_of_a_landing_bucket() -> None:
    """For exports whose configuration a release wrote that did not say where they land."""
    synthesized = synthesize(ROOT / "examples" / "everything.yaml")
    patterns = {
        variables["LOGDOCK_DEFAULT_LANDING_BUCKET"]
        for _, _, function in synthesized.resources("AWS::Lambda::Function")
        if "LOGDOCK_DESTINATION" in (variables := function["Properties"].get("Environment", {}).get("Variables", {}))
    }
    landing = configurations(synthesized)["orders"].landing
    assert [(pattern.replace("{export}", "orders"), "") for pattern in patterns] == [landing]


def test_the_settings_of_reading_reach_the_shipper(every_setting: Synthesized) -> None:
    config = configurations(every_setting)["whole"]
    assert (config.path_fields, config.oversize, config.max_expansion) == (PATH_FIELDS, "truncate", 900)
    assert config.record_start is not None
    assert [config.record_start(line) for line in ("2026-01-02 started", "  at main")] == [True, False]
    assert [config.filter.wants(text) for text in ("a", "ab", "c")] == [True, False, False]
    assert config.redactor.redact("‹x›") == "x"
    assert config.log_type == "guardduty"


def test_the_page_says_what_the_examples_path_fields_name() -> None:
    (example,) = [path for path in EXAMPLES if path.stem == "s3-logs"]
    page = (ROOT / "docs" / "s3-logs.md").read_text()
    said = re.search(r"every record of `([^`]+)` has `\"fields\": (\{[^`]+\})`", page)
    assert said
    pattern = configurations(synthesize(example))["legacy"].path_fields
    assert pattern is not None
    assert path_fields(pattern, said[1]) == json.loads(said[2])


def test_the_page_has_every_format_that_a_user_may_name() -> None:
    page = (ROOT / "docs" / "s3-logs.md").read_text()
    table = page.partition("## Formats")[2].partition("\n\nA record's")[0]
    cells = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| `")]
    assert {name for cell in cells for name in re.findall(r"`([a-z0-9-]+)`", cell)} - {"format"} == set(
        FORMATS_OF["s3-logs"]
    ) - {"auto"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_shipper_takes_the_documents_of_every_example(path: Path) -> None:
    assert configurations(synthesize(path))


def test_what_is_left_out_of_the_file_is_left_out_of_the_parameter() -> None:
    synthesized = synthesize(next(path for path in EXAMPLES if path.stem == "logzio"))
    (value,) = [
        parameter["Properties"]["Value"]
        for _, _, parameter in synthesized.resources("AWS::SSM::Parameter")
        if parameter["Properties"]["Name"].endswith("/exports/apps")
    ]
    assert json.loads(value) == {
        "vendor": "cloudwatch-logs",
        "landing": {"log_groups": [log_group_digest("/acme/apps/checkout")]},
        "ship_to": ["logz", "logz-reader"],
    }


def test_no_parameter_holds_double_braces_and_the_shipper_reads_them() -> None:
    """Systems Manager refuses them: "You can't include values wrapped in double brackets {{}}" (PutParameter)."""
    pattern = {"name": "moustache", "regex": r"{{\w+}}", "replacement": "{{x}}"}
    auditing = {"filter": '{"param.ns": "{{x}}"}'}
    exports = [
        export("s3-logs", redaction={"patterns": [pattern]}, include=["{{{{"], exclude=["{{a}}"]),
        export("mongodb-atlas", atlas_principal_arn=None, external_id=None,
               connect={"secret": "acme/atlas", "auditing": auditing}),
    ]  # fmt: skip
    synthesized = synthesize_now(Deployment.model_validate(document(*exports)))
    values = [each["Properties"]["Value"] for _, _, each in synthesized.resources("AWS::SSM::Parameter")]
    assert [value for value in values if "{{" in json.dumps(value)] == []
    config = configurations(synthesized)[exports[0]["name"]]
    assert config.redactor.redact("a {{b}} c") == "a {{x}} c"
    assert [config.filter.wants(text) for text in ("{{{{", "{{{{ {{a}}", "{{{")] == [True, False, False]
    documents = [json.loads(value) for value in values if isinstance(value, str)]
    (audited,) = [each for each in documents if "Filter" in each]
    assert json.loads(audited["Filter"]) == json.loads(auditing["filter"])


def test_both_sides_know_the_same_words() -> None:
    assert get_args(reading.Oversize) == OVERSIZE
    assert reading.RESERVED_FIELDS == RESERVED_FIELDS
    assert set(_JOINABLE_FORMATS) == set(JOINABLE_FORMATS)
    assert get_args(Detector) == tuple(DETECTORS)
    assert get_args(Redaction.model_fields["markers"].annotation) == MARKERS


@given(
    st.lists(
        st.sampled_from(["{", "}", "{a}", "{_}", "{b1}", "{part}", "a", "/", "-", "\n", "é", "1", " "]), max_size=6
    )
)
def test_both_sides_take_the_same_path_fields(parts: list[str]) -> None:
    pattern = "".join(parts)
    try:
        TypeAdapter(reading.PathFields).validate_python(pattern)
        taken = True
    except ValidationError:
        taken = False
    try:
        parse_export_config("e", json.dumps({"vendor": "s3-logs", "path_fields": pattern}))
    except ConfigurationError:
        assert not taken
    else:
        assert taken
