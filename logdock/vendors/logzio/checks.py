"""What the command checks at Logz.io."""

from __future__ import annotations

from vendor_connector.vendors.logzio import api as logzio_api

from logdock.cli.account import Account
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.vendor_checks import (
    DISABLED,
    ENABLED,
    VendorChecks,
    VendorStatus,
    assumed_role_arn,
    client_options,
    differences,
)


class LogzioChecks(VendorChecks):
    """The fetchers of the exports that are shipped there, and the account's archive."""

    is_outside_aws = True

    def fetch_status(self, account: Account, party: LogzioDestination, _key_arn: str | None) -> VendorStatus:
        """Ask for the fetcher of each export that is shipped there, and for the account's archive."""
        api = logzio_api.connect(**client_options(account, party) | {"base_url": party.api_url})
        bucket, role_arn = account.names.bucket("archive"), assumed_role_arn(account, party)
        at = {str(one.get("prefix")).strip("/"): one for one in api.fetchers().values() if one.get("bucket") == bucket}
        faults = []
        for export in account.settings.exports:
            if party.name in export.ship_to:
                prefix = f"feed/{party.name}/{export.name}"
                one = at.get(prefix)
                if one is None:
                    faults.append(f"Logz.io has no S3 fetcher of {bucket}/{prefix}")
                else:
                    log_type = export.log_type or party.log_type or export.name
                    wanted = {"arn": role_arn, "active": True, "logsType": log_type}
                    faults += [f"{prefix}: {each}" for each in differences(wanted, one)]
        is_off = any("no S3 fetcher" in each or "active" in each for each in faults)
        if archive := party.archive_and_restore:
            has = next(iter(api.find(logzio_api.ARCHIVES) or []), None)
            settings = (has or {}).get("settings", {})
            s3 = settings.get("amazonS3StorageSettings") or {}
            shown = {
                "enabled": settings.get("enabled"),
                "path": s3.get("path"),
                "arn": (s3.get("s3IamCredentials") or {}).get("arn"),
            }
            role_arn = account.names.role_arn(account.names.archive_and_restore(party.name))
            wanted = {"enabled": True, "path": archive.bucket, "arn": role_arn}
            found = [f"Archive & Restore: {each}" for each in differences(wanted, shown)]
            faults += found if has else ["Logz.io does not archive the account"]
            is_off = is_off or not shown["enabled"]
        return VendorStatus(DISABLED if is_off else ENABLED, faults)


CHECKS = LogzioChecks()
