"""What `alerts` can ask for, given the rest of the file: what can be counted, and where a topic is."""

from collections.abc import Iterator

from pydantic_core import InitErrorDetails

from logdock.settings.alerts import KINDS_WITH_SECURITY_EVENTS, region_of
from logdock.settings.document import Document, setting_error


def _countable(document: Document) -> Iterator[InitErrorDetails]:
    for export in document.exports:
        kind, alerts = export.text("kind"), export.entry.get("alerts")
        if kind is None or not isinstance(alerts, dict):
            continue
        for setting, kinds in KINDS_WITH_SECURITY_EVENTS.items():
            if alerts.get(setting) is not None and kind not in kinds:
                allowed = f"nothing: this is counted in exports of kind {', '.join(kinds)}, and this one is {kind}"
                yield setting_error((*export.loc, "alerts", setting), alerts[setting], allowed)
        for setting in ("daily_gb", "volume_band"):
            if alerts.get(setting) and export.lands_in_bucket and not export.texts("ship_to"):
                allowed = "no value without `ship_to`: what lands in a bucket is measured by who reads it"
                yield setting_error((*export.loc, "alerts", setting), alerts[setting], allowed)


def _topics(document: Document) -> Iterator[InitErrorDetails]:
    regions = {region for export in document.exports for region in document.regions(export)}
    if document.region is None:
        return
    for at, topic in document.alert_topics:
        if region_of(topic) not in regions:
            known = ", ".join(sorted(regions))
            allowed = f"a topic in a Region that this deployment has stacks in ({known}): alarms reach no other Region"
            yield setting_error(("alerts", "sns_topic_arns", at), topic, allowed)


ALERT_RULES = (_countable, _topics)
