"""What a vendor says of an export or a reader that the deploy switched on, asked with the person's own permissions.

The connector's clients are used, so a refusal says what it means. Nothing is changed, and nothing is tried twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from vendor_connector import (
    atlas_api,
    atlas_integrations,
    atlas_settings,
    cockroachdb_api,
    credential,
    logzio_api,
    logzio_archive,
    public_text,
)
from vendor_connector.request import ConnectorError
from vendor_connector.vendor_api import NoAnswerError, VendorRefusalError

from logdock.cli.account import Account
from logdock.cli.errors import action_of, is_absent, is_refused
from logdock.settings.connect import AtlasAuditing, AtlasConnect
from logdock.settings.destinations import Destination, LogzioDestination
from logdock.settings.exports import CockroachdbExport, Export, MongodbAtlasExport

ENABLED, DISABLED = "ENABLED", "disabled"
Party = Export | Destination


class UnknownError(Exception):
    """The vendor was not asked or gave no answer; the message says why."""


class Answer(NamedTuple):
    """What a vendor has: its status in a word, and how it differs from what the settings want."""

    status: str
    faults: list[str]


def is_asked(party: Party) -> bool:
    """Say whether a vendor can be asked about an export or a reader: the settings name a credential."""
    return getattr(party, "connect", None) is not None


def ask(account: Account, party: Party, key_arn: str | None = None) -> Answer:
    """Ask the vendor.

    Parameters
    ----------
    key_arn
        The export's key, which Atlas must name. Default: not checked.

    Raises
    ------
    UnknownError
        When the credential cannot be read, or the vendor refuses or does not answer.
    """
    with _answered():
        match party:
            case MongodbAtlasExport():
                return _atlas(account, party, key_arn)
            case CockroachdbExport():
                return _cockroachdb(account, party)
            case LogzioDestination():
                return _logzio(account, party)
    raise TypeError(f"{party.kind} has no API")


def extra_checks(account: Account, party: Party) -> dict[str, Callable[[], list[str]]]:
    """Return the checks of what `connect` also manages in addition to the export itself, by name.

    Each raises UnknownError where `ask` does, and where the vendor does not show it.
    """
    found: dict[str, Callable[[], list[str]]] = {}
    if isinstance(party, CockroachdbExport) and party.plan == "advanced":
        found["the external id that the cluster uses"] = lambda: _external_id(account, party)
    if isinstance(party, MongodbAtlasExport) and (connect := party.connect):
        if connect.alert:
            found["the alert for failed exports"] = lambda: _alert(account, party, connect)
        if auditing := connect.auditing:
            found["database auditing"] = lambda: _auditing(account, party, auditing)
        if clusters := connect.redact_clusters:
            found["the redaction of clusters' logs"] = lambda: _redaction(account, party, clusters)
    return found


@contextmanager
def _answered() -> Iterator[None]:
    """Say why there is no answer."""
    try:
        yield
    except (ConnectorError, VendorRefusalError, NoAnswerError) as error:
        reason = public_text.public(str(error))
    except ClientError as error:
        if is_refused(error):
            reason = f"{action_of(error)} is refused"
        elif is_absent(error):
            reason = "the secret with the credential is not there"
        else:
            raise
    else:
        return
    # Raised outside of the except blocks: what is chained to it could hold a credential.
    raise UnknownError(reason)


def _how(account: Account, party: Any) -> dict[str, Any]:
    """Return how a vendor's API is reached."""

    def read(secret: str, *shapes: Sequence[str]) -> dict[str, str]:
        text = account.secrets_manager.get_secret_value(SecretId=secret).get("SecretString", "").strip()
        return credential.fields(secret, text, *shapes)

    return {
        "secret": party.connect.secret,
        "base_url": party.connect.api_base_url,
        # no time is left for another try: a person waits, and may ask again
        "remaining_seconds": lambda: 0.0,
        "read": read,
    }


def _atlas(account: Account, export: MongodbAtlasExport, key_arn: str | None) -> Answer:
    """Ask for the log integration to the export's prefix, and for the role that it uses."""
    api = _project(account, export)
    bucket = export.mrap_arn or export.landing(account.settings).bucket
    listed = atlas_integrations.listed(api).values()
    found = next((one for one in listed if atlas_integrations.is_at(one, bucket, export.prefix)), None)
    if found is None:
        return Answer(DISABLED, [f"Atlas has no log integration to {bucket}/{export.prefix}"])
    role = api.find(f"/cloudProviderAccess/{found.get('iamRoleId')}", atlas_api.V2023) or {}
    is_authorised = bool(role.get("authorizedDate"))
    wanted: dict[str, Any] = {
        "role": _role_arn(account, export),
        "logTypes": sorted(export.log_types),
        "useLegacyPathStructure": bool(export.connect and export.connect.legacy_paths),
    }
    # the buckets behind an access point have each their own key
    if key_arn and not export.mrap_arn:
        wanted["kmsKey"] = key_arn
    has = {**atlas_integrations.comparable(found), "role": role.get("iamAssumedRoleArn")}
    faults = _differences(wanted, has)
    return Answer(
        ENABLED if is_authorised else DISABLED, faults if is_authorised else [*faults, "the role is not authorised"]
    )


