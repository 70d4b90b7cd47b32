"""Hostile input: every detector, parser and counter on what costs it most, against the plain case, from 1 to 16 MiB.

Each subject runs in this process, once per size: it is CPU time that counts, and the growth shows what is not linear.
"""

import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import inputs, report_progress
from benchmarks.shipper import DETECTORS, ROOT

MIB = 1024 * 1024
SIZES = (1, 4, 16)
MOST_OF_PLAIN = 5
"""What a byte of any input may cost, beside the plain case."""
MAX_SECONDS = 3.0
"""A size that would take longer than this is not measured, so that the part ends within two minutes."""
DETECTED = {
    "email": b"a@b.co ",
    "email, no domain": b"a@",
    "email, no top level": b"a@a.",
    "email, quoted": b'"@',
    "email, run": b"a",
    "ipv4": b"1.1.1.1 ",
    "ipv4, run": b"1.",
    "ipv4, longer run": b"22.",
    "ipv4, versions": b"1.1.1 ",
    "ipv6": b"::1 ",
    "ipv6, run": b"::1",
    "ipv6, colons": b":",
    "ipv6, times": b"12:34:56 ",
    "payment-card": b"4111111111111111,",
    "payment-card, grouped": b"4111 1111 1111 1111 ",
    "payment-card, digits": b"4 ",
    "payment-card, run": b"4",
    "payment-card, numbers": b'{"n":4111111111111111}\n',
    "aws-key": b"AKIAIOSFODNN7EXAMPLE ",
    "aws-key, run": b"A",
    "aws-key, names": b"secretkey=",
    "bearer-token": b"bearer aaaaaaaa ",
    "bearer-token, schemes": b"basic ",
    "percent": b"%41",
    "percent, nested": b"%252541",
    "escapes": b"\\u0041",
    "escapes, nested": b"\\\\\\\\\\u0041",
    "backslashes": b"\\",
    "quotes": b'\\"',
    "marks": "‹x›".encode(),
    "open marks": "‹".encode(),
    "nested marks": "‹‹x››".encode(),
    "email, sentences": b"a@b.co. ",
    "email, quoted local part": b'"a"@b.co ',
    "email, encoded": b"a%40b.co ",
    "email, escaped": b'{"a":"a@b.co\\n"}\n',
    "ipv4, ports": b"1.1.1.1:8 ",
    "ipv6, encoded": b"%3a%3a1 ",
    "ipv6 and percent": b"::1%41 ",
    "payment-card, UnionPay": b"6200 ",
    "payment-card, dots": b"4111.1111.1111.1111 ",
    "percent, pieces": b"%41,",
    "escapes, pieces": b"\\n,",
    "three kinds": b"1.1.1.1 a@b.co ::1 ",
    "ipv6, zones": b"::1%",
    "escapes and addresses": b"\\a@b.co\\n",
    "marks, escaped": '{"a":"›\\u2039x"}\n'.encode(),
    "marks, escaped, quotes": b'\\u2039"',
    "marks, escaped, unknown escapes": '\\×"x\\u203a'.encode(),
    "marks, escaped, nested": '›"\\u203a\\'.encode(),
    "marks, escaped, no JSON": b'{"a":"{"a":} \\u203ab"}\n',
    "ipv6, percent": b".%f::11",
    "ipv4, behind escapes": b"1.1.1.1\\n",
    "joined": b"a@b.coa@b.co4b",
    "joined, encoded": b":a@b.coa@b.co%3a",
    "ipv6, links and escapes": b"fe80::1%20\\u005c\\u0040e5",
    "ipv6, percent signs": b"%::1}",
    "ipv6, encoded controls": b'{"a":"0%0ffe80::1"}\n',
    "ipv6, joined": b'{"a":"1e::11.1.1.1"}\n',
    "ipv4, joined": b"1.1.1.1f2",
    "email, escapes": b'{"a":"a@b.co4\\u0041\\n"}\n',
    "payment-card, no JSON": b"4111111111111111{+],",
    "payment-card, string of no JSON": b'{"a": "[4111 1111 1111 1111\\n"}\n',
    "payment-card and addresses": b'{"a":"4111 1111 1111 1111\\u0041fe80::1a@b.co"}\n',
    "marks, escaped, backslashes": "†\\u2039\\\\x".encode(),
}
VARIED: dict[str, Callable[[random.Random], str]] = {
    "email": lambda chance: _email(chance),
    "ipv4": lambda chance: _ipv4(chance),
    "ipv6": lambda chance: _ipv6(chance),
    "payment-card": lambda chance: _card(chance),
    "payment-card, grouped": lambda chance: " ".join(re.findall("....", _card(chance))),
    "payment-card, numbers": lambda chance: f'{{"n":{_card(chance)}}}',
    "payment-card, digits": lambda chance: " ".join(str(chance.randrange(10)) for _ in range(20)),
    "payment-card, U+00A0": lambda chance: "\xa0".join(str(chance.randrange(10)) for _ in range(20)),
    "payment-card, Maestro": lambda chance: "5 0 1 8 " + " ".join(str(chance.randrange(10)) for _ in range(16)),
    "payment-card, letters": lambda chance: f"x{_card(chance)}x",
    "payment-card, fractions": lambda chance: f'{{"n":{_card(chance)}.5}}',
    "payment-card, in fractions": lambda chance: f'{{"n":1234567890123.{_card(chance)}}}',
    "payment-card, exponents": lambda chance: f"[{_card(chance)}e-5,-{_card(chance)}]",
    "payment-card, escapes": lambda chance: f'{{"a":"\\n{_card(chance)}"}}',
    "payment-card, beside escapes": lambda chance: f'{{"n":{_card(chance)},"a":"x\\n"}}',
    "payment-card, nested": lambda chance: f'{{"a":"{{\\"n\\":{_card(chance)}}}"}}',
    "payment-card, groups": lambda chance: " ".join(str(chance.randrange(10 ** (i % 7 + 1))) for i in range(10)),
    "payment-card, string": lambda chance: f'{{"a":"{" ".join(str(chance.randrange(10)) for _ in range(20))}"}}',
    "aws-key": lambda chance: "AKIA" + _letters(chance, 16).upper(),
    "email, encoded": lambda chance: f"{_letters(chance, 1)}%40{_letters(chance, 1)}.{_letters(chance, 2)}",
    "email, quoted local part": lambda chance: f'"{_letters(chance, 1)}"@{_letters(chance, 1)}.{_letters(chance, 2)}',
    "ipv6, encoded": lambda chance: f"{chance.randrange(4096):x}%3a%3a{chance.randrange(4096):x}",
    "payment-card, dots": lambda chance: ".".join(re.findall("....", _card(chance))),
    "joined": lambda chance: "".join(f"{_email(chance)}{chance.randrange(9)}" for _ in range(20)),
    "email, behind escapes": lambda chance: "".join(f"\\{_email(chance)}\\n" for _ in range(20)),
    "email, JSON in a string": lambda chance: f'{{"a":"{{\\"b\\":\\"{_email(chance)}\\"}}"}}',
    "ipv4, behind escapes": lambda chance: "\\n".join(_ipv4(chance) for _ in range(20)),
    "ipv4, joined": lambda chance: "f2".join(_ipv4(chance) for _ in range(20)),
    "ipv6, zones": lambda chance: "%".join(_ipv6(chance) for _ in range(20)),
    "percent": lambda chance: "".join(f"%{chance.randrange(32, 37):x}" for _ in range(20)),
    "escapes": lambda chance: "".join(f"\\u00{chance.randrange(64, 128):x}" for _ in range(20)),
}
PARSED = {
    "mongodb": b'{"t":{"$date":',
    "cockroachdb": b"I260304 05:06:07.123456 1 ",
    "docker-json": b'{"log":"',
    "json-lines": b'{"a":[',
    "aurora-audit": b"1,'",
    "rds": b"2026-03-04 05:06:07 UTC:[1]:",
    "plain": b"2026-03-04T05:06:07Z ",
    "json": b'{"a":[{',
    "cloudtrail": b'{"Records":[{',
    "csv": b'a,"',
    "alb": b'http 2026-03-04T05:06:07Z "',
    "vpc-flow": b"2 1 - ",
    "archive": b'{"time":"',
}
COUNTED = {"failed logins": b'{"atype":"authenticate",', "failed logins, short": b'{"atype":"authenticate"}\n'}


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=count))


