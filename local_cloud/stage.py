"""What a stand-in is given: the cloud, and what its vendor knows of the deployment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from logdock.settings.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_cloud.cdk import Outputs
    from local_cloud.emulator import Emulator
    from local_cloud.vendor_accounts import Vendors
    from logdock.settings import Deployment
    from logdock.settings.destinations import Destination
    from logdock.settings.exports import Export

UNRELATED_ACCOUNT = "999988887777"
"""An AWS account that is unrelated to the deployment and its vendors."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The cloud, the settings, and the outputs of the stacks."""

    cloud: Emulator
    settings: Deployment
    """The deployment. A stand-in takes from it what the user who wrote it got from the vendor, or passed to it."""
    outputs: Outputs
    """The outputs of the stacks, by stack."""
    vendors: Vendors
    """The vendors whose export the deploy switches on by their API."""
    account: str = ""
    """The account that an export lands in, where that is not the deployment's."""

    @property
    def owner(self) -> str:
        """The account that `customer` speaks for: that of the deployment, or of a landing."""
        return self.account or self.settings.account

    def at(self, export: Export) -> Stage:
        """Return the stage of the account that an export lands in."""
        return replace(self, account=export.other_account or "")

    def stack(self, name: str) -> str:
        """Return the name of an export's stack, or of another part of the deployment."""
        return f"{self.settings.deployment}-{name}"

    def stack_outputs(self, name: str) -> dict[str, str]:
        """Return the outputs of an export's stack, which the user passes to its vendor."""
        landing = Names.of(self.settings).landing_stack(name)
        return self.outputs[landing if landing in self.outputs else self.stack(name)]

    def client(self, service: str, identity: str | Mapping[str, Any], *, region: str | None = None) -> Any:
        """Return a client for an account's root or for a session, in the deployment's Region by default."""
        return self.cloud.client(service, identity, region=region or self.settings.region)

    def customer(self, service: str, *, region: str | None = None) -> Any:
        """Return a client for the root of the account that the logs land in."""
        return self.client(service, self.owner, region=region)

    def is_connected(self, party: Export | Destination) -> bool:
        """Return whether the deploy itself switches an export or a reader on."""
        return bool(getattr(party, "connect", None) or getattr(party, "is_configured", False))

    def external_ids(self, party: object) -> tuple[str, ...]:
        """Return the external ids by which an export's or a reader's vendor comes, the current one last."""
        if getattr(party, "connect", None):
            return self.vendors.external_ids(party)
        return getattr(party, "trusted_external_ids", None) or getattr(party, "external_id", None) or ()

    @property
    def archive_bucket(self) -> str:
        """The archive bucket."""
        return self.stack_outputs("core")["ArchiveBucketName"]

    def others(self, export: Export | None, output: str) -> list[tuple[str, str]]:
        """Return an output of every other export that has it, with the export's name."""
        return [
            (other.name, self.stack_outputs(other.name)[output])
            for other in self.settings.exports
            if (export is None or other.name != export.name) and output in self.stack_outputs(other.name)
        ]
