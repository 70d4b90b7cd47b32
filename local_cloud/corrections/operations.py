"""MiniStack's services by AWS's operations: called without a connection, and intercepted.

What a correction knows of a service it asks for by an operation of the service's API, and where it changes an answer it
stands in front of ``handle_request``, which every service has. Neither needs a name that MiniStack keeps to itself.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from ministack.app import SERVICE_HANDLERS, call_service_handler_sync
from ministack.core import responses, router
from urllib3 import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

Answer = tuple[int, dict[str, str], Any]
"""Status, headers and body."""

_OWN = "x-local-cloud-correction"
_SESSION: Any = botocore.session.Session(session_vars={"profile": (None, None, None, None)})


@dataclass(frozen=True)
class Request:
    """A request as a service gets it, after MiniStack has authorized it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: Mapping[str, Any]

    @cached_property
    def operation(self) -> str:
        """Its name where the protocol has one: not for REST."""
        return self.headers.get("x-amz-target", "").rpartition(".")[2] or str(self._form.get("Action", ""))

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """Those of a JSON body; those of a query or form, each with its first value."""
        is_json = "x-amz-target" in self.headers
        return json.loads(self.body or b"{}") if is_json else self._form

    @cached_property
    def _form(self) -> dict[str, Any]:
        if "urlencoded" not in self.headers.get("content-type", "") and "Action" not in self.query:
            return {}
        form = {**parse_qs((self.body or b"").decode(errors="replace")), **self.query}
        return {name: value[0] if isinstance(value, list) else value for name, value in form.items()}

    @property
    def access_key_id(self) -> str:
        """Return who calls."""
        return str(router.extract_access_key_id(dict(self.headers), dict(self.query)))

    @property
    def is_own(self) -> bool:
        """Whether a correction makes it."""
        return _OWN in self.headers


def json_error(code: str, message: str) -> Answer:
    """Return an error of a service that speaks JSON."""
    answer: Answer = responses.error_response_json(code, message, 400)
    return answer


def xml_error(code: str, message: str, status: int = 400) -> Answer:
    """Return an error of a service that speaks XML."""
    answer: Answer = responses.error_response_xml(code, message, status)
    return answer


Proceed = Callable[[], Awaitable[Answer]]
Hook = Callable[[Request, Proceed], Awaitable[Answer]]


def intercept(service: ModuleType, *operations: str) -> Callable[[Hook], Hook]:
    """Have a function answer these operations of a service, or each request if none is named; it may proceed."""

    def decorate(hook: Hook) -> Hook:
        module: Any = service
        original = module.handle_request

        async def handle_request(
            method: str, path: str, headers: Any, body: bytes, query: Any, *more: Any, **named: Any
        ) -> Answer:
            request = Request(method, path, headers, body, query)

            async def proceed() -> Answer:
                answer: Answer = await original(method, path, headers, body, query, *more, **named)
                return answer

            is_meant = not operations or request.operation in operations
            return await (hook(request, proceed) if is_meant else proceed())

        module.handle_request = handle_request
        return hook

    return decorate


def client(service: str, region: str | None = None) -> Any:
    """Return a client that calls a service in this thread, as root of the account and in the Region of the request.

    It is answered at once, without a connection, so that it can be used where the server itself runs. A service that
    waits for another cannot be called so.
    """
    return _client(service, region or responses.get_region())


@cache
def _client(service: str, region: str) -> Any:
    made = _SESSION.create_client(
        service,
        region_name=region,
        endpoint_url="https://127.0.0.1",
        config=Config(
            signature_version=UNSIGNED,
            retries={"total_max_attempts": 1},
            inject_host_prefix=False,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    name = made.meta.service_model.signing_name

    def answer(request: Any, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {key.lower(): value.decode() if isinstance(value, bytes) else value
                   for key, value in request.headers.items()}  # fmt: skip
        body = request.body or b""
        content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        query = parse_qs(url.query, keep_blank_values=True)
        status, answered, text = answer_of(name, request.method, unquote(url.path), query, headers, content)
        raw = HTTPResponse(io.BytesIO(text.encode() if isinstance(text, str) else text), preload_content=False)
        return AWSResponse(request.url, status, HTTPHeaders.from_dict(answered), raw)

    made.meta.events.register("before-send", answer)
    return made


def answer_of(
    service: str,
    method: str,
    path: str,
    query: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Return a service's answer to a request, without authorization, in the account and Region of this one."""
    handler, region = SERVICE_HANDLERS[service], responses.get_region()
    # Some services look at who calls once more.
    credential = f"Credential={responses.get_account_id()}/20260101/{region}/{service}/aws4_request"
    signed = {"authorization": f"AWS4-HMAC-SHA256 {credential}", _OWN: "true", **(headers or {})}
    request = (method, path, signed, body, dict(query))
    answer: Answer
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        answer = call_service_handler_sync(handler, *request)
    else:
        try:
            handler(*request).send(None)
        except StopIteration as ended:
            answer = ended.value
        else:
            raise RuntimeError(f"{service} waits for something, and must be called from a thread of its own")
    return answer
