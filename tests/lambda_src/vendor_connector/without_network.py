"""The vendors' APIs without TLS and sockets: the bytes of each request go to the stand-in's own handler at once.

Everything above the socket is as it is on the network: urllib, http.client and http.server. What TLS and a network
do is tested where the requests are made, in `test_vendor_api`.
"""

from __future__ import annotations

import io
import itertools
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.request import HTTPSHandler

from local_cloud.vendors import server

if TYPE_CHECKING:
    import pytest

_ports = itertools.count(1)


class _Served(server._Handler):
    """Answers what one connection sent."""

    def __init__(self, host: Host, sent: bytes) -> None:
        self.server = host  # type: ignore[assignment]
        self.client_address = ("127.0.0.1", 0)
        self.rfile, self.wfile = io.BytesIO(sent), io.BytesIO()
        self.handle_one_request()


class Host:
    """Stands where a stand-in's server is: it has an address and no thread."""

    def __init__(self, api: server.VendorApi, **_: object) -> None:
        self.api = api
        self.address = f"127.0.0.1:{next(_ports)}"
        self.url = f"https://{self.address}"

    def start(self) -> None:
        _hosts[self.address] = self

    def stop(self) -> None:
        _hosts.pop(self.address, None)


_hosts: dict[str, Host] = {}


class _Socket:
    def __init__(self, host: Host) -> None:
        self._host, self._sent = host, bytearray()

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(_Served(self._host, bytes(self._sent)).wfile.getvalue())  # type: ignore[attr-defined]

    def close(self) -> None:
        pass


class _Connection(HTTPConnection):
    def connect(self) -> None:
        if not (host := _hosts.get(f"{self.host}:{self.port}")):
            raise ConnectionRefusedError(111, "Connection refused")
        self.sock = _Socket(host)


def serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve the stand-ins that a test starts from here on in its own process."""
    monkeypatch.setattr(server, "_Server", Host)
    monkeypatch.setattr(HTTPSHandler, "https_open", lambda handler, request: handler.do_open(_Connection, request))
