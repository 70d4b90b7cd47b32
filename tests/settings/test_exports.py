from typing import get_args

import pytest

from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cockroachdb.settings import Channel, CockroachdbExport
from logdock.vendors.rds.settings import RdsExport
from logdock.vendors.s3_logs.settings import S3LogsExport
from tests.settings.conftest import Load, Refusal, only
from tests.settings.documents import Document, document, export


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            export("mongodb-atlas", mrap_buckets=["acme-two"]),
            "mrap_buckets: got ['acme-two']; expected no value without `mrap_arn`",
        ),
        (
            export("mongodb-atlas", log_types=[]),
            "log_types: got []; expected at least one entry",
        ),
        (
            export("mongodb-atlas", log_types=["MONGOD", "AUDIT"]),
            "log_types[1]: got 'AUDIT'; expected one of: MONGOD, MONGOS, MONGOD_AUDIT, MONGOS_AUDIT, EVENTS",
        ),
        (
            export("cockroachdb", external_id=None),
            "external_id: missing: an id of your own making (plan: advanced); `openssl rand -hex 16` makes one",
        ),
        (
            export("cockroachdb", plan="standard"),
            ("external_id: got '6d1f0c5be8a14c6f9f0d2b7a'; expected nothing: on the Standard plan the external id is "
            "the cluster id"),
        ),
        (
            export("cockroachdb", plan="basic"),
            "plan: got 'basic'; expected one of: advanced, standard",
        ),
        (
            export("cockroachdb", groups=[{"log_name": name, "channels": ["OPS"]} for name in ("/a", "/b")]),
            "groups: got a list of 2; expected each channel in one group only (OPS is in several)",
        ),
        (
            export("cockroachdb", groups=[{"log_name": "/a", "channels": ["OPS"]}], omitted_channels=["OPS", "HEALTH"]),
            ("omitted_channels: got ['OPS', 'HEALTH']; expected channels that no group has (OPS is both in `groups` "
            "and omitted)"),
        ),
        (
            export("cockroachdb", omitted_channels=list(get_args(Channel))),
            ("omitted_channels: got a list of 11; expected at least one channel left: with every channel omitted "
            "nothing is exported"),
        ),
        (
            export("cockroachdb", redact="no"),
            "redact: got 'no'; expected true or false, without quotes",
        ),
        (
            export("aurora-mysql", exclude_users=["a b"]),
            ("exclude_users: got ['a b']; expected names of database users without spaces or commas, at most 1024 "
            "characters in all"),
        ),
        (
            export("aurora-mysql", long_query_time=2),
            ("long_query_time: got 2; expected nothing, or `slowquery` in `log_types`: it says which statements that "
            "log has"),
        ),
        (
            export("aptible", ship_to=["archive"]),
            ("decryption_keys_secret: missing: the name of the secret with Aptible's decryption keys, because "
            "`ship_to` is set and Aptible's objects are encrypted"),
        ),
        (
            export("s3-logs", existing_bucket="acme-legacy"),
            ("existing_bucket: got 'acme-legacy'; expected nothing, when `bucket` or `services` is set: the bucket is "
            "either made here or exists"),
        ),
        (
            export("s3-logs", kms_key_arn="arn:aws:kms:eu-west-1:111122223333:key/x"),
            ("kms_key_arn: got 'arn:aws:kms:eu-west-1:111122223333:key/x'; expected no value without "
            "`existing_bucket`: a bucket made here has its own key"),
        ),
        (
            export("cloudwatch-logs", log_groups=None),
            ("log_group_prefixes: missing: at least one log group by name (`log_groups`) or by prefix "
            "(`log_group_prefixes`)"),
        ),
        (
            export("cloudwatch-logs", log_groups="/a"),
            "log_groups: got '/a'; expected a list, such as [one, two] or lines that begin with a hyphen",
        ),
        (
            export("cloudwatch-logs", redaction=["email"]),
            "redaction: got ['email']; expected a mapping of settings: markers, detectors, patterns",
        ),
        (
            export("rds", instance_id=None),
            "instance_id: missing: a DB instance identifier, or `cluster_id`: one of them is required",
        ),
        (
            export("rds", cluster_id="shop-cluster"),
            "instance_id: got 'shop'; expected nothing: `cluster_id` is given; an export is of one database",
        ),
        (
            export("rds", engine="mariadb", instance_id=None, cluster_id="shop", log_types=["error"]),
            "cluster_id: got 'shop'; expected nothing: mariadb has no clusters; give `instance_id`",
        ),
        (
            export("rds", engine="aurora-postgresql", instance_id=None),
            "cluster_id: missing: a DB cluster identifier: the cluster exports the logs of Aurora's instances",
        ),
        (
            export("rds", engine="aurora-mysql"),
            "engine: got 'aurora-mysql'; expected one of: aurora-postgresql, postgres, mysql, mariadb",
        ),
        (
            export("rds", log_types=["postgresql", "instance"]),
            ("log_types: got ['postgresql', 'instance']; expected log types of an instance of postgres: postgresql, "
            "upgrade, iam-db-auth-error (not instance)"),
        ),
        (
            export("rds", engine="mysql", instance_id=None, cluster_id="shop", log_types=["audit"]),
            ("log_types: got ['audit']; expected log types of a cluster of mysql: error, general, slowquery, "
            "iam-db-auth-error (not audit)"),
        ),
        (
            export("rds", log_types=["upgrade"], pgaudit=["ddl"]),
            "pgaudit: got ['ddl']; expected nothing, or `postgresql` in `log_types`: it says what that log has",
        ),
        (
            export("rds", long_query_time=2),
            ("long_query_time: got 2; expected nothing, or `slowquery` in `log_types`: it says which statements that "
            "log has"),
        ),
        (
            export("cloudwatch-logs", name=True),
            ("name: got true; expected a string: put it in quotes, or YAML reads yes, no, on and off as true and false"
             '; type "true"'),
        ),
    ],
)  # fmt: skip
def test_rejects_an_export_with_a_message_of_its_own(refusal: Refusal, wrong: Document, line: str) -> None:
    assert refusal(document(wrong)) == [f"exports[0].{line}"]


