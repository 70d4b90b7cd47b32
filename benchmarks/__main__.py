"""Measure, show tables, write `build/bench.json` and a plot of it, `build/bench.svg`.

Every figure is the least of several runs in fresh processes, and every claim a ratio of two figures of one run. So what
is measured with ``--only`` is shown, and not written.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import archives, commands, compaction, hostile, objects, paths, plot, search, shipper, sql, synth

ROOT = Path(__file__).parents[1]
PARTS = {
    each.__name__.rpartition(".")[2]: each
    for each in (shipper, paths, objects, search, archives, commands, compaction, sql, hostile, synth)
}
ALONE = ("sql", "synth")
"""Parts that share no figure with another: measured with ``--only``, they replace theirs in the file."""


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--records", type=int, default=105_047, help="lines of the main object (105,047 is 50 MB)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each subject, of which the least counts")
    parser.add_argument("--large", type=int, default=2000, help="decompressed megabytes of the largest object")
    parser.add_argument("--archive", type=int, default=500, help="megabytes of the large Aptible archive")
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench.json")
    options = parser.parse_args()
    asked: dict[str, tuple[int, ...]] = {
        "shipper": (options.runs, options.records, options.large),
        "paths": (options.runs, options.records),
        "search": (options.runs, options.records),
        "archives": (options.archive,),
    }
    result: dict[str, dict[str, Any]] = {}
    for name in [options.only] if options.only else PARTS:
        with tempfile.TemporaryDirectory() as folder:
            result[name] = PARTS[name].measure(Path(folder), *asked.get(name, ()))
    if options.only in ALONE:
        document = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        _write(options.out, document | result)
    if not options.only:
        others = {name: part for name, part in result.items() if name not in ("shipper", "objects", "paths")}
        document = result["shipper"] | result["objects"] | others
        document["paths"] = result["paths"]["rows"]
        _write(options.out, document)
        plot.draw(document, options.out.with_suffix(".svg"))
    sys.stdout.write("\n\n".join("\n".join(PARTS[name].show(part)) for name, part in result.items()) + "\n")


def _write(out: Path, document: dict[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
