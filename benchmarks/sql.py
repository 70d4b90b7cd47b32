"""The queries of docs/sql.md over one archive in three forms: as small objects, as compacted objects, and as Parquet.

`logdock sql` reads each, a whole command in a fresh process, from an S3 that answers after 30 ms and counts. The third
form is the second with `sql.format: parquet`, the files of which DuckDB writes here in Athena's place: the same columns
of the same lines, one file for each export and day. The tenth query reads what Atlas landed, which no form changes.
"""

import http.client
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from isal import igzip

from benchmarks import report_progress
from benchmarks.inputs import mongodb_lines
from benchmarks.search import ACCOUNT, LATENCY_SECONDS

ROOT = Path(__file__).parents[1]
DAYS = [f"2026-11-{day}" for day in range(14, 18)]
PARTS_AN_HOUR, LINES_A_PART = 6, 100
EXPORTS = {"orders": "mongodb-atlas", "ledger": "cockroachdb", "billing": "aurora-mysql", "trail": "s3-logs"}
SETTINGS = f"""\
deployment: bench
account: "{ACCOUNT}"
region: us-east-1
exports:
  - name: orders
    kind: mongodb-atlas
    project_id: 5e2211c17a3e5a48f5497de3
    atlas_principal_arn: arn:aws:iam::772401394250:root
    external_id: 9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64
    ship_to: [archive]
  - name: ledger
    kind: cockroachdb
    cluster_id: f78b7feb-b6cf-4396-9d7f-494982d7d81e
    cluster_account_id: "222233334444"
    external_id: 6d1f0c5be8a14c6f9f0d2b7a
    log_group: /acme/cockroach/ledger
  - {{name: billing, kind: aurora-mysql, cluster_id: billing, parameter_group: billing-params}}
  - {{name: trail, kind: s3-logs, services: [cloudtrail], ship_to: [archive]}}
"""
COLUMNAR = "archive: {compact: true}\nsql: {format: parquet}\n"
ARCHIVE_BUCKET = f"bench-archive-{ACCOUNT}-us-east-1"
ETAG = '"e"'
"""Of every object of the S3 here."""
FORMS = ("small objects", "compacted", "columnar")
Figures = dict[str, Any]


