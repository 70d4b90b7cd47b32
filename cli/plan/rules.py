"""What a change of each setting leads to. Every setting of every model has an entry; a test finds one that has none.

An entry is a function that returns the consequences of a change, or a string: why the change has no consequence that
needs a sentence of its own. A change is always listed with both values; the string is what it says besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cli.plan.changes import Change
from cli.plan.effects import Effect, Kind, joined, shown

Rule = Callable[[Change], Iterable[Effect]]

ON_FROM_NOW = "It holds for lines that arrive from the deploy on; what is stored stays as it is."
CONCURRENCY = "The function ships with more or fewer invocations at once; what waits is shipped at that speed."
ALARMS = "The deploy changes alarms in place."
NAME = "A part is known by its name: another name is another part."
PARENT = "It is compared with the list or block that it is part of."
IDLE = "logdock status"
LOG_GROUP = "The log group"


def _effect(change: Change, kind: Kind, sentence: str, *steps: str, what: str | None = None) -> Effect:
    return Effect(of=change.of, what=what or change.path, kind=kind, sentence=sentence, steps=tuple(steps))


def _stack(change: Change) -> str:
    return f"{change.new.deployment}-{change.of}"


def _connected(change: Change) -> bool:
    """Whether the vendor is configured by the deploy, before and after."""
    parts = (change.part, change.new_part)
    if any(part.kind == "aurora-mysql" for part in parts):
        return all(part.configure_cluster for part in parts)
    return all(getattr(part, "connect", None) for part in parts)


def _vendor(change: Change) -> str:
    return {
        "mongodb-atlas": "MongoDB Atlas",
        "cockroachdb": "CockroachDB Cloud",
        "aurora-mysql": "Aurora",
        "aptible": "Aptible",
        "logzio": "Logz.io",
        "otlp": "the receiver",
    }.get(change.part.kind, "the services that write")


def _drain(of: str, what: str) -> str:
    return f"Wait until `{IDLE}` shows nothing waiting for {what} of `{of}`."


# --- the deployment -------------------------------------------------------------------------------------------------


def another_deployment(change: Change) -> Iterable[Effect]:
    """Another name, account or Region: everything is made again, and what is deployed stays and goes on."""
    old, new = change.old, change.new
    where = f"`{old.deployment}` in `{old.region}` of the account `{old.account}`"
    yield _effect(
        change,
        Kind.KEEPS_RUNNING,
        f"These are the settings of another deployment. {where} is not changed and not destroyed: it goes on receiving "
        "and shipping, and costs what it costs. Vendors go on writing there.",
        "Keep a settings file for each deployment; rename nothing in a file that is deployed.",
        "To move: deploy the new one, point every vendor at it, wait until nothing lands in the old one, then destroy "
        "its exports with its own settings file.",
    )
    if change.path == "region" and old.deployment == new.deployment and old.account == new.account:
        yield _effect(
            change,
            Kind.FAILS,
            f"IAM roles have no Region, and both deployments would name theirs `{new.deployment}-...`: the deploy in "
            f"`{new.region}` fails at the role `{new.deployment}-archiver`, which the one in `{old.region}` owns.",
            "Give the deployment in the other Region another name (`deployment`).",
        )


def hot_days(change: Change) -> Iterable[Effect]:
    """CloudWatch Logs deletes what is older than a log group's retention."""
    if change.after < change.before:
        yield _effect(
            change,
            Kind.NOTE,
            f"Log groups without `retention_days` delete events older than {change.after} days, and S3 moves objects "
            f"to Glacier Instant Retrieval after {change.after} days instead of {change.before}. The archive keeps its "
            "copy of what was archived.",
        )
    else:
        yield _effect(change, Kind.NOTE, "Events that a log group has already deleted do not come back.")


def archive_days(change: Change) -> Iterable[Effect]:
    """A lifecycle rule counts from an object's creation, whenever the rule was set."""
    if change.after < change.before:
        yield _effect(
            change,
            Kind.LOSES,
            f"Objects that are older than {change.after} days expire in every bucket of the deployment, usually within "
            f"two days of the deploy: all that was kept between {change.after} and {change.before} days. Versioning "
            "keeps them for 30 days as noncurrent versions.",
            "Copy what must be kept to a bucket of another deployment or owner first.",
        )


def cold_after_days(change: Change) -> Iterable[Effect]:
    """Objects move to Deep Archive, one way."""
    if change.after is not None and (change.before is None or change.after < change.before):
        yield _effect(
            change,
            Kind.NOTE,
            f"Objects older than {change.after} days move to Glacier Deep Archive: `logdock logs`, backfill and SQL "
            "need a restore of 12 to 48 hours for them.",
        )
    else:
        yield _effect(change, Kind.NOTE, "What is in Glacier Deep Archive already stays there.")


def replica(change: Change) -> Iterable[Effect]:
    """The replica comes or goes as a whole."""
    if change.after is None:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"The archive is no longer copied to `{change.before.region}`. The bucket there stays with what it has, "
            "and a lock on it goes on.",
        )
    elif change.before is None:
        yield _effect(
            change,
            Kind.NOTE,
            "S3 copies what is archived from the deploy on; what is in the archive already is not copied.",
            "Copy it once with S3 Batch Replication, if it must be in the replica too.",
        )


def replica_region(change: Change) -> Iterable[Effect]:
    """Another Region is another replica."""
    yield _effect(
        change,
        Kind.CUTS_OFF,
        f"The copy in `{change.before}` gets nothing more and stays as it is; the one in `{change.after}` begins "
        "empty, with what is archived from the deploy on.",
        "Copy what is archived already with S3 Batch Replication.",
    )


def replica_lock(change: Change) -> Iterable[Effect]:
    """A lock stays on a bucket and on the objects that have it."""
    if change.after is None:
        yield _effect(
            change,
            Kind.FAILS,
            "Object Lock cannot be taken from a bucket that has it (Amazon S3 User Guide, Object Lock considerations).",
            "Put `lock` back; a shorter `lock_days` holds for objects that are copied from then on.",
        )
    else:
        yield _effect(
            change,
            Kind.NOTE,
            "The lock holds for objects that are copied from the deploy on, and cannot be taken away again.",
        )


