"""An export's own settings, read as data from Parameter Store, so that adding an export never changes a function.

The document is checked whole before it is used: an invocation that cannot read or understand it fails and is retried;
it never ships with less redaction than was asked for.
"""

import base64
import contextlib
import hashlib
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import RLock
from typing import Any, NamedTuple

import orjson

from log_shipper import parallel
from log_shipper.detectors import DETECTORS
from log_shipper.errors import ConfigurationError, ShipperError, UnknownExportError
from log_shipper.line_readers import FORMATS, JOINABLE_FORMATS, VENDOR_FORMATS
from log_shipper.patterns import Filter, Pattern, compile_pattern
from log_shipper.redaction import MARKERS, Redactor, fingerprint
from log_shipper.rendering import RESERVED_FIELDS

OVERSIZE = ("split", "truncate", "quarantine")
MAX_EXPANSION = 250
"""The default of `max_expansion`; logs are rarely compressed to less than a hundredth."""
TIME_TO_LIVE_SECONDS = 180.0
JITTER = 0.2
"""How much sooner than that a configuration may be too old."""
REFRESH_SECONDS = 60.0
"""How long before it is too old it is read again in the background."""
RELOAD_SECONDS = 5.0
"""How old a held configuration must be to be read again before it refuses something."""
_LOG_GROUPS = {"log_groups", "log_group_names", "log_group_prefixes", "account"}
_EXPORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PATH_FIELDS = re.compile(r"[^{}]*(?:\{[A-Za-z_][A-Za-z0-9_]*\}[^{}]*)+", re.DOTALL)


class BucketLanding(NamedTuple):
    """The bucket that an export lands in, and the prefix of its keys: empty where the whole bucket is the export's."""

    bucket: str
    prefix: str = ""


class LogGroupLanding(NamedTuple):
    """The log groups that an export lands in, as `log_group_digest` writes their names, and prefixes of names.

    ``account`` is the account that has them; empty for the deployment's own.
    """

    log_groups: frozenset[str]
    log_group_prefixes: tuple[str, ...] = ()
    account: str = ""


def log_group_digest(name: str) -> str:
    """Return 12 characters that stand for a log group's name: a hundred names would not fit into a parameter."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()[:9]).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """What the shipper has to know about one export."""

    name: str
    vendor: str
    format_name: str
    """`name`, `vendor`, `format_name`: The export, whose logs they are, and how to read them (``auto``: by vendor and
    content)."""
    redactor: Redactor
    filter: Filter
    """`redactor`, `filter`: Applied to every record before anything is stored or sent."""
    reader: str
    """Changes when the way does in which an object's records are counted."""
    policy: str
    """Changes when redaction or filters do: archive objects carry it, so that shipping them on need not redact
    twice."""
    decryption_keys_secret: str | None
    """The secret with the keys of a client-side encrypted export."""
    path_fields: str | None
    """Names for the segments of a source key, as in ``{prefix}/{cluster}/{host}``."""
    record_start: Callable[[str], bool] | None
    """Matches lines that begin a record; the others are joined to the one before."""
    oversize: str
    """What happens to a message longer than a destination takes: ``split``, ``truncate`` or ``quarantine``."""
    max_expansion: int
    """How many times its stored size an object may expand to, beyond the first 64 MiB."""
    landing: BucketLanding | LogGroupLanding | None
    """Where the export lands. None in a document of the first release, which does not say."""
    ship_to: frozenset[str] | None
    """The destinations that it is shipped to. None in a document of the first release."""
    log_type: str | None
    """Logz.io's ``type`` of every record, before what the destination says."""
    keys: Filter
    """Says by its key whether an object of the landing bucket is wanted."""


