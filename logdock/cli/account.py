"""The AWS account that a deployment is in, as the person's own credentials see it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import botocore
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session
from log_shipper.aws_times import parse_time
from log_shipper.mark_items import DynamoDB

from logdock.cli.errors import CommandError, ExitCode, is_absent, require_known
from logdock.cli.options import DEFAULT_SETTINGS, cdk_settings_option, settings_option
from logdock.settings import Deployment, SettingsError, load_settings
from logdock.settings.exports import Export
from logdock.settings.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import SubscriptionTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

WORKERS = 16
"""How many requests a command has under way at once, at most, where each takes memory or a limited service."""
CONNECTIONS = 32
"""How many small requests are under way at once, at most."""
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=CONNECTIONS,
    # botocore composes its own for every request, an eighth of the CPU of a call
    user_agent=f"logdock Botocore/{botocore.__version__}",
)


def read_settings(file: Path) -> Deployment:
    """Read the settings file.

    Raises
    ------
    CommandError
        When it is not there or has errors.
    """
    if not file.exists():
        raise CommandError(
            f"{file}: no such file. Name yours with --settings FILE, or write one with `logdock init`", ExitCode.USAGE
        )
    try:
        return load_settings(file)
    except SettingsError as error:
        raise CommandError(str(error), ExitCode.USAGE) from error


def _at_home(service: str) -> Any:
    """Return an attribute of an account: the client of a service in the deployment's own Region."""
    return cached_property(lambda account: account._client(service, account.settings.region))


def _in_region(service: str) -> Any:
    """Return a method of an account: it returns the client of a service in a Region."""
    return lambda account, region: account._client(service, region)


class MarkTableClient(DynamoDB, Protocol):
    """The calls that commands make of DynamoDB's client."""

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """Write attributes of several items, or of none."""