def lock_days(change: Change) -> Iterable[Effect]:
    """A lock is of each object, as it was when the object came."""
    if change.before is not None and change.after is not None:
        yield _effect(change, Kind.NOTE, "Objects that are there keep the lock that they came with.")


def subscriptions(change: Change) -> Iterable[Effect]:
    """docs/subscriptions.md, Changing from one to the other."""
    if change.after == "kinesis":
        yield _effect(
            change, Kind.NOTE, "Every subscription moves to the data stream in place. No line is lost or repeated."
        )
        return
    exports = " ".join(
        f"{change.new.deployment}-{each.name}"
        for each in change.new.exports
        if each.kind in ("cockroachdb", "aurora-mysql", "cloudwatch-logs")
    )
    yield _effect(
        change,
        Kind.FAILS,
        "`npx cdk deploy --all` is refused: the exports' stacks still import the stream's ARN.",
        f"`npx cdk deploy --exclusively {exports}` moves the subscriptions.",
        f"Wait ten minutes, or as long as the alarm `{change.new.deployment}/archiver/behind` lasts.",
        "`npx cdk deploy --all`; then delete the retained stream (docs/subscriptions.md).",
    )


def sql(change: Change) -> Iterable[Effect]:
    """Tables are views of objects: they hold nothing."""
    if change.after is None:
        yield _effect(
            change, Kind.NOTE, "The tables and the Athena workgroup are deleted, with its query history. No log is."
        )


def email(change: Change) -> Iterable[Effect]:
    """An address hears after it has confirmed."""
    if change.removed:
        yield _effect(change, Kind.NOTE, f"{joined(change.removed)} is no longer notified.")
    if change.added:
        yield _effect(
            change,
            Kind.NOTE,
            f"{joined(change.added)} is notified after its subscription is confirmed; SNS sends a mail in each Region.",
            "Confirm, then `logdock alerts test`.",
        )
    if not change.after:
        yield from no_recipient(change)


def no_recipient(change: Change) -> Iterable[Effect]:
    """Nothing stops, but nobody is notified."""
    alerts = change.new.alerts
    if not (alerts.email or alerts.sns_topic_arns or alerts.webhook):
        yield _effect(change, Kind.CUTS_OFF, "Alarms notify no one: `alerts` has no address, topic or webhook left.")


def trail_log_group(change: Change) -> Iterable[Effect]:
    """The alarm of a denied vendor reads the trail."""
    if change.after is None:
        yield _effect(change, Kind.NOTE, "A vendor whose access is denied is no alarm any more.")


# --- destinations ---------------------------------------------------------------------------------------------------


def mode(change: Change) -> Iterable[Effect]:
    """A fetching destination's queue is FIFO: SQS cannot change one into the other."""
    yield _effect(
        change,
        Kind.LOSES,
        f"The queues of `{change.of}` are replaced: a feed's are FIFO. Messages that wait or are dead are deleted with "
        "the old ones; what they announced is still in S3.",
        _drain(change.of, "it"),
        f"`logdock redrive --destination {change.of}` for what is dead.",
        f"After the deploy: `logdock backfill --destination {change.of}` for the time in between.",
    )


def destination_address(change: Change) -> Iterable[Effect]:
    """What waits goes to the new address."""
    yield _effect(
        change,
        Kind.NOTE,
        "What waits on the queue goes to the new address; what was sent stays where it is.",
        "Store the new address's token or headers in the secret before the deploy.",
    )


def token_secret(change: Change) -> Iterable[Effect]:
    """Without the secret every batch fails, and waits."""
    yield _effect(
        change,
        Kind.NOTE,
        "The function may read the new secret alone. If it is missing or wrong, messages are retried and then kept as "
        "dead letters; none is lost.",
        f"Store the secret `{shown(change.after)}` before the deploy." if change.after else "No credential is sent.",
    )


def log_type(change: Change) -> Iterable[Effect]:
    """A type selects Logz.io's parsing rules."""
    yield _effect(
        change, Kind.NOTE, "Parsing rules, drop filters and dashboards at Logz.io that name the old type end."
    )


def fetch_account(change: Change) -> Iterable[Effect]:
    """The role trusts one account."""
    if change.before is None or change.after is None:
        return
    yield _effect(
        change,
        Kind.REFUSES,
        f"The role trusts `{change.after}` alone: fetchers of `{change.before}` are refused from the deploy on. The "
        "feed keeps objects for 30 days.",
        "Create fetchers in the new account with the role's ARN, then delete the old ones.",
    )


def metrics(change: Change) -> Iterable[Effect]:
    """The stream comes or goes as a whole."""
    if change.after is None:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            "The metric stream is deleted: metrics of the time without it are not sent later.",
        )


def namespaces(change: Change) -> Iterable[Effect]:
    """What is not streamed is not sent later."""
    gone = [name for name in change.before if name not in change.after]
    if gone:
        yield _effect(change, Kind.CUTS_OFF, f"Metrics of {joined(gone)} are no longer sent, and not later either.")


# --- connect --------------------------------------------------------------------------------------------------------


def connect(change: Change) -> Iterable[Effect]:
    """`connect` decides who configures the vendor."""
    vendor = _vendor(change)
    if change.after is None:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"The deploy undoes what it configured at {vendor}: the export is switched off there. It stays off until "
            "someone switches it on.",
            f"Deploy, then run what `logdock next-steps {change.of}` prints.",
            "Keep the secret until the deploy is done: undoing needs it.",
        )
    elif change.before is None:
        yield _effect(
            change,
            Kind.VENDOR,
            f"The deploy configures {vendor}. A configuration that was made by hand is refused unless `connect.adopt` "
            "is true.",
            f"Store the credential in `{shown(change.after.secret)}` before the deploy.",
            "If the export is on already: set `connect.adopt: true`, deploy, and take it out again.",
        )
        yield from _atlas_project(change)


def _atlas_project(change: Change) -> Iterable[Effect]:
    clusters = getattr(change.after, "redact_clusters", ())
    if clusters:
        yield _effect(
            change, Kind.RESTARTS, f"Atlas restarts the nodes of {joined(clusters)} one after the other.",
            what=f"{change.path}.redact_clusters",
        )  # fmt: skip


