"""What is asked, by kind: the settings that have no default, and those that nearly everybody sets."""

from __future__ import annotations

from typing import NamedTuple

from logdock.settings import Deployment
from logdock.settings.alerts import Alerts
from logdock.settings.destinations import LogzioDestination, OtlpDestination
from logdock.settings.exports import (
    AptibleExport,
    AuroraMysqlExport,
    CloudwatchLogsExport,
    CockroachdbExport,
    MongodbAtlasExport,
    RdsExport,
    S3LogsExport,
)
from logdock.settings.model import Model

EXTERNAL_ID_BYTES = 16
"""How many random bytes an external id is made of."""


class Question(NamedTuple):
    """One question.

    Attributes
    ----------
    setting
        The setting that the answer becomes.
    proposed
        The answer of Enter alone; empty for an optional setting, None where an answer is required.
    is_list
        True where several answers may be given, with commas between.
    known
        Names that are accepted; empty where any answer of the setting's type is.
    """

    setting: str
    proposed: str | None = None
    is_list: bool = False
    known: tuple[str, ...] = ()


class Kind(NamedTuple):
    """A kind of export or destination.

    Attributes
    ----------
    model
        Its model.
    questions
        What is asked.
    made
        The settings that are generated.
    one_of
        Settings of which at least one must be answered, although each of them is optional.
    read_by_connect
        Settings that the deploy reads at the vendor, if `connect` names a secret with the vendor's credential.
    """

    model: type[Model]
    questions: tuple[Question, ...]
    made: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    read_by_connect: tuple[str, ...] = ()


DEPLOYMENT = Kind(
    Deployment,
    (Question("deployment"), Question("account"), Question("region"), Question("retention", "soc2")),
)
ALERTS = Kind(Alerts, (Question("email", "", is_list=True),))
EXPORTS = {
    "mongodb-atlas": Kind(
        MongodbAtlasExport,
        (
            Question("project_id"),
            Question("connect", ""),
            Question("atlas_principal_arn"),
            Question("external_id"),
            Question("prefix", "atlas"),
        ),
        read_by_connect=("atlas_principal_arn", "external_id"),
    ),
    "cockroachdb": Kind(
        CockroachdbExport,
        (Question("cluster_id"), Question("connect", ""), Question("cluster_account_id"), Question("log_group")),
        made=("external_id",),
        read_by_connect=("cluster_account_id", "external_id"),
    ),
    "aurora-mysql": Kind(AuroraMysqlExport, (Question("cluster_id"), Question("parameter_group", ""))),
    "rds": Kind(
        RdsExport,
        (
            Question("engine"),
            Question("cluster_id", ""),
            Question("instance_id", ""),
            Question("log_types", is_list=True),
            Question("parameter_group", ""),
        ),
    ),
    "aptible": Kind(AptibleExport, (Question("stack_region"), Question("decryption_keys_secret", ""))),
    # A bucket that no service may write to waits for logs that never come. A file may have one, for writers with
    # permissions of their own in the account.
    "s3-logs": Kind(
        S3LogsExport,
        (Question("services", "", is_list=True), Question("existing_bucket", "")),
        one_of=("services", "existing_bucket"),
    ),
    "cloudwatch-logs": Kind(
        CloudwatchLogsExport,
        (Question("log_groups", "", is_list=True), Question("log_group_prefixes", "", is_list=True)),
    ),
}
DESTINATIONS = {
    "logzio": Kind(LogzioDestination, (Question("region", "us"), Question("token_secret"))),
    "otlp": Kind(OtlpDestination, (Question("endpoint"), Question("headers_secret", ""))),
}