class Account:
    """The deployment's account: its settings, the names in it, and clients for each service and Region.

    Parameters
    ----------
    profile
        AWS profile; None for what the AWS CLI would use.
    region
        The only Region to work in; None for all of the deployment's.
    file
        Where the settings are, for the commands in messages.
    landing_profiles
        AWS profiles of the other accounts that exports land in.

    Raises
    ------
    CommandError
        When the deployment is not in that Region, or the credentials are of another account.
    """

    def __init__(
        self,
        settings: Deployment,
        profile: str | None,
        region: str | None,
        file: Path = DEFAULT_SETTINGS,
        *,
        landing_profiles: Sequence[str] | None = None,
    ) -> None:
        if region is not None:
            require_known(region, settings.regions, f"--region {region}: {settings.deployment} has nothing there")
        self.settings, self.names, self._file = settings, Names.of(settings), file
        self.regions = (region,) if region else settings.regions
        # boto3 would bring its uploads and downloads of files along, which take a quarter of its start
        self._session = Session(profile=profile)
        self._clients: dict[tuple[str, str], Any] = {}
        self.queue_urls: dict[str, str] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        """Requests so far by service and operation; of GetMetricData, the metrics that it asks for."""
        self._making, self._counting = threading.Lock(), threading.Lock()
        untyped: Any = self._session
        untyped.register("before-parameter-build", self._count)
        untyped.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
        sts = self._client("sts", settings.region)
        with ThreadPoolExecutor(1) as pool:
            # nearly every command reads S3: its client is made while STS answers
            pool.submit(self._client, "s3", settings.region)
            caller = sts.get_caller_identity()
        self._admit(caller["Account"], caller["Arn"])
        found = [LandingAccount(settings, each, region, file) for each in landing_profiles or ()]
        self._landings = {each.names.account: each for each in found}

    def _admit(self, account_id: str, caller_arn: str) -> None:
        if account_id != self.settings.account:
            raise CommandError(
                f"These credentials are of the account {account_id} ({caller_arn}), and "
                f"{self.settings.deployment} is in {self.settings.account}. Choose others with --profile",
                ExitCode.USAGE,
            )

    def landing_of(self, export: Export) -> Account | None:
        """Return the account that an export lands in; None where that is another one and no profile is of it."""
        return self._landings.get(export.other_account) if export.other_account else self

    def require_landing_of(self, export: Export) -> Account:
        """Return the account that an export lands in.

        Raises
        ------
        CommandError
            When no profile is of that account.
        """
        if found := self.landing_of(export):
            return found
        raise CommandError(f"{export.name} {no_landing_profile(export)}", ExitCode.USAGE)

    def _count(self, params: Any, model: Any, **_: Any) -> None:
        with self._counting:
            self.requests[model.service_model.service_name, model.name] += len(params.get("MetricDataQueries", "1"))

    s3: S3Client = _at_home("s3")
    dynamodb: MarkTableClient = _at_home("dynamodb")
    athena: Any = _at_home("athena")
    sqs: SQSClient = _at_home("sqs")
    events: EventBridgeClient = _at_home("events")
    firehose: FirehoseClient = _at_home("firehose")
    iam: IAMClient = _at_home("iam")
    rds: RDSClient = _at_home("rds")
    secrets_manager: SecretsManagerClient = _at_home("secretsmanager")

    s3_in: Callable[[str], S3Client] = _in_region("s3")
    cloudwatch_in: Callable[[str], CloudWatchClient] = _in_region("cloudwatch")
    cloudformation_in: Callable[[str], CloudFormationClient] = _in_region("cloudformation")
    cloudtrail_in: Callable[[str], CloudTrailClient] = _in_region("cloudtrail")
    kms_in: Callable[[str], KMSClient] = _in_region("kms")
    sns_in: Callable[[str], SNSClient] = _in_region("sns")
    logs_in: Callable[[str], CloudWatchLogsClient] = _in_region("logs")
    ssm_in: Callable[[str], SSMClient] = _in_region("ssm")
    states_in: Callable[[str], SFNClient] = _in_region("stepfunctions")

    def lambda_in(self, region: str) -> LambdaClient:
        """Lambda in a Region; it waits as long as a function may run."""
        longer = Config(read_timeout=900, retries={"mode": "standard", "total_max_attempts": 2})
        client: LambdaClient = self._client("lambda", region, _CONFIG.merge(longer))
        return client

    def _client(self, service: str, region: str, config: Config = _CONFIG) -> Any:
        # a client may be used by any thread, but a session makes one at a time
        with self._making:
            if (service, region) not in self._clients:
                untyped: Any = self._session
                self._clients[service, region] = untyped.create_client(service, region_name=region, config=config)
            return self._clients[service, region]

    @property
    def option(self) -> str:
        """Additional options that make another `logdock` command use the same settings; usually empty."""
        return settings_option(self._file)

    def deploy(self, stack: str) -> str:
        """Return the command that deploys a stack."""
        return f"npx cdk deploy {stack}{cdk_settings_option(self._file)}"

    def destroy(self, stack: str) -> str:
        """Return the commands that end a stack, and then show what the next deploy does."""
        cdk, own = cdk_settings_option(self._file), settings_option(self._file)
        return f"npx cdk destroy {stack} --force{cdk} && logdock plan{own}"

    def not_deployed(self, stack: str, region: str | None = None) -> CommandError:
        """Return the error of something that a stack makes and that is not there."""
        where = region or self.settings.region
        name = self.names.in_region(stack, where)
        return CommandError(
            f"{name} is not deployed in {where} of the account {self.settings.account}: `{self.deploy(name)}`",
            ExitCode.NOT_DEPLOYED,
        )

    @contextmanager
    def requires(self, stack: str, region: str | None = None) -> Iterator[None]:
        """Raise that a stack is not deployed, where AWS answers that something of it does not exist."""
        try:
            yield
        except ClientError as error:
            if is_absent(error):
                raise self.not_deployed(stack, region) from None
            raise

    def subscriptions(self, topic_arn: str, region: str) -> list[SubscriptionTypeDef]:
        """Return the subscriptions of a topic."""
        pages = self.sns_in(region).get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
        return [each for page in pages for each in page["Subscriptions"]]

    def stack_of(self, region: str) -> str:
        """Return which stack has a Region's alert topic, failure bucket and key."""
        return "core" if region == self.settings.region else "shipper"


class LandingAccount(Account):
    """Another account that exports land in: the names and clients there."""

    def _admit(self, account_id: str, caller_arn: str) -> None:
        others = sorted({each.other_account for each in self.settings.exports if each.other_account})
        if account_id not in others:
            expected = ", ".join(others) or "none"
            raise CommandError(
                f"--landing-profile: these credentials are of the account {account_id} ({caller_arn}); other accounts "
                f"that exports of the settings land in: {expected}",
                ExitCode.USAGE,
            )
        self.names = self.names.in_account(account_id)


def no_landing_profile(export: Export) -> str:
    """Say what is missing to look at a landing in another account, behind the export's name."""
    return f"lands in the account {export.other_account}: name a profile of it with --landing-profile"