def connect_secret(change: Change) -> Iterable[Effect]:
    """A credential of another organisation sees other objects."""
    yield _effect(
        change,
        Kind.VENDOR,
        f"What the deploy made at {_vendor(change)} is managed with the new credential from then on. It must see the "
        "same project, cluster or account: what only the old one sees cannot be undone with it, and goes on.",
        f"Store the credential in `{shown(change.after)}` before the deploy, and keep the old secret until it is done.",
        "For another organisation or account: destroy with the old secret first, then deploy with the new one.",
    )


def api_base_url(change: Change) -> Iterable[Effect]:
    """Another address is another vendor."""
    yield _effect(
        change,
        Kind.VENDOR,
        "Objects that exist at the old address are looked for at the new one. If it is another system, they stay on.",
    )


def connect_vpc(change: Change) -> Iterable[Effect]:
    """An access list admits addresses."""
    yield _effect(
        change,
        Kind.VENDOR,
        f"The deploy reaches {_vendor(change)} from another address.",
        f"Admit the new address in {_vendor(change)}'s access list before the deploy; remove the old one afterwards.",
    )


def adopt(change: Change) -> Iterable[Effect]:
    """What was taken over is put back as long as the setting stands."""
    if not change.after:
        yield _effect(
            change, Kind.NOTE, "What was there before is forgotten: a destroy removes the configuration for good."
        )


def legacy_paths(change: Change) -> Iterable[Effect]:
    """Keys change for new objects."""
    yield _effect(change, Kind.NOTE, "New objects have keys of the other layout. Readers of the bucket must know both.")


def atlas_alert(change: Change) -> Iterable[Effect]:
    """The alert is of the project."""
    if not change.after:
        yield _effect(
            change,
            Kind.NOTE,
            "The deploy deletes the alert at Atlas: the project's owners get no mail when the export fails.",
        )


def atlas_auditing(change: Change) -> Iterable[Effect]:
    """Database Auditing is of the project, and its log is empty without it."""
    if change.after is None:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            "The deploy puts Database Auditing of the project back to what it was before Logdock, or off: audit logs "
            "are then empty. What is not audited cannot be had later.",
        )


def audit_filter(change: Change) -> Iterable[Effect]:
    """What a filter does not record is nowhere."""
    yield _effect(
        change, Kind.NOTE, "Events that the new filter leaves out are not recorded anywhere from the deploy on."
    )


def redact_clusters(change: Change) -> Iterable[Effect]:
    """`redactClientLogData` needs a rolling restart, both ways."""
    if change.added or change.removed:
        yield _effect(
            change,
            Kind.RESTARTS,
            f"Atlas restarts the nodes of {joined((*change.added, *change.removed))} one after the other.",
        )
    if change.removed:
        yield _effect(
            change,
            Kind.EXPOSES,
            f"Diagnostic logs of {joined(change.removed)} hold values of documents and queries again: the deploy puts "
            "the cluster's setting back.",
        )


# --- every export ---------------------------------------------------------------------------------------------------


def ship_to(change: Change) -> Iterable[Effect]:
    """A destination that goes gets nothing more; what waits for it cannot be read any more."""
    lands_in_groups = change.part.kind in ("cockroachdb", "aurora-mysql", "cloudwatch-logs")
    for name in change.removed:
        if name == "archive" and lands_in_groups:
            continue
        if name != "archive" and all(each.name != name for each in change.new.destinations):
            yield _effect(
                change,
                Kind.NOTE,
                f"`{name}` leaves the settings, and `{change.of}` is no longer sent to it.",
                what=f"{change.path}.{name}",
            )
            continue
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"Nothing of `{change.of}` is sent to `{name}` any more, and what waits on its queue may no longer be read "
            "and ends as dead letters. What lands stays where it lands.",
            _drain(name, f"`{change.of}`") if name != "archive" else "",
            what=f"{change.path}.{name}",
        )
    for name in change.added:
        yield _effect(
            change,
            Kind.NOTE,
            f"`{name}` gets what lands from the deploy on.",
            f"`logdock backfill --export {change.of} --destination {name}` for what is there already.",
            what=f"{change.path}.{name}",
        )


def filters(change: Change) -> Iterable[Effect]:
    """A line that is filtered is not archived."""
    stricter = change.removed or not change.before if change.path == "include" else change.added
    if not stricter:
        return
    if change.part.kind in ("cockroachdb", "aurora-mysql", "cloudwatch-logs"):
        yield _effect(
            change,
            Kind.LOSES,
            "Lines that the new expressions leave out are not archived: they are in their log group alone, until its "
            "retention ends.",
        )
    else:
        yield _effect(
            change,
            Kind.NOTE,
            "Lines that the new expressions leave out stay in the landing bucket, and go nowhere else.",
        )


def markers(change: Change) -> Iterable[Effect]:
    """`keep` shows what CockroachDB marked."""
    if change.after == "keep":
        yield _effect(
            change,
            Kind.EXPOSES,
            f"What CockroachDB marks is archived and shipped with its value; before, it was {change.before}ed."
            if change.before == "redact"
            else "The marks are kept; their values were archived and shipped before too.",
        )
    elif change.before == "redact":
        yield _effect(change, Kind.EXPOSES, "The marks are dropped and their values are archived and shipped.")


def redaction(change: Change) -> Iterable[Effect]:
    """What was archived or sent in clear cannot be taken back."""
    if change.removed:
        gone = joined(getattr(each, "name", each) for each in change.removed)
        yield _effect(
            change,
            Kind.EXPOSES,
            f"{gone} no longer redacts as before: from the deploy on, lines are archived and shipped with what it took "
            "out. That cannot be taken back.",
        )
    elif change.added:
        yield _effect(change, Kind.NOTE, ON_FROM_NOW)


def oversize(change: Change) -> Iterable[Effect]:
    """`truncate` cuts, `quarantine` keeps."""
    if change.after == "truncate":
        yield _effect(
            change,
            Kind.NOTE,
            "Destinations get the beginning of a message that is too long for them; the archive has it whole.",
        )


