"""Athena as strict as AWS's: partitions, permissions and the workgroup, and what Trino's words mean.

Each test goes red when its correction is taken out of ``corrections``.
"""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "111122223333"
REGION = "eu-west-1"
WAIT_SECONDS = 20.0
LAKE, ANSWERS = "lake", "answers"
LIMIT_BYTES = 10_000_000
JSON_READER, REGEX_READER = "org.openx.data.jsonserde.JsonSerDe", "org.apache.hadoop.hive.serde2.RegexSerDe"
PLACED = {
    "projection.export.type": "enum",
    "projection.export.values": "ledger,orders",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2020-01-01,NOW+1DAYS",
    "projection.hour.type": "integer",
    "projection.hour.range": "0,23",
    "projection.hour.digits": "2",
    "storage.location.template": f"s3://{LAKE}/logs/${{export}}/dt=${{dt}}/hour=${{hour}}/",
}
INJECTED = {
    "projection.host.type": "injected",
    "storage.location.template": f"s3://{LAKE}/atlas/${{host}}/",
}
GRANTED = {
    "athena:StartQueryExecution": [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/logs"],
    "athena:GetQueryExecution": [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/logs"],
    "athena:GetQueryResults": [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/logs"],
    "glue:GetDatabase": [f"arn:aws:glue:{REGION}:{ACCOUNT}:{name}" for name in ("catalog", "database/acme")],
    "glue:GetTable": [
        f"arn:aws:glue:{REGION}:{ACCOUNT}:{name}" for name in ("catalog", "database/acme", "table/acme/*")
    ],
    "s3:GetBucketLocation": [f"arn:aws:s3:::{ANSWERS}"],
    "s3:ListBucket": [f"arn:aws:s3:::{LAKE}"],
    "s3:GetObject": [f"arn:aws:s3:::{LAKE}/*", f"arn:aws:s3:::{ANSWERS}/*"],
    "s3:PutObject": [f"arn:aws:s3:::{ANSWERS}/*"],
    "kms:Decrypt": ["*"],
    "kms:GenerateDataKey": ["*"],
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        s3, glue, athena = (running.client(service, ACCOUNT, region=REGION) for service in ("s3", "glue", "athena"))
        key = running.client("kms", ACCOUNT, region=REGION).create_key()["KeyMetadata"]["Arn"]
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        for bucket in (LAKE, ANSWERS):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_encryption(
            Bucket=LAKE,
            ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": default}]},
        )
        glue.create_database(DatabaseInput={"Name": "acme"})
        columns = {"message": "string", "fields": "map<string,string>"}
        _table(glue, "archive", f"s3://{LAKE}/logs/", columns, ("export", "dt", "hour"), JSON_READER, PLACED)
        _table(glue, "landed", f"s3://{LAKE}/atlas/", {"line": "string"}, ("host",), REGEX_READER, INJECTED)
        _table(glue, "listed", f"s3://{LAKE}/atlas/", {"line": "string"}, ("host",), REGEX_READER, {})
        results = {
            "OutputLocation": f"s3://{ANSWERS}/athena/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": key},
        }
        for name, enforced in (("logs", True), ("free", False)):
            athena.create_work_group(
                Name=name,
                Configuration={
                    "EnforceWorkGroupConfiguration": enforced,
                    "BytesScannedCutoffPerQuery": LIMIT_BYTES,
                    "ResultConfiguration": results,
                },
            )
        _put(s3, "logs/ledger/dt=2026-11-10/hour=03/a.json.gz", {"message": '{"a": {"b": 5}}', "fields": {"k": "v"}})
        _put(s3, "logs/orders/dt=2026-11-10/hour=04/b.json.gz", {"message": "plain text", "fields": {"n": 1}})
        yield running


def _table(
    glue: Any, name: str, location: str, columns: Any, keys: tuple[str, ...], reader: str, projection: dict[str, str]
) -> None:
    enabled = {"projection.enabled": "true", **projection} if projection else {}
    glue.create_table(
        DatabaseName="acme",
        TableInput={
            "Name": name,
            "Parameters": enabled,
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
            "StorageDescriptor": {
                "Location": location,
                "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
                "SerdeInfo": {"SerializationLibrary": reader, "Parameters": {"input.regex": "^(.*)$"}},
            },
        },
    )


def _put(s3: Any, key: str, *documents: dict[str, Any]) -> None:
    body = "".join(json.dumps(document) + "\n" for document in documents).encode()
    s3.put_object(Bucket=LAKE, Key=key, Body=gzip.compress(body) if key.endswith(".gz") else body)


def ask(emulator: Emulator, query: str, *, caller: Any = ACCOUNT, **request: Any) -> dict[str, Any]:
    """Run a query in the workgroup ``logs`` and return its execution when it has ended."""
    athena = emulator.client("athena", caller, region=REGION)
    request = {"WorkGroup": "logs", "QueryExecutionContext": {"Database": "acme"}, **request}
    query_id = athena.start_query_execution(QueryString=query, **request)["QueryExecutionId"]
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            return execution
        assert time.monotonic() < deadline, "the query did not end in time"
        time.sleep(0.02)


def rows(emulator: Emulator, query: str, *, caller: Any = ACCOUNT) -> list[list[str | None]]:
    """Run a query that succeeds and return what it answers, without the names of the columns."""
    execution = ask(emulator, query, caller=caller)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    athena = emulator.client("athena", caller, region=REGION)
    found = athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found[1:]]


def test_the_columns_of_partitions_come_from_the_template(emulator: Emulator) -> None:
    assert rows(emulator, """SELECT export, dt, hour, "$path" FROM archive ORDER BY export""") == [
        ["ledger", "2026-11-10", "03", f"s3://{LAKE}/logs/ledger/dt=2026-11-10/hour=03/a.json.gz"],
        ["orders", "2026-11-10", "04", f"s3://{LAKE}/logs/orders/dt=2026-11-10/hour=04/b.json.gz"],
    ]


@pytest.mark.parametrize(
    "place",
    [
        "other/dt=2026-11-10/hour=03",
        "ledger/dt=2019-12-31/hour=03",
        "ledger/dt=2999-01-01/hour=03",
        "ledger/dt=2026-11-10/hour=3",
        "ledger/dt=2026-11-10/hour=24",
        "ledger/2026-11-10/03",
    ],
)
def test_what_no_projection_computes_is_not_read(emulator: Emulator, place: str) -> None:
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    _put(s3, f"logs/{place}/x.json", {"message": "unseen"})
    assert rows(emulator, "SELECT count(*) FROM archive WHERE message = 'unseen'") == [["0"]]
    s3.delete_object(Bucket=LAKE, Key=f"logs/{place}/x.json")


@pytest.mark.parametrize(("name", "seen"), [("a.log.gz", "a line"), ("a.log", None)])
def test_gzip_is_detected_by_the_name_alone(emulator: Emulator, name: str, seen: str | None) -> None:
    s3, host = emulator.client("s3", ACCOUNT, region=REGION), f"host-of-{name}"
    s3.put_object(Bucket=LAKE, Key=f"atlas/{host}/{name}", Body=gzip.compress(b"a line\n"))
    found = rows(emulator, f"SELECT line FROM landed WHERE host = '{host}' AND line = 'a line'")  # noqa: S608
    assert found == ([[seen]] if seen else [])


@pytest.mark.parametrize(
    "where", ["", "WHERE host LIKE 'h%'", "WHERE line = 'x'", "WHERE host = 'a' OR line = 'x'", "WHERE host = host"]
)
def test_an_injected_column_has_to_be_given(emulator: Emulator, where: str) -> None:
    status = ask(emulator, f"SELECT line FROM landed {where}")["Status"]  # noqa: S608
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith("CONSTRAINT_VIOLATION: For the injected projected partition column")


def test_an_injected_column_may_be_one_of_several(emulator: Emulator) -> None:
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    for host in ("one", "two", "three"):
        s3.put_object(Bucket=LAKE, Key=f"atlas/{host}/2026-11-10/a.log", Body=f"of {host}\n".encode())
    found = rows(emulator, "SELECT host, line FROM landed WHERE host IN ('one', 'two') ORDER BY host")
    assert found == [["one", "of one"], ["two", "of two"]]


def test_a_table_without_projection_is_refused(emulator: Emulator) -> None:
    status = ask(emulator, "SELECT line FROM listed")["Status"]
    assert status["StateChangeReason"] == "the local Athena reads tables with partition projection; listed has none"


def test_a_query_that_reads_more_than_the_limit_is_cancelled_and_one_that_is_limited_is_not(emulator: Emulator) -> None:
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    s3.put_object(Bucket=LAKE, Key="atlas/large/a.log", Body=b"x" * (LIMIT_BYTES + 1))
    s3.put_object(Bucket=LAKE, Key="atlas/small/a.log", Body=b"x\n")
    status = ask(emulator, "SELECT count(*) FROM landed WHERE host IN ('large', 'small')")["Status"]
    assert (status["State"], status["StateChangeReason"]) == (
        "CANCELLED",
        "Query cancelled! : Bytes scanned limit was exceeded",
    )
    limited = ask(emulator, "SELECT count(*) FROM landed WHERE host = 'small'")
    assert (limited["Status"]["State"], limited["Statistics"]["DataScannedInBytes"]) == ("SUCCEEDED", 2)


@pytest.mark.parametrize(("workgroup", "prefix", "encrypted"), [("logs", "athena/", True), ("free", "mine/", True)])
def test_an_enforced_workgroup_chooses_where_a_query_answers(
    emulator: Emulator, workgroup: str, prefix: str, encrypted: bool
) -> None:
    wish = {"OutputLocation": f"s3://{ANSWERS}/mine/"}
    execution = ask(emulator, "SELECT 1 AS one", WorkGroup=workgroup, ResultConfiguration=wish)
    query_id = execution["QueryExecutionId"]
    assert execution["ResultConfiguration"]["OutputLocation"] == f"s3://{ANSWERS}/{prefix}{query_id}.csv"
    s3 = emulator.client("s3", ACCOUNT, region=REGION)
    answer = s3.get_object(Bucket=ANSWERS, Key=f"{prefix}{query_id}.csv")
    assert answer["Body"].read() == b'"one"\r\n"1"\r\n'
    assert (answer.get("ServerSideEncryption") == "aws:kms") is encrypted


def test_a_workgroup_has_to_be_there(emulator: Emulator) -> None:
    with pytest.raises(ClientError, match=r"WorkGroup other is not found\."):
        ask(emulator, "SELECT 1", WorkGroup="other")


def _person(emulator: Emulator, grants: dict[str, list[str]]) -> Any:
    iam, sts = (emulator.client(service, ACCOUNT, region=REGION) for service in ("iam", "sts"))
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    name = f"person-{time.monotonic_ns()}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    statements = [{"Effect": "Allow", "Action": action, "Resource": on} for action, on in grants.items() if on]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_document(*statements))
    return sts.assume_role(RoleArn=role, RoleSessionName="person")["Credentials"]


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_a_query_runs_with_what_its_caller_is_granted(emulator: Emulator) -> None:
    person = _person(emulator, GRANTED)
    assert rows(emulator, "SELECT count(*) FROM archive WHERE export = 'ledger'", caller=person) == [["1"]]


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("glue:GetDatabase", f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"),
        ("glue:GetDatabase", f"arn:aws:glue:{REGION}:{ACCOUNT}:database/acme"),
        ("glue:GetTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog"),
        ("glue:GetTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:database/acme"),
        ("glue:GetTable", f"arn:aws:glue:{REGION}:{ACCOUNT}:table/acme/*"),
        ("s3:GetBucketLocation", f"arn:aws:s3:::{ANSWERS}"),
        ("s3:ListBucket", f"arn:aws:s3:::{LAKE}"),
        ("s3:GetObject", f"arn:aws:s3:::{LAKE}/*"),
        ("s3:PutObject", f"arn:aws:s3:::{ANSWERS}/*"),
        ("kms:Decrypt", "*"),
        ("kms:GenerateDataKey", "*"),
    ],
)
def test_a_query_fails_without_any_of_it(emulator: Emulator, action: str, resource: str) -> None:
    person = _person(emulator, {**GRANTED, action: [each for each in GRANTED[action] if each != resource]})
    status = ask(emulator, "SELECT count(*) FROM archive", caller=person)["Status"]
    assert status["State"] == "FAILED"
    assert action in status["StateChangeReason"] or "AccessDenied" in status["StateChangeReason"]


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ("athena:GetQueryResults", [f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/free"]),
        ("s3:GetObject", [f"arn:aws:s3:::{LAKE}/*"]),
    ],
)
def test_an_answer_is_fetched_by_who_may_read_it(emulator: Emulator, action: str, left: list[str]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        rows(emulator, "SELECT count(*) FROM archive", caller=_person(emulator, {**GRANTED, action: left}))


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("json_extract_scalar(message, '$.a.b')", [["5"], [None]]),
        ("json_extract_scalar(message, '$.a')", [[None], [None]]),
        ("element_at(fields, 'k')", [["v"], [None]]),
        ("regexp_like(message, '\\btext\\b')", [["false"], ["true"]]),
        ("CAST(element_at(sequence(DATE '2026-11-10', DATE '2026-11-11'), 2) AS varchar)", [["2026-11-11"]] * 2),
    ],
)
def test_a_function_answers_as_trinos_does(emulator: Emulator, expression: str, answer: list[list[str | None]]) -> None:
    assert rows(emulator, f"SELECT {expression} FROM archive ORDER BY export") == answer  # noqa: S608


def test_a_key_that_a_map_does_not_have_fails_the_query(emulator: Emulator) -> None:
    status = ask(emulator, "SELECT fields['k'] FROM archive")["Status"]
    assert status["State"] == "FAILED"
    assert "Key not present in map: k" in status["StateChangeReason"]
