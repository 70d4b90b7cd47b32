"""The vendors whose export the deploy itself switches on: their APIs, and what they know of this customer.

Each gets only what such a customer has there already: a project, a credential. Whatever else a vendor knows
later, the deploy has sent through its API; the stand-ins use that.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import secrets
import uuid
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, Self

from local_cloud.stage import Stage
from local_cloud.stand_ins.sessions import assume, vendor_identity
from local_cloud.vendors.cockroachdb.api import Cluster, CockroachdbApi
from local_cloud.vendors.logzio.api import Account, LogzioApi
from local_cloud.vendors.mongodb_atlas.api import AtlasApi
from local_cloud.vendors.mongodb_atlas.project import Project
from local_cloud.vendors.rds import databases
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.settings import DatabaseExport
from logdock.vendors.registry import EXPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from local_cloud.emulator import Emulator
    from local_cloud.vendors.server import VendorApi
    from logdock.settings import Deployment
    from logdock.settings.destinations import Destination
    from logdock.settings.exports import Export

_REFUSALS = 2
"""How often a role that was made a moment ago is not seen yet."""


class VendorAccount(Protocol):
    """A vendor's API and what it knows of this customer: what ``account`` of a kind's module `account` returns.

    It is called with what returns the stage, once the customer is known, and the certificate and key of its API.
    """

    @property
    def api(self) -> VendorApi:
        """The API, which listens while it is entered."""

    def know(self, export: Any) -> str:
        """Have what a customer has before the deploy; return the credential of an export's secret."""

    def is_clean(self, export: Any) -> bool:
        """Return whether nothing of an export is left."""