def export_retention(change: Change) -> Iterable[Effect]:
    """CloudWatch Logs deletes what is older."""
    hot = change.new.kept.hot_days
    before = change.before if change.before is not None else hot
    after = change.after if change.after is not None else hot
    if after < before:
        yield _effect(
            change,
            Kind.NOTE,
            f"The log groups delete events older than {after} days. The archive keeps its copy of what was archived.",
        )


def group_retention(change: Change) -> Iterable[Effect]:
    """Log groups of the user's own may hold what was written before they were subscribed."""
    if change.after is None:
        yield _effect(change, Kind.NOTE, f"The log groups keep the retention that they have: {change.before} days.")
    elif change.before is None or change.after < change.before:
        yield _effect(
            change,
            Kind.LOSES,
            f"The log groups delete events older than {change.after} days. What was written before the groups were "
            "subscribed is not in the archive.",
            f"First `logdock backfill --export {change.of} --destination archive --since <their age>`.",
        )


def session_seconds(change: Change) -> Iterable[Effect]:
    """STS refuses a session that is longer than the role's maximum."""
    if change.after < change.before:
        yield _effect(
            change,
            Kind.REFUSES,
            f"A session longer than {change.after} seconds is refused. Vendors ask for up to 12 hours (43200).",
        )


# --- exports that land in a bucket ----------------------------------------------------------------------------------


def bucket(change: Change) -> Iterable[Effect]:
    """A bucket is made, the old one is kept."""
    old, new = change.old.landing_bucket(change.part), change.new.landing_bucket(change.new_part)
    yield _effect(
        change,
        Kind.REPLACES,
        f"The bucket `{new}` is made; `{old}` stays with its logs, its policy and its lifecycle, and belongs to no "
        "stack any more.",
    )
    if _connected(change):
        yield _effect(
            change, Kind.VENDOR, f"The deploy has {_vendor(change)} write to `{new}`. Until it is done, uploads to "
            f"`{old}` are refused and repeated later.",
        )  # fmt: skip
        return
    yield _effect(
        change,
        Kind.REFUSES if change.part.kind != "s3-logs" else Kind.CUTS_OFF,
        f"What is written to `{old}` from the deploy on is neither announced nor shipped"
        + (", and the vendor's role may not write there." if change.part.kind == "mongodb-atlas" else "."),
        _drain(change.of, "any destination"),
        f"Deploy, then point {_vendor(change)} at `{new}` (`logdock next-steps {change.of}`).",
        "Search the old bucket by hand, or copy its objects into the new one and run `logdock backfill`.",
    )


def prefix(change: Change) -> Iterable[Effect]:
    """A policy admits one prefix, and one prefix is announced."""
    before, after = (f"{each}/" if each else "" for each in (change.before, change.after))
    if change.part.kind == "s3-logs" and before.startswith(after):
        yield _effect(change, Kind.NOTE, f"Objects under `{after or 'any key'}` are announced too, from the deploy on.")
        return
    where = f"`{before}`" if before else "keys outside it"
    if _connected(change):
        yield _effect(
            change,
            Kind.VENDOR,
            f"The deploy has {_vendor(change)} write under `{after}`. Until that is done, uploads under {where} are "
            "refused; Atlas repeats them for up to seven days. What is there stays.",
            _drain(change.of, "any destination"),
        )
        return
    if getattr(change.part, "existing_bucket", None):
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"Objects under {where} are no longer announced or shipped; the bucket takes them as before.",
            _drain(change.of, "any destination"),
        )
        return
    yield _effect(
        change,
        Kind.REFUSES,
        f"The bucket admits {_vendor(change)} under `{after}` alone: deliveries under {where} are refused from the "
        "deploy on. What is there stays, and is still found by `logdock logs`."
        + (" Atlas repeats refused uploads for up to seven days." if change.part.kind == "mongodb-atlas" else ""),
        _drain(change.of, "any destination"),
        "Deploy.",
        f"At once, change the prefix at {_vendor(change)} to `{(change.after or '')}` "
        f"(`logdock next-steps {change.of}`).",
    )


def log_types(change: Change) -> Iterable[Effect]:
    """A log type that goes is not exported."""
    if change.removed:
        by = "The deploy switches" if _connected(change) else "Nothing switches"
        stays = "" if _connected(change) else ": switch it off at Atlas by hand"
        yield _effect(
            change,
            Kind.CUTS_OFF if _connected(change) else Kind.VENDOR,
            f"{by} the export of {joined(change.removed)} off{stays}. What is not exported is kept by the vendor for a "
            "short time only.",
        )
    if change.added and not _connected(change):
        yield _effect(
            change, Kind.VENDOR, f"Add {joined(change.added)} to the log integration at Atlas.",
            f"`logdock next-steps {change.of}` prints the call.",
        )  # fmt: skip


def permissions(change: Change) -> Iterable[Effect]:
    """`least` cannot read back."""
    if change.after == "least":
        yield _effect(
            change,
            Kind.NOTE,
            "Atlas may no longer list and read back its prefix; its console's test of the bucket fails.",
        )


def access_point(change: Change) -> Iterable[Effect]:
    """The role writes through the access point alone, or to the bucket alone."""
    if _connected(change):
        yield _effect(change, Kind.VENDOR, "The deploy changes the bucket that Atlas writes to.")
        return
    yield _effect(
        change,
        Kind.REFUSES,
        "The role admits Atlas by the new way alone: uploads by the old one are refused from the deploy on, and "
        "repeated for up to seven days.",
        f"Deploy, and at once change the bucket name at Atlas (`logdock next-steps {change.of}`).",
    )


def access_point_part(change: Change) -> Iterable[Effect]:
    """Behind an access point each bucket and each key must admit the role."""
    if change.removed:
        yield _effect(
            change, Kind.REFUSES, f"Uploads that the access point sends to {joined(change.removed)} are refused."
        )


