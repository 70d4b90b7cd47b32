"""What the command checks at Atlas."""

from collections.abc import Callable, Sequence

from vendor_connector.vendors.mongodb_atlas import api as atlas_api
from vendor_connector.vendors.mongodb_atlas import integrations as atlas_integrations
from vendor_connector.vendors.mongodb_atlas import project_settings as atlas_settings
from vendor_connector.vendors.mongodb_atlas.documents import EVENT, comparable, is_at

from logdock.cli.account import Account
from logdock.cli.validate.roles import PROBE, RequiredAction, VendorRole
from logdock.vendors.mongodb_atlas.documents import atlas_alert, atlas_auditing, atlas_log_integration
from logdock.vendors.mongodb_atlas.settings import AtlasAuditing, AtlasConnect, MongodbAtlasExport
from logdock.vendors.vendor_checks import (
    DISABLED,
    ENABLED,
    VendorChecks,
    VendorStatus,
    access_to,
    answered,
    assumed_role_arn,
    differences,
)


class MongodbAtlasChecks(VendorChecks):
    """The log integration, the role that it uses, and what else `connect` sets in the project."""

    is_outside_aws = True

    def fetch_status(self, account: Account, party: MongodbAtlasExport, key_arn: str | None) -> VendorStatus:
        """Ask for the log integration to the export's prefix, and for the role that it uses."""
        api = _project(account, party)
        role_arn, bucket = assumed_role_arn(account, party), party.landing(account.settings).bucket
        wanted = atlas_log_integration(party, role_arn=role_arn, bucket=bucket, key_arn=key_arn)
        listed = atlas_integrations.listed(api).values()
        found = next((one for one in listed if is_at(one, wanted.bucket, wanted.prefix)), None)
        if found is None:
            return VendorStatus(DISABLED, [f"Atlas has no log integration to {wanted.bucket}/{wanted.prefix}"])
        role_id = str(found["iamRoleId"])
        role = atlas_integrations.role(api, role_id) or {}
        is_authorised = bool(role.get("authorizedDate"))
        document = comparable(wanted.document(role_id))
        if key_arn is None:
            del document["kmsKey"]
        has = {**comparable(found), "role": role.get("iamAssumedRoleArn")}
        faults = differences({"role": role_arn, **document}, has)
        return VendorStatus(
            ENABLED if is_authorised else DISABLED, faults if is_authorised else [*faults, "the role is not authorised"]
        )

    def extra_checks(self, account: Account, party: MongodbAtlasExport) -> dict[str, Callable[[], list[str]]]:
        """Return the checks of the alert, of auditing and of redaction, where the settings ask for them."""
        found: dict[str, Callable[[], list[str]]] = {}
        if connect := party.connect:
            if connect.alert:
                found["the alert for failed exports"] = lambda: _alert(account, party, connect)
            if auditing := connect.auditing:
                found["database auditing"] = lambda: _auditing(account, party, auditing)
            if clusters := connect.redact_clusters:
                found["the redaction of clusters' logs"] = lambda: _redaction(account, party, clusters)
        return found

    def vendor_role(self, account: Account, export: MongodbAtlasExport, key_arn: str | None) -> VendorRole:
        """Return what Atlas's role must be."""
        names = account.names
        bucket = names.bucket_arn(export.landing(account.settings).bucket)
        through = {"s3:DataAccessPointArn": export.mrap_arn} if export.mrap_arn else {}
        required_actions = [
            RequiredAction(action="s3:PutObject", resource=f"{bucket}/{export.prefix}/{PROBE}", context=through),
            RequiredAction(action="s3:GetBucketLocation", resource=bucket),
        ]
        if key_arn:
            via = {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}
            required_actions += [
                RequiredAction(action=f"kms:{name}", resource=key_arn, context=via)
                for name in ("GenerateDataKey", "Decrypt")
            ]
        return VendorRole(
            name=names.vendor_role(export.name, export.member_id),
            principal=export.atlas_principal_arn,
            external_ids=export.external_id,
            session_seconds=export.session_seconds,
            required_actions=required_actions,
        )


def _project(account: Account, export: MongodbAtlasExport) -> atlas_api.AtlasApi:
    return atlas_api.connect(access_to(account, export), export.object_id)


def _alert(account: Account, export: MongodbAtlasExport, connect: AtlasConnect) -> list[str]:
    with answered():
        alerts = atlas_settings.alerts(_project(account, export)).values()
    if any(atlas_settings.notifies(alert, atlas_alert(connect).document) for alert in alerts):
        return []
    to = "the recipients of the settings" if connect.alert_recipients else "the project's owners"
    wanted = f"is on and writes to {to} after 60 minutes and every 7 days"
    return [f"of {len(alerts)} alerts of the event {EVENT} none {wanted}"]


def _auditing(account: Account, export: MongodbAtlasExport, auditing: AtlasAuditing) -> list[str]:
    with answered():
        found = atlas_settings.auditing(_project(account, export))
    wanted = atlas_auditing(auditing).document
    return differences(atlas_settings.comparable_auditing(wanted), atlas_settings.comparable_auditing(found))


def _redaction(account: Account, export: MongodbAtlasExport, clusters: Sequence[str]) -> list[str]:
    faults = []
    with answered():
        api = _project(account, export)
        for name in clusters:
            cluster = atlas_settings.cluster(api, name)
            if cluster is None:
                faults.append(f"project {export.object_id} has no cluster {name}")
            elif not cluster.get(atlas_settings.REDACTION):
                faults.append(f"cluster {name} writes values into its logs")
    return faults


CHECKS = MongodbAtlasChecks()
