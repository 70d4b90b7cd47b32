"""Every setting set, changed and removed by the real CDK on the local cloud, where IAM holds as the stacks say.

The exports of a group share one deployment. Each deploy takes every one of them to its next step, which changes many
fields at once: ``tests/transitions/covering.py`` chooses the steps from the settings models, so a new setting is in
them by itself. Each deploy either is refused before by ``logdock plan``, with the reason, or ends; then

* AWS and the vendors have what the settings say, and nothing of what left them;
* no log group has a key that does not admit it;
* what could deliver before still can, unless the plan said otherwise, and what the settings admit can.

At the end all is destroyed: every vendor is as it was, nothing is remembered, and every log group can be read.
A second test switches ``connect`` off and on, and renames every export.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError
from vendor_connector.vendors.cloudflare.documents import LogpushJob, bucket_and_path, comparable

from local_cloud.cdk import CdkError
from local_cloud.commands import PYTHON_PATH
from local_cloud.emulator import Emulator
from local_cloud.stage import Stage
from local_cloud.stand_ins.service_principal import ServiceRequest
from local_cloud.stand_ins.sessions import assume, role_session, vendor_identity
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.cloudflare.api import Place
from local_cloud.vendors.cockroachdb.api import Cluster
from local_cloud.vendors.mongodb_atlas.project import Project
from local_cloud.vendors.rds import databases
from local_cloud.vendors.s3_logs.exporter import _PRINCIPALS
from logdock.cli.plan.effects import Kind
from logdock.cli.stacks import expected_stacks
from logdock.settings import Deployment
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cloudflare.documents import logpush_job
from logdock.vendors.cloudflare.settings import CloudflareExport
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.mongodb_atlas.documents import atlas_alert
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.settings import DatabaseExport, RdsExport
from logdock.vendors.s3_logs.settings import S3LogsExport
from tests.end_to_end.test_connect import Customer
from tests.end_to_end.test_transitions import unreadable
from tests.settings.documents import FETCH, OTLP, PUSH, Document, destination, document, export
from tests.transitions.covering import Levels, Values, needed, steps, with_levels
from tests.transitions.fields import MODELS, values
from tests.transitions.synthesis import synthesizer

pytestmark = [pytest.mark.end_to_end, pytest.mark.proof, pytest.mark.timeout(1800)]

ACCOUNT = "123456789012"
SECOND_PROJECT, SECOND_CLUSTER = "6f3322d28b4f6b59a6508ef4", "f78b7feb-b6cf-4396-9d7f-494982d7d82f"
GROUPS = ("/acme/apps/checkout", "/acme/apps/another", "/apps/a", "/apps/b", "/more/c")
"""The customer's own log groups."""
OWN_BUCKETS = ("acme-legacy", "acme-second", "acme-third")
EXPLAINS = {Kind.REFUSES, Kind.CUTS_OFF, Kind.VENDOR, Kind.REPLACES, Kind.KEEPS_RUNNING}
"""The consequences by which a plan says that a delivery may be refused from the deploy on."""

REFUSALS = (
    "exists already in this account",
    "those that exist have the same names",
    "still import the stream's ARN",
)
"""Why the plan may say here that a deploy fails."""

PLANS = 4
"""How often the settings are planned until the plan refuses none of them."""
ADOPT: dict[str, Document] = {
    "aurora-mysql": {"log_groups": "adopt"},
    "rds": {"log_groups": "adopt"},
    "cockroachdb": {"adopt_log_groups": True},
}
"""The way out that the pages name where log groups exist already."""


def part(kind: str, name: str, **settings: object) -> Document:
    """Return an export under another name."""
    return export(kind, **{"name": name, **settings})


