"""Exports: one model per kind, discriminated by `kind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from logdock.settings.export_base import ExportBase
from logdock.vendors.registry import export_models

if TYPE_CHECKING:
    Export = ExportBase
else:
    # The kinds are a list of the registry, which a type checker cannot read: to it an export is any of them.
    Export = Annotated[Union[tuple(export_models())], Field(discriminator="kind")]  # noqa: UP007
"""One export."""
