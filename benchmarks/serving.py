"""HTTP/1.1 for servers of a benchmark, each a process of its own: connections are kept alive, requests read whole."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Request(NamedTuple):
    """A request; the names of its headers are in small letters."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Request], Awaitable[bytes]]
"""Returns a whole response, head and body."""


async def serve(answer: Answer) -> None:
    """Listen on loopback, write the port, and answer until the process is ended."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                method, target, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                if headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                writer.write(await answer(Request(method, target, headers, body)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()
