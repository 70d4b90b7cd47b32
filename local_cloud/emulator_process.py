"""The emulator's own process: serves MiniStack on a socket handed down by :mod:`local_cloud.emulator`.

MiniStack is served by Hypercorn directly, not by ``python -m ministack``: that command also opens port 443 when it may,
and writes a file with its process id into the system's temporary directory.
"""

import asyncio
import os
import resource
import shutil
import signal
import sys
import threading
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config


def main(directory: str, socket_descriptor: str, certificate: str, key: str) -> None:
    """Serve until a signal arrives, or until the parent process has ended."""
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()
    # Every idle connection of a client is a descriptor; macOS starts with 256.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    config = Config()
    config.bind = [f"fd://{socket_descriptor}"]
    config.certfile = certificate
    config.keyfile = key
    # Clients hold idle connections; Hypercorn's 5 seconds would cut one just as it is used again.
    config.keep_alive_timeout = 75
    # The state is in memory: there is nothing to finish.
    config.graceful_timeout = 0
    # At the end, so nothing here hides a module of MiniStack's. Lambda functions do not inherit it.
    sys.path.append(str(Path(__file__).parents[1]))
    # Both read the environment at import.
    from ministack.app import app

    from local_cloud import corrections

    corrections.apply(
        endpoint_url=f"https://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        ca_bundle=os.environ["AWS_CA_BUNDLE"],
    )

    asyncio.run(serve(app, config))


def _end_with_parent(directory: str) -> None:
    """Wait for the end of standard input, which is a pipe held by the parent, then leave no trace.

    The parent stops this process by a signal whenever it can. What is left is a parent that was killed outright.
    """
    while os.read(sys.stdin.fileno(), 1):
        pass
    shutil.rmtree(directory, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