def parse_export_config(name: str, document: bytes | str) -> ExportConfig:
    """Return the checked configuration of one export.

    Raises
    ------
    ConfigurationError
        With every fault of the document, each with its path and what is allowed.
    """
    try:
        raw = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise ConfigurationError(f"export {name!r}: the configuration is not JSON") from None
    if not isinstance(raw, dict):
        raise ConfigurationError(f"export {name!r}: the configuration is not a JSON object")
    check = _Checker(raw)
    vendor = check.choice(raw, "vendor", tuple(VENDOR_FORMATS), None)
    format_name = check.choice(raw, "format", FORMATS, "auto")
    oversize = check.choice(raw, "oversize", OVERSIZE, "split")
    max_expansion = check.positive(raw, "max_expansion", MAX_EXPANSION)
    redaction = raw.get("redaction") or {}
    if not isinstance(redaction, dict):
        check.faults.append("redaction: not an object")
        redaction = {}
    check.unknown_keys(redaction, {"markers", "detectors", "patterns"}, "redaction.")
    markers = check.choice(redaction, "markers", MARKERS, "keep")
    detectors = check.texts(redaction, "detectors")
    check.faults += [
        f"redaction.detectors: {d!r} is not one of {', '.join(DETECTORS)}" for d in detectors if d not in DETECTORS
    ]
    patterns = check.patterns(redaction.get("patterns") or [])
    include, exclude = check.texts(raw, "include"), check.texts(raw, "exclude")
    include_keys, exclude_keys = check.texts(raw, "include_keys"), check.texts(raw, "exclude_keys")
    secret, record_start = check.text(raw, "decryption_keys_secret"), check.text(raw, "record_start")
    path_fields, log_type = check.text(raw, "path_fields"), check.text(raw, "log_type")
    check.faults += _faults_of_path(path_fields) if path_fields is not None else []
    landing = check.landing(raw.get("landing"))
    ship_to = frozenset(check.texts(raw, "ship_to")) if "ship_to" in raw else None
    if record_start is not None and (VENDOR_FORMATS.get(vendor) != "auto" or format_name not in JOINABLE_FORMATS):
        check.faults.append(f"record_start: only for lines of {', '.join(JOINABLE_FORMATS)}")
    check.unknown_keys(
        raw,
        {
            "vendor", "format", "redaction", "include", "exclude", "decryption_keys_secret", "path_fields",
            "record_start", "oversize", "max_expansion", "landing", "ship_to", "log_type", "include_keys",
            "exclude_keys",
        },
        "",
    )  # fmt: skip
    if check.faults:
        raise ConfigurationError(f"export {name!r}: " + "; ".join(check.faults))
    starts = compile_pattern("record_start", record_start) if record_start else None
    # where an object is cut decides how its records are counted
    limit = f"/{max_expansion}" if max_expansion != MAX_EXPANSION else ""
    return ExportConfig(
        name=name,
        vendor=vendor,
        format_name=format_name,
        redactor=Redactor(markers, detectors, patterns),
        filter=Filter(include, exclude),
        reader=f"{vendor}/{format_name}/{fingerprint(record_start)}/4{limit}",
        # the number changes when redaction itself finds more: what was archived before is then redacted again
        policy=fingerprint(markers, detectors, patterns, include, exclude, 3),
        decryption_keys_secret=secret,
        path_fields=path_fields,
        record_start=(lambda line: starts.search(line.encode()) is not None) if starts else None,
        oversize=oversize,
        max_expansion=max_expansion,
        landing=landing,
        ship_to=ship_to,
        log_type=log_type,
        keys=Filter(include_keys, exclude_keys, of="_keys"),
    )


def _faults_of_path(pattern: str) -> list[str]:
    if not _PATH_FIELDS.fullmatch(pattern):
        return ["path_fields: no {name} in it, or an unmatched brace"]
    names = [name for name in re.findall(r"\{(\w+)\}", pattern) if name != "_"]
    reserved = [name for name in names if name in RESERVED_FIELDS]
    repeated = sorted({name for name in names if names.count(name) > 1})
    return [
        *(f"path_fields: {name!r} is a name that every record has" for name in reserved),
        *(f"path_fields: {name!r} is there twice" for name in repeated),
    ]


class _Held(NamedTuple):
    """A configuration that was read: used ``until``, and from ``refresh_at`` on read again in the background."""

    config: ExportConfig
    read_at: float
    refresh_at: float
    until: float


