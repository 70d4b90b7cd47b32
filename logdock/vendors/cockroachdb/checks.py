"""What the command checks at CockroachDB Cloud."""

from collections.abc import Callable, Mapping
from typing import Any

from vendor_connector.vendors.cockroachdb import api as cockroachdb_api

from logdock.cli.account import Account
from logdock.cli.validate.roles import PROBE, RequiredAction, VendorRole
from logdock.vendors.cockroachdb.documents import cockroachdb_log_export
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.vendor_checks import (
    DISABLED,
    ENABLED,
    UnknownError,
    VendorChecks,
    VendorStatus,
    access_to,
    answered,
    assumed_role_arn,
    differences,
)


class CockroachdbChecks(VendorChecks):
    """The cluster's log export, and the external id that it uses."""

    is_outside_aws = True

    def fetch_status(self, account: Account, party: CockroachdbExport, _key_arn: str | None) -> VendorStatus:
        """Ask for the cluster's log export, and how it fares."""
        info = _log_export(account, party)
        status = str(info.get("status") or "DISABLED")
        if status == "DISABLED":
            return VendorStatus(DISABLED, [f"the cluster {party.object_id} has no log export"])
        spec = cockroachdb_api.comparable(info.get("spec") or {})
        wanted = cockroachdb_log_export(
            party, role_arn=assumed_role_arn(account, party), external_id=None, region=account.settings.region
        )
        # looked at by itself: the API may not show it
        document = {**wanted.document, "aws_external_id": spec["aws_external_id"]}
        faults = [] if status == ENABLED else [f"its status is {status}: {info.get('user_message') or 'no message'}"]
        return VendorStatus(status, [*faults, *differences(cockroachdb_api.comparable(document), spec)])

    def extra_checks(self, account: Account, party: CockroachdbExport) -> dict[str, Callable[[], list[str]]]:
        """Return the check of the external id, which on the Standard plan is the cluster's own."""
        if party.plan != "advanced":
            return {}
        return {"the external id that the cluster uses": lambda: _external_id(account, party)}

    def vendor_role(self, account: Account, export: CockroachdbExport, _key_arn: str | None) -> VendorRole:
        """Return what the cluster's role must be."""
        names = account.names
        landing = export.landing(account.settings)
        return VendorRole(
            name=names.vendor_role(export.name, export.member_id),
            principal=None if export.connect else f"arn:{names.partition}:iam::{export.cluster_account_id}:root",
            external_ids=export.trusted_external_ids or None,
            session_seconds=export.session_seconds,
            required_actions=[
                RequiredAction(action=action, resource=f"{names.log_group_arn(group, region)}:log-stream:{PROBE}")
                for region in landing.regions
                for group in export.log_groups
                for action in ("logs:CreateLogStream", "logs:PutLogEvents")
            ],
        )


def _external_id(account: Account, export: CockroachdbExport) -> list[str]:
    """Compare the external id, which is no secret but should not be in a log."""
    with answered():
        used = (_log_export(account, export).get("spec") or {}).get("aws_external_id")
    if not used:
        raise UnknownError("CockroachDB Cloud does not show it")
    trusted = export.trusted_external_ids or _made_by_the_stack(account, export)
    if used in trusted[-1:]:
        return []
    if used in trusted:
        return ["it is a former one, which the role accepts only until `logdock rotate-external-id --finish`"]
    return ["it is none that the role accepts: the cluster's next session is refused"]


def _made_by_the_stack(account: Account, export: CockroachdbExport) -> tuple[str, ...]:
    """Return the external id that the deploy made, since the settings name none."""
    stack = account.names.export(export.name)
    (found,) = account.cloudformation_in(account.settings.region).describe_stacks(StackName=stack)["Stacks"]
    return tuple(one["OutputValue"] for one in found.get("Outputs", []) if one["OutputKey"] == "ExternalId")


def _log_export(account: Account, export: CockroachdbExport) -> Mapping[str, Any]:
    api = cockroachdb_api.connect(access_to(account, export), export.object_id)
    if api.state() == cockroachdb_api.DELETED:
        # A deleted cluster is still shown, with its log export.
        return {}
    return api.log_export() or {}


CHECKS = CockroachdbChecks()
