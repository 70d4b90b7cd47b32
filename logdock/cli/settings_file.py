"""Changes a settings file in place: the new text must be valid, and mean what was intended, before the old one goes."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from logdock.cli.errors import CommandError, ExitCode
from logdock.settings import SettingsError, load_settings


def replace_settings(file: Path, text: str, is_intended: Callable[[Path], bool], otherwise: str) -> None:
    """Replace a settings file, or leave it as it was.

    Parameters
    ----------
    file
        The file; of a link, what it points to is replaced.
    text
        The new text, with its own line ends.
    is_intended
        Whether a file with the new text means what it should.
    otherwise
        The error where it does not.

    Raises
    ------
    CommandError
        When the new text has errors or another meaning, or cannot be written.
    """
    target = file.resolve()
    beside: Path | None = None
    try:
        # In the same folder: a rename is atomic there, and what `extends` names is relative to it.
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        beside = Path(name)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(text.encode())
        shutil.copymode(target, beside)
        load_settings(beside)
        if not is_intended(beside):
            raise CommandError(f"{file}: {otherwise}. Nothing was written", ExitCode.USAGE)
        beside.replace(target)
    except SettingsError as error:
        refused = str(error).replace(str(beside), str(file))
        raise CommandError(f"{refused}\nNothing was written", ExitCode.USAGE) from None
    except OSError as error:
        reason = f"{file}: cannot be written: {error.strerror}. Nothing was written"
        raise CommandError(reason, ExitCode.USAGE) from None
    finally:
        if beside:
            beside.unlink(missing_ok=True)
