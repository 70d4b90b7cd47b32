"""AWS in the test's own process: moto answers, the wire between it and the code is watched and can be cut."""

import contextlib
import copy
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from moto import mock_aws
from moto.core.exceptions import JsonRESTError
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends
from vendor_connector import aws, configuration, handler, public_text, state
from vendor_connector.vendors.mongodb_atlas import api as atlas_api

from local_cloud.certificate import ServerCertificate, create_server_certificate
from local_cloud.vendors.cockroachdb.api import Cluster, CockroachdbApi
from local_cloud.vendors.logzio.api import Account, LogzioApi
from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.mongodb_atlas.project import Project
from tests.lambda_src.vendor_connector import without_network
from tests.lambda_src.vendor_connector.formation import (
    ACCOUNT,
    CONFIGURATIONS,
    Clock,
    Formation,
    Iam,
    write_configuration,
)

REGION = "eu-west-1"
READS = ("Describe", "Get", "List")
Answer = Callable[[dict[str, Any]], Any]


def refusal(code: str, operation: str, message: str = "refused") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@dataclass
class Wire:
    """Every API call that the code makes; ``answers`` replaces moto's answer, per operation."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    def writes(self) -> list[tuple[str, dict[str, Any]]]:
        return [call for call in self.calls if not call[0].startswith(READS)]

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == operation]

    def refuse(self, operation: str, code: str, times: int = 1_000) -> None:
        """Refuse an operation, the first ``times`` times."""
        former, left = self.answers.get(operation), [times]

        def answer(arguments: dict[str, Any]) -> Any:
            if left[0] == 0:
                return former(arguments) if former else NotImplemented
            left[0] -= 1
            raise refusal(code, operation)

        self.answers[operation] = answer


class Context:
    """Lambda's context with time enough, or as much as a test gives."""

    def __init__(self, seconds: float = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


def read_at_once(client: BaseClient, operation: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Answer what every poll reads from moto's own store: through HTTP it takes 4 ms each time, half of these tests."""
    if operation == "GetParameter":
        found = ssm_backends[ACCOUNT][REGION].get_parameter(arguments["Name"])
        if found is None:
            untyped: Any = client
            raise untyped.exceptions.ParameterNotFound(refusal("ParameterNotFound", operation).response, operation)
        return {"Parameter": found.response_object()}
    if operation == "GetSecretValue":
        with contextlib.suppress(JsonRESTError, KeyError):
            read: Any = secretsmanager_backends[ACCOUNT][REGION].get_secret_value
            answer: dict[str, Any] = read(arguments["SecretId"], None, None)
            return answer
    return None


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    watched, original = Wire(), BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
        # What the code reads of its configuration before anything else is of no interest to any test of an operation.
        if str(arguments.get("Name")).startswith(CONFIGURATIONS):
            return read_at_once(client, operation, arguments) or original(client, operation, arguments)
        watched.calls.append((operation, copy.deepcopy(arguments)))
        if operation in watched.answers:
            shape = client.meta.service_model.operation_model(operation).input_shape
            assert shape is not None
            report = ParamValidator().validate(arguments, shape)
            assert not report.has_errors(), report.generate_report()
            answer = watched.answers[operation](arguments)
            if answer is not NotImplemented:
                return copy.deepcopy(answer)
        return read_at_once(client, operation, arguments) or original(client, operation, arguments)

    for client in (aws.logs, aws.rds, aws.s3, aws.secrets_manager, aws.ssm):
        client.cache_clear()
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("LOGDOCK_CONFIGURATIONS", CONFIGURATIONS)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    state.begin()
    with mock_aws():
        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        monkeypatch.setattr(aws, "sleep", watched.slept.append)
        yield watched


def configured(properties: dict[str, Any]) -> dict[str, Any]:
    """Return a resource's properties; what it is configured with is written beside, as the stack does."""
    return {**properties, "Configuration": write_configuration("Resource", properties)}


def event(kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a request as the provider framework passes it on, values as CloudFormation writes them."""
    token = {"ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:f"}
    request = {
        "RequestType": kind,
        "ResponseURL": "https://signed.example/?X-Amz-Signature=secret",
        "LogicalResourceId": "Resource",
        "ResourceProperties": {**token, **configured(properties)},
    }
    if "OldResourceProperties" in more:
        more["OldResourceProperties"] = {**token, **configured(more["OldResourceProperties"])}
    if kind != "Create":
        request["PhysicalResourceId"] = physical_id(properties)
    return {**request, **more}


def physical_id(properties: dict[str, Any]) -> str:
    chosen, operation = handler._operation(configuration.of_resource(configured(properties)))
    return handler._physical_id(operation, chosen.properties)


def create(properties: dict[str, Any], seconds: float = 900) -> dict[str, str]:
    data: dict[str, str] = handler.on_event(event("Create", properties), Context(seconds))["Data"]
    return data


def update(properties: dict[str, Any], old: dict[str, Any]) -> dict[str, str]:
    request = event("Update", properties, OldResourceProperties=old)
    request["PhysicalResourceId"] = physical_id(old)
    data: dict[str, str] = handler.on_event(request, Context())["Data"]
    return data


def delete(properties: dict[str, Any]) -> None:
    handler.on_event(event("Delete", properties), Context())


def remembered(parameter: str) -> dict[str, Any] | None:
    """Return what is saved under a parameter, or None when nothing is."""
    state.begin()
    return state.entries(parameter) or None


@pytest.fixture
def connector() -> Any:
    """Return this module's functions: test files cannot import a conftest by name."""
    return SimpleNamespace(
        create=create,
        update=update,
        delete=delete,
        event=event,
        remembered=remembered,
        configured=configured,
        refusal=refusal,
        Context=Context,
    )


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ServerCertificate:
    return create_server_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def clock(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time that passes as the test lets it; the vendors' stand-ins answer in the test's own process."""
    without_network.serve(monkeypatch)
    return Clock.start(monkeypatch)


@pytest.fixture
def iam() -> Iam:
    return Iam()


@pytest.fixture
def formation(clock: Clock, iam: Iam, capsys: pytest.CaptureFixture[str]) -> Iterator[Formation]:
    """A stack; at the end, no credential was in any event, answer, error, log line or remembered value."""
    stack = Formation(clock, iam)
    yield stack
    whole = "".join([*stack.seen, capsys.readouterr().out, *remembered_values()])
    for secret in (ATLAS_SECRET, COCKROACH_KEY, LOGZIO_TOKEN):
        assert secret not in whole


def parameters() -> list[str]:
    """Return the names of all parameters: of saved state, and of configurations."""
    pages = aws.ssm().get_paginator("describe_parameters").paginate()
    return [one["Name"] for page in pages for one in page["Parameters"]]


def saved_parameters() -> list[str]:
    """Return the names of the parameters that state is saved in, without the configurations."""
    return [name for name in parameters() if not name.startswith(CONFIGURATIONS)]


def remembered_values(below: str = "/") -> list[str]:
    names = [name for name in parameters() if name.startswith(below)]
    return [aws.ssm().get_parameter(Name=name)["Parameter"]["Value"] for name in names]


PROJECT_ID = "5e2211c17a3e5a48f5497de3"
ATLAS_SECRET = "mdb_sa_sk_1f0c8b529c574c0e"
LOGZIO_TOKEN = "8a2c1f6e-0b4d-4f7a-9c3e-5d6b7a8c9d0e"


@pytest.fixture
def atlas(
    clock: Clock, iam: Iam, certificate: ServerCertificate, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AtlasApi]:
    """Atlas with one empty project, whose service account's secret is stored."""
    monkeypatch.setattr(atlas_api, "_tokens", {})
    with AtlasApi(iam.assume, certificate=certificate.certificate, key=certificate.key) as api:
        api.now = api.callers.now = clock.now
        api.projects[PROJECT_ID] = Project()
        api.callers.service_accounts["mdb_sa_id_1"] = ATLAS_SECRET
        store_secret("acme/atlas", {"client_id": "mdb_sa_id_1", "client_secret": ATLAS_SECRET})
        yield api
        record(api)


CLUSTER_ID = "f78b7feb-b6cf-4396-9d7f-494982d7d81e"
COCKROACH_KEY = "CCDB1_D4zlI3pmTmk5rGrzYqMhbc_NkcXLI8d81Mtx3djD45iwPfgtnaRv0XCh0Z9047K"


@pytest.fixture
def cockroach(clock: Clock, iam: Iam, certificate: ServerCertificate) -> Iterator[CockroachdbApi]:
    """CockroachDB Cloud with one Advanced cluster, whose service account's key is stored."""
    with CockroachdbApi(iam.assume_from, certificate=certificate.certificate, key=certificate.key) as api:
        api.now = clock.now
        api.clusters[CLUSTER_ID] = Cluster()
        api.api_keys.add(COCKROACH_KEY)
        store_secret("acme/cockroach", COCKROACH_KEY)
        yield api
        record(api)


@pytest.fixture
def logzio(clock: Clock, iam: Iam, certificate: ServerCertificate) -> Iterator[LogzioApi]:
    """Logz.io with one empty account, whose API token is stored."""
    with LogzioApi(iam.assume, certificate=certificate.certificate, key=certificate.key) as api:
        api.now = clock.now
        api.accounts[LOGZIO_TOKEN] = Account(id=24601)
        store_secret("acme/logzio-api", {"api_token": LOGZIO_TOKEN})
        yield api
        record(api)


def store_secret(name: str, value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    aws.secrets_manager().create_secret(Name=name, SecretString=text)


def record(api: Any) -> None:
    """Keep what was asked, for the check against the vendor's OpenAPI description (`make vendor-apis`)."""
    if file := os.environ.get("LOGDOCK_VENDOR_REQUESTS"):
        api.save(Path(file))


@pytest.fixture(autouse=True)
def _no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_text, "_spellings", set())
