"""MongoDB: structured mongod and mongos lines (4.4 and later), audit lines in MongoDB's or the OCSF schema, old text.

Events of Atlas's Activity Feed are JSON too, with ``created`` as their time (Administration API, "Return All Events
from One Project"); that they are exported in the form of the API is assumed: Atlas's pages do not say.

Sources: https://www.mongodb.com/docs/manual/reference/log-messages/ and
https://www.mongodb.com/docs/manual/reference/audit-message/ (``t.$date``, ``ts.$date``, OCSF ``time`` in milliseconds).
Atlas exports to ``{prefix}/{cluster}/{hostname}/{logType}/[{YYYY-MM-DD}/]{timestamp}-{logType}.log`` by its API's
description; its page "Export Logs to AWS S3 Buckets" names files, such as ``mongodb-audit-log.gz``. Both are read.
"""

import re
from collections.abc import Iterable, Iterator

from log_shipper import lenient_json, timestamps
from log_shipper.lines import MAX_LINE_BYTES
from log_shipper.parsers import plain
from log_shipper.record import JsonValue, Origin, Record
from log_shipper.telemetry import Tally

_FILE = re.compile(r"(?:.*[-_])?(mongo(?:db|s)(?:-audit-log)?)(?:\.log)?(?:\.gz)?", re.DOTALL)
_DATE_FOLDER = re.compile(r"\d{4}-\d\d-\d\d$")
_LEGACY = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}) ")
_LOGIN = b'"authenticate"'


def counting_failed_logins(pieces: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    """Pass an audit log on, and count the logins in it that failed: a ``result`` other than 0, in MongoDB's schema.

    Lines of more than 8 MiB are not looked into; Atlas writes none.
    """
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        yield piece
        first, feed, rest = piece.partition(b"\n")
        held.append(first)
        size += len(first)
        if feed:
            if size <= MAX_LINE_BYTES:
                tally.failed_logins += _failed_logins(b"".join(held))
            whole, _, last = rest.rpartition(b"\n")
            tally.failed_logins += _failed_logins(whole)
            held, size = [last], len(last)
        elif size > MAX_LINE_BYTES:
            held = []
    if size <= MAX_LINE_BYTES:
        tally.failed_logins += _failed_logins(b"".join(held))


def _failed_logins(lines: bytes) -> int:
    """Count failed logins in whole lines; only those that name the action are parsed, each once."""
    if b"result" not in lines and b"\\" not in lines:
        return 0
    count = 0
    position = lines.find(_LOGIN)
    while position >= 0:
        start = lines.rfind(b"\n", 0, position) + 1
        end = lines.find(b"\n", position)
        end = len(lines) if end < 0 else end
        count += _is_failed_login(lines[start:end])
        position = lines.find(_LOGIN, end)
    return count


def _is_failed_login(line: bytes) -> bool:
    if b"result" not in line and b"\\" not in line:
        return False
    try:
        # a user's name may hold any byte
        document = lenient_json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        return False
    if not (isinstance(document, dict) and document.get("atype") == "authenticate"):
        return False
    result = document.get("result")
    # extended JSON names the type
    if isinstance(result, dict):
        result = result.get("$numberInt", result.get("$numberLong"))
    return result not in (0, "0", None)


def log_type_of_key(key: str) -> str:
    """Return the log type that the file's name holds; else the folder above the file, or above its date folder."""
    *folders, file = key.split("/")
    if named := _FILE.fullmatch(file):
        return named[1]
    if folders and _DATE_FOLDER.match(folders[-1]):
        folders.pop()
    return folders[-1] if folders else "mongodb"


def parse(line: str, origin: Origin) -> Record:
    """Return the record of one structured, audit, OCSF or legacy line."""
    time = timestamps.opening(line)
    if time:
        return Record(line, time, origin.log_type)
    if line.startswith("{"):
        try:
            document = lenient_json.loads(line)
        except ValueError:
            return plain.unknown(line, origin)
        time = _time(document)
    else:
        legacy = _LEGACY.match(line)
        time = timestamps.normalise(legacy[1]) if legacy else None
    return Record(line, time, origin.log_type) if time else plain.unknown(line, origin)


def starts_record(line: str) -> bool:
    """Say whether a line begins a record: legacy logs continue one over lines without a time."""
    return line.startswith("{") or _LEGACY.match(line) is not None


def may_continue(line: str) -> bool:
    """Say whether a line's record may go on over the next lines: legacy text may, structured lines never do."""
    return _LEGACY.match(line) is not None


def _time(document: JsonValue) -> str | None:
    for name in ("t", "ts"):
        value = document.get(name)
        if isinstance(value, dict):
            date = value.get("$date")
            if isinstance(date, dict):
                date = date.get("$numberLong")
            if isinstance(date, str) and (time := timestamps.normalise(date)):
                return time
            if time := timestamps.from_plausible_epoch(date):
                return time
    ocsf, created = document.get("time"), document.get("created")
    if not isinstance(ocsf, str) and (time := timestamps.from_plausible_epoch(ocsf)):
        return time
    return timestamps.normalise(created) if isinstance(created, str) else None
