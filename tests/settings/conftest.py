import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from logdock.settings import Deployment, SettingsError, load_settings

Load = Callable[[object], Deployment]
Refusal = Callable[[object], list[str]]
Kind = TypeVar("Kind")


def only(kind: type[Kind], loaded: Sequence[object]) -> Kind:
    """Return the only one of the loaded exports or destinations, which is of this kind."""
    (one,) = loaded
    assert isinstance(one, kind)
    return one


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a document, or a text, as a settings file."""

    def load_document(document: object) -> Deployment:
        path = tmp_path / "logdock.yaml"
        text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return load_settings(path)

    return load_document


@pytest.fixture
def refusal(load: Load, tmp_path: Path) -> Refusal:
    """Load a document that must be refused, and return its errors, one a line, without the head line.

    The line and the names of exports and destinations are omitted; tests/settings/test_places.py is about them.
    """

    def lines_of(document: object) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            load(document)
        head, *lines = str(caught.value).splitlines()
        assert head == f"{tmp_path / 'logdock.yaml'}: {len(lines)} error{'s' if len(lines) > 1 else ''}"
        file = re.escape(str(tmp_path / "logdock.yaml"))
        place = re.compile(rf"  {file}:\d+: ((?:exports|destinations)\[\d+\])?(?: \([a-z0-9-]+\))?")
        return [place.sub(r"\1", line) for line in lines]

    return lines_of