CONNECTED = {"external_id": None, "atlas_principal_arn": None, "cluster_account_id": None}
EXPORTS: dict[str, Document] = {
    "orders": part("mongodb-atlas", "orders"),
    "carts": part("mongodb-atlas", "carts", project_id="7a3322d28b4f6b59a6508ef5", **CONNECTED)
    | {"connect": {"secret": "acme/carts"}},
    "ledger": part("cockroachdb", "ledger"),
    "books": part("cockroachdb", "books", log_group="/acme/cockroach/books", **CONNECTED)
    | {"cluster_id": "a78b7feb-b6cf-4396-9d7f-494982d7d831", "connect": {"secret": "acme/books"}},
    "billing": part("aurora-mysql", "billing"),
    "shop": part("rds", "shop"),
    "stock": part("rds", "stock", engine="mysql", instance_id=None, cluster_id="stock", log_types=["slowquery"]),
    "platform": part("aptible", "platform"),
    "trail": part("s3-logs", "trail"),
    "legacy": part("s3-logs", "legacy", services=None, existing_bucket="acme-legacy"),
    "apps": part("cloudwatch-logs", "apps"),
    "edge": part("cloudflare", "edge") | {"connect": {"secret": "acme/edge"}},
    "firewall": part("cloudflare", "firewall", dataset="firewall_events", fields=["Datetime"], zone_id=None)
    | {"account_id": "c81b0f2a7e5d4c6b9a3f1e0d2c4b6a88"},
}
DESTINATIONS: dict[str, Document] = {
    "logz": PUSH,
    "reader": FETCH,
    "puller": destination(FETCH, name="puller", account_id=None, external_id=None, connect={"secret": "acme/puller"}),
    "lake": OTLP,
}
DEPLOYMENT: Document = {
    "retention": {"hot_days": 90, "archive_days": 400},
    "alerts": {"email": ["ops@acme.example"]},
}
OWN: dict[tuple[str, ...], list[object]] = {
    ("ledger", "cluster_id"): ["c78b7feb-b6cf-4396-9d7f-494982d7d833"],
    ("firewall", "fields"): [["Datetime", "RayID"], ["Datetime", "Action"]],
    ("stock", "log_types"): [["error", "slowquery"], ["general", "slowquery"]],
}
"""Values of a field for one export: no other may have them at the same time, or its engine has others."""
BY_HAND: dict[str, Document] = {
    "carts": {"atlas_principal_arn": "arn:aws:iam::772401394250:root", "external_id": "carts-external-id"},
    "books": {"cluster_account_id": "222233334444", "external_id": "books-external-id"},
    "puller": {"account_id": "406095609952", "external_id": "puller-external-id"},
    "edge": {},
}
"""What the settings have instead of ``connect``."""


DATABASES = ("billing", "shop", "stock")
"""The exports of databases, each with a second database and two parameter groups of its own."""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A part of the settings file that goes from step to step: an export, a destination, or the file's own settings."""

    name: str
    base: Document
    fields: Values

    @classmethod
    def of(cls, name: str) -> Lane:
        """Return the lane of an export or a destination."""
        base = EXPORTS.get(name) or DESTINATIONS.get(name) or DEPLOYMENT
        kind = base.get("kind", "deployment")
        fields = {}
        for path, several in values(kind, MODELS[kind]):
            if path[0] == "connect" and "connect" not in base:
                continue
            fields[path] = json.loads(json.dumps(OWN.get((name, *path), several)).replace("EXPORT", name))
        return cls(name=name, base=base, fields=fields)

    def is_valid(self, one: Document) -> bool:
        """Say whether the settings take the part."""
        with suppress(ValidationError):
            whole(**{self.name: one}, **({} if self.name in EXPORTS else {"apps": EXPORTS["apps"]}))
            return True
        return False

    def at(self, levels: Levels) -> Document:
        """Return the part at a step."""
        return with_levels(self.base, self.fields, levels)

    def steps(self) -> list[Levels]:
        """Return the steps."""
        return steps(self.base, self.fields, self.is_valid)

    def changed(self) -> set[str]:
        """Return the fields that the steps have."""
        return {".".join(path) for path in needed(self.fields, lambda levels: self.is_valid(self.at(levels)))}


def document_of(parts: Mapping[str, Document]) -> Document:
    """Return a settings file with these parts."""
    exports = [one for name, one in parts.items() if name not in DESTINATIONS and name != "deployment"]
    others = [one for name, one in {"lake": OTLP, **parts}.items() if name in DESTINATIONS]
    return document(*exports, account=ACCOUNT, destinations=others, **parts.get("deployment", DEPLOYMENT))


def whole(**parts: Document) -> Deployment:
    """Return the settings with these parts."""
    return Deployment.model_validate(document_of(parts))


@cache
def database_of(name: str, suffix: str = "") -> DatabaseExport:
    """Return an export as it is with every default, of its database or of one with another identifier."""
    base = EXPORTS[name]
    (one,) = whole(**{name: {**base, "instance_id" if "instance_id" in base else "cluster_id": name + suffix}}).exports
    assert isinstance(one, DatabaseExport)
    return one


def every_database() -> list[DatabaseExport]:
    """Return an export of each database that the settings name at any step."""
    return [database_of(name, suffix) for name in DATABASES for suffix in ("", "-2")]


def own_groups(name: str) -> list[str]:
    """Return the parameter groups of the user's own for the databases of an export."""
    return [f"{name}-own", f"{name}-own-2"]


def values_of(name: str, setting: str) -> list[object]:
    """Return every value of a setting at any step."""
    return [EXPORTS[name][setting], *Lane.of(name).fields[setting,]]


