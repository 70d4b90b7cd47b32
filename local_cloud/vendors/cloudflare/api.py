"""The Cloudflare API, as far as a Logpush job needs it.

Sources: Cloudflare API (the API description's Logpush job, as Cloudflare's own client libraries are generated from it):
paths, fields, ranges and the envelope; Cloudflare Logs, "API configuration", "Manage Logpush with cURL", "Ownership
challenge FAQ", "Filters" and "Permissions". The token in the challenge is bound to zone or account and to the
destination, and expires after seven days. Which status a refusal has is not documented: 400 where the body is wrong,
403 where the token may not, 404 where there is nothing.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError
from pydantic import Field

from local_cloud.vendors.server import Refused, Reply, Request, Strict, VendorApi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PATH = re.compile(r"/client/v4/(zones|accounts)/([0-9a-f]{32})(?:/logpush/(ownership|jobs)(?:/(\d+))?)?")
_MOST_JOBS = 4
"""Of a zone (Cloudflare Logs, "Logpush", Limits)."""
_CHALLENGE_DAYS = 7
_FILTER_BYTES = 1000
ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"


class OutputOptions(Strict):
    """``output_options``."""

    batch_prefix: str | None = None
    batch_suffix: str | None = None
    cve: bool | None = Field(default=None, alias="CVE-2021-44228")
    field_delimiter: str | None = None
    field_names: list[str] | None = None
    merge_subrequests: bool | None = None
    output_type: Literal["ndjson", "csv"] | None = None
    record_delimiter: str | None = None
    record_prefix: str | None = None
    record_suffix: str | None = None
    record_template: str | None = None
    sample_rate: float | None = Field(default=None, gt=0, le=1, strict=False)
    timestamp_format: Literal["unixnano", "unix", "rfc3339", "rfc3339ms", "rfc3339ns"] | None = None


class JobUpdate(Strict):
    """The body of an update; a field that is not named stays as it is."""

    destination_conf: str | None = Field(default=None, max_length=4096)
    enabled: bool | None = None
    filter: str | None = None
    filter_attack_traffic: bool | None = None
    frequency: Literal["high", "low"] | None = None
    max_upload_bytes: int | None = None
    max_upload_interval_seconds: int | None = None
    max_upload_records: int | None = None
    output_options: OutputOptions | None = None
    ownership_challenge: str | None = Field(default=None, max_length=4096)


class JobCreate(JobUpdate):
    """The body of a creation."""

    destination_conf: str = Field(max_length=4096)
    dataset: str | None = "http_requests"
    kind: Literal["", "edge"] = ""
    name: str | None = Field(default=None, max_length=512, pattern=r"^[a-zA-Z0-9\-.]*$")


class Ownership(Strict):
    """The body of a request for a challenge."""

    destination_conf: str = Field(max_length=4096)


@dataclass(slots=True)
class Place:
    """A zone or an account with its jobs."""

    tokens: set[str] = field(default_factory=set)
    """The API tokens that may edit its logs."""
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)
    """The datasets that it has; empty: every one of its scope."""


class CloudflareApi(VendorApi):
    """Cloudflare, with the zones, accounts and tokens that are put into it.

    Parameters
    ----------
    write
        Writes an object as Cloudflare's user: bucket, key, body. Raises botocore's ClientError when it may not.
    """

    vendor = "cloudflare"

    def __init__(self, write: Callable[[str, str, bytes], None], *, certificate: Path, key: Path) -> None:
        super().__init__(certificate=certificate, key=key)
        self._write = write
        self.places: dict[str, Place] = {}
        """Zones and accounts, by ``zones/<id>`` or ``accounts/<id>``."""
        self.zone_readers: set[str] = set()
        """The tokens that may also read a zone's own settings."""
        self.propagation = 0
        """How often S3 does not admit Cloudflare yet although the policy is right."""
        self._signature = secrets.token_hex(16)
        self._next_id = 100_001

    def answer(self, request: Request) -> Reply:
        """Do what is asked."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not any(token in place.tokens for place in self.places.values()):
            raise refusal(401, 10000, "Authentication error")
        match = _PATH.fullmatch(request.path)
        if match is None:
            raise refusal(404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?")
        scope = f"{match[1]}/{match[2]}"
        place = self.places.get(scope)
        if place is None or token not in place.tokens:
            raise refusal(403, 9109, "Unauthorized to access requested resource")
        if match[3] is None:
            if request.method != "GET" or token not in self.zone_readers:
                raise refusal(403, 9109, "Unauthorized to access requested resource")
            return _reply({"id": match[2], "account": {"id": ACCOUNT}})
        if match[3] == "ownership":
            if request.method != "POST" or match[4]:
                raise refusal(405, 10405, "Method not allowed")
            return self._challenge(scope, Ownership.model_validate(request.json()).destination_conf)
        return self._jobs(scope, place, request, int(match[4]) if match[4] else None)

    def malformed(self, wrong: str) -> Reply:
        """Refuse a body."""
        return refusal(400, 1001, wrong).reply

    def _jobs(self, scope: str, place: Place, request: Request, job_id: int | None) -> Reply:
        if job_id is None:
            if request.method == "GET":
                return _reply([job for job in place.jobs.values() if self.is_listed(job["id"])])
            if request.method == "POST":
                return self._create(scope, place, JobCreate.model_validate(request.json()))
            raise refusal(405, 10405, "Method not allowed")
        job = place.jobs.get(job_id)
        if job is None or not self.is_shown(job_id):
            raise refusal(404, 1007, f"job {job_id} not found")
        if request.method == "GET":
            return _reply(job)
        if request.method == "PUT":
            return self._update(scope, job, JobUpdate.model_validate(request.json()))
        if request.method == "DELETE":
            del place.jobs[job_id]
            return _reply({"id": job_id})
        raise refusal(405, 10405, "Method not allowed")

    def _challenge(self, scope: str, destination: str) -> Reply:
        """Write a token into the bucket, under the destination's path."""
        bucket, path = _destination(destination)
        key = f"{path}/ownership-challenge.txt".replace("{DATE}", f"{self._moment():%Y%m%d}").lstrip("/")
        if self.propagation:
            self.propagation -= 1
            raise refusal(400, 1002, f"error writing to {bucket}: AccessDenied")
        try:
            self._write(bucket, key, self._token(scope, destination).encode())
        except ClientError as error:
            raise refusal(400, 1002, f"error writing to {bucket}: {error}") from error
        return _reply({"filename": f"{bucket}/{key}", "valid": True, "message": ""})

    def _token(self, scope: str, destination: str) -> str:
        expires = (self._moment() + timedelta(days=_CHALLENGE_DAYS)).timestamp()
        claims = {"scope": scope, "destination_conf": destination, "exp": expires}
        parts = ({"alg": "HS256", "typ": "JWT"}, claims)
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*encoded, self._signature])

    def _check_token(self, scope: str, destination: str, token: str | None) -> None:
        parts = (token or "").split(".")
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        except (IndexError, ValueError):
            raise refusal(400, 1002, "incorrect ownership challenge") from None
        is_signed = parts[2:] == [self._signature]
        fits = claims.get("scope") == scope and claims.get("destination_conf") == destination
        if not (is_signed and fits and claims.get("exp", 0) > self._moment().timestamp()):
            raise refusal(400, 1002, "incorrect ownership challenge")

    def _create(self, scope: str, place: Place, wanted: JobCreate) -> Reply:
        if scope.startswith("zones/") and len(place.jobs) >= _MOST_JOBS:
            raise refusal(400, 1004, "creating a new job is not allowed: exceeded max jobs allowed")
        if place.datasets and wanted.dataset not in place.datasets:
            raise refusal(400, 1004, f"creating a new job for dataset '{wanted.dataset}' is not allowed")
        _check_values(wanted)
        self._check_token(scope, wanted.destination_conf, wanted.ownership_challenge)
        job_id, self._next_id = self._next_id, self._next_id + 1
        options = wanted.output_options.model_dump(by_alias=True, exclude_none=True) if wanted.output_options else None
        place.jobs[job_id] = {
            "id": job_id,
            "dataset": wanted.dataset,
            "kind": wanted.kind,
            "enabled": bool(wanted.enabled),
            "name": wanted.name,
            "output_options": options,
            "destination_conf": wanted.destination_conf,
            "filter": wanted.filter or "",
            "filter_attack_traffic": bool(wanted.filter_attack_traffic),
            "frequency": wanted.frequency or "high",
            "max_upload_bytes": wanted.max_upload_bytes or 0,
            "max_upload_interval_seconds": wanted.max_upload_interval_seconds or 0,
            "max_upload_records": wanted.max_upload_records or 0,
            "last_complete": None,
            "last_error": None,
            "error_message": None,
        }
        self.accept(job_id)
        return _reply(place.jobs[job_id])

    def _update(self, scope: str, job: dict[str, Any], wanted: JobUpdate) -> Reply:
        _check_values(wanted)
        if wanted.destination_conf is not None and wanted.destination_conf != job["destination_conf"]:
            self._check_token(scope, wanted.destination_conf, wanted.ownership_challenge)
        changed = wanted.model_dump(by_alias=True, exclude_none=True, exclude={"ownership_challenge"})
        job.update(changed)
        return _reply(job)

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)


