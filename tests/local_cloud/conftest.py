"""What the tests of the vendors' APIs share: a certificate, requests over TLS, and what may be assumed."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.certificate import ServerCertificate, create_server_certificate
from local_cloud.vendors.server import VendorApi

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return create_server_certificate(tmp_path_factory.mktemp("certificate"))


class Doors:
    """Which roles may be assumed by which external id, whether they reach the bucket, and what was reached."""

    def __init__(self) -> None:
        self.open: set[tuple[str, str]] = set()
        self.is_reachable = True
        self.reached: list[str] = []

    def assume(self, role_arn: str, external_id: str) -> Callable[[str, str], None]:
        if (role_arn, external_id) not in self.open:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")

        def reach(bucket: str, key: str) -> None:
            if not self.is_reachable:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
            self.reached.append(f"{bucket}/{key}")

        return reach


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
def ask(certificate: ServerCertificate) -> Ask:
    """Make a request; return the status and the document."""
    context = ssl.create_default_context(cafile=str(certificate.ca_bundle))
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def asked(api: VendorApi, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{api.url}{path}", data, named, method=method)  # noqa: S310
        try:
            with opener.open(request, timeout=10) as answer:
                raw, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            raw, status = error.read(), error.code
        return status, json.loads(raw) if raw else None

    return asked
