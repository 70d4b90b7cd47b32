"""Whatever a vendor answers: every vendor and operation, with answers of every kind in every place.

A deploy or a destroy ends with a message that a person can read, never says that something is there (or gone) that is
not, and never changes what belongs to another owner; once the vendor answers properly, a destroy leaves nothing.
"""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.ssm.models import ssm_backends
from vendor_connector import state, vendor_api
from vendor_connector.public_text import MAX_BYTES
from vendor_connector.vendors.mongodb_atlas import api as atlas_api

from local_cloud.vendors.cloudflare.api import CloudflareApi
from local_cloud.vendors.cockroachdb.api import CockroachdbApi
from local_cloud.vendors.logzio.api import Fetcher, LogzioApi
from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.server import Reply, Request
from tests.costly import examples, sample
from tests.lambda_src.vendor_connector import test_atlas_log_export as of_atlas
from tests.lambda_src.vendor_connector import test_atlas_settings as of_atlas_settings
from tests.lambda_src.vendor_connector import test_cloudflare as of_cloudflare
from tests.lambda_src.vendor_connector import test_cockroachdb as of_cockroachdb
from tests.lambda_src.vendor_connector import test_logzio_archive as of_logzio_archive
from tests.lambda_src.vendor_connector import test_logzio_fetchers as of_logzio
from tests.lambda_src.vendor_connector.conftest import (
    ATLAS_SECRET,
    COCKROACH_KEY,
    LOGZIO_TOKEN,
    PROJECT_ID,
    parameters,
    remembered_values,
)
from tests.lambda_src.vendor_connector.formation import ACCOUNT, REGION, Clock, FailedError, Formation, Iam, Template

cloudflare = of_cloudflare.cloudflare
SECRETS = (ATLAS_SECRET, COCKROACH_KEY, LOGZIO_TOKEN, of_cloudflare.TOKEN)
PYTHON = re.compile(
    r"\b[A-Z][A-Za-z]*(Error|Exception|Read)\b|Traceback|object has no attribute|subscriptable|NoneType|iterable|codec"
)


@dataclass(kw_only=True)
class Scene:
    """One operation, or a few that belong together, at a vendor.

    Attributes
    ----------
    put
        Put the vendor back to its beginning, with what belongs to another owner.
    ours, theirs
        What the vendor has of this stack, and of the other owner.
    is_done
        Whether what was asked for is there.
    """

    api: Any
    template: Callable[..., Template]
    put: Callable[[], object]
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    is_done: Callable[[], bool]
    change: dict[str, Any]


def atlas_export(atlas: AtlasApi, iam: Iam) -> Scene:
    project = atlas.projects[PROJECT_ID]
    theirs = "a" * 24, "b" * 24

    def put() -> None:
        project.roles.clear()
        project.integrations.clear()
        of_atlas.by_hand(atlas, iam, bucketName="theirs")
        project.roles["a" * 24]["iamAssumedRoleArn"] = "arn:aws:iam::111122223333:role/theirs"

    def ours() -> list[Any]:
        return [one for key, one in {**project.roles, **project.integrations}.items() if key not in theirs]

    return Scene(
        api=atlas,
        template=lambda **changes: of_atlas.template(atlas, **changes),
        put=put,
        ours=ours,
        theirs=lambda: [project.roles.get(theirs[0]), project.integrations.get(theirs[1])],
        is_done=lambda: len(ours()) == 2 and all(one.get("authorizedDate") or one.get("bucketName") for one in ours()),
        change={"LogTypes": ["MONGOD"]},
    )


def atlas_alert(atlas: AtlasApi, _: Iam) -> Scene:
    alerts = atlas.projects[PROJECT_ID].alerts

    def put() -> None:
        alerts.clear()
        of_atlas_settings.users_alert(atlas, "HOST_DOWN")

    def ours() -> list[Any]:
        return [one for key, one in alerts.items() if key != "e" * 24]

    return Scene(
        api=atlas,
        template=lambda **changes: of_atlas_settings.alert(atlas, **changes),
        put=put,
        ours=ours,
        theirs=lambda: alerts.get("e" * 24),
        is_done=lambda: len(ours()) == 1,
        change={"Revision": "2"},
    )


def atlas_auditing(atlas: AtlasApi, _: Iam) -> Scene:
    project = atlas.projects[PROJECT_ID]
    off = {"enabled": False, "auditFilter": "", "auditAuthorizationSuccess": False}
    return Scene(
        api=atlas,
        template=lambda **changes: of_atlas_settings.auditing(atlas, **changes),
        put=lambda: project.auditing.update(off),
        ours=lambda: project.auditing["enabled"],
        theirs=lambda: None,
        is_done=lambda: bool(project.auditing["enabled"]),
        change={"Revision": "2"},
    )


