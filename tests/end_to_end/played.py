"""A deployment by the real CDK on the local cloud, to which every vendor's stand-in has written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local_cloud.cdk import Cdk
from local_cloud.customer import Secrets, make_secrets, prepare
from local_cloud.emulator import Emulator
from local_cloud.play import Play
from local_cloud.stage import Stage
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import load_settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType


class Played(NamedTuple):
    """The deployed stage, what its customer's secrets hold, and the markers that were written, by export."""

    stage: Stage
    secrets: Secrets
    written: dict[str, set[str]]


def are_empty(sqs: SQSClient, queues: Iterable[str]) -> bool:
    """Say whether no message waits, is hidden or is delayed in any of the queues."""
    counts: list[QueueAttributeNameType] = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    return not any(
        int(count)
        for queue in queues
        for count in sqs.get_queue_attributes(
            QueueUrl=sqs.get_queue_url(QueueName=queue)["QueueUrl"], AttributeNames=counts
        )["Attributes"].values()
    )


@contextmanager
def played(settings_file: Path) -> Iterator[Played]:
    """Deploy a settings file, have the vendors write, and hold everything up until the test is done."""
    settings, directory = load_settings(settings_file), settings_file.parent
    with (
        Emulator(log_file=directory / "emulator.log") as cloud,
        LogzioListener(certificate=cloud.certificate, key=cloud.key) as listener,
        Vendors(cloud) as vendors,
    ):
        secrets = make_secrets(settings)
        prepare(cloud, settings, secrets)
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=directory / "cdk.log")
        cdk.bootstrap()
        cdk.synth(settings_file, directory / "cdk.out")
        stage = Stage(cloud, settings, cdk.deploy(directory / "cdk.out").outputs, vendors)
        play = Play(stage, secrets, listener)
        assert play.perform().broken == []
        yield Played(stage, secrets, play.written)
