"""Functions: where their failed events go, and where they log."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import queue
import shutil
import tempfile
import threading
import time
import uuid
import weakref
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc, sts

from local_cloud.corrections.operations import client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


_LAST_LINE = "ministack: last line of this invocation"
_LINES_SECONDS = 5
"""How long to wait for a line of a process that ended within an invocation."""
_IDLE_SECONDS = 120
"""After which an execution environment ends."""


def apply(*, endpoint_url: str, ca_bundle: str) -> None:
    """Make these corrections."""
    _deliver_failed_events_to_s3(endpoint_url, ca_bundle)
    _log_where_a_group_is()
    _log_every_line()
    _extract_once()
    end_idle_environments()
    # A function that starts adds a session while other starts go over all sessions, which can end in an error.
    sts.register_session = one_at_a_time(sts.register_session)


def one_at_a_time(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function that threads run one after the other."""
    lock = threading.Lock()

    def run(*arguments: Any) -> None:
        with lock:
            function(*arguments)

    return run


def _deliver_failed_events_to_s3(endpoint_url: str, ca_bundle: str) -> None:
    """Lambda writes a failed event to a bucket, as the function's role; MiniStack knows queues and topics alone."""
    original = lambda_svc._route_async_failure

    def route(target_arn: str, function_name: str, event: Any, result: Mapping[str, Any]) -> None:
        if not target_arn.startswith("arn:aws:s3:::"):
            original(target_arn, function_name, event, result)
            return
        config = client("lambda").get_function_configuration(FunctionName=function_name)
        now = datetime.datetime.now(datetime.UTC)
        record = {
            "version": "1.0",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"{config['FunctionArn']}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": result.get("body"),
        }
        client_of_role("s3", config, endpoint_url, ca_bundle).put_object(
            Bucket=target_arn.removeprefix("arn:aws:s3:::"),
            Key=f"aws/lambda/async/{function_name}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}",
            Body=json.dumps(record).encode(),
        )

    lambda_svc._route_async_failure = route


def _log_where_a_group_is() -> None:
    """Lambda logs as the function's role, and no role here may make a log group.

    MiniStack makes one, also for a function that ends after its stack's rollback has deleted its log group: the next
    deploy then finds a log group in its way.
    """
    original = lambda_svc._emit_lambda_logs

    def emit(function: dict[str, Any], *arguments: Any, **options: Any) -> None:
        config = function.get("config") or function
        name = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        if name in cloudwatch_logs._log_groups:
            original(function, *arguments, **options)

    lambda_svc._emit_lambda_logs = emit


def _log_every_line() -> None:
    """CloudWatch Logs gets every line that an invocation writes.

    AWS Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs". MiniStack stops reading when no
    line comes for 5 ms: on a busy machine the rest of the lines, metrics among them, went to the next invocation or
    were lost.
    """
    answer = "            _real_stdout.write("
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(
        answer, f"            print({_LAST_LINE!r}, flush=True)\n{answer}"
    )

    def read(worker: Any) -> str:
        lines = iter(lambda: worker._stderr_queue.get(timeout=_LINES_SECONDS), _LAST_LINE)
        kept: list[str] = []
        with contextlib.suppress(queue.Empty):
            kept.extend(lines)
        return "\n".join(kept)

    lambda_runtime.Worker._drain_stderr_bounded = read


def _extract_once() -> None:
    """Extract the same code, or the same layer of 40 MB, once for all execution environments, as Lambda shares layers.

    MiniStack extracts both for each environment, and Python compiles them each time. No function may write to them:
    AWS Lambda Developer Guide, "Lambda execution environment" (`/tmp` is what can be written to).
    """
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedZip})


class SharedZip(zipfile.ZipFile):
    """A file whose content is extracted once, into a directory that others are linked to."""

    def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
        """Link a directory's entries to what is extracted already, or is now."""
        content = repr([(each.filename, each.CRC, each.file_size) for each in self.infolist()])
        shared = Path(tempfile.gettempdir()) / "ministack-code" / hashlib.sha256(content.encode()).hexdigest()
        if not shared.exists():
            shared.parent.mkdir(exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=shared.parent))
            super().extractall(partial, members, pwd)
            try:
                partial.rename(shared)
            except OSError:  # another has extracted the same meanwhile
                shutil.rmtree(partial)
        for entry in shared.iterdir():
            (Path(path) / entry.name).symlink_to(entry)


def end_idle_environments() -> None:
    """Execution environments end some time after their last invocation, and the next invocation starts another.

    AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle". MiniStack keeps the first
    of each function indefinitely: those of 170 exports took 25 GB.
    """
    acquire, reap = lambda_svc.acquire_worker, lambda_svc.reap_idle_workers
    environments = weakref.WeakSet[Any]()
    lock = threading.Lock()

    def lease(*arguments: Any, **options: Any) -> tuple[Any, str]:
        with lock:
            environment, reason = acquire(*arguments, **options)
            if environment is not None:
                environments.add(environment)
            return environment, reason

    def end_idle(ttl: float | None = None) -> int:
        ended: int = reap(ttl)
        with lock:
            latest = time.time() - (_IDLE_SECONDS if ttl is None else ttl)
            idle = [each for each in environments if not each.in_use and each.last_used < latest]
            for each in idle:
                each.in_use = True  # so that no invocation gets it meanwhile
            environments.difference_update(idle)
        lambda_runtime.kill_workers(idle)
        for each in idle:
            lambda_svc.release_worker(each)
        return ended + len(idle)

    lambda_svc.acquire_worker, lambda_svc.reap_idle_workers = lease, end_idle


def client_of_role(service: str, config: Mapping[str, Any], endpoint_url: str, ca_bundle: str) -> Any:
    """Return a client of the front door that acts as the role of a function, so IAM and KMS are asked as usual."""
    credentials = lambda_runtime.execution_credentials(config)
    untyped: Any = boto3.Session()
    return untyped.client(
        service,
        endpoint_url=endpoint_url,
        verify=ca_bundle,
        region_name=config["FunctionArn"].split(":")[3],
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials["AWS_SESSION_TOKEN"],
    )
