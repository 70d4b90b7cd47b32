"""The properties of every operation: each is read as its type, and anything else is refused by the property's name."""

from dataclasses import dataclass
from typing import Any

import pytest
from vendor_connector.handler import OPERATIONS, POLLED
from vendor_connector.request import ConnectorError, Document, read, read_to_delete

from logdock.settings import Deployment, load_settings
from logdock.settings.names import Names
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cloudflare.documents import logpush_job
from logdock.vendors.cloudflare.settings import CloudflareExport
from logdock.vendors.cockroachdb.documents import cockroachdb_log_export
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.logzio.documents import logzio_archive, logzio_fetchers
from logdock.vendors.mongodb_atlas.documents import atlas_alert, atlas_auditing, atlas_log_integration
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.documents import database_logs
from logdock.vendors.rds.settings import RdsExport
from stacks.connection import properties_of
from tests.conftest import EXAMPLES, ROOT

KNOWN: dict[str, Any] = {**OPERATIONS, **POLLED}
TEXT, TEXTS, FLAG, NUMBER, MAP, JSON = "a", ["a"], "true", "3", {"a": "b"}, '[{"a": 1}]'
"""A value of each type, as CloudFormation writes it."""
WRONG: dict[str, list[object]] = {
    TEXT: [["a"], {"a": "b"}],
    FLAG: [["a"], {"a": "b"}, "yes", "3"],
    NUMBER: [["a"], {"a": "b"}, "0", "-1", "1.5", "many"],
    JSON: [["a"], {"a": "b"}, 3, "a", "3", "{}", '["a"]'],
    "list": ["a", 3, {"a": "b"}, ["a", 3], [["a"]]],
    "map": ["a", 3, ["a"], {"a": ["b"]}],
}
ATLAS = {"Secret": TEXT, "ProjectId": TEXT, "StateParameter": TEXT}, {"ApiBaseUrl": TEXT, "Adopt": FLAG}
CLUSTER = {"Secret": TEXT, "ClusterId": TEXT, "StateParameter": TEXT}, {"ApiBaseUrl": TEXT, "Adopt": FLAG}
LOGZIO: tuple[Document, Document] = (
    {"Secret": TEXT, "ApiBaseUrl": TEXT, "StateParameter": TEXT},
    {"Adopt": FLAG, "FormerExternalIds": ["x1"]},
)
ROLE_AND_BUCKET = {"RoleArn": TEXT, "Bucket": TEXT}
DATABASE: tuple[Document, Document] = (
    {"ClusterId": TEXT, "LogTypes": ["error"], "Parameters": MAP, "ParameterGroupName": TEXT, "StateParameter": TEXT},
    {"Engine": "mysql", "InstanceId": TEXT, "Libraries": TEXTS, "ParameterGroup": TEXT, "RoleArn": TEXT},
)
PROPERTIES: dict[str, tuple[Document, Document]] = {
    "log-group": (
        {"Name": TEXT},
        {"RetentionDays": NUMBER, "KmsKeyArn": TEXT, "DeletionProtection": FLAG, "Tags": MAP},
    ),
    "log-group-subscriptions": (
        {"Prefixes": TEXTS, "DestinationArn": TEXT, "FilterName": TEXT},
        {
            "ExcludePrefixes": TEXTS, "RoleArn": TEXT, "SkipFull": FLAG, "RetentionDays": NUMBER, "KmsKeyArn": TEXT,
            "StateParameter": TEXT,
        },
    ),
    "bucket-events": ({"BucketName": TEXT, "BucketOwner": TEXT, "StateParameter": TEXT}, {}),
    "aurora-audit": DATABASE,
    "rds-logs": DATABASE,
    "atlas-access-role": (ATLAS[0] | ROLE_AND_BUCKET | {"Prefix": TEXT}, ATLAS[1]),
    "atlas-log-export": (
        ATLAS[0]
        | ROLE_AND_BUCKET
        | {"Prefix": TEXT, "LogTypes": TEXTS, "LegacyPaths": FLAG, "AccessRoleState": TEXT},
        ATLAS[1] | {"KmsKey": TEXT},
    ),
    "atlas-alert": (ATLAS[0], ATLAS[1] | {"Notifications": JSON}),
    "atlas-auditing": (ATLAS[0] | {"Filter": TEXT, "AuthorizationSuccess": FLAG}, ATLAS[1]),
    "atlas-redaction": (ATLAS[0] | {"Clusters": TEXTS}, ATLAS[1]),
    "cockroachdb-cluster": (CLUSTER[0] | {"Plan": TEXT, "Regions": TEXTS}, CLUSTER[1]),
    "cockroachdb-log-export": (
        CLUSTER[0] | {"RoleArn": TEXT, "LogName": TEXT, "Redact": FLAG, "OmittedChannels": TEXTS, "Groups": JSON},
        CLUSTER[1] | {"ExternalId": TEXT, "Region": TEXT},
    ),
    "cloudflare-logpush-job": (
        {"Secret": TEXT, "Scope": f"zones/{'a' * 32}", "StateParameter": TEXT, "Name": TEXT, "Dataset": TEXT,
         "Bucket": TEXT, "Path": TEXT, "Region": TEXT, "FieldNames": TEXTS, "TimestampFormat": TEXT},
        {"ApiBaseUrl": TEXT, "Adopt": FLAG, "SampleRate": "0.5", "Filter": TEXT, "MaxUploadBytes": NUMBER,
         "MaxUploadRecords": NUMBER, "MaxUploadIntervalSeconds": NUMBER},
    ),
    "logzio-account": (LOGZIO[0] | {"RoleName": TEXT}, LOGZIO[1]),
    "logzio-archive": (LOGZIO[0] | ROLE_AND_BUCKET | {"Account": TEXT}, LOGZIO[1]),
    "logzio-fetchers": (
        LOGZIO[0] | ROLE_AND_BUCKET | {"Account": TEXT, "Region": TEXT, "Feed": TEXT, "Exports": TEXTS},
        LOGZIO[1] | {"LogType": TEXT, "LogTypes": MAP, "SourcePath": FLAG},
    ),
}  # fmt: skip
"""What each operation requires, and what it may also have."""