Delivery = tuple[str, str, Callable[[], object]]
"""An export, what its vendor does, and the call."""


def ids(value: object) -> list[str]:
    """Return external ids, the current one last."""
    return [value] if isinstance(value, str) else list(value or ())  # type: ignore[call-overload]


@dataclass
class World:
    """The customer's account, the vendors, and what is deployed."""

    customer: Customer
    synthesize: Callable[[Path, Path], None]
    parts: dict[str, Document] = field(default_factory=dict)
    settings: Deployment | None = None
    violations: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    kept: dict[str, Document] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make what there is before the first deploy: log groups, buckets, clusters, projects, secrets."""
        client = self.customer.client
        for group in (*GROUPS, "/acme/trail", "/acme/second-trail"):
            client("logs").create_log_group(logGroupName=group)
        for bucket in OWN_BUCKETS:
            client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        for topic in ("ops", "second"):
            client("sns").create_topic(Name=topic)
        vendors = self.customer.vendors
        settings = whole(**EXPORTS, **DESTINATIONS)
        for database in every_database():
            databases.prepare(self.customer.cloud, settings, database)
        for name in DATABASES:
            for group in own_groups(name):
                databases.create_group(client("rds"), database_of(name), group)
        credentials = vendors.know(settings)
        for project in [*vendors.atlas.projects.values(), vendors.atlas.projects.setdefault(SECOND_PROJECT, Project())]:
            for name in ("Cluster0", "Cluster1"):
                project.clusters[name] = {"name": name, "stateName": "IDLE", "redactClientLogData": False}
        vendors.cockroachdb.clusters[SECOND_CLUSTER] = Cluster(account_id="222299990000")
        for name, value in list(credentials.items()):
            credentials |= {f"{name}-2": value, f"{name}-3": value}
        for zone in values_of("edge", "zone_id"):
            self.cloudflare.api.places[f"zones/{zone}"] = Place(tokens={credentials["acme/edge"]})
        tokens = ("acme/logzio", "acme/second-token", "acme/third-token", "acme/headers", "acme/second-headers")
        keys = ("acme/aptible-keys", "acme/second-aptible-keys", "acme/webhook", "acme/second-webhook")
        further = dict.fromkeys((*tokens, *keys, "acme/webhook-token", "acme/second-webhook-token"), "{}")
        addresses = {name: f"https://{name.rpartition('/')[2]}.acme.example/alerts" for name in keys[2:]}
        self.customer.store({**further, **addresses, **credentials})

    @property
    def stage(self) -> Stage:
        """The stage of the stand-ins."""
        assert self.settings
        return Stage(self.customer.cloud, self.settings, {}, self.customer.vendors)

    @property
    def cloudflare(self) -> Any:
        """What Cloudflare knows of the customer."""
        return self.customer.vendors.accounts["cloudflare"]

    def go(self, parts: Mapping[str, Document], step: object) -> None:
        """Deploy the next settings as far as the plan does not refuse them, and check what must hold."""
        directory = self.customer.directory
        before = list(self.deliveries()) if self.settings else []
        parts, effects = self._plan(dict(parts))
        settings = whole(**parts)
        if self.settings:
            gone = [name for name in expected_stacks(self.settings) if name not in expected_stacks(settings)]
            if gone:
                self.customer.cdk.destroy(directory / "old.out", *gone)
            # Some conflicts are only found after the old stacks are deleted.
            parts, further = self._plan(dict(parts)) if gone else (parts, [])
            effects += further
            settings = whole(**parts)
        self._act_as_user(settings)
        try:
            self.customer.cdk.deploy(directory / "cdk.out")
        except CdkError as error:
            self.note(step, [str(error)])
            pytest.fail("\n".join(self.violations))
        shutil.rmtree(directory / "old.out", ignore_errors=True)
        (directory / "cdk.out").rename(directory / "old.out")
        self.parts, self.settings = dict(parts), settings
        self.note(step, self._check(before, effects))

    def fail_beside(self, renamed: Mapping[str, Document]) -> None:
        """Show that an export that is renamed beside its old stack is refused by the plan, and takes nothing away."""
        assert self.settings
        directory, old = self.customer.directory, self.settings
        self.customer.settings(document_of(renamed))
        self.synthesize(directory / "logdock.yaml", directory / "cdk.out")
        said = {each["name"]: each["kind"] for each in self._effects()}
        for one in old.exports:
            owns = not isinstance(one.landing(old), BucketLanding)
            if said.get(f"{one.name}:stack") != Kind.KEEPS_RUNNING:
                self.note("beside", [f"the plan does not name the stack of {one.name}: {said}"])
            if owns and said.get(f"{one.name}-2:stack") != Kind.FAILS:
                self.note("beside", [f"the plan does not refuse {one.name}-2: {said}"])
        for name in ("books", "ledger", *DATABASES):
            if f"{name}-2" in renamed:
                with pytest.raises(CdkError):
                    self.customer.cdk.deploy(
                        directory / "cdk.out",
                        stacks=[f"acme-prod-{name}-2"],
                        exclusively=True,
                        outputs_file=directory / "beside.json",
                    )
        self.note("beside", self._compare(expected=old))
        self.note("beside", (f"{name} cannot be read" for name in unreadable(self.customer)))

    def destroy(self) -> None:
        """Destroy all that may be destroyed; the core stays, as it does for a user."""
        assert self.settings
        stacks = [name for name in expected_stacks(self.settings) if not name.endswith("-core")]
        last = [name for name in stacks if name.endswith(("-shipper", "-dashboard"))]
        self.customer.cdk.destroy(self.customer.directory / "old.out", *(each for each in stacks if each not in last))
        self.customer.cdk.destroy(self.customer.directory / "old.out", *last)
        self.note("destroyed", self._compare(expected=None))
        self.note("destroyed", (f"{name} is remembered" for name in self.customer.remembered()))
        self.note("destroyed", (f"{name} cannot be read" for name in unreadable(self.customer)))

    def note(self, step: object, lines: Iterable[str]) -> None:
        """Note what does not hold; the file shows it while the test goes on."""
        self.violations += [f"{step}: {line}" for line in lines]
        text = [*(f"refused: {line}" for line in self.refused), *self.violations, f"after {step}", ""]
        (self.customer.directory / "violations.txt").write_text("\n".join(text), encoding="utf-8")

    def _plan(self, parts: dict[str, Document]) -> tuple[dict[str, Document], list[dict[str, Any]]]:
        """Return what can be deployed of the next settings, and the consequences; note what the plan refuses."""
        directory = self.customer.directory
        said: list[dict[str, Any]] = []
        # What was refused once would be again, and costs a plan each time.
        parts |= {name: without_none({**parts[name], **kept}) for name, kept in self.kept.items() if name in parts}
        for _ in range(PLANS):
            self.customer.settings(document_of(parts))
            self.synthesize(directory / "logdock.yaml", directory / "cdk.out")
            effects = self._effects() if self.settings else []
            said += effects
            fails = {
                each["name"].partition(":")[0]: each
                for each in effects
                if each["kind"] == Kind.FAILS and not each["name"].endswith(":stack")
            }
            if not fails:
                return parts, said
            for name, effect in fails.items():
                assert name in parts, effect
                self.refused.append(effect["sentence"])
                if not any(reason in effect["sentence"] for reason in REFUSALS):
                    self.violations.append(f"the plan refuses what can be deployed: {effect}")
                parts[name] = self._without(name, parts[name], effect)
        raise AssertionError(f"the plan still says that the deploy fails: {fails}")

    def _without(self, name: str, wanted: Document, effect: dict[str, Any]) -> Document:
        """Return settings that do not have what the plan refuses: by its way out, or with the fields as they are."""
        now = self.parts.get(name, {})
        setting = effect["name"].partition(":")[2].partition(".")[0]
        adopt = ADOPT.get(wanted.get("kind", ""), {})
        if setting in {"resource", *adopt} and {**wanted, **adopt} != wanted:
            self.kept[name] = adopt
        elif setting == "resource":
            self.kept[name] = {"bucket": now.get("bucket")}
        else:
            return without_none({**wanted, setting: now.get(setting)})
        return without_none({**wanted, **self.kept[name]})

    def _effects(self) -> list[dict[str, Any]]:
        """Return the consequences that `logdock plan` says of the next settings."""
        directory = self.customer.directory
        command = [sys.executable, "-P", "-m", "logdock", "plan", "--json", "--templates", str(directory / "cdk.out")]
        environment = {**self.customer.cloud.environment(ACCOUNT, "eu-west-1"), "PYTHONPATH": PYTHON_PATH}
        done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["effects"]
        return found

    def _act_as_user(self, settings: Deployment) -> None:
        """Do what the plan and the pages say that a user does at the vendor before a deploy."""
        rds = self.customer.client("rds")
        for one in settings.exports:
            if isinstance(one, AuroraMysqlExport | RdsExport):
                has, wanted = databases.found(rds, one)[0], one.parameter_group
                if wanted != has and (wanted or has in own_groups(one.name)):
                    databases.attach_group(rds, one, wanted or databases.default_group(one))
            elif isinstance(one, CockroachdbExport):
                cluster = self.customer.vendors.cockroachdb.clusters.get(one.object_id)
                if cluster:
                    cluster.plan = one.plan.upper()
            elif isinstance(one, CloudflareExport) and one.connect:
                # Cloudflare chooses its user, and the settings follow.
                self.cloudflare.principal_arn = one.principal_arn

    def _check(self, before: list[Delivery], effects: list[dict[str, Any]]) -> Iterator[str]:
        """Yield what does not hold."""
        assert self.settings
        yield from self._compare(expected=self.settings)
        yield from (f"{name} cannot be read" for name in unreadable(self.customer))
        explained = {each["name"].partition(":")[0] for each in effects if each["kind"] in EXPLAINS}
        for of, what, call in before:
            if of not in explained and (error := refusal(call)):
                yield f"{of} could {what} before, the plan said nothing, and it is refused: {error}"
        for of, what, call in self.deliveries():
            if error := refusal(call):
                yield f"{of} cannot {what}: {error}"

    def _compare(self, *, expected: Deployment | None) -> Iterator[str]:
        """Yield where AWS or a vendor has something else than the settings say; without settings, anything at all."""
        exports = expected.exports if expected else ()
        for what, found, wanted in (
            ("subscriptions", self._subscriptions(), expected_subscriptions(exports, self._log_groups())),
            ("EventBridge", self._announced(), expected_announced(exports)),
            ("RDS", self._databases(), self._expected_databases(exports)),
            ("Atlas", self._atlas(), self._expected_atlas(exports)),
            ("CockroachDB Cloud", self._cockroachdb(), expected_cockroachdb(exports)),
            ("Logz.io", self._fetchers(), expected_fetchers(expected)),
            ("Cloudflare", self._logpush_jobs(), expected_logpush_jobs(expected)),
        ):
            if found != wanted:
                yield f"{what}: {difference(found, wanted)}"

    def _log_groups(self) -> list[str]:
        pages = self.customer.client("logs").get_paginator("describe_log_groups").paginate()
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    def _subscriptions(self) -> dict[str, list[str]]:
        logs = self.customer.client("logs")
        found = {
            name: sorted(
                one["filterName"]
                for one in logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
            )
            for name in self._log_groups()
        }
        return {name: filters for name, filters in found.items() if filters}

    def _announced(self) -> list[str]:
        s3 = self.customer.client("s3")
        return [
            bucket
            for bucket in OWN_BUCKETS
            if "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
        ]

    def _databases(self) -> dict[str, Any]:
        """Return what each database exports and its roles, and the parameters that are set in any group."""
        rds = self.customer.client("rds")
        found: dict[str, Any] = {
            one.database_id: {"exports": sorted(databases.found(rds, one)[1]), "roles": []} for one in every_database()
        }
        for cluster in rds.describe_db_clusters()["DBClusters"]:
            roles = [role["RoleArn"].rpartition("/")[2] for role in cluster.get("AssociatedRoles", [])]
            found[cluster["DBClusterIdentifier"]]["roles"] = roles
        for kind, prefix in (("db_cluster", "DBCluster"), ("db", "DB")):
            for one in getattr(rds, f"describe_{kind}_parameter_groups")()[f"{prefix}ParameterGroups"]:
                group = one[f"{prefix}ParameterGroupName"]
                pages = rds.get_paginator(f"describe_{kind}_parameters").paginate(
                    **{f"{prefix}ParameterGroupName": group}
                )
                given = {
                    each["ParameterName"]: each.get("ParameterValue", "")
                    for page in pages
                    for each in page["Parameters"]
                    if each.get("Source") == "user"
                }
                found |= {group: given} if given else {}
        return found

    def _expected_databases(self, exports: Iterable[Export]) -> dict[str, Any]:
        found: dict[str, Any] = {one.database_id: {"exports": [], "roles": []} for one in every_database()}
        for one in exports:
            if not isinstance(one, AuroraMysqlExport | RdsExport) or not one.is_configured:
                continue
            found[one.database_id] = {
                "exports": sorted(one.log_types),
                "roles": [f"acme-prod-{one.name}"] if one.has_own_role else [],
            }
            parameters = dict(one.parameters)
            if one.has_own_role:
                parameters |= {"server_audit_logs_upload": "1", "aws_default_logs_role": role_of(one.name)}
            if one.libraries:
                parameters["shared_preload_libraries"] = ",".join(one.libraries)
            if parameters:
                found[databases.found(self.customer.client("rds"), one)[0]] = parameters
        return found

    def _atlas(self) -> dict[str, Any]:
        found = {}
        for project_id, project in self.customer.vendors.atlas.projects.items():
            roles = [one["iamAssumedRoleArn"].rpartition("/")[2] for one in project.roles.values()]
            found[project_id] = {
                "roles": roles,
                "integrations": [
                    (one["bucketName"], one["prefixPath"], sorted(one["logTypes"]))
                    for one in project.integrations.values()
                ],
                "alerts": [
                    [
                        {key: value for key, value in each.items() if key != "notifierId"}
                        for each in one["notifications"]
                    ]
                    for one in project.alerts.values()
                ],
                "auditing": project.auditing["auditFilter"] if project.auditing["enabled"] else None,
                "redacts": sorted(name for name, one in project.clusters.items() if one.get("redactClientLogData")),
            }
        return found

    def _expected_atlas(self, exports: Iterable[Export]) -> dict[str, Any]:
        nothing: dict[str, Any] = {"roles": [], "integrations": [], "alerts": [], "auditing": None, "redacts": []}
        wanted = {project_id: dict(nothing) for project_id in self.customer.vendors.atlas.projects}
        for one in exports:
            if isinstance(one, MongodbAtlasExport) and one.connect:
                assert self.settings
                connect = one.connect
                wanted[one.object_id] = {
                    "roles": [f"acme-prod-{one.name}"],
                    "integrations": [(one.landing(self.settings).bucket, one.prefix, sorted(one.log_types))],
                    "alerts": [atlas_alert(connect).document["notifications"]] if connect.alert else [],
                    "auditing": connect.auditing.filter if connect.auditing else None,
                    "redacts": sorted(connect.redact_clusters),
                }
        return wanted

    def _cockroachdb(self) -> dict[str, Any]:
        return {
            name: (cluster.spec["log_name"], cluster.spec["redact"], cluster.spec["groups"])
            for name, cluster in self.customer.vendors.cockroachdb.clusters.items()
            if cluster.spec
        }

    def _fetchers(self) -> list[tuple[str, str]]:
        return sorted(
            (one.document["prefix"], one.document["logsType"])
            for account in self.customer.vendors.logzio.accounts.values()
            for one in account.fetchers.values()
        )

    def _logpush_jobs(self) -> list[tuple[str, Document]]:
        places = self.cloudflare.api.places
        return [(scope, comparable(job)) for scope, place in places.items() for job in place.jobs.values()]

    def deliveries(self) -> Iterator[Delivery]:
        """Yield what vendors and services do to deliver, as they are set up now."""
        assert self.settings
        for one in self.settings.exports:
            if isinstance(one, MongodbAtlasExport):
                yield self._to_bucket(one)
            elif isinstance(one, CockroachdbExport):
                yield from self._to_log_groups(one)
            elif isinstance(one, AptibleExport):
                yield self._replicate(one)
            elif isinstance(one, S3LogsExport) and not one.existing_bucket:
                yield from self._by_services(one)
            elif isinstance(one, CloudflareExport):
                yield self._push(one)

    def _push(self, one: CloudflareExport) -> Delivery:
        stage = self.stage
        conf = logpush_job_of(stage.settings, one).destination_conf
        if one.connect:
            conf = self.cloudflare.job_of(one)["destination_conf"]
        bucket, path, _ = bucket_and_path(conf)

        def push() -> object:
            s3 = stage.client("s3", vendor_identity(stage, one.principal_arn))
            return s3.put_object(Bucket=bucket, Key=f"{path}/{uuid.uuid4()}", Body=b"", ACL="bucket-owner-full-control")

        return one.name, f"push to {bucket}/{path} as {one.principal_arn}", push

    def _to_bucket(self, one: MongodbAtlasExport) -> Delivery:
        stage, vendors, bucket, prefix = self.stage, self.customer.vendors, one.landing(self.stage.settings).bucket, ""
        principal, external_id, prefix = one.atlas_principal_arn, (ids(one.external_id) or [""])[-1], one.prefix
        if one.connect:
            project, integration = vendors.atlas_integration(one)
            principal, bucket, prefix = (
                vendors.atlas.principal_arn,
                integration["bucketName"],
                integration["prefixPath"],
            )
            external_id = project.roles[integration["iamRoleId"]]["atlasAssumedRoleExternalId"]
        assert principal

        def deliver() -> object:
            session = assume(stage, vendor_identity(stage, principal), role_of(one.name), external_id)
            return stage.client("s3", session).put_object(Bucket=bucket, Key=f"{prefix}/{uuid.uuid4()}", Body=b"")

        return one.name, f"write to {bucket}/{prefix} with {external_id}", deliver

    def _to_log_groups(self, one: CockroachdbExport) -> Iterator[Delivery]:
        stage, account, groups = self.stage, one.cluster_account_id, one.log_groups
        external_id = (list(one.trusted_external_ids) or [""])[-1]
        if one.connect:
            cluster, spec = self.customer.vendors.cockroachdb_export(one)
            account, external_id = cluster.account_id, spec.get("aws_external_id") or one.object_id
            groups = (spec["log_name"], *(group["log_name"] for group in spec["groups"]))

        def deliver(group: str) -> object:
            identity = vendor_identity(stage, f"arn:aws:iam::{account}:root")
            logs = stage.client("logs", assume(stage, identity, role_of(one.name), external_id))
            stream = str(uuid.uuid4())
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            event = {"timestamp": int(time.time() * 1000), "message": "{}"}
            return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])

        for group in groups:
            yield one.name, f"write to {group} with {external_id}", partial(deliver, group)

    def _replicate(self, one: AptibleExport) -> Delivery:
        stage, bucket = self.stage, one.landing(self.stage.settings).bucket
        account, role = one.replication_role_arn.split(":")[4], one.replication_role_arn.rpartition("/")[2]

        def look() -> object:
            session = role_session(stage, account, role, service="s3.amazonaws.com")
            return stage.client("s3", session).list_objects_v2(Bucket=bucket)

        return one.name, f"list {bucket} as {role}", look

    def _by_services(self, one: S3LogsExport) -> Iterator[Delivery]:
        s3, bucket = self.customer.client("s3"), one.landing(self.stage.settings).bucket
        kms = self.customer.client("kms")
        key = kms.describe_key(KeyId=f"alias/acme-prod-{one.name}")["KeyMetadata"]["Arn"]
        folder = f"{one.prefix}/AWSLogs/{ACCOUNT}" if one.prefix else f"AWSLogs/{ACCOUNT}"

        def deliver(service: str) -> None:
            principal, source, key_actions = _PRINCIPALS[service]
            request = ServiceRequest(
                service=principal,
                action="s3:PutObject",
                resource_arn=f"arn:aws:s3:::{bucket}/{folder}/x",
                region="eu-west-1",
                source_account=ACCOUNT,
                source_arn=source.format(region="eu-west-1", account=ACCOUNT),
            )
            assert request.is_allowed_by(s3.get_bucket_policy(Bucket=bucket)["Policy"]), "the bucket's policy denies it"
            # A trail names the key; a load balancer names none.
            named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if service == "cloudtrail" else {}
            s3.put_object(Bucket=bucket, Key=f"{folder}/{uuid.uuid4()}", Body=b"", **named)
            if named:
                policy = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
                uses = [replace(request, action=f"kms:{each}", resource_arn=key) for each in key_actions]
                assert all(each.is_allowed_by(policy) for each in uses), "the key's policy denies it"

        for service in one.services:
            yield one.name, f"deliver {service} to {bucket}/{folder}", partial(deliver, service)


def without_none(one: Document) -> Document:
    """Return settings without those that are None."""
    return {key: value for key, value in one.items() if value is not None}


def role_of(name: str) -> str:
    """Return the ARN of an export's role."""
    return f"arn:aws:iam::{ACCOUNT}:role/acme-prod-{name}"


