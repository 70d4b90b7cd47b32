"""botocore and moto compute the same few answers for each client and call: here they are computed once per process.

None of it changes what a client sends or what moto answers. Without it the unit tests take a minute longer.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import botocore.client
import botocore.hooks
import botocore.session
import botocore.useragent
import moto.core.base_backend
import moto.core.errors
import moto.core.models
import moto.core.responses
import moto.s3.models


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

    boto3.client = _shared(boto3.client)

    # moto answers what `requests` sends too, by 1,300 patterns that each test would set up again; nothing sends by it.
    moto.core.models.RESPONSES_METHODS.clear()
    responses: Any = moto.core.responses
    responses.method_names_from_class = cache(responses.method_names_from_class)
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
