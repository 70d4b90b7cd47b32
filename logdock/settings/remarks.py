"""What settings that are allowed do not do, and a reader of the file may expect of them."""

from collections.abc import Iterator

from logdock.settings.alerts import KINDS_WITH_SECURITY_EVENTS
from logdock.settings.deployment import Deployment


def remarks(deployment: Deployment) -> Iterator[str]:
    """Yield a sentence for each count of the deployment's `alerts` that does not count some of its exports.

    A metric filter counts in the account of its log group (CloudWatch Logs User Guide, "Creating metrics from log
    events using filters"), and the alarms are in the deployment's.
    """
    for setting, kinds in KINDS_WITH_SECURITY_EVENTS.items():
        uncounted = [
            each.name
            for each in deployment.exports
            if each.other_account and each.lands_in == "log groups" and each.kind in kinds
        ]
        if uncounted and getattr(deployment.alerts, setting) is not None:
            yield (
                f"alerts.{setting} does not count {', '.join(uncounted)}: lines of log groups are counted in the "
                "deployment's own account only"
            )