def _email(chance: random.Random) -> str:
    return f"{_letters(chance, 1)}@{_letters(chance, 1)}.{_letters(chance, 2)}"


def _ipv4(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(256)) for _ in range(4))


def _ipv6(chance: random.Random) -> str:
    return f"{chance.randrange(4096):x}::{chance.randrange(4096):x}"


def _card(chance: random.Random) -> str:
    digits = f"4{chance.randrange(10**14):014}"
    doubled = [int(digit) * (2 - i % 2) for i, digit in enumerate(digits)]
    return digits + str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def _varied(make: Callable[[random.Random], str]) -> bytes:
    """Return 64 KiB of values that differ, a line each: what is found is no help for what follows."""
    chance = random.Random(7)  # noqa: S311 - reproducible input, not a secret
    lines: list[str] = []
    size = 0
    while size < 64 * 1024:
        lines.append(make(chance) + "\n")
        size += len(lines[-1])
    return "".join(lines).encode()


def subjects() -> Iterator[tuple[str, bytes, Callable[[bytes], object]]]:
    """Yield each subject: its name, what its input repeats, and what is run."""
    from log_shipper.reading import read_blocks
    from log_shipper.record import Origin
    from log_shipper.redaction import Redactor
    from log_shipper.telemetry import Tally
    from log_shipper.vendors.mongodb_atlas.parser import counting_failed_logins

    redactor = Redactor("redact", tuple(DETECTORS))
    origin = Origin("2026-03-04T05:06:07Z", "x")

    def redact(data: bytes) -> object:
        return redactor.redact_lines(data) or redactor.redact(data.decode())

    def read(name: str) -> Callable[[bytes], object]:
        def run(data: bytes) -> object:
            pieces = (data[at : at + 128 * 1024] for at in range(0, len(data), 128 * 1024))
            for block in read_blocks(pieces, vendor="s3-logs", format_name=name, origin=origin):
                if not isinstance(block, list):
                    block.records()
            return None

        return run

    def count(data: bytes) -> object:
        return [*counting_failed_logins((data,), Tally())]

    lines = b"\n".join(inputs.mongodb_lines(MIB // inputs.LINE_BYTES)) + b"\n"
    yield "plain, redacted", lines, redact
    yield "plain, parsed", lines, read("mongodb")
    yield "plain, counted", lines, count
    for name, unit in DETECTED.items():
        yield f"redact {name}", unit, redact
    for name, make in VARIED.items():
        yield f"redact {name}, varied", _varied(make), redact
    for name, unit in PARSED.items():
        yield f"parse {name}", unit, read(name)
    for name, unit in COUNTED.items():
        yield f"count {name}", unit, count


def measure(_: Path) -> dict[str, Any]:
    """Return CPU milliseconds per MiB of each subject and size, and their growth from the first size to the last."""
    sys.path.insert(0, str(ROOT / "lambda_src" / "log_shipper"))
    rows: list[dict[str, Any]] = []
    for subject in [*subjects()][:3]:
        # what is imported and compiled when it is first used is no cost of the plain case
        subject[2](subject[1])
    for name, unit, run in subjects():
        report_progress(f"hostile: {name}")
        per_mib: dict[str, float] = {}
        for mib in SIZES:
            data = unit * (mib * MIB // len(unit))
            begun = time.process_time()
            run(data)
            seconds = time.process_time() - begun
            per_mib[str(mib)] = seconds * 1000 / mib
            if seconds * 4 > MAX_SECONDS:
                break
        figures = list(per_mib.values())
        rows.append({"subject": name, "ms_per_mib": per_mib, "growth": figures[-1] / max(figures[0], 1.0)})
    plain = max(max(row["ms_per_mib"].values()) for row in rows if row["subject"].startswith("plain"))
    for row in rows:
        row["times_plain"] = max(row["ms_per_mib"].values()) / plain
    return {"rows": rows, "plain_ms_per_mib": plain}


def show(result: dict[str, Any]) -> list[str]:
    """Return the table's lines, the most expensive first."""
    lines = [f"hostile input, CPU ms per MiB ({'/'.join(map(str, SIZES))} MiB); growth; times the plain case"]
    for row in sorted(result["rows"], key=lambda row: -row["times_plain"]):
        figures = " ".join(f"{figure:8.1f}" for figure in row["ms_per_mib"].values())
        over = "  more than allowed" if row["times_plain"] > MOST_OF_PLAIN else ""
        lines.append(f"{figures:26} {row['growth']:6.2f} {row['times_plain']:6.1f}  {row['subject']}{over}")
    return lines