def refusal(call: Callable[[], object]) -> str:
    """Do something; return why it is refused, or an empty string."""
    try:
        call()
    except (AssertionError, ClientError) as error:
        return str(error).splitlines()[0]
    return ""


def difference(found: Any, wanted: Any) -> str:
    """Say how what is there differs from what there should be."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
        return ", ".join(f"{key} is {found.get(key)}, not {wanted.get(key)}" for key in keys)
    return f"{found}, not {wanted}"


def expected_announced(exports: Iterable[Export]) -> list[str]:
    """Return the customer's own buckets that an export reads."""
    return sorted(one.existing_bucket for one in exports if isinstance(one, S3LogsExport) and one.existing_bucket)


def expected_subscriptions(exports: Iterable[Export], groups: Iterable[str]) -> dict[str, list[str]]:
    """Return the subscription filters of each log group."""
    found: dict[str, list[str]] = {}
    for one in exports:
        names: tuple[str, ...] = getattr(one, "log_group_names", None) or ()
        prefixes: tuple[str, ...] = ()
        if isinstance(one, CockroachdbExport):
            names = one.log_groups
        elif isinstance(one, CloudwatchLogsExport):
            names, prefixes = one.log_groups, one.log_group_prefixes
        for group in groups:
            if group in names or (prefixes and group.startswith(prefixes)):
                found.setdefault(group, []).append(f"logdock.{one.name}")
    return {group: sorted(filters) for group, filters in found.items()}