def _cockroachdb(account: Account, export: CockroachdbExport) -> Answer:
    """Ask for the cluster's log export, and how it fares."""
    info = _log_export(account, export)
    status = str(info.get("status") or "DISABLED")
    if status == "DISABLED":
        return Answer(DISABLED, [f"the cluster {export.cluster_id} has no log export"])
    spec = cockroachdb_api.comparable(info.get("spec") or {})
    wanted = {
        "type": "AWS_CLOUDWATCH",
        "log_name": export.log_group,
        "auth_principal": _role_arn(account, export),
        # looked at by itself: the API may not show it
        "aws_external_id": spec["aws_external_id"],
        "redact": export.redact,
        "region": None if export.regions else account.settings.region,
        "omitted_channels": list(export.omitted_channels),
        "groups": [group.model_dump(mode="json") for group in export.groups],
    }
    faults = [] if status == ENABLED else [f"its status is {status}: {info.get('user_message') or 'no message'}"]
    return Answer(status, [*faults, *_differences(cockroachdb_api.comparable(wanted), spec)])


def _external_id(account: Account, export: CockroachdbExport) -> list[str]:
    """Compare the external id, which is no secret but should not be in a log."""
    with _answered():
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
    api = cockroachdb_api.connect(cluster_id=export.cluster_id, **_how(account, export))
    if api.state() == cockroachdb_api.DELETED:
        # A deleted cluster is still shown, with its log export.
        return {}
    return api.find(cockroachdb_api.LOG_EXPORT) or {}


def _project(account: Account, export: MongodbAtlasExport) -> atlas_api.AtlasApi:
    return atlas_api.connect(project_id=export.project_id, **_how(account, export))


def _alert(account: Account, export: MongodbAtlasExport, connect: AtlasConnect) -> list[str]:
    with _answered():
        alerts = atlas_settings.alerts(_project(account, export)).values()
    if any(atlas_settings.notifies(alert, connect.notifications) for alert in alerts):
        return []
    to = "the recipients of the settings" if connect.alert_recipients else "the project's owners"
    wanted = f"is on and writes to {to} after 60 minutes and every 7 days"
    return [f"of {len(alerts)} alerts of the event {atlas_settings.EVENT} none {wanted}"]


def _auditing(account: Account, export: MongodbAtlasExport, auditing: AtlasAuditing) -> list[str]:
    with _answered():
        found = atlas_settings.auditing(_project(account, export))
    wanted = atlas_settings.wanted_auditing(auditing.filter, authorization_success=auditing.authorization_success)
    return _differences(atlas_settings.comparable_auditing(wanted), atlas_settings.comparable_auditing(found))


def _redaction(account: Account, export: MongodbAtlasExport, clusters: Sequence[str]) -> list[str]:
    faults = []
    with _answered():
        api = _project(account, export)
        for name in clusters:
            cluster = atlas_settings.cluster(api, name)
            if cluster is None:
                faults.append(f"project {export.project_id} has no cluster {name}")
            elif not cluster.get(atlas_settings.REDACTION):
                faults.append(f"cluster {name} writes values into its logs")
    return faults


def _logzio(account: Account, destination: LogzioDestination) -> Answer:
    """Ask for the fetcher of each export that is shipped there, and for the account's archive."""
    api = logzio_api.connect(**_how(account, destination) | {"base_url": destination.api_url})
    bucket, role_arn = account.names.bucket("archive"), _role_arn(account, destination)
    at = {str(one.get("prefix")).strip("/"): one for one in api.fetchers().values() if one.get("bucket") == bucket}
    faults = []
    for export in account.settings.exports:
        if destination.name in export.ship_to:
            prefix = f"feed/{destination.name}/{export.name}"
            one = at.get(prefix)
            if one is None:
                faults.append(f"Logz.io has no S3 fetcher of {bucket}/{prefix}")
            else:
                log_type = export.log_type or destination.log_type or export.name
                wanted = {"arn": role_arn, "active": True, "logsType": log_type}
                faults += [f"{prefix}: {each}" for each in _differences(wanted, one)]
    is_off = any("no S3 fetcher" in each or "active" in each for each in faults)
    if archive := destination.archive_and_restore:
        has = next(iter(api.find(logzio_archive.ARCHIVES) or []), None)
        settings = (has or {}).get("settings", {})
        s3 = settings.get("amazonS3StorageSettings") or {}
        shown = {
            "enabled": settings.get("enabled"),
            "path": s3.get("path"),
            "arn": (s3.get("s3IamCredentials") or {}).get("arn"),
        }
        role_arn = account.names.role_arn(account.names.archive_and_restore(destination.name))
        wanted = {"enabled": True, "path": archive.bucket, "arn": role_arn}
        found = [f"Archive & Restore: {each}" for each in _differences(wanted, shown)]
        faults += found if has else ["Logz.io does not archive the account"]
        is_off = is_off or not shown["enabled"]
    return Answer(DISABLED if is_off else ENABLED, faults)


def _role_arn(account: Account, party: Party) -> str:
    return account.names.role_arn(account.names.export(party.name))


def _differences(wanted: Mapping[str, object], has: Mapping[str, object]) -> list[str]:
    return [
        f"{name} is {json.dumps(has.get(name))}, and should be {json.dumps(value)}"
        for name, value in wanted.items()
        if has.get(name) != value
    ]
