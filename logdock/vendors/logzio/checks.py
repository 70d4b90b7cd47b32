"""What the command checks at Logz.io."""

from dataclasses import replace

from vendor_connector.vendors.logzio import api as logzio_api

from logdock.cli.account import Account
from logdock.vendors.logzio.documents import logzio_archive, logzio_fetchers
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.vendor_checks import (
    DISABLED,
    ENABLED,
    VendorChecks,
    VendorStatus,
    access_to,
    assumed_role_arn,
    differences,
)


class LogzioChecks(VendorChecks):
    """The fetchers of the exports that are shipped there, and the account's archive."""

    is_outside_aws = True

    def fetch_status(self, account: Account, party: LogzioDestination, _key_arn: str | None) -> VendorStatus:
        """Ask for the fetcher of each export that is shipped there, and for the account's archive."""
        api = logzio_api.connect(replace(access_to(account, party), base_url=party.api_url))
        role_arn = assumed_role_arn(account, party)
        wanted = logzio_fetchers(party, account.settings, account.names, role_arn=role_arn)
        at = {
            str(one.get("prefix")).strip("/"): one
            for one in api.fetchers().values()
            if one.get("bucket") == wanted.bucket
        }
        faults = []
        for prefix, document in wanted.documents.items():
            where = prefix.strip("/")
            if one := at.get(where):
                faults += [f"{where}: {each}" for each in differences(document, {**one, "prefix": prefix})]
            else:
                faults.append(f"Logz.io has no S3 fetcher of {wanted.bucket}/{where}")
        is_off = any("no S3 fetcher" in each or "active" in each for each in faults)
        if archive := party.archive_and_restore:
            has = next(iter(api.archives().values()), None)
            role_arn = account.names.role_arn(account.names.archive_and_restore(party.name))
            document = logzio_api.comparable_archive(logzio_archive(archive, role_arn=role_arn).document)
            shown = logzio_api.comparable_archive((has or {}).get("settings") or {})
            found = [f"Archive & Restore: {each}" for each in differences(document, shown)]
            faults += found if has else ["Logz.io does not archive the account"]
            is_off = is_off or not shown["enabled"]
        return VendorStatus(DISABLED if is_off else ENABLED, faults)


CHECKS = LogzioChecks()