def expected_cockroachdb(exports: Iterable[Export]) -> dict[str, Any]:
    """Return the log export of each cluster that has one."""
    return {
        one.object_id: (
            one.log_group,
            one.redact,
            [group.model_dump(exclude_none=True, mode="json") for group in one.groups],
        )
        for one in exports
        if isinstance(one, CockroachdbExport) and one.connect
    }


def logpush_job_of(settings: Deployment, one: CloudflareExport) -> LogpushJob:
    """Return the Logpush job that an export is to have."""
    bucket = one.landing(settings).bucket
    return logpush_job(one, name=f"acme-prod-{one.name}", bucket=bucket, region=settings.region)


def expected_logpush_jobs(settings: Deployment | None) -> list[tuple[str, Document]]:
    """Return the jobs of the exports that the deploy connects."""
    return [
        (one.scope, comparable(logpush_job_of(settings, one).document))
        for one in (settings.exports if settings else ())
        if settings and isinstance(one, CloudflareExport) and one.connect
    ]


def expected_fetchers(settings: Deployment | None) -> list[tuple[str, str]]:
    """Return the fetchers that Logz.io has: one for each export that a connected destination reads."""
    return sorted(
        (f"feed/{reader.name}/{one.name}/", reader.log_type or one.name)
        for reader in (settings.destinations if settings else ())
        if isinstance(reader, LogzioDestination) and reader.connect
        for one in (settings.exports if settings else ())
        if reader.name in one.ship_to
    )


