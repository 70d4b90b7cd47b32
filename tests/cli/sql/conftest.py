"""What the tests of `logdock sql` share with those of `logdock logs`: a deployment whose logs have landed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Type
from tests.cli.logs.conftest import Landed


@pytest.fixture
def landed(aws: None, tmp_path: Path, logdock: Type) -> Landed:
    return Landed(tmp_path, logdock)
