"""A deployment as typed data: the settings file read, checked and turned into frozen models.

Everything that a person may set is here, with the limits of the services it ends up in; every error in a file is
reported at once. The package imports pydantic and yaml only, so an editor plugin or a script can use it without Node.
"""

from logdock.settings.deployment import Deployment
from logdock.settings.load import SettingsError, load_settings

__all__ = ["Deployment", "SettingsError", "load_settings"]