class ExportConfigs:
    """Reads exports' documents and keeps each for three minutes at most, so that a change is seen without a deploy.

    In its last minute a document is read again in the background while the held one is used. When each is due is
    spread: environments that began together would otherwise ask together, and Parameter Store answers 40 a second by
    default (AWS General Reference, "AWS Systems Manager endpoints and quotas").

    Parameters
    ----------
    fetch : callable
        Returns the document of an export's name, or raises.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, fetch: Callable[[str], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._held: dict[str, _Held] = {}
        self._reading: defaultdict[str, RLock] = defaultdict(RLock)

    def checked(self, name: str, check: Callable[[ExportConfig], None]) -> ExportConfig:
        """Return an export's configuration once it has passed a check.

        What a held configuration refuses may have been deployed a moment ago: it is read again before it refuses.

        Raises
        ------
        ShipperError
            Whatever the check raises of the current configuration.
        """
        config = self.get(name)
        try:
            check(config)
        except ShipperError:
            with self._reading[name]:
                held = self._held[name]
                if held.config is config:
                    if held.read_at + RELOAD_SECONDS > self._clock():
                        raise
                    del self._held[name]
                    held = self._read(name)
            check(held.config)
            return held.config
        return config

    def get(self, name: str) -> ExportConfig:
        """Return an export's configuration.

        Raises
        ------
        ConfigurationError
            When it cannot be read or is wrong. A copy that is older than three minutes is not used in its place.
        """
        if not _EXPORT_NAME.fullmatch(name):
            raise UnknownExportError(f"{name[:80]!r} is not a name an export can have")
        held, now = self._held.get(name), self._clock()
        if held is None or now >= held.until:
            with self._reading[name]:  # an export's objects are opened side by side, and its document is read once
                held = self._held.get(name)
                if held is None or self._clock() >= held.until:
                    held = self._read(name)
        elif now >= held.refresh_at:
            self._held[name] = held._replace(refresh_at=held.until)
            parallel.start(self._refresh, name)
        return held.config

    def _read(self, name: str) -> _Held:
        read_at = self._clock()
        config = parse_export_config(name, self._fetch(name))
        until = read_at + TIME_TO_LIVE_SECONDS * (1 - JITTER * random.random())  # noqa: S311
        held = self._held[name] = _Held(config, read_at, until - REFRESH_SECONDS, until)
        return held

    def _refresh(self, name: str) -> None:
        # what cannot be read now is read, or refused, when the held one is too old
        with contextlib.suppress(ShipperError), self._reading[name]:
            self._read(name)


class _Checker:
    """Collects every fault of a document instead of stopping at the first."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw, self.faults = raw, list[str]()

    def choice(self, raw: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str | None) -> str:
        value = raw.get(key, default)
        if value in allowed:
            return str(value)
        self.faults.append(f"{key}: {value!r} is not one of {', '.join(allowed)}")
        return ""

    def text(self, raw: Mapping[str, Any], key: str) -> str | None:
        value = raw.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self.faults.append(f"{key}: not a text")
        return None

    def positive(self, raw: Mapping[str, Any], key: str, default: int) -> int:
        value = raw.get(key, default)
        if type(value) is int and value > 0:
            return value
        self.faults.append(f"{key}: {value!r} is not a positive whole number")
        return default

    def texts(self, raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = raw.get(key) or []
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self.faults.append(f"{key}: not a list of texts")
        return ()

    def patterns(self, value: object) -> tuple[Pattern, ...]:
        patterns = []
        for i, item in enumerate(value if isinstance(value, list) else [value]):
            whole = isinstance(item, dict) and {"name", "regex"} <= set(item) <= {"name", "regex", "replacement"}
            if not whole or not all(isinstance(value, str) for value in item.values()):
                self.faults.append(f"redaction.patterns[{i}]: wants name, regex and, if wished, replacement")
                continue
            patterns.append(Pattern(item["name"], item["regex"], item.get("replacement")))
        return tuple(patterns)

    def landing(self, value: object) -> BucketLanding | LogGroupLanding | None:
        match value:
            case None:
                return None
            case {"bucket": str(bucket), **more} if more.keys() <= {"prefix"} and bucket:
                prefix = more.get("prefix", "")
                if isinstance(prefix, str):
                    return BucketLanding(bucket, prefix)
            case {**more} if more and more.keys() <= _LOG_GROUPS:
                named = {str(name): entry for name, entry in more.items()}
                groups, prefixes = self.texts(named, "log_groups"), self.texts(named, "log_group_prefixes")
                # CloudFormation computes no digest, so a plain template has the names themselves.
                digests = map(log_group_digest, self.texts(named, "log_group_names"))
                account = self.text(named, "account") or ""
                # everything begins with the empty string
                if all(prefixes):
                    return LogGroupLanding(frozenset([*groups, *digests]), prefixes, account)
        self.faults.append(
            "landing: wants a bucket and, if wished, its prefix, or log_groups, log_group_names and log_group_prefixes "
            "and, if wished, their account"
        )
        return None

    def unknown_keys(self, raw: Mapping[str, Any], known: set[str], path: str) -> None:
        self.faults += [f"{path}{key}: unknown" for key in raw if key not in known]