def external_id(change: Change) -> Iterable[Effect]:
    """A role accepts the ids of the list."""
    if change.before is None or change.after is None:
        return
    if change.removed and change.part.kind == "cockroachdb" and _connected(change):
        yield _effect(
            change,
            Kind.VENDOR,
            f"The deploy sends `{shown(change.after[-1])}` to CockroachDB Cloud; {len(change.removed)} id leaves the "
            "role. Sessions that are open go on until they end.",
            "Safer in three deploys: [old, new], then the check that the vendor uses the new one, then [new]: "
            f"`logdock rotate-external-id {change.of}`.",
        )
    elif change.removed:
        first = (
            "" if len(change.before) > 1 else f"`logdock rotate-external-id {change.of} --begin` instead: [old, new]."
        )
        yield _effect(
            change,
            Kind.REFUSES,
            f"{joined(change.removed)} leaves the role: whoever still sends it is refused from the deploy on.",
            first,
            f"`logdock rotate-external-id {change.of}` says which id {_vendor(change)} used last; `--finish` writes "
            "the file when it is safe.",
        )
    elif change.added:
        yield _effect(
            change,
            Kind.VENDOR,
            "Both ids are accepted after the deploy.",
            "Deploy.",
            f"Change {_vendor(change)} to `{shown(change.after[-1])}`.",
            f"`logdock rotate-external-id {change.of} --finish` when the vendor has used it.",
        )


def principal(change: Change) -> Iterable[Effect]:
    """A role trusts one principal."""
    if change.before is None or change.after is None:
        return
    yield _effect(
        change,
        Kind.REFUSES,
        f"The role trusts `{shown(change.after)}` alone: `{shown(change.before)}` is refused from the deploy on.",
        f"Check at {_vendor(change)} which principal it assumes the role from before the deploy.",
    )


def another_object(change: Change) -> Iterable[Effect]:
    """Another project or cluster at the vendor."""
    what = change.path.removesuffix("_id")
    if _connected(change):
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"The deploy switches the export of the {what} `{change.before}` off and that of `{change.after}` on.",
            "If both must be exported, add a second export instead.",
        )
        return
    yield _effect(
        change,
        Kind.CUTS_OFF,
        f"The {what} `{change.before}` is no longer in the settings. What is configured there stays on until someone "
        "switches it off, and the role may stop admitting it.",
        f"Switch the export off at {_vendor(change)}, deploy, then switch it on for `{change.after}` "
        f"(`logdock next-steps {change.of}`).",
    )


def replication_role(change: Change) -> Iterable[Effect]:
    """The bucket's policy names one role."""
    yield _effect(
        change,
        Kind.REFUSES,
        f"The bucket admits `{change.after}` alone: what Aptible replicates as `{change.before}` is refused.",
        "Ask Aptible which role replicates before the deploy.",
    )


def bucket_encryption(change: Change) -> Iterable[Effect]:
    """A policy denies uploads that name another key."""
    yield _effect(
        change,
        Kind.REFUSES,
        f"The bucket takes {'uploads under its own key' if change.after == 'kms' else 'uploads with SSE-S3'} alone. "
        "Aptible's replication rule must agree before the deploy. Objects that are there keep their encryption.",
        "Agree with Aptible on the rule and the time, then deploy.",
    )


def decryption_keys(change: Change) -> Iterable[Effect]:
    """Without its keys an archive cannot be read."""
    if change.after is None:
        yield _effect(change, Kind.NOTE, "`logdock logs` needs `--decryption-keys` to read these archives.")
    else:
        yield _effect(
            change,
            Kind.NOTE,
            "The shipper reads the keys from the new secret. An archive whose key is not in it goes to quarantine.",
            f"Store every key that archives on the queues may need in `{shown(change.after)}` before the deploy.",
        )


def services(change: Change) -> Iterable[Effect]:
    """The policy of the bucket admits the services; some take no key of the bucket's own."""
    if change.part.encryption != change.new_part.encryption and not change.new_part.existing_bucket:
        to_s3 = change.new_part.encryption == "sse-s3"
        yield _effect(
            change,
            Kind.REFUSES,
            (
                "The bucket changes from its own KMS key to SSE-S3, because "
                f"{joined(change.added)} delivers to no other: every delivery that still names the key is refused."
                if to_s3
                else "The bucket changes from SSE-S3 to a KMS key of its own."
            ),
            "Add a second export for the new service instead, and leave this one as it is."
            if to_s3
            else f"Deploy, then have every service name the key (`logdock next-steps {change.of}`).",
            what=f"{change.path}.encryption",
        )
    if change.removed:
        yield _effect(
            change,
            Kind.REFUSES,
            f"The bucket no longer admits {joined(change.removed)}: its deliveries are refused from the deploy on.",
            "Point the service at another bucket, or switch its delivery off, before the deploy.",
        )
    if change.added:
        yield _effect(
            change,
            Kind.VENDOR,
            f"The bucket admits {joined(change.added)} after the deploy.",
            f"Deploy, then point the service at it (`logdock next-steps {change.of}`).",
        )


def existing_bucket(change: Change) -> Iterable[Effect]:
    """Objects are announced by the bucket that is named."""
    if change.before is not None:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"Objects that land in `{change.before}` are no longer announced or shipped. The deploy puts its "
            "EventBridge setting back to what it was; its objects and its policy stay.",
            _drain(change.of, "any destination"),
        )
    elif change.after is not None:
        old = change.old.landing_bucket(change.part)
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"The bucket `{old}` stays with its logs and belongs to no stack any more; what is written to it is not "
            "shipped.",
            _drain(change.of, "any destination"),
        )
    if change.after is None:
        yield _effect(
            change, Kind.VENDOR, f"The bucket `{change.new.landing_bucket(change.new_part)}` is made, and admits "
            f"{joined(change.new_part.services) if change.new_part.services else 'this account'}.",
            f"Deploy, then point what writes at it (`logdock next-steps {change.of}`).",
        )  # fmt: skip


def existing_key(change: Change) -> Iterable[Effect]:
    """The shipper may use the key that is named."""
    if change.before is not None:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"The shipper may no longer decrypt with `{shown(change.before)}`: objects under it end as dead letters.",
            _drain(change.of, "any destination"),
        )


# --- exports that land in log groups --------------------------------------------------------------------------------


