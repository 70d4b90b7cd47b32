from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import archives

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.proof
def test_memory_does_not_grow_with_an_encrypted_archive_that_is_searched_or_saved(tmp_path: Path) -> None:
    result = archives.measure(tmp_path, large_mb=50)
    small, large = result["sizes"]
    assert large["lines"] > 9 * small["lines"]
    assert max(result["memory, MB above the small archive"].values()) < 10