def test_rejects_more_entries_than_allowed(refusal: Refusal) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", include=["a"] * 11)))
    assert line == "exports[0].include: got a list of 11; expected at most 10 entries (there are 11)"


def test_standard_trusts_the_cluster_id(load: Load) -> None:
    settings = load(document(export("cockroachdb", plan="standard", external_id=None)))
    trusted = only(CockroachdbExport, settings.exports).trusted_external_ids
    assert trusted == ("f78b7feb-b6cf-4396-9d7f-494982d7d81e",)


AUDIT = {"server_audit_logging": "1", "server_audit_events": "CONNECT,QUERY_DCL,QUERY_DDL"}


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, AUDIT),
        ({"exclude_users": ["rdsadmin", "app"]}, {**AUDIT, "server_audit_excl_users": "rdsadmin,app"}),
        ({"log_types": ["error", "instance", "iam-db-auth-error"], "exclude_users": ["rdsadmin"]}, {}),
        ({"log_types": ["general"]}, {"general_log": "1", "log_output": "FILE"}),
        ({"log_types": ["slowquery"]}, {"slow_query_log": "1", "log_output": "FILE"}),
        (
            {"log_types": ["audit", "slowquery"], "long_query_time": 0.25},
            {**AUDIT, "slow_query_log": "1", "long_query_time": "0.25", "log_output": "FILE"},
        ),
        (
            {"log_types": ["slowquery"], "long_query_time": 31536000},
            {"slow_query_log": "1", "long_query_time": "31536000", "log_output": "FILE"},
        ),
        (
            {"log_types": ["slowquery"], "long_query_time": 0},
            {"slow_query_log": "1", "long_query_time": "0", "log_output": "FILE"},
        ),
    ],
)
def test_aurora_parameters_follow_from_the_log_types(
    load: Load, changes: dict[str, object], parameters: dict[str, str]
) -> None:
    loaded = only(AuroraMysqlExport, load(document(export("aurora-mysql", **changes))).exports)
    assert loaded.parameters == parameters


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, {}),
        ({"log_connections": True}, {"log_connections": "1", "log_disconnections": "1"}),
        ({"log_statement": "none"}, {"log_statement": "none"}),
        ({"log_min_duration_statement": 0}, {"log_min_duration_statement": "0"}),
        ({"pgaudit": ["ddl", "role"]}, {"pgaudit.log": "ddl,role"}),
        ({"engine": "mariadb", "log_types": ["error", "audit"]}, {}),
        (
            {"engine": "mysql", "log_types": ["general", "slowquery"], "long_query_time": 0.5},
            {"general_log": "1", "slow_query_log": "1", "long_query_time": "0.5", "log_output": "FILE"},
        ),
    ],
)
def test_rds_parameters_follow_from_the_settings(
    load: Load, changes: dict[str, object], parameters: dict[str, str]
) -> None:
    loaded = only(RdsExport, load(document(export("rds", **changes))).exports)
    assert loaded.parameters == parameters
    assert loaded.libraries == (("pgaudit",) if loaded.pgaudit else ())