def whole(operation: str) -> Document:
    required, optional = PROPERTIES[operation]
    return {**required, **optional, "Revision": "2"}


def refusal(operation: str, properties: Document) -> str:
    """Return why the operation's properties are refused; empty when they are read."""
    try:
        read(KNOWN[operation].Settings, properties)
    except ConnectorError as error:
        return str(error)
    return ""


def test_every_operation_has_its_properties_in_this_matrix() -> None:
    assert PROPERTIES.keys() == KNOWN.keys()


@pytest.mark.parametrize("operation", PROPERTIES)
def test_properties_are_read_and_a_missing_one_is_named(operation: str) -> None:
    required, optional = PROPERTIES[operation]
    assert refusal(operation, whole(operation)) == ""
    # without an engine and an instance it is a cluster of Aurora MySQL
    assert refusal(operation, required) == ""
    for absent in (None, ""):
        found = {name: refusal(operation, required | {name: absent}) for name in required}
        assert [name for name, said in found.items() if f"property {name} is missing; it must be " not in said] == []
        # an instance has no default engine
        assert {name for name in optional if refusal(operation, whole(operation) | {name: absent})} <= {"Engine"}


@pytest.mark.parametrize("operation", PROPERTIES)
def test_a_value_of_another_type_is_refused_by_name_and_not_shown(operation: str) -> None:
    secret = "s3cr3t"
    for name, right in whole(operation).items():
        if name == "Revision":
            continue
        one_of = right if right in (FLAG, NUMBER, JSON) else TEXT
        kind = "list" if isinstance(right, list) else "map" if isinstance(right, dict) else one_of
        for wrong in WRONG[kind]:
            said = refusal(operation, whole(operation) | {name: wrong})
            assert f"property {name} has a value of type " in said, (name, wrong, said)
            assert "; it must be " in said
        if kind != TEXT:
            assert secret not in refusal(operation, whole(operation) | {name: secret})


