"""The alarms of the shipper: of each destination, and of the archiver. What an export's own alarms cannot see is here.

A destination's queue and function serve every export, so their failures are reported once, under the destination.
"""

from aws_cdk import Stack
from constructs import Construct

from constructs_lib.alarms import Alarms, AlarmsProps
from constructs_lib.replication import RULE_ID, Replication
from constructs_lib.shipper import DestinationShipper
from constructs_lib.subscription_stream import RECORD_AGE_HOURS
from logdock.alarms import ALARMS, SECTIONS, Subject
from logdock.settings import Deployment
from logdock.settings.destinations import ARCHIVE
from logdock.settings.names import Names
from stacks.export_alarms import runbook, topic_arns


def _of_subject(scope: Construct, name: str, subject: Subject, settings: Deployment, names: Names) -> Alarms:
    return Alarms(
        scope,
        f"Alarms-{name}",
        AlarmsProps(
            name=f"{names.deployment}/{name}",
            section=SECTIONS[subject],
            first_command="logdock status",
            topic_arns=topic_arns(settings, names, Stack.of(scope).region),
            runbook=runbook(settings.alerts),
        ),
    )


def watch_destination(
    scope: Construct, destination: str, shipper: DestinationShipper, *, settings: Deployment, names: Names
) -> Alarms:
    """Watch a destination: tries that fail, messages that wait, and why; what was given up or dropped."""
    name = names.shipper(destination).removeprefix(f"{names.deployment}-")
    alarms = _of_subject(scope, name, "destination", settings, names)
    minutes = settings.alerts.lag_after_minutes
    values = {
        "deployment": names.deployment,
        "destination": destination,
        "function": names.shipper(destination),
        "queue": shipper.queue.queue_name,
        "dead_letter_queue": shipper.dead_letter_queue.queue_name,
        "minutes": minutes,
        "concurrency": settings.concurrency_of(destination),
    }
    alarms.add(ALARMS["destination/failing"].fill(values))
    alarms.add(ALARMS["destination/crashing"].fill(values))
    alarms.add(ALARMS["destination/lag"].fill(values, threshold=minutes * 60))
    alarms.add(ALARMS["destination/dead"].fill(values))
    alarms.add(ALARMS["destination/busy"].fill(values))
    if destination in settings.pushes:
        alarms.add(ALARMS["destination/slow"].fill(values))
    alarms.add(ALARMS["destination/recursion"].fill(values))
    return alarms


def watch_metrics(alarms: Alarms, destination: str, *, tags: bool, names: Names) -> None:
    """Watch the metrics of a destination: that they are handed over, that Firehose delivers them, and in time.

    A request that fails is tried again for hours, but for one that is too large (413), so failing requests and old data
    are two things: where Firehose cannot even ask (no role, no secret) or cannot keep what it gives up, data grow old
    and no request fails. Where nothing is streamed none of the three has data, or all are 0. Sources: Amazon Data
    Firehose Developer Guide, "Monitor with CloudWatch metrics" and "HTTP endpoint delivery request and response
    specifications"; CloudWatch User Guide, "Monitoring your metric streams with CloudWatch metrics".
    """
    values = {
        "destination": destination,
        "stream": names.metrics(destination),
        "function": names.metrics(destination, "tags"),
    }
    for name in ("metrics-failing", "metrics-late", "metrics-lost", *(("metrics-tags",) if tags else ())):
        alarms.add(ALARMS[f"destination/{name}"].fill(values))


def watch_compactor(scope: Construct, *, settings: Deployment, names: Names) -> None:
    """Watch compaction: runs that fail hour after hour, also because an hour waits for a destination for days."""
    alarms = _of_subject(scope, "compactor", "compactor", settings, names)
    alarms.add(ALARMS["compactor/compaction"].fill({"function": names.compactor}))
    alarms.complete()


def watch_archiver(scope: Construct, *, settings: Deployment, names: Names, streamed: bool) -> None:
    """Watch the archiver: events that it could not archive or even keep; with a stream, what no export claims."""
    alarms = _of_subject(scope, "archiver", "archiver", settings, names)
    region = Stack.of(scope).region
    lands_here = any(each.lands_in == "log groups" and region in settings.regions_of(each) for each in settings.exports)
    values = {
        "deployment": names.deployment,
        "destination": ARCHIVE,
        "function": names.archiver,
        "hours": RECORD_AGE_HOURS,
    }
    watched = ["failed", "lost"]
    if streamed:
        watched += ["unclaimed", "behind"]
    elif lands_here:
        watched.append("deliveries")
    for name in watched:
        alarms.add(ALARMS[f"archiver/{name}"].fill(values))
    alarms.complete()


def watch_copies(
    scope: Construct, copies: Replication, source_bucket_name: str, *, settings: Deployment, names: Names
) -> None:
    """Watch the archive's replication: S3 counts what it could not copy in the Region of the original."""
    alarms = _of_subject(scope, "replica", "replica", settings, names)
    values = {"source": source_bucket_name, "copy": copies.bucket_name, "rule": RULE_ID}
    alarms.add(ALARMS["replica/not-copied"].fill(values))
    alarms.complete()
