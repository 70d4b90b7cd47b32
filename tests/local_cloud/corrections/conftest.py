"""One cloud for all of these tests."""

from collections.abc import Iterator

import pytest

from local_cloud.emulator import Emulator


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator(options={"LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.01"}) as running:
        yield running
