"""`logdock validate`: whether the settings file is right."""

from __future__ import annotations

from cli.account import read_settings
from cli.options import DEFAULT_SETTINGS, Json, SettingsFile
from cli.screen import Screen


def validate(settings: SettingsFile = DEFAULT_SETTINGS, as_json: Json = False) -> None:
    """Check the settings file; every mistake is listed at once."""
    screen = Screen(as_json=as_json)
    deployment = read_settings(settings)
    exports, destinations = len(deployment.exports), len(deployment.destinations)
    screen.say(f"{settings}: {deployment.deployment}, {exports} exports, {destinations} destinations, no mistakes")
    screen.document({"settings": str(settings), "deployment": deployment.deployment, "mistakes": []})
