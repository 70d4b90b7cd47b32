"""Operation ``cockroachdb-cluster`` (polled): check a cluster before anything else, and return its account.

It changes nothing. What could only fail later, or lose logs in silence, ends the deploy here. What was looked at once
is saved with its answer and not asked again: a rollback comes back to it, and must not fail because the cluster
has changed meanwhile. Sources: CockroachDB Cloud API 2024-09-16 (clusters); "Export Logs", steps for Advanced
(``account_id``) and for Standard (``keychain_config.aws_account_id``, which the OpenAPI description does not have).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vendor_connector import trust
from vendor_connector.request import ConnectorError, Request, read, read_to_delete
from vendor_connector.vendor_object import StateStore
from vendor_connector.vendors.cockroachdb.api import DELETED, ClusterApi, Target
from vendor_connector.vendors.cockroachdb.operations import log_export as cockroachdb_log_export


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The properties."""

    target: Target
    plan: str
    regions: tuple[str, ...]

    @property
    def id(self) -> str:
        """What names the resource: one per cluster."""
        return f"cockroachdb-cluster/{self.target.cluster_id}"

    @property
    def store(self) -> StateStore:
        """Where the last look is saved."""
        return self.target.store(self.id)


def apply(request: Request) -> dict[str, str]:
    """Check the cluster against the settings.

    Returns
    -------
    dict
        ``AccountId``: the AWS account that our role is to trust.
    """
    wanted = read(Settings, request.properties)
    asked = dict(request.properties)
    entry = wanted.store.load() or {}
    if entry.get("asked") == asked:
        return {"AccountId": str(entry["account"])}
    account = _look(wanted.target.api(request), wanted)
    wanted.store.save({"asked": asked, "account": account})
    return {"AccountId": account}


def delete(request: Request) -> None:
    """Forget the look: nothing was made."""
    read_to_delete(Settings, request.properties).store.delete()


def _look(api: ClusterApi, wanted: Settings) -> str:
    """Return the account of a cluster that fits."""
    cluster, target = api.cluster(), wanted.target
    if cluster["state"] == DELETED:
        raise ConnectorError(f"cluster {target.cluster_id} was deleted in CockroachDB Cloud: check `cluster_id`")
    _check(cluster, wanted)
    cockroachdb_log_export.refuse_second_export(target)
    if target.log_export_store.load() is None and not target.adopt:
        found = cockroachdb_log_export.current(api)
        if found is not None:
            raise cockroachdb_log_export.not_ours(target, found)
    standard = wanted.plan == "STANDARD"
    account = (cluster.get("keychain_config") or {}).get("aws_account_id") if standard else cluster.get("account_id")
    return trust.account_id(account, "CockroachDB Cloud")


def _check(cluster: Mapping[str, Any], wanted: Settings) -> None:
    name, plan, cloud = cluster.get("name"), str(cluster.get("plan")), cluster.get("cloud_provider")
    if cloud != "AWS":
        raise ConnectorError(f"cluster {name} runs on {cloud}; only clusters on AWS write to CloudWatch Logs")
    if plan != wanted.plan:
        known = plan in ("ADVANCED", "STANDARD")
        advice = f"set `plan: {plan.lower()}`" if known else "only Advanced and Standard clusters export logs"
        raise ConnectorError(f"cluster {name} is on the plan {plan}, and the settings say {wanted.plan}: {advice}")
    # Without `Regions` every node writes to the deployment's own Region.
    has = {region["name"] for region in cluster.get("regions") or []}
    if wanted.regions and (missing := sorted(has - set(wanted.regions))):
        raise ConnectorError(
            f"cluster {name} has nodes in {', '.join(missing)}, which `regions` does not name: their logs would be "
            "missing. Add the Region, or leave `regions` out, which sends all logs to the deployment's own Region."
        )
