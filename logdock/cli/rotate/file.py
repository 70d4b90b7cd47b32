"""The settings file: one value in it is replaced, and every other character stays as it is."""

import json
from collections.abc import Sequence
from pathlib import Path

import yaml

from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.settings_file import replace_settings
from logdock.settings import Deployment, load_settings

SETTING = "external_id"


def write_external_ids(file: Path, name: str, ids: Sequence[str]) -> None:
    """Set the external ids of an export or a destination, in place.

    Raises
    ------
    CommandError
        When they do not stand in the file as they should; it is left as it was.
    """
    text = file.read_bytes().decode("utf-8")
    node = _value_node(yaml.compose(text, Loader=yaml.SafeLoader), name)
    if node is None:
        raise CommandError(f"{file}: {name} has no {SETTING} of its own to change", ExitCode.USAGE)
    shown = json.dumps(ids[0] if len(ids) == 1 else list(ids))
    before, after = text[: node.start_mark.index], text[node.end_mark.index :]
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        # a list of lines goes on, for YAML, until the next setting begins
        before, after = f"{before.rstrip()} ", text[node.value[-1].end_mark.index :]
    changed = before + shown + after
    replace_settings(
        file,
        changed,
        lambda written: external_ids(load_settings(written), name) == tuple(ids),
        f"{SETTING} of {name} cannot be changed in place: change it by hand",
    )


def external_ids(settings: Deployment, name: str) -> tuple[str, ...]:
    """Return the external ids that the settings have of an export or a destination."""
    for party in (*settings.exports, *settings.destinations):
        if party.name == name:
            found: tuple[str, ...] | None = getattr(party, SETTING, None)
            return found or ()
    return ()


def _value_node(root: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return where the value stands in the file."""
    document = _entries(root)
    for section in ("exports", "destinations"):
        listed = document.get(section)
        for entry in listed.value if isinstance(listed, yaml.SequenceNode) else []:
            settings = _entries(entry)
            named = settings.get("name")
            if named is not None and named.value == name:
                return settings.get(SETTING)
    return None


def _entries(node: yaml.Node | None) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