def by_hand(name: str, one: Document) -> Document:
    """Return a part that the deploy connects, without it."""
    return {key: value for key, value in one.items() if key != "connect"} | BY_HAND[name]


SHIPPED = {"apps": EXPORTS["apps"] | {"ship_to": ["logz", "reader", "puller"]}}
LANES: dict[str, tuple[str, ...]] = {
    "buckets": ("orders", "carts", "platform", "trail", "legacy"),
    "log-groups": ("ledger", "books", "apps"),
    "databases": ("billing", "shop", "stock"),
    "logpush": ("edge", "firewall"),
    "destinations": ("logz", "reader", "puller", "lake", "deployment"),
}
"""What shares a deployment."""


def test_every_field_is_in_the_steps_of_an_export_of_its_kind() -> None:
    lanes = [Lane.of(name) for names in LANES.values() for name in names]
    for kind, model in MODELS.items():
        fields = {".".join(path) for path, _ in values(kind, model)}
        changed = set().union(*(lane.changed() for lane in lanes if lane.base.get("kind", "deployment") == kind))
        # The settings take an alarm of security events of the kinds alone that have such events.
        assert {field for field in fields - changed if not field.startswith("alerts.")} == set(), kind


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with (
        Emulator(log_file=tmp_path / "emulator.log") as cloud,
        Vendors(cloud) as vendors,
        synthesizer() as synthesize,
    ):
        one = World(Customer(cloud, vendors, tmp_path, ACCOUNT), synthesize)
        one.prepare()
        yield one