@pytest.mark.parametrize("operation", PROPERTIES)
def test_an_unknown_property_is_named(operation: str) -> None:
    assert refusal(operation, whole(operation) | {"Reach": "all"}).startswith("unknown properties ['Reach']; known are")
    with pytest.raises(ConnectorError, match="unknown properties"):
        read(KNOWN[operation].Settings, whole(operation) | {"Reach": "all"})


@pytest.mark.parametrize("operation", PROPERTIES)
def test_a_delete_needs_nothing_but_strings(operation: str) -> None:
    settings, properties = KNOWN[operation].Settings, whole(operation)
    # the log groups that a filter was put on are found by their prefixes
    strings = {name for name, value in properties.items() if isinstance(value, str)}
    strings -= {name for name in strings if properties[name] in (FLAG, NUMBER, JSON)}
    others = properties.keys() - strings - {"Revision", "Prefixes"}
    for name in others:
        without = {each: value for each, value in properties.items() if each != name}
        for malformed in ({}, *({name: wrong} for wrong in (None, "", 3, "a", ["a", 3], {"a": [1]}, True))):
            assert read_to_delete(settings, {**without, **malformed, "Reach": "all"})
    for name in strings & PROPERTIES[operation][0].keys() - {"ClusterId"}:
        with pytest.raises(ConnectorError, match=f"property {name} is missing"):
            read_to_delete(settings, {**properties, name: ""})


def test_every_operation_reads_a_delete_so() -> None:
    reading = {
        name
        for name, each in KNOWN.items()
        if "Settings" in (names := each.delete.__code__.co_names) and "read_to_delete" not in names
    }
    assert not reading, "use read_to_delete: what is deleted may be of another release"


@dataclass(frozen=True, kw_only=True)
class Everything:
    """One field of each type."""

    text: str
    texts: tuple[str, ...]
    is_on: bool
    most: int
    by_name: dict[str, str]
    groups: list[Document]
    key_arn: str | None = None


def test_each_type_is_read_as_cloudformation_writes_it() -> None:
    given = {"Text": 3, "Texts": [], "IsOn": True, "Most": 7, "ByName": {"a": 1}, "Groups": '[{"redact": false}]'}
    expected = Everything(text="3", texts=(), is_on=True, most=7, by_name={"a": "1"}, groups=[{"redact": False}])
    assert read(Everything, given) == expected


def documents_of(settings: Deployment) -> list[Any]:
    """Return what every vendor of a deployment is to have."""
    names, found = Names.of(settings), list[Any]()
    for each in settings.exports:
        match each:
            case MongodbAtlasExport():
                found.append(atlas_log_integration(each, role_arn="r", bucket="b", key_arn="k"))
                found.append(atlas_alert(each.connect))
                if each.connect and each.connect.auditing:
                    found.append(atlas_auditing(each.connect.auditing))
            case CockroachdbExport():
                found.append(cockroachdb_log_export(each, role_arn="r", external_id="x", region="eu-west-1"))
            case CloudflareExport():
                found.append(logpush_job(each, name="n", bucket="b", region="eu-west-1"))
            case AuroraMysqlExport() | RdsExport():
                found += [database_logs(each, role_arn=role_arn) for role_arn in (None, "r")]
    for destination in settings.destinations:
        if destination.kind == "logzio":
            found.append(logzio_fetchers(destination, settings, names, role_arn="r"))
            if destination.archive_and_restore:
                found.append(logzio_archive(destination.archive_and_restore, role_arn="r"))
    return found


def test_the_connector_reads_what_the_stacks_pass() -> None:
    files = [*EXAMPLES, ROOT / "tests/stacks/snapshots/options.yaml"]
    passed = [document for file in files for document in documents_of(load_settings(file))]
    assert len({type(document) for document in passed}) == 8
    for document in passed:
        assert read(type(document), properties_of(document)) == document
