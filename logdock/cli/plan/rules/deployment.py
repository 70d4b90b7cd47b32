"""What a change of the deployment's own settings leads to: names, retention, replica, alerts."""

from collections.abc import Iterable

from logdock.cli.plan.changes import Change
from logdock.cli.plan.effects import Effect, joined
from logdock.cli.plan.rules.common import cuts_off, fails, keeps_running, loses, note


def another_deployment(change: Change) -> Iterable[Effect]:
    """Another name, account or Region: everything is made again, and what is deployed stays and goes on."""
    old, new = change.old, change.new
    where = f"`{old.deployment}` in `{old.region}` of the account `{old.account}`"
    yield keeps_running(
        change,
        f"These are the settings of another deployment. {where} is not changed and not destroyed: it goes on receiving "
        "and shipping, and costs what it costs. Vendors go on writing there.",
        "Keep a settings file for each deployment; rename nothing in a file that is deployed.",
        "To move: deploy the new one, point every vendor at it, wait until nothing lands in the old one, then destroy "
        "its exports with its own settings file.",
    )
    if change.path == "region" and old.deployment == new.deployment and old.account == new.account:
        yield fails(
            change,
            f"IAM roles have no Region, and both deployments would name theirs `{new.deployment}-...`: the deploy in "
            f"`{new.region}` fails at the role `{new.deployment}-archiver`, which the one in `{old.region}` owns.",
            "Give the deployment in the other Region another name (`deployment`).",
        )


def hot_days(change: Change) -> Iterable[Effect]:
    """CloudWatch Logs deletes what is older than a log group's retention."""
    if change.after < change.before:
        yield note(
            change,
            f"Log groups without `retention_days` delete events older than {change.after} days, and S3 moves objects "
            f"to Glacier Instant Retrieval after {change.after} days instead of {change.before}. The archive keeps its "
            "copy of what was archived.",
        )
    else:
        yield note(change, "Events that a log group has already deleted do not come back.")


def archive_days(change: Change) -> Iterable[Effect]:
    """A lifecycle rule counts from an object's creation, whenever the rule was set."""
    if change.after < change.before:
        yield loses(
            change,
            f"Objects that are older than {change.after} days expire in every bucket of the deployment, usually within "
            f"two days of the deploy: all that was kept between {change.after} and {change.before} days. Versioning "
            "keeps them for 30 days as noncurrent versions.",
            "Copy what must be kept to a bucket of another deployment or owner first.",
        )


def cold_after_days(change: Change) -> Iterable[Effect]:
    """Objects move to Deep Archive, one way."""
    if change.after is not None and (change.before is None or change.after < change.before):
        yield note(
            change,
            f"Objects older than {change.after} days move to Glacier Deep Archive: `logdock logs`, backfill and SQL "
            "need a restore of 12 to 48 hours for them. Aptible's own objects stay readable at once.",
        )
    else:
        yield note(change, "What is in Glacier Deep Archive already stays there.")


def replica(change: Change) -> Iterable[Effect]:
    """The replica comes or goes as a whole."""
    if change.after is None:
        yield cuts_off(
            change,
            f"The archive is no longer copied to `{change.before.region}`. The bucket there stays with what it has, "
            "and a lock on it goes on.",
        )
    elif change.before is None:
        yield note(
            change,
            "S3 copies what is archived from the deploy on; what is in the archive already is not copied.",
            "Copy it once with S3 Batch Replication, if it must be in the replica too.",
        )


def replica_region(change: Change) -> Iterable[Effect]:
    """Another Region is another replica."""
    yield cuts_off(
        change,
        f"The copy in `{change.before}` gets nothing more and stays as it is; the one in `{change.after}` begins "
        "empty, with what is archived from the deploy on.",
        "Copy what is archived already with S3 Batch Replication.",
    )


def replica_lock(change: Change) -> Iterable[Effect]:
    """A lock stays on a bucket and on the objects that have it."""
    if change.after is None:
        yield fails(
            change,
            "Object Lock cannot be taken from a bucket that has it (Amazon S3 User Guide, Object Lock considerations).",
            "Put `lock` back; a shorter `lock_days` holds for objects that are copied from then on.",
        )
    else:
        yield note(
            change, "The lock holds for objects that are copied from the deploy on, and cannot be taken away again."
        )


def lock_days(change: Change) -> Iterable[Effect]:
    """A lock is of each object, as it was when the object came."""
    if change.before is not None and change.after is not None:
        yield note(change, "Objects that are there keep the lock that they came with.")


def subscriptions(change: Change) -> Iterable[Effect]:
    """docs/subscriptions.md, Changing from one to the other."""
    if change.after == "kinesis":
        yield note(change, "Every subscription moves to the data stream in place. No line is lost or repeated.")
        return
    exports = " ".join(
        f"{change.new.deployment}-{each.name}" for each in change.new.exports if each.lands_in == "log groups"
    )
    yield fails(
        change,
        "`npx cdk deploy --all` is refused: the exports' stacks still import the stream's ARN.",
        f"`npx cdk deploy --exclusively {exports}` moves the subscriptions.",
        f"Wait ten minutes, or as long as the alarm `{change.new.deployment}/archiver/behind` lasts.",
        "`npx cdk deploy --all`; then delete the retained stream (docs/subscriptions.md).",
    )


def compact(change: Change) -> Iterable[Effect]:
    """What is compacted stays compacted."""
    if change.after:
        yield note(
            change,
            "Objects of the archive of the last 30 days are replaced by larger ones; replaced ones can be brought back "
            "for 30 days.",
        )
    else:
        yield note(
            change, "What is compacted stays so. `logdock backfill` of those hours needs `archive.compact` again."
        )


def sql_format(change: Change) -> Iterable[Effect]:
    """The archive is the same either way."""
    if change.after == "parquet":
        message = "The last 30 days that are compacted are copied as Parquet; older days are read from the archive."
    else:
        message = "Queries read the archive. What was copied under columns/ stays until the archive's retention ends."
    yield note(change, message)


def sql(change: Change) -> Iterable[Effect]:
    """Tables are views of objects: they hold nothing."""
    if change.after is None:
        yield note(change, "The tables and the Athena workgroup are deleted, with its query history. No log is.")


def email(change: Change) -> Iterable[Effect]:
    """An address is notified after it has confirmed."""
    if change.removed:
        yield note(change, f"{joined(change.removed)} is no longer notified.")
    if change.added:
        yield note(
            change,
            f"{joined(change.added)} is notified after its subscription is confirmed; SNS sends a mail in each Region.",
            "Confirm, then `logdock alerts test`.",
        )
    if not change.after:
        yield from no_recipient(change)


def no_recipient(change: Change) -> Iterable[Effect]:
    """Nothing stops, but no one is notified."""
    alerts = change.new.alerts
    if not (alerts.email or alerts.sns_topic_arns or alerts.webhook):
        yield cuts_off(change, "Alarms notify no one: `alerts` has no address, topic or webhook left.")


def trail_log_group(change: Change) -> Iterable[Effect]:
    """The alarm of a denied vendor reads the trail."""
    if change.after is None:
        yield note(change, "A vendor whose access is denied is no alarm any more.")
