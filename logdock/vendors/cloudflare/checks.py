"""What the command checks at Cloudflare."""

from vendor_connector.vendors.cloudflare import api as cloudflare_api
from vendor_connector.vendors.cloudflare.documents import comparable, is_at

from logdock.cli.account import Account
from logdock.vendors.cloudflare.documents import logpush_job
from logdock.vendors.cloudflare.settings import CloudflareExport
from logdock.vendors.vendor_checks import DISABLED, ENABLED, VendorChecks, VendorStatus, access_to, differences


class CloudflareChecks(VendorChecks):
    """The Logpush job: what it pushes and where, whether it is enabled, and the last failure."""

    is_outside_aws = True

    def fetch_status(self, account: Account, party: CloudflareExport, _key_arn: str | None) -> VendorStatus:
        """Ask for the job of the dataset to the landing bucket."""
        api = cloudflare_api.connect(access_to(account, party), party.scope)
        bucket = party.landing(account.settings).bucket
        wanted = logpush_job(
            party, name=account.names.export(party.name), bucket=bucket, region=account.settings.region
        )
        found = next((job for job in api.jobs().values() if is_at(job, wanted)), None)
        if found is None:
            return VendorStatus(DISABLED, [f"{party.scope} has no Logpush job of {party.dataset} to {bucket}"])
        faults = differences(comparable(wanted.document), comparable(found))
        if found.get("last_error"):
            said = found.get("error_message") or "no message"
            faults.append(
                f"it is failing since {found.get('last_complete') or 'its creation'}, last at {found['last_error']}: "
                f"{said}. What it cannot push is lost"
            )
        return VendorStatus(ENABLED if found.get("enabled") else DISABLED, faults)


CHECKS = CloudflareChecks()
