"""The local AWS: it answers signed calls over TLS, enforces IAM, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local_cloud.emulator import Emulator, EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local_cloud.certificate import ServerCertificate

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-west-1"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_an_account_id_is_the_root_of_that_account(emulator: Emulator) -> None:
    identity = emulator.client("sts", ACCOUNT, region=REGION).get_caller_identity()

    assert (identity["Account"], identity["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")


def test_refuses_plain_http(emulator: Emulator) -> None:
    address = urlsplit(emulator.endpoint_url)

    with socket.create_connection((address.hostname, address.port), timeout=10) as plain:
        plain.sendall(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = plain.recv(64)

    assert not answer.startswith(b"HTTP/1.1 200")


def test_its_certificate_is_vouched_for_by_its_bundle_only(emulator: Emulator, certificate: ServerCertificate) -> None:
    trusting = ssl.create_default_context(cafile=str(emulator.ca_bundle))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    distrusting = ssl.create_default_context(cafile=str(certificate.ca_bundle))
    url = f"{emulator.endpoint_url}/_ministack/health".replace("127.0.0.1", "localhost")

    with urllib.request.urlopen(url, context=trusting, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, context=distrusting, timeout=10)  # noqa: S310


def test_enforces_the_trust_policy_and_the_policy_of_a_role(emulator: Emulator) -> None:
    iam = emulator.client("iam", ACCOUNT, region=REGION)
    role = iam.create_role(
        RoleName="exporter",
        AssumeRolePolicyDocument=_policy(
            Principal={"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"},
            Action="sts:AssumeRole",
            Condition={"StringEquals": {"sts:ExternalId": "right"}},
        ),
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="exporter",
        PolicyName="may-list-groups",
        PolicyDocument=_policy(Action="logs:DescribeLogGroups", Resource="*"),
    )
    vendor = emulator.client("sts", OTHER_ACCOUNT, region=REGION)

    with pytest.raises(ClientError, match="AccessDenied"):
        vendor.assume_role(RoleArn=role, RoleSessionName="export", ExternalId="wrong")
    session = vendor.assume_role(RoleArn=role, RoleSessionName="export", ExternalId="right")["Credentials"]

    logs = emulator.client("logs", session, region=REGION)
    assert logs.describe_log_groups()["logGroups"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.create_log_group(logGroupName="not-allowed")


def test_child_processes_reach_it_through_the_environment_alone(emulator: Emulator) -> None:
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"

    child = subprocess.run(
        [sys.executable, "-c", program],
        env=emulator.environment(ACCOUNT, REGION),
        capture_output=True,
        text=True,
        check=True,
    )

    assert child.stdout.strip() == ACCOUNT


def test_child_processes_see_no_aws_configuration_of_the_user(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")

    environment = emulator.environment(ACCOUNT, REGION)

    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment


def test_clients_see_no_aws_configuration_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")

    with Emulator() as emulator:
        assert emulator.client("s3", ACCOUNT, region=REGION).list_buckets()["Buckets"] == []


def test_leaves_nothing_behind_when_its_parent_is_killed() -> None:
    program = (
        "import os, signal, sys; from local_cloud.emulator import Emulator\n"
        "with Emulator() as emulator:\n"
        "    print(emulator.directory, emulator.endpoint_url, flush=True)\n"
        "    sys.stdin.read()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    directory, url = parent.stdout.readline().split()
    with socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=10) as connection:
        parent.stdin.close()
        parent.wait()

        # The emulator's end is what ends the connection, whenever that is.
        connection.settimeout(30)
        _read_to_the_end(connection)

    parent.stdout.close()
    assert not Path(directory).exists()


def test_leaves_nothing_behind_when_it_stops(emulator: Emulator) -> None:
    """Last of the module: it stops the emulator the others use, and a second stop does nothing."""
    process = emulator._process
    assert process is not None

    emulator.stop()

    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert not emulator.directory.exists()
    assert not _answers(urlsplit(emulator.endpoint_url).port)


def test_an_emulator_that_cannot_start_shows_its_log() -> None:
    broken = Emulator(options={"MINISTACK_DOCKER_TIMEOUT": "soon"})

    with pytest.raises(EmulatorError, match="could not convert string to float: 'soon'"):
        broken.__enter__()

    assert not broken.directory.exists()


def _policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _answers(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _read_to_the_end(connection: socket.socket) -> None:
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