def atlas_redaction(atlas: AtlasApi, _: Iam) -> Scene:
    project = atlas.projects[PROJECT_ID]
    cluster = {"redactClientLogData": False}
    return Scene(
        api=atlas,
        template=lambda **changes: {"Resource": of_atlas_settings.redaction(atlas, "Cluster0")["Resource"] | changes},
        put=lambda: project.clusters.update(Cluster0={**cluster}, Cluster1={**cluster}),
        ours=lambda: project.clusters["Cluster0"]["redactClientLogData"],
        theirs=lambda: project.clusters["Cluster1"],
        is_done=lambda: bool(project.clusters["Cluster0"]["redactClientLogData"]),
        change={"Revision": "2"},
    )


def cockroachdb(api: CockroachdbApi, _: Iam) -> Scene:
    cluster = api.clusters[of_cockroachdb.CLUSTER]

    def put() -> None:
        cluster.info = None

    return Scene(
        api=api,
        template=lambda **changes: of_cockroachdb.template(api, **changes),
        put=put,
        ours=lambda: cluster.spec,
        theirs=lambda: None,
        is_done=lambda: bool(cluster.info and cluster.info["status"] == "ENABLED"),
        change={"Redact": "false"},
    )


def logzio_fetchers(api: LogzioApi, _: Iam) -> Scene:
    fetchers = api.accounts[LOGZIO_TOKEN].fetchers

    def put() -> None:
        fetchers.clear()
        of_logzio.by_hand(api, bucket="theirs")

    def ours() -> list[Fetcher]:
        return [one for key, one in fetchers.items() if key != 17]

    return Scene(
        api=api,
        template=lambda **changes: of_logzio.template(api, "ledger", **changes),
        put=put,
        ours=ours,
        theirs=lambda: fetchers[17].document,
        is_done=lambda: len(ours()) == 1 and ours()[0].document["active"],
        change={"LogType": "other"},
    )


def logzio_archive(api: LogzioApi, _: Iam) -> Scene:
    account = api.accounts[LOGZIO_TOKEN]

    def put() -> None:
        account.archive = None

    return Scene(
        api=api,
        template=lambda **changes: of_logzio_archive.template(api, **changes),
        put=put,
        ours=lambda: account.archive,
        theirs=lambda: None,
        is_done=lambda: bool(account.archive),
        change={"Revision": "2"},
    )


def cloudflare_job(api: CloudflareApi, _: Iam) -> Scene:
    jobs = api.places[of_cloudflare.SCOPE].jobs

    def put() -> None:
        jobs.clear()
        of_cloudflare.by_hand(api, destination_conf="s3://theirs/old?region=eu-west-1")

    def ours() -> list[Any]:
        return [one for key, one in jobs.items() if key != 7]

    return Scene(
        api=api,
        template=lambda **changes: of_cloudflare.template(api, **changes),
        put=put,
        ours=ours,
        theirs=lambda: jobs[7],
        is_done=lambda: len(ours()) == 1 and ours()[0]["enabled"],
        change={"sample_rate": 0.5},
    )


SCENES: dict[str, tuple[str, Callable[[Any, Iam], Scene]]] = {
    "atlas-export": ("atlas", atlas_export),
    "atlas-alert": ("atlas", atlas_alert),
    "atlas-auditing": ("atlas", atlas_auditing),
    "atlas-redaction": ("atlas", atlas_redaction),
    "cockroachdb": ("cockroach", cockroachdb),
    "logzio-fetchers": ("logzio", logzio_fetchers),
    "logzio-archive": ("logzio", logzio_archive),
    "cloudflare": ("cloudflare", cloudflare_job),
}