def queries() -> dict[str, str]:
    """Return the queries of the page that read the archive, by their questions."""
    page = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    found = re.findall(r"^(\S[^\n]*)\n```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return {question: text for question, text in found if "FROM archive" in text}


def measure(folder: Path) -> dict[str, Any]:
    """Ask every query of every form, and compare the answers."""
    report_progress("sql: an archive of four days")
    small, compacted, columnar = (folder / name for name in ("small", "compacted", "columnar"))
    lines = fill(small)
    compact(small, compacted)
    shutil.copytree(compacted, columnar)
    _run(["-m", "benchmarks.sql", str(columnar)], folder, {})
    result: dict[str, Any] = {
        "lines": lines,
        "archive": {
            form: _size(each) for form, each in zip(FORMS, (small, compacted, columnar / "columns"), strict=True)
        },
        "queries": {},
    }
    answers: dict[str, dict[str, list[Any]]] = {}
    for form, objects in zip(FORMS, (small, compacted, columnar), strict=True):
        (folder / "logdock.yaml").write_text(SETTINGS + (COLUMNAR if objects is columnar else ""))
        with S3(objects) as s3:
            for question, text in queries().items():
                report_progress(f"sql, {form}: {question}")
                figures, rows = _of_objects(text, s3, folder)
                result["queries"].setdefault(question, {})[form] = figures
                answers.setdefault(question, {})[form] = rows
    for question, by_form in answers.items():
        if len({json.dumps(rows) for rows in by_form.values()}) != 1:
            raise SystemExit(f"the forms answer differently: {question}")
    return result


def fill(folder: Path) -> int:
    """Write the archive as the archiver does; return how many lines there are."""
    chance, lines = random.Random(3), 0  # noqa: S311 - reproducible input, not a secret
    originals = mongodb_lines(len(DAYS) * 24 * PARTS_AN_HOUR * LINES_A_PART)
    for export, vendor in EXPORTS.items():
        messages = iter(_messages(export, originals))
        for day in DAYS:
            for hour in range(24):
                path = folder / "logs" / export / f"dt={day}" / f"hour={hour:02}"
                path.mkdir(parents=True)
                for part in range(PARTS_AN_HOUR):
                    rows = []
                    for number, (log_type, message, fields) in enumerate(islice(messages, LINES_A_PART)):
                        second = (part * LINES_A_PART + number) * 3600 // (PARTS_AN_HOUR * LINES_A_PART)
                        row = {
                            "time": f"{day}T{hour:02}:{second // 60:02}:{second % 60:02}.{chance.randrange(1000):03}Z",
                            "export": export, "vendor": vendor, "log_type": log_type,
                            "source": f"cloudwatch:/acme/{export}/a", "message": message,
                        }  # fmt: skip
                        rows.append(orjson.dumps({**row, "fields": fields} if fields else row) + b"\n")
                    name = f"{1_795_219_200_000 + part:013d}-{chance.getrandbits(64):016x}.json.gz"
                    (path / name).write_bytes(igzip.compress(b"".join(rows), 1))
                    lines += len(rows)
    return lines


def compact(small: Path, compacted: Path) -> None:
    """Write each hour as compaction does: the members of its parts, one after the other."""
    for hour in sorted(small.glob("logs/*/*/*")):
        path = compacted / hour.relative_to(small)
        path.mkdir(parents=True)
        (path / "compacted-000001.jsonl.gz").write_bytes(b"".join(part.read_bytes() for part in sorted(hour.iterdir())))


def _messages(export: str, originals: list[bytes]) -> list[tuple[str, str, dict[str, str]]]:
    """Return log types, messages and fields of an export's lines, one for each original."""
    chance = random.Random(export)  # noqa: S311
    users = [f"user{number}" for number in range(200)] + ["alice"]
    found: list[tuple[str, str, dict[str, str]]] = []
    for line in originals:
        user, address = chance.choice(users), f"10.{chance.randrange(256)}.{chance.randrange(256)}.9"
        if export == "orders" and chance.random() < 0.1:
            audit = {
                "atype": "authenticate", "ts": {"$date": "x"}, "uuid": f"{chance.getrandbits(128):032x}",
                "remote": {"ip": address, "port": chance.randrange(65536)}, "param": {"user": user, "db": "stocks"},
                "result": chance.choice((0, 0, 0, 18)),
            }  # fmt: skip
            found.append(("mongodb-audit-log", json.dumps(audit), {}))
        elif export == "orders":
            space = f"stocks.{chance.choice(('trades', 'users', 'quotes'))}"
            found.append(("mongodb", line.decode().replace("stocks.trades", space), {}))
        elif export == "ledger":
            channel = chance.choices(("SESSIONS", "SQL_EXEC", "SQL_SCHEMA", "USER_ADMIN"), (40, 58, 1, 1))[0]
            event = {"EventType": "x", "User": user, "Statement": line.decode()[7:300], "Tag": "SELECT"}
            found.append((channel, json.dumps({"channel": channel, "event": event, "tenant_id": 1}), {}))
        elif export == "billing":
            operation = chance.choice(("CONNECT", "QUERY", "QUERY", "QUERY"))
            columns = {
                "username": user,
                "host": address,
                "operation": operation,
                "object": f"'{line.decode()[60:300]}'",
            }
            found.append(("audit", ",".join(columns.values()), columns))
        else:
            call = {
                "eventName": chance.choice(("GetObject", "PutObject", "StartInstances")),
                "eventID": f"{chance.getrandbits(128):032x}",
                "userIdentity": {"arn": f"arn:aws:iam::{ACCOUNT}:user/{user}"}, "sourceIPAddress": address,
                "requestParameters": {"bucketName": "x", "key": line.decode()[:600]},
            }  # fmt: skip
            if chance.random() < 0.02:
                call["errorCode"] = "AccessDenied"
            found.append(("cloudtrail", json.dumps(call), {}))
    return found


def _size(folder: Path) -> dict[str, float]:
    files = [each for each in folder.rglob("*") if each.is_file()]
    return {"objects": len(files), "megabytes": sum(each.stat().st_size for each in files) / 1e6}


class S3:
    """A bucket with the objects of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "S3":
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "benchmarks.search_outside", str(self._folder), str(LATENCY_SECONDS)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def counted(self) -> dict[str, int]:
        """Return what has been asked for since the last time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/counted")
        counts: dict[str, int] = json.load(connection.getresponse())
        return counts


def _run(command: list[str], folder: Path, environment: dict[str, str], stdin: str = "") -> tuple[str, Figures]:
    python_path = os.pathsep.join(map(str, (ROOT, *(ROOT / "lambda_src").iterdir())))
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(  # noqa: S603 - this interpreter, this project
        [sys.executable, *command],
        env=os.environ | {"PYTHONPATH": python_path} | environment,
        cwd=folder, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr[-2000:]}")
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, {"seconds": seconds, "cpu": cpu}


def _of_objects(text: str, s3: S3, folder: Path) -> tuple[Figures, list[Any]]:
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{s3.port}", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null",
    }  # fmt: skip
    s3.counted()
    printed, taken = _run(["-m", "logdock", "sql", "--output", "json", "-"], folder, environment, text)
    counts = s3.counted()
    figures = {"bytes": counts.get("bytes", 0), "gets": counts.get("get", 0), "lists": counts.get("list", 0)}
    return taken | figures, _comparable(map(json.loads, printed.splitlines()))


