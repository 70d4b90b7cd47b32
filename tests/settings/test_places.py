"""Where an error is: the line of the file, the setting, the export; and what a script gets of it."""

import re
from pathlib import Path

import pytest
import yaml
from botocore.session import get_session

from logdock.settings import SettingsError, load_settings
from logdock.settings.regions import KNOWN_REGIONS, nearest_region

EVERYTHING = Path(__file__).resolve().parents[2] / "examples" / "everything.yaml"
FILE = """\
deployment: acme-prod
account: 011112222333
region: eu-wset-1
alerts:
  email:
    - ops@acme.example
    - no-address
  zzz: 1
destinations:
  - name: logz
    kind: logzio
exports:
  - name: orders-eu
    kind: aurora-mysql
    cluster_id: orders
    log_types:
      - audit
      - slow
  - &audit
    name: trail
    kind: s3-logs
    services: [cloudtrail]
    redacton: {}
    ship_to:
      - nowhere
  - <<: *audit
    name: second
    format: xml
  - kind: nothing
"""
EXPECTED = """\
2: account: got 011112222333; expected a string of 12 digits
3: region: got 'eu-wset-1'; expected an AWS Region that exists; did you mean eu-west-1?
7: alerts.email[1]: got 'no-address'; expected an e-mail address
8: alerts.zzz: unknown setting; expected one of: email
10: destinations[0] (logz).token_secret: missing
18: exports[0] (orders-eu).log_types[1]: got 'slow'; expected one of: audit
23: exports[1] (trail).redacton: unknown setting; did you mean redaction?
25: exports[1] (trail).ship_to[0]: got 'nowhere'; expected one of the destinations of this file
28: exports[2] (second).format: got 'xml'; expected one of: auto
29: exports[3].kind: got 'nothing'; expected one of: mongodb-atlas
"""


def refused(tmp_path: Path, text: str | bytes) -> SettingsError:
    path = tmp_path / "prod.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        load_settings(path)
    return caught.value


def test_error_names_line_setting_and_export(tmp_path: Path) -> None:
    head, *lines = str(refused(tmp_path, FILE)).splitlines()
    assert head.endswith("errors")
    for expected in EXPECTED.splitlines():
        assert any(line.startswith(f"  {tmp_path / 'prod.yaml'}:{expected}") for line in lines), (expected, lines)


def test_errors_of_a_file_are_in_the_order_of_its_lines(tmp_path: Path) -> None:
    head, exports = FILE.split("exports:\n")
    caught = refused(tmp_path, "exports:\n" + exports + head)
    lines = [(each["line"], each["column"]) for each in caught.as_documents()]
    assert len(lines) > 9
    assert lines == sorted(lines)
    printed = [int(line.split(":")[1]) for line in str(caught).splitlines()[1:]]
    assert printed == sorted(printed)


def test_error_document_has_place_value_and_allowed(tmp_path: Path) -> None:
    found = refused(tmp_path, FILE).as_documents()
    (slow,) = [each for each in found if each["value"] == "'slow'"]
    assert slow == {
        "file": str(tmp_path / "prod.yaml"),
        "line": 18,
        "column": 9,
        "path": "exports[0].log_types[1]",
        "export": "orders-eu",
        "value": "'slow'",
        "message": f"got 'slow'; expected {slow['allowed']}",
        "allowed": "one of: audit, error, general, slowquery, instance, iam-db-auth-error",
    }
    (zzz,) = [each for each in found if each["path"] == "alerts.zzz"]
    assert (zzz["line"], zzz["column"], zzz["value"], zzz["export"]) == (8, 3, None, None)


EXPRESSIONS = ("include", "exclude", "include_keys", "exclude_keys", "record_start", "redaction")


def replaced(document: object, key: object = None) -> object:
    """Return a document with a placeholder in every single setting but the kinds and the regular expressions."""
    if isinstance(document, dict):
        return {key: each if key in EXPRESSIONS else replaced(each, key) for key, each in document.items()}
    if isinstance(document, list):
        return [replaced(each) for each in document]
    return document if key == "kind" else "TODO"


