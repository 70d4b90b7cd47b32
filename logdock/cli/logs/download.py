"""`--download`: Aptible's archives, decrypted, as the gzip files that they were before Aptible encrypted them."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from log_shipper.keys import identity_of

from logdock.cli.account import WORKERS
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.places import SearchObject
from logdock.cli.logs.reader import Reader, UnreadableError
from logdock.cli.terminal import is_safe

_ABOUT_THE_NAME = frozenset(
    {errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY}
)
"""What a file system says of one key: it is too long, or another key is where a folder, or a file, would have to be."""
_SEGMENTS_ABOVE = 4
"""Of ``<stack>/shareable/<schema>/<hash>/...``; what follows is the path that the vendor's tool saves to as well."""


def download(
    found: Iterator[SearchObject], directory: Path, reader: Reader, skip: Callable[[SearchObject, str], None]
) -> Iterator[tuple[Path, bool]]:
    """Save objects; yield each file, and whether it was there already.

    A file has its name only when it is whole and its tag has been verified.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"--download {directory}: {error.strerror}", ExitCode.USAGE) from None

    def save(each: SearchObject) -> tuple[Path, bool] | None:
        parts = each.key.split("/")[_SEGMENTS_ABOVE:]
        if not parts or not all(part not in ("", ".", "..") and is_safe(part) for part in parts):
            skip(each, "its key is not a path of a file")
            return None
        target = directory.joinpath(*parts)
        # a name of its own for each key, as short as any: beside the file that it becomes
        unfinished = target.with_name(f".{identity_of(each.key)}.part")
        try:
            if target.is_file():
                return target, True
            target.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                for chunk in reader.chunks(each):
                    file.write(chunk)
            unfinished.rename(target)
        except UnreadableError as error:
            skip(each, str(error))
            return None
        except OSError as error:
            if error.errno in _ABOUT_THE_NAME:
                skip(each, f"no file can have its name: {error.strerror}")
                return None
            raise CommandError(f"--download {target}: {error.strerror}", ExitCode.USAGE) from None
        finally:
            with contextlib.suppress(OSError):
                unfinished.unlink()
        return target, False

    with ThreadPoolExecutor(WORKERS) as pool:
        yield from (saved for saved in pool.map(save, found) if saved)
