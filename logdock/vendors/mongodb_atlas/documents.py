"""What Atlas is to have, as the settings say it."""

from typing import Any

from vendor_connector.vendors.mongodb_atlas.documents import (
    DELAY_MINUTES,
    INTERVAL_MINUTES,
    Alert,
    Auditing,
    LogIntegration,
    by_mail,
)

from logdock.vendors.mongodb_atlas.settings import AtlasAuditing, AtlasConnect, AtlasRecipient, MongodbAtlasExport


def atlas_log_integration(
    export: MongodbAtlasExport, *, role_arn: str, bucket: str, key_arn: str | None
) -> LogIntegration:
    """Return the log integration, to the landing bucket or the access point that it is behind.

    The buckets behind an access point have each their own key: their default encryption names it.
    """
    return LogIntegration(
        role_arn=role_arn,
        bucket=export.mrap_arn or bucket,
        prefix=export.prefix,
        log_types=export.log_types,
        legacy_paths=bool(export.connect and export.connect.legacy_paths),
        kms_key=None if export.mrap_arn else key_arn,
    )


def atlas_alert(connect: AtlasConnect | None) -> Alert:
    """Return the alert for exports that fail; without recipients, to the project's owners."""
    recipients = connect.alert_recipients if connect else ()
    return Alert(notifications=[_notification(each) for each in recipients] or None)


def atlas_auditing(auditing: AtlasAuditing) -> Auditing:
    """Return the project's database auditing."""
    return Auditing(filter=auditing.filter, authorization_success=auditing.authorization_success)


def _notification(recipient: AtlasRecipient) -> dict[str, Any]:
    """Return what a recipient is sent (Administration API, alertConfigs, notifications)."""
    when = {"delayMin": DELAY_MINUTES, "intervalMin": INTERVAL_MINUTES}
    if recipient.roles:
        return by_mail(list(recipient.roles))
    if recipient.email:
        return {"typeName": "EMAIL", "emailAddress": recipient.email, **when}
    if recipient.team_id:
        return {"typeName": "TEAM", "teamId": recipient.team_id, "emailEnabled": True, "smsEnabled": False, **when}
    named = {"channelName": recipient.channel_name} if recipient.channel_name else {}
    return {"typeName": recipient.channel, "integrationId": recipient.integration_id, **named, **when}