def disable(job: dict[str, Any], message: str, when: str) -> None:
    """Have a job fail and be disabled, as Cloudflare does with one that fails for long."""
    job.update(enabled=False, last_error=when, error_message=message)


def _destination(conf: str) -> tuple[str, str]:
    parts = urlsplit(conf)
    query = parse_qs(parts.query)
    if parts.scheme != "s3" or not parts.netloc or not query.get("region") or set(query) - {"region", "sse"}:
        raise refusal(400, 1002, f"invalid destination_conf: {conf}")
    return parts.netloc, parts.path.strip("/")


def _check_values(wanted: JobUpdate) -> None:
    ranges = (
        ("max_upload_bytes", 5_000_000, 1_000_000_000),
        ("max_upload_interval_seconds", 30, 300),
        ("max_upload_records", 1000, 1_000_000),
    )
    for name, least, most in ranges:
        value = getattr(wanted, name)
        if value and not least <= value <= most:
            raise refusal(400, 1001, f"{name} must be 0 or between {least} and {most}")
    if wanted.destination_conf is not None:
        _destination(wanted.destination_conf)
    if wanted.filter:
        try:
            document = json.loads(wanted.filter)
        except ValueError:
            document = None
        if not isinstance(document, dict) or "where" not in document or len(wanted.filter.encode()) > _FILTER_BYTES:
            raise refusal(400, 1001, "invalid filter")


def _reply(result: Any) -> Reply:
    return Reply(200, {"success": True, "errors": [], "messages": [], "result": result})


def refusal(status: int, code: int, message: str) -> Refused:
    """Refuse in the API's envelope."""
    errors = [{"code": code, "message": message}]
    return Refused(status, {"success": False, "errors": errors, "messages": [], "result": None})