def _groups_gone(change: Change, groups: Iterable[str], what: str) -> Iterable[Effect]:
    groups = tuple(groups)
    if not groups:
        return
    is_ours, several = change.part.kind != "cloudwatch-logs", len(groups) > 1
    plural = "s" if several and what == LOG_GROUP else ""
    yield _effect(
        change,
        Kind.CUTS_OFF,
        f"{what}{plural} {joined(groups)} {'are' if several else 'is'} no longer subscribed: what is written there "
        "from the deploy on is not archived or shipped."
        + (
            f" The log group{plural} stay{'' if several else 's'} with the events, the retention and the export's key, "
            "and belong{} to no stack.".format("" if several else "s")
            if is_ours
            else " Groups that have the export's key keep it; the key stays in the account and admits them."
            if change.part.encrypt
            else " Log groups themselves are not changed."
        ),
    )


def cockroach_log_group(change: Change) -> Iterable[Effect]:
    """Another name is another log group."""
    yield from _groups_gone(change, {change.before} - set(change.new_part.log_groups), LOG_GROUP)
    if not _connected(change):
        yield _vendor_step(change, f"Send the log export's `log_name` as `{change.after}`")


def cockroach_groups(change: Change) -> Iterable[Effect]:
    """Channels move between log groups."""
    before = {each.log_name for each in change.part.groups}
    yield from _groups_gone(change, sorted(before - set(change.new_part.log_groups)), LOG_GROUP)
    sensitive = [
        each.log_name
        for each in change.new_part.groups
        if each.redact is False
        and any(old.log_name == each.log_name and old.redact is not False for old in change.part.groups)
    ]
    if sensitive:
        yield _effect(change, Kind.EXPOSES, f"CockroachDB no longer redacts what it sends to {joined(sensitive)}.")
    if not _connected(change):
        yield _vendor_step(change, "Send the log export with the new groups")
    else:
        yield _effect(change, Kind.NOTE, "The deploy sends the log export with the new groups to CockroachDB Cloud.")


def _vendor_step(change: Change, what: str) -> Effect:
    return _effect(
        change,
        Kind.VENDOR,
        f"{what} to CockroachDB Cloud after the deploy; until then it writes as before, and what it writes to a log "
        "group that is not in the settings is refused.",
        "Deploy.",
        f"Run what `logdock next-steps {change.of}` prints.",
    )


def omitted_channels(change: Change) -> Iterable[Effect]:
    """An omitted channel is nowhere else."""
    if change.added:
        yield _effect(
            change, Kind.CUTS_OFF, f"CockroachDB Cloud no longer exports {joined(change.added)}; nothing else keeps it."
        )
    if not _connected(change):
        yield _vendor_step(change, "Send the log export with the new channels")


def cockroach_redact(change: Change) -> Iterable[Effect]:
    """Redaction at the source."""
    if not change.after:
        yield _effect(
            change,
            Kind.EXPOSES,
            "CockroachDB exports sensitive values, between markers. `redaction.markers` says what Logdock does with "
            "them; the log group has them in clear.",
        )
    if not _connected(change):
        yield _vendor_step(change, "Send the log export with the new `redact`")


def cockroach_regions(change: Change) -> Iterable[Effect]:
    """Each Region of the cluster has log groups of its own."""
    home = (change.new.region,)
    before, after = ((each or home) for each in (change.before, change.after))
    gone = [region for region in before if region not in after]
    if gone:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"The role no longer admits the log groups in {joined(gone)}: what CockroachDB Cloud still sends there is "
            "refused. The log groups stay.",
        )
    if not _connected(change):
        yield _vendor_step(change, "Send the log export for the new Regions")


def cockroach_adopt(change: Change) -> Iterable[Effect]:
    """A log group is either made by CloudFormation or taken over."""
    if change.after:
        yield _effect(
            change,
            Kind.NOTE,
            "The log groups leave the stack and stay (they are retained); the deploy takes them over as they are.",
        )
    else:
        yield _effect(
            change,
            Kind.FAILS,
            "CloudFormation makes the log groups, and those that exist have the same names: the deploy fails.",
            "Leave the setting as it is, or import the log groups with `npx cdk import`.",
        )


def plan_of_cluster(change: Change) -> Iterable[Effect]:
    """Advanced and Standard trust in different ways."""
    yield _effect(
        change,
        Kind.REFUSES,
        f"The role's trust changes from that of a cluster on {shown(change.before)} to {shown(change.after)}: as long "
        "as the cluster assumes it the old way, it is refused.",
        "Deploy when the cluster has changed its plan.",
    )


def aurora_log_types(change: Change) -> Iterable[Effect]:
    """A log type that goes is no longer published."""
    names = (f"/aws/rds/cluster/{change.part.cluster_id}/{each}" for each in change.removed)
    yield from _groups_gone(change, names, LOG_GROUP)
    if change.removed and _connected(change):
        yield _effect(change, Kind.NOTE, f"The deploy has Aurora publish {joined(change.removed)} no more.")
    if not _connected(change):
        yield _aurora_step(change)


def _aurora_step(change: Change) -> Effect:
    return _effect(
        change,
        Kind.VENDOR,
        "The cluster is not configured by the deploy.",
        f"Deploy, then run what `logdock next-steps {change.of}` prints.",
    )


def aurora_parameters(change: Change) -> Iterable[Effect]:
    """The parameters of Advanced Auditing are dynamic."""
    if change.path == "events" and change.removed:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            f"{joined(change.removed)} is no longer audited; what is not audited cannot be had later.",
        )
    if _connected(change):
        yield _effect(change, Kind.NOTE, "Advanced Auditing's parameters are dynamic: no instance restarts.")
    else:
        yield _aurora_step(change)


def parameter_group(change: Change) -> Iterable[Effect]:
    """A cluster takes another parameter group's values after a restart."""
    if not _connected(change):
        yield _aurora_step(change)
        return
    yield _effect(
        change,
        Kind.RESTARTS,
        "The deploy puts the old parameter group's audit parameters back and sets them in the new one. If the cluster "
        "must be given another group, its instances take it at their next restart; until then the cluster may not be "
        "audited.",
        "Deploy.",
        "If the output `RestartNeeded` is true: `aws rds reboot-db-instance --db-instance-identifier <each instance>`, "
        "readers first.",
        f"`logdock validate {change.of}` says whether every instance runs with it.",
    )


