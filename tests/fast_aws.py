"""botocore and moto compute the same few answers for each client and call: here they are computed once per process.

None of it changes what a client sends or what moto answers. Without it the unit tests take a minute longer.
"""

import inspect
import os
import threading
from collections.abc import Callable
from functools import cache, lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import boto3
import botocore.client
import botocore.hooks
import botocore.regions
import botocore.session
import botocore.useragent
import moto.backend_index
import moto.core.base_backend
import moto.core.botocore_stubber
import moto.core.errors
import moto.core.models
import moto.core.request
import moto.core.responses
import moto.core.utils
import moto.s3.models
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.utils import get_equivalent_url_in_aws_domain


def install() -> None:
    """Replace what is computed again and again by what remembers."""
    # Each test has AWS sessions of its own, and each would look for the same service models again: 30 ms per client.
    botocore.session.create_loader = cache(botocore.session.create_loader)
    # A session registers 400 handlers, and asks of each name whether it has an alias, of each handler its signature.
    aliaser: Any = botocore.hooks.EventAliaser
    aliaser._alias_event_name = staticmethod(cache(aliaser(None)._alias_event_name))
    hooks: Any = botocore.hooks
    hooks.accepts_kwargs = _accepts_kwargs
    # The methods of a client follow from the service's model; botocore adds others to what it gets.
    creator: Any = botocore.client.ClientCreator
    create_methods = creator._create_methods
    methods: dict[tuple[str, ...], dict[str, Any]] = {}

    def methods_of(self: Any, model: Any) -> dict[str, Any]:
        key = (model.service_name, *model.operation_names)
        if key not in methods:
            methods[key] = create_methods(self, model)
        return dict(methods[key])

    creator._create_methods = methods_of
    agent: Any = botocore.useragent.UserAgentString
    agent.to_string = lambda _: "tests"

    # The rules for a service's addresses are parsed for each client; they hold nothing of it.
    regions: Any = botocore.regions
    create_provider = regions.EndpointProvider
    providers: dict[int, tuple[Any, Any]] = {}

    def provider_of(*, ruleset_data: Any, **more: Any) -> Any:
        if id(ruleset_data) not in providers:
            providers[id(ruleset_data)] = ruleset_data, create_provider(ruleset_data=ruleset_data, **more)
        return providers[id(ruleset_data)][1]

    regions.EndpointProvider = provider_of

    boto3.client = _shared(boto3.client)

    # moto answers what `requests` sends too, by 1,300 patterns that each test would set up again; nothing sends by it.
    moto.core.models.RESPONSES_METHODS.clear()
    responses: Any = moto.core.responses
    responses.method_names_from_class = cache(responses.method_names_from_class)
    # moto's SQS, which is imported later, asks for it for every attribute of every queue.
    utils: Any = moto.core.utils
    responses.camelcase_to_underscores = utils.camelcase_to_underscores = cache(responses.camelcase_to_underscores)
    # Each answer has an id of 52 random letters, which no test reads.
    responses.gen_amzn_requestid_long = _request_id
    # A service is found by 180 patterns for each call, each time the same one for a URL.
    stubber: Any = moto.core.botocore_stubber
    found = threading.local()
    stubber.backend_index = found
    process_request = stubber.BotocoreStubber.process_request

    def process(self: Any, request: Any) -> Any:
        found.backend_url_patterns = _services_of(request.url.partition("?")[0])
        return process_request(self, request)

    stubber.BotocoreStubber.process_request = process
    moto.core.request.Request.from_primitives = staticmethod(_request)
    # S3's URLs could follow from an environment variable, which nothing sets; so moto reloads them for each call.
    s3: Any = moto.s3.models.S3Backend
    del s3._url_module
    backend: Any = moto.core.base_backend.BaseBackend
    urls = backend.urls.fget
    known_urls: dict[type, Any] = {}

    def urls_of(self: Any) -> Any:
        if type(self) not in known_urls:
            known_urls[type(self)] = urls(self)
        return known_urls[type(self)]

    backend.urls = property(urls_of)
    errors: Any = moto.core.errors.ErrorLookupFactory
    create_errors = errors._create_error_lut
    known_errors: dict[str, Any] = {}

    def errors_of(model: Any) -> Any:
        key = model.service_name
        if key not in known_errors:
            known_errors[key] = create_errors(model)
        return known_errors[key]

    errors._create_error_lut = staticmethod(errors_of)


def _shared(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return what gives the same client to every test that asks for the same one: moto forgets, a client holds nothing.

    The clients that `boto3.client` returns are shared, and not those of a session that the code or a test makes itself.
    """
    made: dict[object, Any] = {}

    def client(*what: str, config: Any = None, **more: Any) -> Any:
        environment = tuple(sorted(each for each in os.environ.items() if each[0].startswith("AWS_")))
        options = repr(sorted(config._user_provided_options.items())) if config else None
        key = (what, repr(sorted(more.items())), options, environment)
        if key not in made:
            made[key] = make(*what, config=config, **more)
        return made[key]

    return client


def _accepts_kwargs(function: Any) -> bool:
    """Return whether a function takes keyword arguments, by its code; `inspect` builds a signature for that."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return inspect.getfullargspec(function).varkw is not None
    return bool(code.co_flags & inspect.CO_VARKEYWORDS)


@lru_cache(maxsize=100_000)
def _services_of(url: str) -> list[tuple[str, Any]]:
    """Return the services that may answer at a URL without its query, in moto's order."""
    parts, _ = get_equivalent_url_in_aws_domain(url)
    url = f"{parts.scheme}://{parts.netloc}{parts.path}"
    return [(service, pattern) for service, pattern in moto.backend_index.backend_url_patterns if pattern.match(url)]


def _request(method: str, url: str, headers: Any, body: Any = None) -> Any:
    """Return a request as moto makes it, by its environment at once; `EnvironBuilder` takes an eighth of a call."""
    if hasattr(body, "read"):
        body = body.read()
    body = body.encode() if isinstance(body, str) else body or b""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    environment: dict[str, Any] = {
        environ_key_for_header(name): value.decode() if isinstance(value, bytes) else value
        for name, value in headers.items()
        if name.lower() != "transfer-encoding"
    } | {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "HTTP_HOST": parts.netloc,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": BytesIO(body),
    }
    environment[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {
        environ_key_for_header(name): name for name in headers if should_preserve_original_header_name(name)
    }
    return moto.core.request.Request(environment)


def _request_id(headers: dict[str, Any]) -> str:
    return str(headers.setdefault("x-amzn-requestid", "0" * 52))
