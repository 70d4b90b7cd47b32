from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.shipper import Bench, grown

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.proof
def test_memory_does_not_grow_with_the_object(tmp_path: Path) -> None:
    bench = Bench(tmp_path, runs=1)
    small, large = grown(bench, 1), grown(bench, 200)
    assert large["records"] == 200 * small["records"]
    assert large["rss_mb"] - small["rss_mb"] < 10
    assert large["rss_mb"] < 100
