"""The functions' environment variables as a typed model, checked once at the handler's edge."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from log_shipper.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The configuration of both entry points."""

    deployment: str
    """The deployment's name, prefix of its functions' log groups."""
    account: str
    """The account that it is in."""
    exports_path: str
    """Where in Parameter Store the exports' documents are, with its last slash."""
    archive_bucket: str
    failure_bucket: str
    """`archive_bucket`, `failure_bucket`: Where archive objects go, and where records go that a destination refuses for
    good."""
    own_log_group: str
    """The function's own log group, which it never reads."""
    default_landing_bucket: str = ""
    """The default name of a landing bucket, with ``{export}`` for the export's name; empty where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The one destination of a `ship` function."""

    name: str
    kind: str
    """``logzio``, ``otlp``, ``archive`` or ``feed``."""
    url: str = ""
    """The listener's or endpoint's URL; empty for ``archive`` and ``feed``."""
    secret: str = ""
    """The secret's name or ARN; empty when there is none."""
    log_type: str | None = None
    """Logz.io's ``type`` of every record. None: by each record's own log type."""
    parse_json: bool = False
    """True when the fields of a JSON message are sent as fields of the line too (Logz.io)."""
    bodies_in_flight: int | None = None
    """How many bodies may wait for their answers at a time; None for the default (Logz.io, OTLP)."""
    mark_table: str = ""
    """The table of marks and progress."""


_DESTINATION_KEYS = {
    "logzio": ("listener_url", "token_secret"),
    "otlp": ("endpoint", "headers_secret"),
    "archive": (None, None),
    "feed": (None, None),
}


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Return the checked environment.

    Raises
    ------
    ConfigurationError
        Naming every variable that is missing or wrong.
    """
    names = (
        "LOGDOCK_DEPLOYMENT", "LOGDOCK_ACCOUNT", "LOGDOCK_EXPORTS_PATH", "LOGDOCK_ARCHIVE_BUCKET",
        "LOGDOCK_FAILURE_BUCKET",
    )  # fmt: skip
    faults = [f"{name} is not set" for name in names if not variables.get(name)]
    path = variables.get("LOGDOCK_EXPORTS_PATH", "")
    if path and not (path.startswith("/") and path.endswith("/")):
        faults.append("LOGDOCK_EXPORTS_PATH does not begin and end with a slash")
    if faults:
        raise ConfigurationError("; ".join(faults))
    return Environment(
        deployment=variables["LOGDOCK_DEPLOYMENT"],
        account=variables["LOGDOCK_ACCOUNT"],
        exports_path=path,
        archive_bucket=variables["LOGDOCK_ARCHIVE_BUCKET"],
        failure_bucket=variables["LOGDOCK_FAILURE_BUCKET"],
        own_log_group=variables.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
        default_landing_bucket=variables.get("LOGDOCK_DEFAULT_LANDING_BUCKET", ""),
    )


def read_destination(variables: Mapping[str, str]) -> Destination:
    """Return the checked destination out of ``LOGDOCK_DESTINATION`` and ``LOGDOCK_MARK_TABLE``.

    Raises
    ------
    ConfigurationError
        When it is missing, not JSON, of an unknown kind, or lacks what its kind needs. Plain HTTP is refused but on
        loopback.
    """
    try:
        raw: Any = orjson.loads(variables.get("LOGDOCK_DESTINATION", ""))
    except orjson.JSONDecodeError:
        raise ConfigurationError("LOGDOCK_DESTINATION is not JSON") from None
    if not isinstance(raw, dict) or raw.get("kind") not in list(_DESTINATION_KEYS) or not raw.get("name"):
        raise ConfigurationError(f"LOGDOCK_DESTINATION: wants a name and a kind out of {', '.join(_DESTINATION_KEYS)}")
    url_key, secret_key = _DESTINATION_KEYS[raw["kind"]]
    url = str(raw.get(url_key) or "") if url_key else ""
    secret = str(raw.get(secret_key) or "") if secret_key else ""
    if url_key and not _is_safe(url):
        raise ConfigurationError(f"LOGDOCK_DESTINATION: {url_key} is not an https URL")
    if raw["kind"] == "logzio" and not secret:
        raise ConfigurationError("LOGDOCK_DESTINATION: token_secret is not set")
    if not variables.get("LOGDOCK_MARK_TABLE"):
        raise ConfigurationError("LOGDOCK_MARK_TABLE is not set")
    bodies = raw.get("bodies_in_flight")
    # `type`, because True is an int to `isinstance`
    if bodies is not None and not (type(bodies) is int and bodies >= 1):
        raise ConfigurationError("LOGDOCK_DESTINATION: bodies_in_flight is not a positive number")
    log_type = raw.get("type") or None
    return Destination(
        name=str(raw["name"]),
        kind=raw["kind"],
        url=url,
        secret=secret,
        log_type=log_type,
        parse_json=raw.get("parse_json") is True,
        bodies_in_flight=bodies,
        mark_table=variables["LOGDOCK_MARK_TABLE"],
    )


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in ("127.0.0.1", "localhost")))