@pytest.mark.parametrize(
    ("changes", "groups"),
    [
        ({"log_types": ["postgresql", "upgrade"]}, ("instance/shop/postgresql", "instance/shop/upgrade")),
        (
            {"engine": "aurora-postgresql", "instance_id": None, "cluster_id": "shop"},
            ("cluster/shop/postgresql",),
        ),
    ],
)
def test_rds_log_groups_are_those_of_the_database(
    load: Load, changes: dict[str, object], groups: tuple[str, ...]
) -> None:
    loaded = only(RdsExport, load(document(export("rds", **changes))).exports)
    assert loaded.log_group_names == tuple(f"/aws/rds/{each}" for each in groups)


def test_aurora_log_groups_are_those_of_the_cluster(load: Load) -> None:
    settings = load(document(export("aurora-mysql", cluster_id="stock", log_types=["audit", "error"])))
    names = only(AuroraMysqlExport, settings.exports).log_group_names
    assert names == ("/aws/rds/cluster/stock/audit", "/aws/rds/cluster/stock/error")


def test_every_group_is_a_log_group_of_the_cluster(load: Load) -> None:
    groups = [{"log_name": "/b", "channels": ["OPS"]}, {"log_name": "/b", "channels": ["HEALTH"]}]
    settings = load(document(export("cockroachdb", log_group="/a", groups=groups)))
    assert only(CockroachdbExport, settings.exports).log_groups == ("/a", "/b")


@pytest.mark.parametrize(
    ("services", "encryption"),
    [([], "kms"), (["cloudtrail"], "kms"), (["alb"], "sse-s3"), (["nlb", "s3-access"], "sse-s3")],
)
def test_a_bucket_has_its_own_key_unless_a_service_cannot_use_it(
    load: Load, services: list[str], encryption: str
) -> None:
    loaded = only(S3LogsExport, load(document(export("s3-logs", services=services))).exports)
    assert loaded.encryption == encryption


def test_a_refused_setting_does_not_accuse_another(refusal: Refusal) -> None:
    key = "arn:aws:kms:eu-west-1:111122223333:key/x"
    wrong = [
        export("s3-logs", services=None, existing_bucket="B", kms_key_arn=key),
        export("mongodb-atlas", mrap_arn="x", mrap_buckets=["acme-two"]),
        export("cloudwatch-logs", log_groups=["a b"]),
    ]
    lines = refusal(document(*wrong))
    assert [line.split(": ")[0] for line in lines] == [
        "exports[0].existing_bucket",
        "exports[1].mrap_arn",
        "exports[2].log_groups[0]",
    ]