SINGLE = frozenset({"atlas-auditing", "atlas-redaction", "cockroachdb"})
"""What has no list and no id: a 404 to its GET is the vendor's own word that there is none."""
DEFAULTS = frozenset({"enabled", "auditFilter", "auditAuthorizationSuccess", "redactClientLogData"})
"""Fields whose absence has a meaning by the vendor's description."""
WHOSE = "accountId"
"""The field that says whose the credential is: with another id in it, it is that of another account."""
NAMES = ["id", "roleId", "results", "result", "success", "settings", "spec", "groups", "clusters", "name"]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "x", "\ud800", "../..", "9" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
pages = st.sampled_from([
    "", " ", "null", "[]", "{}", "7", '"x"', "true", "NaN", "[" * 100_000, '{"id":' * 50_000, "[" * 90 + "]" * 90,
    '{"results": [7]}', '{"success": true, "result": null}', '{"success": true}', "not JSON", "<html>\n<p>503</p>",
    '{"access_token": "leaked-token-1f0c", "expires_in": null', '{"access_token": "leaked-token-1f0c\\u0007"}',
    "\ufeff{}", "1" * 5000, '[{"id": null}]', '[{"id": "../../x"}]', '{"id": true}',
])  # fmt: skip
statuses = st.sampled_from([200, 201, 202, 204, 302, 304, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503])


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """What is done to some answers.

    Attributes
    ----------
    method, number
        Which request: the n-th of this method in the phase; unless it is `once`, also every later one to the same path
        or below it.
    is_carried_out
        Whether a request that changes something is done all the same; never one that is answered 429, which says that
        it was not.
    page, value, at, cut, status
        What is answered: this page; or what is true with this value somewhere in it, or cut off, or with this status.
    """

    method: str
    number: int
    once: bool
    is_carried_out: bool
    page: str | None
    value: Any
    at: int | None
    cut: int | None
    status: int | None

    def reply(self, true: Reply, scene: str) -> Reply:
        body = self.page
        if body is None:
            document = copy.deepcopy(true.document)
            if self.at is not None and document is not None:
                document = replaced(document, self.at, self.value)
            body = "" if document is None else json.dumps(document)
        headers: dict[str, str] = {}
        if self.cut is not None and body:
            kept = self.cut % len(body)
            headers = {"Content-Length": str(len(body.encode()))} if self.cut % 2 else {}
            body = body[:kept]
        status = self.status or true.status
        if scene in SINGLE and self.method == "GET" and status == 404:
            status = 400
        return Reply(status, None, headers, page=body)


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return every element of a document, as its container and the key there."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [place for key in keys for place in [(document, key), *places(document[key])]]


def replaced(document: Any, at: int, value: Any) -> Any:
    """Return a document in which one element, or all of it, is another value; None removes a field."""
    found = places(document)
    if at % (len(found) + 1) == len(found):
        return value
    container, key = found[at % (len(found) + 1)]
    if key in DEFAULTS and (value is None or type(value) is type(container[key])):
        value = ["x"]
    if key == WHOSE and type(value) in (int, str):
        value = ["x"]
    if value is None and isinstance(container, dict) and at % 2:
        del container[key]
    else:
        container[key] = value
    return document


distortions = st.builds(
    Distortion,
    method=st.sampled_from(["GET", "GET", "POST", "PUT", "PATCH", "DELETE"]),
    number=st.integers(0, 7),
    once=st.booleans(),
    is_carried_out=st.booleans(),
    page=st.none() | pages,
    value=values,
    at=st.none() | st.integers(0, 60),
    cut=st.none() | st.none() | st.integers(0, 200),
    status=st.none() | st.none() | statuses,
)


class Distorted:
    """Have some answers of a stand-in distorted from here on; `stop` ends it."""

    def __init__(self, scene: Scene, name: str, how: Distortion) -> None:
        self._take, self._api, seen, paths = scene.api.take, scene.api, [0], set[str]()

        def take(request: Request) -> Reply | None:
            if request.method == how.method:
                seen[0] += 1
                if seen[0] == how.number + 1:
                    paths.add(request.path)
                is_same = request.path.startswith(tuple(paths))
                is_chosen = seen[0] == how.number + 1 if how.once else is_same
                if is_chosen:
                    is_done = (
                        request.method == "GET"
                        or scene.api.is_sign_in(request.path)
                        or (how.is_carried_out and how.status != 429)
                    )
                    true = (self._take(request) if is_done else None) or Reply(200, {})
                    return how.reply(true, name)
            reply: Reply | None = self._take(request)
            return reply

        scene.api.take = take

    def stop(self) -> None:
        self._api.take = self._take


def begin(scene: Scene, clock: Clock, iam: Iam) -> Formation:
    """Start from nothing."""
    backend = ssm_backends[ACCOUNT][REGION]
    for name in [*backend._parameters]:
        backend.delete_parameter(name)
    state.begin()
    iam.roles.clear()
    vendor_api._failing_since.clear()
    atlas_api._tokens.clear()
    scene.api.recorded.clear()
    scene.put()
    return Formation(clock, iam)


def check_message(said: str) -> None:
    assert said.isprintable()
    assert len(said.encode()) <= MAX_BYTES
    assert not PYTHON.search(said), said
    check_secrets(said)


def check_secrets(whole: str) -> None:
    for secret in (*SECRETS, "leaked-token-1f0c"):
        assert secret not in whole


