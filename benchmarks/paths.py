"""What each shape of input costs on its way to each destination, redacted or not, beside the friendly one."""

from pathlib import Path
from typing import Any

from isal import igzip

from benchmarks import inputs, report_progress
from benchmarks.shipper import DETECTORS, Bench

DESTINATIONS = ("logzio", "otlp")
REDACTION: dict[str, dict[str, Any]] = {"none": {}, "all": {"redaction": {"markers": "redact", "detectors": DETECTORS}}}
TINY_MB = 0.01
FRIENDLY = "json"
MOST_OF_FRIENDLY, MOST_OF_WRAPPED = 1.5, 1.25


def measure(folder: Path, runs: int, records: int) -> dict[str, Any]:
    """Measure every input, destination and redaction; return CPU seconds and what they are of the friendly path."""
    bench = Bench(folder, runs)
    bench.fill(records)
    tiny = inputs.shapes(TINY_MB)
    sizes: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for name, (vendor, data) in (inputs.shapes(records * inputs.LINE_BYTES / 1e6) | {"archive": ("", b"")}).items():
        if data:
            (folder / "landing%2Flanded.gz").write_bytes(igzip.compress(data, 1))
            (folder / "landing%2Flanded.gz.tiny").write_bytes(igzip.compress(tiny[name][1], 1))
        sizes[name] = len(data) / 1e6 or sizes[FRIENDLY]
        for destination in DESTINATIONS:
            for redaction, added in REDACTION.items():
                report_progress(f"{name} to {destination}, redaction: {redaction}")
                export = {"vendor": vendor or "mongodb-atlas", "landing": {"bucket": "landing"}} | added
                subject = "ship_wrap" if data else "ship_pass"
                cpu = bench.measure(subject, records, export, kind=destination)["cpu"]
                row = {"input": name, "destination": destination, "redaction": redaction, "cpu_s": cpu}
                rows.append(row | {"mb": sizes[name], "ms_per_mb": cpu * 1000 / sizes[name]})
    cost = {(row["input"], row["destination"], row["redaction"]): row["ms_per_mb"] for row in rows}
    for row in rows:
        row["times_friendly"] = row["ms_per_mb"] / cost[FRIENDLY, row["destination"], row["redaction"]]
        row["times_wrapped"] = row["ms_per_mb"] / cost[row["input"], "logzio", row["redaction"]]
    return {"rows": rows}


def show(result: dict[str, Any]) -> list[str]:
    """Return the table's lines."""
    lines = [f"{'CPU s':>8} {'ms/MB':>8} {'friendly':>9} {'wrapped':>8}  input, destination, redaction"]
    for row in result["rows"]:
        what = f"{row['input']}, {row['destination']}, {row['redaction']}"
        ratios = f"{row['times_friendly']:9.2f} {row['times_wrapped']:8.2f}"
        lines.append(f"{row['cpu_s']:8.3f} {row['ms_per_mb']:8.2f} {ratios}  {what}")
    return lines