def test_every_setting_with_a_placeholder_is_reported_at_its_line(tmp_path: Path) -> None:
    text = yaml.safe_dump(replaced(yaml.safe_load(EVERYTHING.read_text())), sort_keys=False)
    lines = {number for number, line in enumerate(text.splitlines(), start=1) if "TODO" in line}
    found = refused(tmp_path, text).as_documents()
    assert len(lines) > 50
    assert lines <= {each["line"] for each in found}
    assert all(each["line"] and each["column"] for each in found)


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("deployment acme\naccount: '1'\n", "1:1", "type a colon and a space"),
        ("a: 1\nregion:eu-west-1\nb: 2\n", "2:1", "type a colon and a space"),
        ("exports:\n - name: x\n   kind:y\n   foo: z\n", "3:4", "type a colon and a space"),
        ("a: 1\nb: 'x\nc: y\nd: z\n", "2:4", "close the quote"),
        ("a: 1\nb: 'x\nc: 'y'\nd: z\n", "2:4", "close the quote"),
        ("a: [1\nb: 2\n", "1:4", "close the bracket"),
        ("a: [\n  'b'\n  'c'\n]\n", "3:3", "put a comma before"),
        ("region: eu\n  retention: s\n", "2:3", "indent the line as much as"),
        ("exports:\n  - name: x\n   kind: y\n", "3:4", "indent the line as much as"),
        ("a:\n\tb: c\n", "2:1", "type spaces in place of the tab"),
        ("a:\n  - b\n  \t- c\n", "3:3", "type spaces in place of the tab"),
        ("x: 1\na: “b: c”\n", "2:6", "type straight quotes"),
        ("a: b: c\n", "1:5", "put a value with a colon in quotes"),
        ("a: @x\n", "1:4", "put the value in quotes"),
        ("a: 'it's'\n", "1:8", "one pair of quotes"),
        ('a: "\\d"\n', "1:6", "single quotes"),
        ("a: *x\n", "1:4", "begins with * in quotes"),
    ],
)
def test_syntax_error_names_the_line_to_change(tmp_path: Path, text: str, place: str, remedy: str) -> None:
    message = str(refused(tmp_path, text))
    assert message.startswith(f"{tmp_path / 'prod.yaml'}:{place}: is not valid YAML: ")
    assert remedy in message


def test_unreadable_characters_are_reported_at_their_line(tmp_path: Path) -> None:
    assert "prod.yaml:3: is not UTF-8 text" in str(refused(tmp_path, b"a: b\n\nc: \xe9\n"))
    assert "prod.yaml:2: is not valid YAML" in str(refused(tmp_path, b"a: b\nc: \x00\n"))
    assert "prod.yaml:2:4: is not valid YAML" in str(refused(tmp_path, b"a: b\nc: !!int x\n"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("“acme”", "type straight quotes"),
        ("‘acme’", "type straight quotes"),
        ("TODO", "type a value of your own in place of the placeholder"),
        ('"TODO: ask Ann"', "type a value of your own"),
        ("<account>", "type a value of your own"),
        ("changeme", "expected a value of your own in place of the placeholder"),
        ("Change-Me", "type a value of your own"),
    ],
)
def test_placeholder_or_curly_quotes_are_reported_once(tmp_path: Path, value: str, expected: str) -> None:
    text = FILE.replace("deployment: acme-prod", f"deployment: {value}")
    (line,) = [line for line in str(refused(tmp_path, text)).splitlines() if ": deployment: " in line]
    assert expected in line


def test_placeholder_in_an_expression_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "prod.yaml"
    path.write_text(
        "deployment: todo\naccount: '111122223333'\nregion: eu-west-1\nexports:\n"
        "  - {name: todo, kind: cloudwatch-logs, log_groups: [/acme/todo], include: ['(?P<user>a)', TODO, '“a']}\n"
    )
    assert load_settings(path).exports[0].include == ("(?P<user>a)", "TODO", "“a")


def test_name_that_looks_like_a_secret_is_not_shown(tmp_path: Path) -> None:
    secret = "a1b2c3d4e5f6a7b8c9d0e1f2"
    text = FILE.replace("name: orders-eu", f"name: {secret}")
    assert secret not in str(refused(tmp_path, text))


def test_known_regions_are_botocores() -> None:
    partitions = get_session().get_component("data_loader").load_data("partitions")["partitions"]
    supported = [each["regions"] for each in partitions if each["id"] in ("aws", "aws-cn", "aws-us-gov")]
    assert sorted(KNOWN_REGIONS) == sorted(
        code for regions in supported for code in regions if not code.endswith("-global")
    )


@pytest.mark.parametrize(
    ("code", "nearest"),
    [
        ("eu-wset-1", "eu-west-1"), ("ue-west-1", "eu-west-1"), ("us-eats-1", "us-east-1"),
        ("eu-centrl-1", "eu-central-1"),
        ("ap-southest-2", "ap-southeast-2"), ("eu-west-9", "eu-west-3"), ("us-east-0", "us-east-2"),
        ("us-gvo-west-1", "us-gov-west-1"),
        # the next Regions of AWS must be possible
        ("eu-west-4", None), ("ap-southeast-9", None), ("us-central-1", None), ("nz-north-1", None),
        ("eu-west-1", None),
    ],
)  # fmt: skip
def test_misspelt_region_is_refused_and_a_new_one_accepted(code: str, nearest: str | None) -> None:
    found = nearest_region(code)
    if nearest is None:
        assert found is None
    else:
        assert found is not None
        assert re.sub(r"\d", "", found) == re.sub(r"\d", "", nearest)