def aurora_cluster(change: Change) -> Iterable[Effect]:
    """Another cluster has other log groups."""
    names = (f"/aws/rds/cluster/{change.before}/{each}" for each in change.part.log_types)
    yield from _groups_gone(change, names, LOG_GROUP)
    if _connected(change):
        yield _effect(
            change,
            Kind.RESTARTS,
            f"The deploy puts the cluster `{change.before}` back as it was and configures `{change.after}`. An "
            "instance that gets another parameter group takes it at its next restart.",
            "If both must be exported, add a second export instead.",
        )
    else:
        yield _aurora_step(change)


def aurora_groups(change: Change) -> Iterable[Effect]:
    """A log group is either made by CloudFormation or taken over."""
    yield from cockroach_adopt(_as_switch(change, change.after == "adopt"))


def _as_switch(change: Change, value: bool) -> Change:
    return Change(**{**change.__dict__, "after": value})


def aurora_role(change: Change) -> Iterable[Effect]:
    """The service-linked role wins where it exists."""
    yield _effect(
        change,
        Kind.NOTE,
        "Aurora writes by another role. RDS uses its service-linked role wherever that exists.",
    )


def configure_cluster(change: Change) -> Iterable[Effect]:
    """The deploy configures the cluster, or nobody does."""
    if change.after:
        yield _effect(
            change,
            Kind.RESTARTS,
            "The deploy sets the audit parameters and switches the export on. A cluster that still uses a default "
            "parameter group gets one of its own, and its instances must then be restarted once.",
        )
    else:
        yield _effect(
            change,
            Kind.CUTS_OFF,
            "The deploy puts the cluster back as it was: auditing and the export are switched off. What is not audited "
            "cannot be had later.",
            f"Deploy, then at once run what `logdock next-steps {change.of}` prints.",
        )


def own_log_groups(change: Change) -> Iterable[Effect]:
    """A log group is subscribed by name or by prefix."""
    part = change.new_part
    if change.path == "log_groups":
        gone = [name for name in change.removed if not name.startswith(part.log_group_prefixes or ("\n",))]
        yield from _groups_gone(change, gone, LOG_GROUP)
    else:
        yield from _groups_gone(change, change.removed, "Every log group under")
    if change.added:
        yield _effect(
            change,
            Kind.NOTE,
            f"{joined(change.added)} is archived from the deploy on. A log group takes two subscriptions at most.",
            f"`logdock backfill --export {change.of} --destination archive` for what is there already.",
        )


def encrypt(change: Change) -> Iterable[Effect]:
    """A group's events stay under the key that they were written with."""
    if change.after:
        yield _effect(change, Kind.NOTE, "Events that are there stay as they are; new ones are under the export's key.")
    else:
        yield _effect(
            change,
            Kind.NOTE,
            "The log groups keep the export's key, which stays in the account and admits them; no other group gets it.",
            "To take it off: `aws logs disassociate-kms-key --log-group-name <log group>`. Events that are there are "
            "unreadable without the key: keep it until the group's retention has deleted them.",
        )


_EXPORT_KINDS = (
    "MongodbAtlasExport", "AptibleExport", "S3LogsExport", "CockroachdbExport", "AuroraMysqlExport",
    "CloudwatchLogsExport", "LogzioDestination", "OtlpDestination",
)  # fmt: skip
_ALARM_FIELDS = (
    "silent_after_minutes", "lag_after_minutes", "daily_gb", "volume_band", "failed_logins_per_hour",
    "privilege_changes_per_hour", "schema_changes_per_hour",
)  # fmt: skip

