"""LocalStack as a process of this one, on loopback, with all of its files in one temporary directory."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import botocore.session
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / "build" / "second-opinion" / "bin" / "python"
_START_SECONDS = 180.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.2
_LOG_TAIL_LINES = 30


class EngineError(Exception):
    """LocalStack is not installed, or did not start."""


class Engine:
    """A running LocalStack, from ``with`` to the end of its block."""

    endpoint_url: str

    def __init__(self, log_file: Path) -> None:
        self._log_file = log_file
        self._session: Any = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
        )

    def __enter__(self) -> Self:
        """Start LocalStack and wait until it answers."""
        if not PYTHON.exists():
            raise EngineError(f"{PYTHON.relative_to(ROOT)} does not exist; run `make second-opinion`")
        self._directory = Path(tempfile.mkdtemp(prefix="second-opinion-"))
        self._process = self._start()
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop LocalStack, whatever ended the block."""
        self._stop()

    def client(self, service: str, account_id: str, region: str) -> Any:
        """Return a client for an account, which a twelve-digit access key names, and a Region."""
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=account_id,
            aws_secret_access_key="local",  # noqa: S106 - LocalStack checks no signature
            config=Config(
                proxies={},
                inject_host_prefix=False,
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "total_max_attempts": 2},
            ),
        )

    def _start(self) -> subprocess.Popen[bytes]:
        for name in ("home", "tmp", "volume"):
            (self._directory / name).mkdir()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.endpoint_url = f"http://{address}"
        # Built from nothing: neither the user's AWS configuration nor a licence for another edition is seen.
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._directory / "home"),
            "TMPDIR": str(self._directory / "tmp"),
            "LANG": "C.UTF-8",
            "LOCALSTACK_VOLUME_DIR": str(self._directory / "volume"),
            # Its default listens on every address.
            "GATEWAY_LISTEN": address,
            "GATEWAY_SERVER": "hypercorn",
            # No name server: it would listen on port 53.
            "DNS_ADDRESS": "0",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "SKIP_INFRA_DOWNLOADS": "1",
            "DOCKER_HOST": f"unix://{self._directory}/no-docker.sock",
        }
        with self._log_file.open("wb") as log:
            return subprocess.Popen(  # noqa: S603
                [str(PYTHON), "-m", "localstack.runtime.main"],
                cwd=self._directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until_ready(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            try:
                opener.open(f"{self.endpoint_url}/_localstack/health", timeout=5).close()
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(_POLL_SECONDS)
            else:
                return
        tail = self._log_file.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        raise EngineError("\n".join(["LocalStack did not start. The end of its log:", *tail]))

    def _stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            # The group's id is this process's own until it is collected below.
            if self._process.poll() is None:
                os.killpg(self._process.pid, number)
            try:
                self._process.wait(timeout=_STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        shutil.rmtree(self._directory, ignore_errors=True)