def first_settings(group: str) -> dict[str, Document]:
    """Return the settings of a group in which every field has its default."""
    parts = {name: Lane.of(name).base for name in LANES[group]}
    return {**(SHIPPED if group == "destinations" else {}), **parts}


@pytest.mark.parametrize("group", LANES)
def test_every_setting_can_be_set_changed_and_removed(group: str, world: World) -> None:
    lanes = [Lane.of(name) for name in LANES[group]]
    base = first_settings(group)
    world.go(base, "base")
    plans = {lane.name: lane.steps() for lane in lanes}
    for number in range(max(map(len, plans.values()))):
        # A lane with fewer steps begins again.
        levels = {lane.name: plans[lane.name][number % len(plans[lane.name])] for lane in lanes}
        world.go({**base, **{lane.name: lane.at(levels[lane.name]) for lane in lanes}}, number)
    world.go(base, "every field removed")
    world.destroy()
    assert world.violations == []


@pytest.mark.parametrize("group", LANES)
def test_connect_can_be_switched_and_exports_renamed(group: str, world: World) -> None:
    base = first_settings(group)
    connected = [name for name in base if name in BY_HAND]
    world.go(base, "base")
    world.go({**base, **{name: by_hand(name, base[name]) for name in connected}}, "connect off")
    world.go(base, "connect on")
    exports = {name: one for name, one in base.items() if name in EXPORTS}
    renamed = {f"{name}-2": {**one, "name": f"{name}-2"} for name, one in exports.items()}
    others = {name: one for name, one in base.items() if name not in exports}
    world.fail_beside({**others, **renamed})
    world.go({**others, **renamed}, "renamed")
    world.destroy()
    assert world.violations == []
