"""An HTTPS server on loopback: what a vendor's listener and a vendor's API are served with."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class TlsServer(http.server.ThreadingHTTPServer):
    """A server on loopback, in a thread of its own from ``start`` to ``stop``.

    Parameters
    ----------
    certificate, key
        PEM files to serve TLS with.
    port
        Default: a free port.
    """

    daemon_threads = True
    # What was received is asked for once it is known to be complete, not when the clients let go.
    block_on_close = False

    def __init__(
        self, handler: type[http.server.BaseHTTPRequestHandler], *, certificate: Path, key: Path, port: int = 0
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), handler)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        """Where it listens."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        connection, address = super().get_request()
        connection.settimeout(60)
        # The handshake is left to the connection's own thread: a silent client must not hold up the others.
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes away in the middle is its own affair."""
