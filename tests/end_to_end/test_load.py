"""A sample of the load run (`make load`): two destinations, one of which fails for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.load import AILING, STEADY, is_kept, measure

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof]


def test_load_with_a_failing_destination_loses_nothing_and_repeats_what_was_not_answered(tmp_path: Path) -> None:
    part = measure(tmp_path, 200, fault_seconds=3)
    steady, ailing = part["destinations"]
    assert (steady["destination"], ailing["destination"]) == (STEADY, AILING)
    assert is_kept(part), part
    assert (steady["lost"], steady["repeated"], steady["refused"]) == (0, 0, 0)
    # the bodies whose answers were lost come twice, and nothing else does
    assert 0 < ailing["repeated"] <= ailing["may_repeat"]
    # a claim of each object and destination, and what is noted of a batch
    assert 1 <= part["requests_per_object_and_destination"]["dynamodb:UpdateItem"] <= 2.5
