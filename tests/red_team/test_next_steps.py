"""A settings value that a shell would obey, in a command that a person pastes.

`NextSteps` and `logdock next-steps` print commands with the settings' values in them. A database user named `o'brien`
broke them, and a `log_type` of Logz.io could end the quotation and add a command of its own. What must hold: bash runs
the commands that are printed, each with its values whole, and nothing else.
"""

import fnmatch
import json
import re
import subprocess
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from logdock.settings import Deployment, load_settings
from logdock.settings.names import Names
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cockroachdb.next_steps import cockroachdb_steps, cockroachdb_switch_off
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.logzio.documents import logzio_fetchers
from logdock.vendors.logzio.next_steps import fetch_steps
from logdock.vendors.mongodb_atlas.next_steps import atlas_steps
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.next_steps import database_steps
from logdock.vendors.rds.settings import RdsExport
from policy_proof.templates import Templates
from tests.conftest import EXAMPLES, synthesize, synthesize_now
from tests.costly import examples
from tests.settings.documents import FETCH, OTLP, document, export

HOSTILE = [
    "o'brien",
    "a';touch${IFS}pwned;'",
    "$(touch${IFS}pwned)",
    "`id`",
    'a"b',
    "a\\b",
    "a;b",
    "a&b",
    "-x",
    "*",
    "é",
]
PROGRAMS = "".join(f"{name}() {{ printf '%s\\0' {name} \"$@\"; printf '\\0\\n'; }}\n" for name in ("curl", "aws"))
VARIABLES = {
    "ATLAS_TOKEN": "t k",
    "COCKROACH_API_KEY": "k y",
    "LOGZIO_API_TOKEN": "l z",
    "ROLE_ID": "r d",
    "GROUP": "g p",
    "LIBRARIES": "l b",
    "OPTION_GROUP": "o g",
    "DISTRIBUTION": "arn:aws:cloudfront::111122223333:distribution/E1",
}
ARN = "arn:aws:iam::111122223333:role/x"


def run(steps: str) -> list[list[str]]:
    """Return the arguments that bash gives to each program; any other program is an error."""
    done = subprocess.run(
        ["/bin/bash", "-euc", PROGRAMS + steps], env={"PATH": "/nowhere", **VARIABLES}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    calls = done.stdout.decode().split("\0\0\n")
    assert calls.pop() == ""
    return [call.split("\0") for call in calls]


def body(call: list[str]) -> Any:
    return json.loads(call[call.index("-d") + 1])


def aurora(**changes: object) -> AuroraMysqlExport:
    settings = Deployment.model_validate(document(export("aurora-mysql", configure_cluster=False, **changes)))
    found = settings.exports[0]
    assert isinstance(found, AuroraMysqlExport)
    return found


@pytest.mark.parametrize("role_arn", [None, ARN])
@given(users=st.lists(st.sampled_from(HOSTILE), min_size=1, unique=True))
@hypothesis_settings(deadline=None, max_examples=examples(15))
def test_database_users_reach_aws_as_they_are(role_arn: str | None, users: list[str]) -> None:
    calls = run(database_steps(aurora(include_users=users), role_arn=role_arn, region="eu-west-1"))
    assert all(call[:4] == ["aws", "rds", "--region", "eu-west-1"] for call in calls)
    rows = json.loads(calls[0][calls[0].index("--parameters") + 1])
    (value,) = [row["ParameterValue"] for row in rows if row["ParameterName"] == "server_audit_incl_users"]
    assert value == ",".join(users)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_aws_command_names_its_region(path: Any) -> None:
    example = synthesize(path)
    steps = [
        str(output["Value"])
        for template in example.templates.values()
        for name, output in template.get("Outputs", {}).items()
        if name.endswith("NextSteps")
    ]
    commands = [part for step in steps for part in re.split(r"\n|\\n|&&", step) if re.match(r"\W*aws ", part)]
    assert [command for command in commands if "--region " not in command] == []
    if path.stem in ("everything", "s3-logs"):
        assert commands


@given(log_type=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)))
@hypothesis_settings(deadline=None, max_examples=examples(40))
def test_a_log_type_reaches_logzio_as_it_is(log_type: str) -> None:
    try:
        settings = Deployment.model_validate(document(export("s3-logs"), destinations=[FETCH | {"log_type": log_type}]))
    except ValueError:
        return
    (destination,) = settings.destinations
    assert destination.kind == "logzio"
    fetchers = replace(logzio_fetchers(destination, settings, Names.of(settings), role_arn=ARN), exports=("orders",))
    (call,) = run(fetch_steps(destination, fetchers))
    assert body(call)["logsType"] == (log_type or "orders")
    assert "X-API-TOKEN: l z" in call
    (call,) = run(fetch_steps(destination, replace(fetchers, log_types={"orders": "own"})))
    assert body(call)["logsType"] == "own"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_examples_commands_are_what_bash_runs(path: Any) -> None:
    settings = load_settings(path)
    names = Names.of(settings)
    for each in (member for one in settings.exports for member in getattr(one, "members", [one])):
        match each:
            case MongodbAtlasExport():
                steps = atlas_steps(each, role_arn=ARN, bucket="b", key_arn="k")
                calls = run(steps)
                # what only the project's owner can switch on is a comment for the shell
                audit = {"MONGOD_AUDIT", "MONGOS_AUDIT"} & {*each.log_types}
                assert ("# The audit logs stay empty unless Database Auditing is on" in steps) == bool(audit)
                assert [call[-1].startswith("{") for call in calls] == [True, True, True]
                assert body(calls[1])["iamRoleId"] == "r d"
                assert body(calls[1])["prefixPath"] == each.prefix
                assert any(word.endswith("/cloudProviderAccess/r d") for word in calls[0])
                for_government = run(atlas_steps(each, role_arn=ARN, bucket="b", key_arn="k", gov_cloud=True))
                assert all("https://cloud.mongodbgov.com/" in str(call) for call in for_government)
            case CockroachdbExport():
                assert (
                    body(run(cockroachdb_steps(each, role_arn=ARN, region="eu-west-1"))[0])["log_name"]
                    == each.log_group
                )
                assert len(run(cockroachdb_switch_off(each))) == 1
                # the SQL statements are comments for the shell
                steps = cockroachdb_steps(each, role_arn=ARN, region="eu-west-1")
                assert len(run(steps)) == 2
                assert ("# In SQL: ALTER TABLE" in steps) == ("SENSITIVE_ACCESS" not in each.omitted_channels)
            case AuroraMysqlExport():
                assert run(database_steps(each, role_arn=ARN, region="eu-west-1"))
            case RdsExport():
                calls = run(database_steps(each, role_arn=None, region="eu-west-1"))
                assert all(call[:4] == ["aws", "rds", "--region", "eu-west-1"] for call in calls)
                # pgaudit is added to what the database loads already
                added = [json.loads(call[call.index("--parameters") + 1]) for call in calls if "--parameters" in call]
                assert ("l b,pgaudit" in str(added)) == bool(each.pgaudit)
    for destination in settings.destinations:
        if destination.kind == "logzio" and destination.mode == "fetch":
            shipped = [each for each in settings.exports if destination.name in each.ship_to]
            fetchers = logzio_fetchers(destination, settings, names, role_arn=ARN)
            assert len(run(fetch_steps(destination, fetchers))) == len(shipped)