RULES: dict[tuple[str, str], Rule | str] = {
    ("Deployment", "deployment"): another_deployment,
    ("Deployment", "account"): another_deployment,
    ("Deployment", "region"): another_deployment,
    ("Deployment", "retention"): "Retention is compared by its days, whichever way it is given.",
    ("Deployment", "replica"): replica,
    ("Deployment", "alerts"): PARENT,
    ("Deployment", "dashboard"): "The dashboard holds no data; a stack that is not in the settings is named by itself.",
    ("Deployment", "subscriptions"): subscriptions,
    ("Deployment", "sql"): sql,
    ("Deployment", "destinations"): "Destinations are compared one by one.",
    ("Deployment", "exports"): "Exports are compared one by one.",
    ("Retention", "hot_days"): hot_days,
    ("Retention", "archive_days"): archive_days,
    ("Retention", "cold_after_days"): cold_after_days,
    ("Replica", "region"): replica_region,
    ("Replica", "lock"): replica_lock,
    ("Replica", "lock_days"): lock_days,
    ("Sql", "scan_limit_gb"): "Queries that read more are ended from the deploy on.",
    ("Alerts", "email"): email,
    ("Alerts", "sns_topic_arns"): no_recipient,
    ("Alerts", "webhook"): no_recipient,
    ("Alerts", "remind_after_minutes"): ALARMS,
    ("Alerts", "trail_log_group"): trail_log_group,
    ("Alerts", "runbook_url"): ALARMS,
    **{(model, field): ALARMS for model in ("Alerts", "ExportAlerts") for field in _ALARM_FIELDS},
    **{("Webhook", field): ALARMS for field in ("url", "url_secret", "header", "header_secret")},
    **{(model, "kind"): NAME for model in _EXPORT_KINDS},
    ("ExportBase", "name"): NAME,
    ("LogzioDestination", "name"): NAME,
    ("OtlpDestination", "name"): NAME,
    ("LogzioDestination", "mode"): mode,
    ("LogzioDestination", "region"): destination_address,
    ("LogzioDestination", "token_secret"): token_secret,
    ("LogzioDestination", "listener_url"): destination_address,
    ("LogzioDestination", "log_type"): log_type,
    ("LogzioDestination", "connect"): connect,
    ("LogzioDestination", "account_id"): fetch_account,
    ("LogzioDestination", "external_id"): external_id,
    ("LogzioDestination", "session_seconds"): session_seconds,
    ("LogzioDestination", "metrics"): metrics,
    **{(model, "concurrency"): CONCURRENCY for model in ("LogzioDestination", "OtlpDestination")},
    ("LogzioMetrics", "token_secret"): token_secret,
    ("LogzioMetrics", "namespaces"): namespaces,
    ("LogzioMetrics", "listener_url"): destination_address,
    ("LogzioMetrics", "tags"): "The function that sends tags comes or goes; it holds nothing.",
    ("OtlpDestination", "endpoint"): destination_address,
    ("OtlpDestination", "headers_secret"): token_secret,
    ("ConfiguredExport", "revision"): "The deploy configures again what exists in AWS, and fixes what differs.",
    ("ConfiguredExport", "check_each_deploy"): "Every deploy configures again, or only one that changes something.",
    ("Connect", "secret"): connect_secret,
    ("Connect", "secret_key_arn"): "The functions may use the new key to read the secret.",
    ("Connect", "api_base_url"): api_base_url,
    ("Connect", "adopt"): adopt,
    ("Connect", "revision"): "The deploy looks at everything at the vendor again, and puts right what differs.",
    ("Connect", "check_each_deploy"): "Every deploy looks at everything at the vendor, or only one that changes it.",
    ("Connect", "vpc"): connect_vpc,
    ("Vpc", "subnet_ids"): connect_vpc,
    ("Vpc", "security_group_ids"): connect_vpc,
    ("AtlasConnect", "legacy_paths"): legacy_paths,
    ("AtlasConnect", "alert"): atlas_alert,
    ("AtlasConnect", "auditing"): atlas_auditing,
    ("AtlasConnect", "redact_clusters"): redact_clusters,
    ("AtlasAuditing", "filter"): audit_filter,
    ("AtlasAuditing", "authorization_success"): audit_filter,
    ("ExportBase", "ship_to"): ship_to,
    ("ExportBase", "redaction"): PARENT,
    ("ExportBase", "include"): filters,
    ("ExportBase", "exclude"): filters,
    ("ExportBase", "alerts"): PARENT,
    ("ExportBase", "oversize"): oversize,
    ("BucketExport", "path_fields"): ON_FROM_NOW,
    ("LineExport", "record_start"): ON_FROM_NOW,
    ("LogGroupExport", "retention_days"): export_retention,
    ("Redaction", "markers"): markers,
    ("Redaction", "detectors"): redaction,
    ("Redaction", "patterns"): redaction,
    **{("Pattern", field): PARENT for field in ("name", "regex", "replacement")},
    ("MongodbAtlasExport", "project_id"): another_object,
    ("MongodbAtlasExport", "connect"): connect,
    ("MongodbAtlasExport", "atlas_principal_arn"): principal,
    ("MongodbAtlasExport", "external_id"): external_id,
    ("MongodbAtlasExport", "bucket"): bucket,
    ("MongodbAtlasExport", "prefix"): prefix,
    ("MongodbAtlasExport", "log_types"): log_types,
    ("MongodbAtlasExport", "permissions"): permissions,
    ("MongodbAtlasExport", "mrap_arn"): access_point,
    ("MongodbAtlasExport", "mrap_buckets"): access_point_part,
    ("MongodbAtlasExport", "mrap_key_arns"): access_point_part,
    ("MongodbAtlasExport", "session_seconds"): session_seconds,
    ("AptibleExport", "stack_region"): "It is checked against the deployment's Region, and changes nothing deployed.",
    ("AptibleExport", "bucket"): bucket,
    ("AptibleExport", "replication_role_arn"): replication_role,
    ("AptibleExport", "encryption"): bucket_encryption,
    ("AptibleExport", "decryption_keys_secret"): decryption_keys,
    ("S3LogsExport", "bucket"): bucket,
    ("S3LogsExport", "services"): services,
    ("S3LogsExport", "existing_bucket"): existing_bucket,
    ("S3LogsExport", "kms_key_arn"): existing_key,
    ("S3LogsExport", "prefix"): prefix,
    ("S3LogsExport", "format"): ON_FROM_NOW,
    **{("CockroachdbGroup", field): PARENT for field in ("log_name", "channels", "min_level", "redact")},
    ("CockroachdbExport", "plan"): plan_of_cluster,
    ("CockroachdbExport", "cluster_id"): another_object,
    ("CockroachdbExport", "connect"): connect,
    ("CockroachdbExport", "cluster_account_id"): principal,
    ("CockroachdbExport", "external_id"): external_id,
    ("CockroachdbExport", "log_group"): cockroach_log_group,
    ("CockroachdbExport", "adopt_log_groups"): cockroach_adopt,
    ("CockroachdbExport", "groups"): cockroach_groups,
    ("CockroachdbExport", "omitted_channels"): omitted_channels,
    ("CockroachdbExport", "redact"): cockroach_redact,
    ("CockroachdbExport", "regions"): cockroach_regions,
    ("CockroachdbExport", "session_seconds"): session_seconds,
    ("AuroraMysqlExport", "cluster_id"): aurora_cluster,
    ("AuroraMysqlExport", "log_types"): aurora_log_types,
    ("AuroraMysqlExport", "events"): aurora_parameters,
    ("AuroraMysqlExport", "include_users"): aurora_parameters,
    ("AuroraMysqlExport", "exclude_users"): aurora_parameters,
    ("AuroraMysqlExport", "parameter_group"): parameter_group,
    ("AuroraMysqlExport", "log_groups"): aurora_groups,
    ("AuroraMysqlExport", "role"): aurora_role,
    ("AuroraMysqlExport", "configure_cluster"): configure_cluster,
    ("CloudwatchLogsExport", "log_groups"): own_log_groups,
    ("CloudwatchLogsExport", "log_group_prefixes"): own_log_groups,
    ("CloudwatchLogsExport", "retention_days"): group_retention,
    ("CloudwatchLogsExport", "encrypt"): encrypt,
    ("CloudwatchLogsExport", "format"): ON_FROM_NOW,
}
"""By the model that declares the setting, and its name."""


def effects_of(change: Change) -> list[Effect]:
    """List what a change of a setting leads to; empty where its entry is a reason."""
    rule = RULES.get(change.field)
    return [] if rule is None or isinstance(rule, str) else list(rule(change))


def remark_on(change: Change) -> str:
    """Return what is said of a change without a consequence."""
    rule = RULES.get(change.field)
    return rule if isinstance(rule, str) else ""
