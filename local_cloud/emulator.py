"""An AWS on loopback that enforces IAM, for the demo and the end-to-end tests.

Starts MiniStack as a child process with its own certificate authority, on a free port, with all of its files in one
temporary directory, and takes everything away again when it stops. Every account exists from the start; the stacks,
the vendors' stand-ins and the tests reach it through the standard AWS environment variables or through a boto3 client.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import botocore.session
from botocore.config import Config

from local_cloud.certificate import create_server_certificate

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROCESS = Path(__file__).with_name("emulator_process.py")
_START_SECONDS = 60.0
_TERMINATE_SECONDS = 3.0
_POLL_SECONDS = 0.05
_LOG_TAIL_LINES = 30


class EmulatorError(Exception):
    """The emulator did not start; the message ends with the tail of its log."""


class Emulator:
    """A running emulator, from ``with`` to the end of its block.

    Stopped by a signal to its own process group, which takes the Lambda functions it started along. When this process
    is killed before it can do so, the emulator notices and removes itself.

    Parameters
    ----------
    log_file
        File for the emulator's log. Default: a file in its temporary directory, which is deleted at the end.
    options
        Further environment variables of the emulator, such as ``LAMBDA_ASYNC_RETRY_BASE_SECONDS``. Lambda functions
        inherit them.

    Raises
    ------
    EmulatorError
        When it ends, or is not healthy, within 60 seconds of entering the block.
    """

    endpoint_url: str
    """``https://127.0.0.1:<port>``. The address, not ``localhost``: SDKs then put an S3 bucket's name into the path,
    and no name has to resolve."""
    ca_bundle: Path
    """PEM file with the certificate authority that clients must trust."""
    certificate: Path
    key: Path
    """`certificate`, `key`: PEM files with which a vendor's stand-in may serve TLS under the same authority."""
    directory: Path
    """Everything the emulator writes; removed when it stops."""

    def __init__(self, *, log_file: Path | None = None, options: Mapping[str, str] | None = None) -> None:
        self._log_file = log_file
        self._options = dict(options or {})
        self._process: subprocess.Popen[bytes] | None = None
        # No profile and no configuration file: the user's may name a role, or a profile that is not there.
        without = (None, None, None, None)
        nowhere = (None, None, os.devnull, None)
        self._session: Any = botocore.session.Session(
            session_vars={"profile": without, "config_file": nowhere, "credentials_file": nowhere}
        )
        self._session_lock = threading.Lock()

    def __enter__(self) -> Self:
        """Start the emulator and wait until it answers."""
        self.directory = Path(tempfile.mkdtemp(prefix="local-cloud-"))
        try:
            self._process = self._start()
            self._wait_until_healthy(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the emulator, whatever ended the block."""
        self.stop()

    def stop(self) -> None:
        """End the emulator and its Lambda functions, and remove its files. Does nothing the second time."""
        process, self._process = self._process, None
        try:
            if process is not None:
                _end_process_group(process)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def environment(self, account_id: str, region: str) -> dict[str, str]:
        """Return the whole environment for a child process that is to use this cloud as root of an account.

        It is this process's environment without its AWS configuration, so that no profile, role or endpoint of the
        user can be reached by accident.

        Parameters
        ----------
        account_id
            Twelve digits. Any account exists.
        """
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))},
            **self._trust(),
            "AWS_ACCESS_KEY_ID": account_id,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # S3 Control prefixes its host with the account id, which an address cannot take.
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "CDK_DEFAULT_ACCOUNT": account_id,
            "CDK_DEFAULT_REGION": region,
            # The CDK CLI keeps its caches and asks for updates from here.
            "CDK_HOME": str(self.directory / "cdk"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_DISABLE_VERSION_CHECK": "true",
            "TMPDIR": str(self.directory / "tmp"),
        }

    def client(self, service: str, identity: str | Mapping[str, Any], *, region: str) -> Any:
        """Return a boto3 client of this cloud; the stubs type it where it is assigned to an annotated name.

        Parameters
        ----------
        identity
            An account id, for the root of that account, or the ``Credentials`` of an AssumeRole answer.
        """
        if isinstance(identity, str):
            identity = {"AccessKeyId": identity, "SecretAccessKey": "local"}
        # One session for all: it keeps the services' models, which take longer to load than a call takes.
        with self._session_lock:
            return self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self.endpoint_url,
                verify=str(self.ca_bundle),
                aws_access_key_id=identity["AccessKeyId"],
                aws_secret_access_key=identity["SecretAccessKey"],
                aws_session_token=identity.get("SessionToken"),
                config=Config(
                    proxies={},
                    retries={"mode": "standard", "total_max_attempts": 2},
                    inject_host_prefix=False,
                ),
            )

    def _start(self) -> subprocess.Popen[bytes]:
        for name in ("home", "tmp"):
            (self.directory / name).mkdir()
        server = create_server_certificate(self.directory)
        self.ca_bundle, self.certificate, self.key = server.ca_bundle, server.certificate, server.key
        # The socket is handed down rather than its port number, so no other process can take the port in between.
        with socket.create_server(("127.0.0.1", 0)) as listener, self._log().open("wb") as log:
            port = listener.getsockname()[1]
            self.endpoint_url = f"https://127.0.0.1:{port}"
            return subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-P",
                    str(_PROCESS),
                    str(self.directory),
                    str(listener.fileno()),
                    str(self.certificate),
                    str(self.key),
                ],
                cwd=self.directory,
                env=self._own_environment(port),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )

    def _own_environment(self, port: int) -> dict[str, str]:
        # Built from nothing: Lambda functions inherit it, and must see neither the user's secrets nor this
        # project's import path.
        return {
            **self._trust(),
            # Lambda functions written in JavaScript run on the node next to this interpreter.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "HOME": str(self.directory / "home"),
            "TMPDIR": str(self.directory / "tmp"),
            "LANG": "C.UTF-8",
            "AUTH": "true",
            "USE_SSL": "1",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_SSL_CERT": str(self.certificate),
            "MINISTACK_SSL_KEY": str(self.key),
            "IOT_MTLS_ENABLED": "false",
            "STATE_DIR": str(self.directory / "state"),
            "S3_DATA_DIR": str(self.directory / "s3"),
            # What asks a vendor again and again need not wait as long as it would for a real one.
            "SFN_WAIT_SCALE": "0.05",
            # At its start MiniStack removes the containers of every other MiniStack it can reach.
            "DOCKER_HOST": f"unix://{self.directory}/no-docker.sock",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self._options,
        }

    def _trust(self) -> dict[str, str]:
        names = ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
        return {
            **dict.fromkeys(names, str(self.ca_bundle)),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "NODE_DISABLE_COMPILE_CACHE": "1",
        }

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca_bundle))),
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            # A socket that is not accepted yet still connects, so the attempt has a timeout of its own.
            try:
                opener.open(f"{self.endpoint_url}/_ministack/health", timeout=5).close()
            except OSError:
                if _has_ended(process):
                    raise self._error("ended before it answered") from None
                time.sleep(_POLL_SECONDS)
            else:
                return
        raise self._error(f"was not healthy after {_START_SECONDS:.0f} seconds")

    def _log(self) -> Path:
        return self._log_file or self.directory / "emulator.log"

    def _error(self, what: str) -> EmulatorError:
        tail = self._log().read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return EmulatorError("\n".join([f"The local AWS emulator {what}. The end of its log:", *tail]))


def _end_process_group(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + _TERMINATE_SECONDS
    while not _has_ended(process) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    # Looks without collecting the process: until it is collected its id, and so its group's, is not given away.
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # macOS refuses to signal a group of which only an ended, uncollected process is left.
    with contextlib.suppress(PermissionError):
        os.killpg(process.pid, number)
