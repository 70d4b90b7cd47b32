"""The plot of a benchmark: what each subject costs, how cost and memory grow, and what small objects wait for."""

from pathlib import Path
from typing import Any

_WORK = ("floor, wrap", "ship, wrap", "ship, wrap, all redaction", "floor, pass through", "ship, pass through",
         "floor, event", "archive, event", "standard library")  # fmt: skip
_BLUE, _GREY, _RED = "#1f6feb", "#9aa5b1", "#d1242f"


def draw(result: dict[str, Any], path: Path) -> None:
    """Write the plot of a result, as `benchmarks.__main__` has it, to an SVG file that a phone can show."""
    import matplotlib as mpl

    mpl.use("svg")
    # text as text, and nothing that differs between two drawings of the same figures
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "logdock", "font.size": 11, "axes.titlesize": 11})
    from matplotlib import pyplot as plt

    figure, (cost, growth, memory, small, listing, listing_memory) = plt.subplots(
        6, 1, figsize=(5, 16.5), height_ratios=(1.5, 1, 1, 1, 1, 1), layout="constrained"
    )
    seconds = [result["figures"][name]["cpu"] for name in _WORK]
    colours = [_GREY if name.startswith(("floor", "standard")) else _BLUE for name in _WORK]
    bars = cost.barh(_WORK, seconds, color=colours)
    cost.bar_label(bars, fmt=" %.2f")
    cost.set_title("CPU seconds (50 MB; ten events of 10,000 records)", loc="right")
    cost.set_xlim(0, 1.15 * max(seconds))
    cost.invert_yaxis()
    megabytes = [row["mb"] for row in result["growth"]]
    growth.loglog(megabytes, [row["cpu"] for row in result["growth"]], "o-", color=_BLUE)
    growth.set(title="CPU seconds by object size", xlabel="MB decompressed")
    memory.semilogx(megabytes, [row["rss_mb"] for row in result["growth"]], "o-", color=_BLUE)
    memory.axhline(100, color=_RED, linestyle="--")
    memory.set(title="Peak RSS in MB (limit 100)", xlabel="MB decompressed", ylim=(0, 110))
    rows = result["commands"]["backfill"]
    keys = [row["keys"] for row in rows]
    listing.loglog(keys, [row["cpu"] for row in rows], "o-", color=_BLUE)
    listing.set(title="CPU seconds of backfill, listing", xlabel="objects in the bucket", ylim=(1, 1000))
    listing_memory.semilogx(keys, [row["rss_mb"] for row in rows], "o-", color=_BLUE)
    listing_memory.set(title="Peak RSS of backfill in MB", xlabel="objects in the bucket", ylim=(0, 110))
    for axis in (growth.xaxis, growth.yaxis, memory.xaxis, listing.yaxis):
        axis.set_major_formatter("{x:g}")
    for axes in (listing, listing_memory):
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlim(min(keys) / 2, max(keys) * 2)
    # the legend is below the curves
    for name in dict.fromkeys(row["destination"] for row in result["objects"]):
        rows = [row for row in result["objects"] if row["destination"] == name]
        small.plot([row["s3_ms"] for row in rows], [row["ms_per_object"] for row in rows], "o-", label=name)
    small.set(title="ms per small object", xlabel="ms until AWS answers", ylim=(0, None))
    small.legend(frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.35))
    for axes in (cost, growth, memory, small, listing, listing_memory):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