class Vendors:
    """The vendors' APIs, from ``with`` to the end of its block."""

    atlas: AtlasApi
    cockroachdb: CockroachdbApi
    logzio: LogzioApi
    accounts: dict[str, VendorAccount]
    """The vendors whose package has a module `account`, by kind."""

    def __init__(self, cloud: Emulator) -> None:
        self._cloud = cloud
        self._everything = ExitStack()
        self._stage: Stage | None = None
        self._logzio_tokens: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start them."""
        tls: dict[str, Any] = {"certificate": self._cloud.certificate, "key": self._cloud.key}
        self.atlas = self._everything.enter_context(AtlasApi(self._assume_as_atlas, **tls))
        self.cockroachdb = self._everything.enter_context(CockroachdbApi(self._assume_as_cockroachdb, **tls))
        self.cockroachdb.refusals = self.cockroachdb.propagation = 1
        self.logzio = self._everything.enter_context(LogzioApi(self._assume_as_logzio, **tls))
        self.atlas.propagation = self.logzio.propagation = _REFUSALS
        self.accounts = {kind: module.account(self._known_stage, **tls) for kind, module in _account_modules()}
        for account in self.accounts.values():
            self._everything.enter_context(account.api)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them."""
        self._everything.close()

    def localise(self, document: dict[str, Any]) -> None:
        """Point a settings document at these addresses."""
        urls = {
            "mongodb-atlas": self.atlas.url,
            "cockroachdb": self.cockroachdb.url,
            "logzio": self.logzio.url,
            **{kind: account.api.url for kind, account in self.accounts.items()},
        }
        for entry in (*document["exports"], *document.get("destinations", [])):
            if "connect" in entry and entry["kind"] in urls:
                entry["connect"]["api_base_url"] = urls[entry["kind"]]

    def know(self, settings: Deployment) -> dict[str, str]:
        """Have the vendors know this customer; return its credentials, by the name of their secret."""
        self._stage = Stage(self._cloud, settings, {}, self)
        credentials: dict[str, str] = {}
        for export in settings.exports:
            if isinstance(export, MongodbAtlasExport) and export.connect:
                for member in export.members:
                    credentials[export.connect.secret] = self._atlas_project(member)
            elif isinstance(export, CockroachdbExport) and export.connect:
                for each in export.members:
                    credentials[export.connect.secret] = self._cockroachdb_cluster(each, settings.region)
            elif export.kind in self.accounts and (connect := getattr(export, "connect", None)):
                credentials[connect.secret] = self.accounts[export.kind].know(export)
        for destination in settings.destinations:
            if isinstance(destination, LogzioDestination) and destination.connect:
                self._logzio_tokens[destination.name] = token = str(uuid.uuid4())
                self.logzio.accounts[token] = Account(id=24_601 + len(self.logzio.accounts))
                credentials[destination.connect.secret] = json.dumps({"api_token": token})
        return credentials

    def _known_stage(self) -> Stage:
        assert self._stage is not None  # noqa: S101  (no call comes before the customer is known)
        return self._stage

    def _atlas_project(self, export: MongodbAtlasExport) -> str:
        project = self.atlas.projects.setdefault(export.object_id, Project())
        for name in export.connect.redact_clusters if export.connect else ():
            project.clusters[name] = {"redactClientLogData": False}
        # Both ways to sign in are in use.
        if len(self.atlas.callers.service_accounts) <= len(self.atlas.callers.api_keys):
            client, secret = f"mdb_sa_id_{secrets.token_hex(12)}", f"mdb_sa_sk_{secrets.token_hex(20)}"
            self.atlas.callers.service_accounts[client] = secret
            return json.dumps({"client_id": client, "client_secret": secret})
        public, private = secrets.token_hex(4), secrets.token_hex(16)
        self.atlas.callers.api_keys[public] = private
        return json.dumps({"public_key": public, "private_key": private})

    def _cockroachdb_cluster(self, export: CockroachdbExport, home: str) -> str:
        self.cockroachdb.clusters[export.object_id] = Cluster(
            plan=export.plan.upper(),
            account_id=f"{2222_0000_0000 + len(self.cockroachdb.clusters):012d}",
            regions=export.regions or (home,),
        )
        key = f"CCDB1_{secrets.token_hex(24)}"
        self.cockroachdb.api_keys.add(key)
        return key

    def _assume_as_cockroachdb(self, account: str, role_arn: str, external_id: str) -> Callable[[str, str], None]:
        stage = self._known_stage()
        session = assume(stage, self._identity(f"arn:aws:iam::{account}:root"), role_arn, external_id)

        def reach(region: str, log_group: str) -> None:
            logs = stage.client("logs", session, region=region)
            # The stream of a node that has not fully started has no number ("Export Logs", "Log name format").
            stream = f"{log_group}.{region}.cockroachdbcloud.ops.n"
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(logGroupName=log_group, logStreamName=stream)

        return reach

    def _assume_as_atlas(self, role_arn: str, external_id: str) -> Callable[[str, str], None]:
        stage = self._known_stage()
        s3 = stage.client("s3", assume(stage, self._identity(self.atlas.principal_arn), role_arn, external_id))

        def write(bucket: str, key: str) -> None:
            s3.get_bucket_location(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key=key, Body=b"")

        return write

    def _assume_as_logzio(self, role_arn: str, external_id: str) -> Callable[..., None]:
        stage = self._known_stage()
        identity = self._identity(f"arn:aws:iam::{self.logzio.aws_account_id}:root")
        s3 = stage.client("s3", assume(stage, identity, role_arn, external_id))

        def read(bucket: str, prefix: str, *body: bytes) -> None:
            s3.get_bucket_location(Bucket=bucket)
            if body:
                s3.put_object(Bucket=bucket, Key=prefix, Body=body[0])
            for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents", []):
                s3.get_object(Bucket=bucket, Key=item["Key"])

        return read

    def logzio_account(self, destination: LogzioDestination) -> Account:
        """Return the account at Logz.io that a destination is."""
        return self.logzio.accounts[self._logzio_tokens[destination.name]]

    @cache  # noqa: B019  (one of these lives as long as the process)
    def _identity(self, principal_arn: str) -> dict[str, Any]:
        return vendor_identity(self._known_stage(), principal_arn)

    def atlas_integration(self, export: MongodbAtlasExport) -> tuple[Project, dict[str, Any]]:
        """Return an export's project, and its log integration there, which its bucket and prefix identify."""
        project = self.atlas.projects[export.object_id]
        wanted = export.landing(self._known_stage().settings).bucket, export.prefix
        return project, next(
            one for one in project.integrations.values() if (one["bucketName"], one["prefixPath"]) == wanted
        )

    def cockroachdb_export(self, export: CockroachdbExport) -> tuple[Cluster, dict[str, Any]]:
        """Return an export's cluster, and what its log export is set to."""
        cluster = self.cockroachdb.clusters[export.object_id]
        assert cluster.spec is not None  # noqa: S101  (the deploy has enabled it)
        return cluster, cluster.spec

    def principal_arn(self, party: object) -> str:
        """Return whom an export's or a reader's role is to trust."""
        if isinstance(party, MongodbAtlasExport):
            return self.atlas.principal_arn
        if isinstance(party, LogzioDestination):
            return f"arn:aws:iam::{self.logzio.aws_account_id}:root"
        if isinstance(party, CockroachdbExport):
            return f"arn:aws:iam::{self.cockroachdb.clusters[party.object_id].account_id}:root"
        raise ValueError(f"{party!r} has no API here")

    def external_ids(self, party: object) -> tuple[str, ...]:
        """Return the external ids that a vendor uses, or will use, for an export or a reader."""
        if isinstance(party, MongodbAtlasExport):
            project, integration = self.atlas_integration(party)
            return (project.roles[integration["iamRoleId"]]["atlasAssumedRoleExternalId"],)
        if isinstance(party, LogzioDestination):
            return (self.logzio_account(party).external_id,)
        if isinstance(party, CockroachdbExport):
            _, spec = self.cockroachdb_export(party)
            return (spec.get("aws_external_id") or party.object_id,)
        if getattr(party, "kind", "") in self.accounts:
            return ()  # those that assume a role have their own place above
        raise ValueError(f"{party!r} has no API here")

    def is_clean(self, party: Export | Destination) -> bool:
        """Return whether a vendor has nothing left of an export or a reader."""
        members = getattr(party, "members", (party,))
        if len(members) > 1:
            return all(self.is_clean(each) for each in members)
        (party,) = members
        if isinstance(party, DatabaseExport):
            return databases.is_as_it_was(self._known_stage(), party)
        if isinstance(party, MongodbAtlasExport):
            project = self.atlas.projects[party.object_id]
            redacted = any(cluster["redactClientLogData"] for cluster in project.clusters.values())
            return not (
                project.roles or project.integrations or project.alerts or project.auditing["enabled"] or redacted
            )
        if isinstance(party, LogzioDestination):
            return not self.logzio_account(party).fetchers
        if isinstance(party, CockroachdbExport):
            return self.cockroachdb.clusters[party.object_id].spec is None
        if party.kind in self.accounts:
            return self.accounts[party.kind].is_clean(party)
        raise ValueError(f"{party.kind} has no API here")

    def save_requests(self, file: Path) -> None:
        """Write what the vendors were asked."""
        file.unlink(missing_ok=True)
        self.atlas.save(file)
        self.logzio.save(file)
        self.cockroachdb.save(file)
        for account in self.accounts.values():
            account.api.save(file)


def _account_modules() -> Iterator[tuple[str, Any]]:
    """Yield the module `account` of each kind of export that has one."""
    for kind in EXPORTS:
        name = f"local_cloud.vendors.{kind.replace('-', '_')}"
        if find_spec(f"{name}.account"):
            yield kind, importlib.import_module(f"{name}.account")