def _comparable(rows: Iterator[dict[str, Any]]) -> list[Any]:
    """Return rows in an order of their own; what is approximate differs with the order of the lines."""
    exact = [{name: value for name, value in row.items() if not name.startswith("p99")} for row in rows]
    return sorted(exact, key=json.dumps)


def _write(folder: Path) -> None:
    """Copy each day of an export as a statement of Athena does."""
    import duckdb
    from log_shipper.columns import COLUMNS, OBJECT, File, Index, Run, write_index

    from logdock.settings.sql import ARCHIVE

    types = {"string": "VARCHAR", "map<string,string>": "MAP(VARCHAR, VARCHAR)"}
    declared = ", ".join(f"'{name}': '{types[kind]}'" for name, kind in ARCHIVE.columns.items())
    with duckdb.connect() as connection:
        for day in sorted(folder.glob("logs/*/*")):
            keys = [str(file.relative_to(folder)) for file in sorted(day.glob("*/*"))]
            run = Run(day.parent.name, day.name.removeprefix("dt="), 1_795_300_000, "0" * 16, len(keys))
            file = folder / run.prefix / "0.parquet"
            file.parent.mkdir(parents=True)
            connection.execute(
                f"COPY (SELECT {', '.join(COLUMNS)}, "  # noqa: S608
                f"replace(filename, '{folder}', 's3://{ARCHIVE_BUCKET}') AS {OBJECT} "
                f"FROM read_json('{day}/*/*.gz', format = 'newline_delimited', filename = true, "
                f"hive_partitioning = true, hive_types = {{dt: VARCHAR, hour: VARCHAR}}, columns = {{{declared}}})) "
                f"TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
            )
            index = Index(dict.fromkeys(keys, ETAG), (File(f"{run.prefix}{file.name}", file.stat().st_size, ETAG),))
            (folder / run.index_key).parent.mkdir(parents=True, exist_ok=True)
            (folder / run.index_key).write_bytes(write_index(index))


def show(result: dict[str, Any]) -> list[str]:
    """Return the table's lines."""
    sizes = ", ".join(
        f"{form} {size['objects']:,.0f} of {size['megabytes']:.1f} MB" for form, size in result["archive"].items()
    )
    rows = [f"sql over {result['lines']:,} lines: {sizes}"]
    rows.append("".join(f"{form:>34}" for form in FORMS))
    rows.append(f"{'s':>10}{'CPU s':>8}{'MB':>8}{'GETs':>8}" * len(FORMS))
    for question, by_form in result["queries"].items():
        rows.append(
            "".join(
                f"{f['seconds']:10.2f}{f['cpu']:8.2f}{f['bytes'] / 1e6:8.2f}{f['gets']:8,}" for f in by_form.values()
            )
            + f"  {question}"
        )
    return rows


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