def test_cloudfronts_delivery_has_the_format_and_a_path_that_are_admitted_and_shipped() -> None:
    """Its calls say the format, the delimiter and the whole path: CloudFront's defaults are in no bucket policy."""
    exports = [
        {**export("s3-logs", services=["cloudfront"], prefix=prefix), "name": name}
        for name, prefix in (("front", None), ("edge", "edge"))
    ]
    synthesized = synthesize_now(Deployment.model_validate(document(*exports, destinations=[OTLP])))
    templates = Templates(
        templates=synthesized.templates, account="111122223333", partition="aws", regions=synthesized.regions
    )
    for name, prefix in (("front", ""), ("edge", "edge/")):
        stack = f"acme-prod-{name}"
        template = synthesized.templates[stack]
        steps = templates.resolve(stack, template["Outputs"]["NextSteps"]["Value"])
        source, destination, delivery = (options(call) for call in run(steps))

        assert source["--resource-arn"] == "arn:aws:cloudfront::111122223333:distribution/E1"
        assert destination["--output-format"] == "w3c"
        assert delivery["--field-delimiter"] == "\t"
        assert delivery["--delivery-destination-arn"].endswith(f":delivery-destination:{destination['--name']}")
        bucket, _, folder = destination["--delivery-destination-configuration"].partition(":::")[2].partition("/")
        path = json.loads(delivery["--s3-delivery-configuration"])
        assert path["enableHiveCompatiblePath"] is False
        key = f"{folder}/{path['suffixPath'].format(DistributionId='E1', yyyy='2026', MM='11', dd='29', HH='10')}/a.gz"
        assert key == f"{prefix}AWSLogs/111122223333/CloudFront/E1/2026/11/29/10/a.gz"

        resources = [*template["Resources"].values()]
        (policy,) = [each["Properties"] for each in resources if each["Type"] == "AWS::S3::BucketPolicy"]
        assert templates.resolve(stack, policy["Bucket"]) == bucket
        admitted = [
            pattern
            for each in templates.resolve(stack, policy["PolicyDocument"])["Statement"]
            if each["Effect"] == "Allow" and "s3:PutObject" in each["Action"]
            for pattern in ([each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
        ]
        assert any(fnmatch.fnmatchcase(f"arn:aws:s3:::{bucket}/{key}", pattern) for pattern in admitted), admitted
        (rule,) = [each["Properties"] for each in resources if each["Type"] == "AWS::Events::Rule"]
        announced = templates.resolve(stack, rule["EventPattern"])["detail"]
        wanted = announced.get("object", {}).get("key", [{"prefix": ""}])
        assert any(key.startswith(each["prefix"]) for each in wanted), announced


def options(call: list[str]) -> dict[str, str]:
    """Return the options of an `aws logs` call, which the SDK must know with these names."""
    assert call[:2] == ["aws", "logs"]
    found = dict(zip(call[3::2], call[4::2], strict=True))
    operation = "".join(part.capitalize() for part in call[2].split("-"))
    known = botocore.session.get_session().get_service_model("logs").operation_model(operation).input_shape
    assert known is not None
    # As the AWS CLI names them.
    assert {name.removeprefix("--") for name in found} <= {xform_name(each, "-") for each in known.members} | {"region"}
    assert {f"--{xform_name(each, '-')}" for each in known.required_members} <= set(found)
    return found