def run(name: str, phase: str, how: Distortion, clock: Clock, iam: Iam, request: pytest.FixtureRequest) -> list[str]:
    """Go through a phase while answers are distorted, then destroy; return the requests of the phase."""
    fixture, make = SCENES[name]
    scene = make(request.getfixturevalue(fixture), iam)
    stack = begin(scene, clock, iam)
    theirs = copy.deepcopy(scene.theirs())
    if phase != "create":
        stack.deploy(scene.template())
    before = len(scene.api.recorded)
    distorted = Distorted(scene, name, how)
    try:
        if phase == "destroy":
            stack.destroy()
        else:
            stack.deploy(scene.template(**(scene.change if phase == "update" else {})), rollback=False)
    except FailedError as error:
        check_message(str(error))
    else:
        assert bool(scene.ours()) == (phase != "destroy")
        assert scene.is_done() == (phase != "destroy")
    finally:
        distorted.stop()
    requests = [one.method for one in scene.api.recorded[before:]]
    assert scene.theirs() == theirs
    check_secrets("".join([*stack.seen, *remembered_values()]))
    stack.destroy()
    assert not scene.ours()
    assert scene.theirs() == theirs
    assert not parameters()
    return requests


def never(method: str, number: int, page: str | None) -> Distortion:
    """Return a distortion by one page for good, with nothing carried out."""
    return Distortion(
        method=method, number=number, once=False, is_carried_out=False, page=page, value=None, at=None, cut=None,
        status=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "page", sample(["", "{}", "[]", "null", "7", '{"success": true, "result": null}'], 6, ids=repr)
)
@pytest.mark.parametrize("phase", ["create", "update", "destroy"])
@pytest.mark.parametrize("name", SCENES)
def test_each_request_may_have_an_unusable_answer_for_good(
    name: str, phase: str, page: str, clock: Clock, iam: Iam, request: pytest.FixtureRequest
) -> None:
    sent = run(name, phase, never("NONE", 0, None), clock, iam, request)
    assert sent or phase == "update"
    for method in {*sent}:
        for number in range(min(sent.count(method), 8)):
            run(name, phase, never(method, number, page), clock, iam, request)


@pytest.mark.parametrize("phase", ["create", "update", "destroy"])
@pytest.mark.parametrize("name", SCENES)
@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(how=distortions)
def test_whatever_a_vendor_answers_nothing_is_claimed_that_is_not_so(
    name: str,
    phase: str,
    how: Distortion,
    clock: Clock,
    iam: Iam,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(name, phase, how, clock, iam, request)
    check_secrets(capsys.readouterr().out)


def put_in_the_way(name: str, api: Any, iam: Iam) -> Callable[[], Any]:
    """Have another owner's configuration where this stack's would be; return what reads it."""
    match name:
        case "atlas-export":
            role_id, integration_id = of_atlas.by_hand(api, iam)
            project = api.projects[PROJECT_ID]
            return lambda: (project.roles[role_id], project.integrations[integration_id])
        case "atlas-alert":
            of_atlas_settings.users_alert(api)
            return lambda: api.projects[PROJECT_ID].alerts["e" * 24]
        case "atlas-auditing":
            api.projects[PROJECT_ID].auditing |= {"enabled": True, "auditFilter": '{"theirs": 1}'}
            return lambda: api.projects[PROJECT_ID].auditing
        case "cockroachdb":
            of_cockroachdb.by_hand(api)
            return lambda: api.clusters[of_cockroachdb.CLUSTER].info
        case "logzio-fetchers":
            number = of_logzio.by_hand(api)
            return lambda: api.accounts[LOGZIO_TOKEN].fetchers[number].document
        case "logzio-archive":
            of_logzio_archive.by_hand(api)
            return lambda: api.accounts[LOGZIO_TOKEN].archive
        case _:
            of_cloudflare.by_hand(api)
            return lambda: api.places[of_cloudflare.SCOPE].jobs[7]


@pytest.mark.parametrize("name", [name for name in SCENES if name != "atlas-redaction"])
@settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(how=distortions)
def test_whatever_a_vendor_answers_what_is_in_the_way_is_not_changed(
    name: str, how: Distortion, clock: Clock, iam: Iam, request: pytest.FixtureRequest
) -> None:
    fixture, make = SCENES[name]
    scene = make(request.getfixturevalue(fixture), iam)
    stack = begin(scene, clock, iam)
    read = put_in_the_way(name, scene.api, iam)
    before = copy.deepcopy(read())
    distorted = Distorted(scene, name, how)
    try:
        stack.deploy(scene.template(), rollback=False)
    except FailedError as error:
        check_message(str(error))
    finally:
        distorted.stop()
    assert read() == before
    stack.destroy()
    assert read() == before
    assert not parameters()
