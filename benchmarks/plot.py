"""The plot of a benchmark: what each subject costs, what an object's size costs, and what small objects wait for."""

from pathlib import Path
from typing import Any

_WORK = ("floor, wrap", "ship, wrap", "ship, wrap, all redaction", "floor, pass through", "ship, pass through",
         "floor, event", "archive, event", "standard library")  # fmt: skip


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the plot of a result, as `benchmarks.__main__` has it, to an SVG file."""
    import matplotlib as mpl

    mpl.use("svg")
    # text as text, and nothing that differs between two drawings of the same figures
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "logdock", "font.size": 9})
    from matplotlib import pyplot as plt

    figure, (cost, growth, memory, small) = plt.subplots(
        1, 4, figsize=(15, 3.6), width_ratios=(2, 1, 1, 1), layout="constrained"
    )
    seconds = [result["figures"][name]["cpu"] for name in _WORK]
    colours = ["#9aa5b1" if name.startswith(("floor", "standard")) else "#1f6feb" for name in _WORK]
    bars = cost.barh(_WORK, seconds, color=colours)
    cost.bar_label(bars, fmt=" %.2f")
    cost.invert_yaxis()
    cost.set_title("CPU seconds (50 MB object; ten events of 10,000 records)")
    megabytes = [row["mb"] for row in result["growth"]]
    growth.loglog(megabytes, [row["cpu"] for row in result["growth"]], "o-", color="#1f6feb")
    growth.set(title="CPU seconds by object size", xlabel="MB decompressed")
    memory.semilogx(megabytes, [row["rss_mb"] for row in result["growth"]], "o-", color="#1f6feb")
    memory.axhline(100, color="#d1242f", linestyle="--")
    memory.set(title="Peak RSS in MB (limit 100)", xlabel="MB decompressed", ylim=(0, 110))
    for name in dict.fromkeys(row["destination"] for row in result["objects"]):
        rows = [row for row in result["objects"] if row["destination"] == name]
        small.plot([row["s3_ms"] for row in rows], [row["ms_per_object"] for row in rows], "o-", label=name)
    small.set(title="ms per small object", xlabel="ms until AWS answers", ylim=(0, None))
    small.legend(frameon=False, fontsize=7)
    for axes in (cost, growth, memory, small):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
