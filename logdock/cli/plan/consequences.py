"""Everything that two deployments' difference leads to: of each change, of parts that come and go, and of stacks."""

from collections.abc import Iterator

from logdock.cli.plan.changes import DEPLOYMENT, Comparison
from logdock.cli.plan.effects import Effect, Kind, joined
from logdock.cli.plan.rules.table import effects_of
from logdock.cli.stacks import expected_stacks
from logdock.settings import Deployment
from logdock.settings.cross_checks import ATLAS_PROJECT_SETTINGS
from logdock.settings.destinations import Destination
from logdock.settings.exports import Export
from logdock.settings.landing import BucketLanding
from logdock.settings.names import Names
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.rds.settings import DatabaseExport


def consequences(difference: Comparison) -> list[Effect]:
    """List the consequences, those of one export or destination together, in the order of the settings."""
    found = [effect for change in difference.changes for effect in effects_of(change)]
    if not difference.is_another_deployment:
        for export in difference.removed:
            found += _removed_export(difference, export)
        for export in difference.added:
            found += _added_export(difference, export)
        for destination in difference.destinations_removed:
            found += _removed_destination(difference, destination)
        for destination in difference.destinations_added:
            found += _added_destination(destination)
        found += _orphaned(difference)
    order = {name: at for at, name in enumerate(difference.owners)}
    return sorted(dict.fromkeys(found), key=lambda effect: order.get(effect.of, 0))


def _removed_export(difference: Comparison, export: Export) -> Iterator[Effect]:
    old = difference.old
    stacks = [name for name, export_name in _export_stacks(difference).items() if export_name == export.name]
    again = next((each for each in difference.new.exports if each.name == export.name), None)
    renamed = difference.renamed.get(export.name)
    clashing = [other for other in difference.added if _owned(old, export) & _owned(difference.new, other)]
    destroy = f"`npx cdk destroy {' '.join(stacks)}`"
    if again:
        yield Effect(
            of=export.name,
            what="kind",
            kind=Kind.FAILS,
            sentence=f"`{export.name}` becomes an export of another kind in the same stack: what its stack made is "
            "deleted or left behind, and the vendor is cut off before the new one is there.",
            steps=(f"Give the export of the kind `{again.kind}` another name, and destroy this one by itself.",),
        )
        return
    yield Effect(
        of=export.name,
        what="stack",
        kind=Kind.KEEPS_RUNNING,
        sentence=(
            f"The export is renamed to `{renamed}`: for CloudFormation that is a new stack. "
            if renamed
            else "The export leaves the settings. "
        )
        + f"No deploy destroys {joined(stacks)}: the vendor goes on exporting, and it is billed. `npx cdk destroy` "
        "with the new settings does not know it, does nothing, and ends with exit code 0.",
        steps=tuple(
            _side_by_side(export, renamed, destroy)
            if renamed and not clashing and not getattr(export, "existing_bucket", None)
            else _one_after_the_other(export, renamed, destroy)
        ),
    )
    for other in clashing:
        yield Effect(
            of=other.name,
            what="stack",
            kind=Kind.FAILS,
            sentence=f"`{other.name}` makes or configures what the stack of `{export.name}` owns (log groups, "
            "subscriptions, the vendor's configuration): its deploy fails or takes them away as long as that stack "
            "is there.",
            steps=(f"Destroy the stack of `{export.name}` first.",),
        )
    landing = export.landing(old)
    kept = (
        f"The bucket `{landing.bucket}`, its policy and its key"
        if isinstance(landing, BucketLanding) and landing.is_own
        else "The log groups and their key"
        if export.kind in ("cockroachdb", "aurora-mysql", "rds")
        else "What it reads"
    )
    yield Effect(
        of=export.name,
        what="data",
        kind=Kind.RETAINS,
        sentence=f"{kept}, and what is in the archive, stay after a destroy too, and expire as before. "
        f"`logdock logs --export {export.name}` searches them with a settings file that still has the export "
        "(`--settings`).",
    )


def _is_pointed_by_hand(export: Export) -> bool:
    """Whether someone has the vendor write to what the export's stack made: it goes on after a destroy."""
    if isinstance(export, DatabaseExport) or export.kind == "cloudwatch-logs":
        return False
    return not getattr(export, "connect", None) and not getattr(export, "existing_bucket", None)


def _side_by_side(export: Export, renamed: str, destroy: str) -> Iterator[str]:
    """Yield the steps of a renaming that loses nothing: both exports are there until the new one gets the logs."""
    by_hand = _is_pointed_by_hand(export)
    connect = getattr(export, "connect", None)
    once = [f"connect.{each}" for each in ATLAS_PROJECT_SETTINGS if getattr(connect, each, None)]
    yield (
        f"Keep `{export.name}` in the file beside `{renamed}`, and deploy"
        + ("." if by_hand else "; until it is destroyed, both get the logs.")
        + (f" Only one may have {joined(once)}: `{export.name}`, for now." if once else "")
    )
    if by_hand:
        yield f"Point {export.vendor_name} at the new export: `logdock next-steps {renamed}`."
    yield (
        f"When `logdock status` shows that `{renamed}` lands and nothing waits of `{export.name}`: {destroy}, then "
        f"take `{export.name}` out of the file"
        + (f", give `{renamed}` {joined(once)}" if once else "")
        + " and deploy."
    )


def _one_after_the_other(export: Export, renamed: str | None, destroy: str) -> Iterator[str]:
    if _is_pointed_by_hand(export):
        yield (
            f"Switch the export off at {export.vendor_name}: what is written after the destroy is refused, or lands "
            "and is neither archived nor shipped, and no alarm says so."
        )
    yield f"With the settings file that still has it: {destroy}."
    yield "Then deploy the new settings."
    if renamed:
        yield f"{_backfill(export, renamed)} the destroy, for what was written in between."


def _backfill(export: Export, name: str) -> str:
    archive = "" if export.lands_in == "bucket" else "--destination archive "
    return f"`logdock backfill --export {name} {archive}--since` a time before"


def _owned(deployment: Deployment, export: Export) -> set[tuple[str, ...]]:
    """Return what one stack alone may make or configure, and undoes when it is destroyed, whatever its export's name.

    Another stack finds it configured already and remembers nothing to undo; then the first one's destroy switches it
    off. An Atlas project takes several exports, each with a path of its own.
    """
    landing = export.landing(deployment)
    if isinstance(landing, BucketLanding):
        return {("bucket", landing.bucket)} if landing.is_own else set()
    account = export.other_account or deployment.account
    found: set[tuple[str, ...]] = {("log group", account, name) for name in (*landing.names, *landing.prefixes)}
    if isinstance(export, CockroachdbExport):
        # Its ids are unique; RDS's are in an account.
        found |= {("CockroachDB cluster", each.object_id) for each in export.members}
    elif isinstance(export, DatabaseExport):
        found |= {(each.noun, account, each.database_id) for each in export.members}
    return found


def _export_stacks(difference: Comparison) -> dict[str, str]:
    names = Names.of(difference.old)
    landings = {names.landing_stack(each.name): each.name for each in difference.old.exports if each.other_account}
    return landings | {
        names.in_region(export.name, region): export.name
        for export in difference.old.exports
        for region in difference.old.regions_of(export)
    }


def _added_export(difference: Comparison, export: Export) -> Iterator[Effect]:
    if export.name in difference.renamed.values() or any(each.name == export.name for each in difference.old.exports):
        return
    configures = isinstance(export, DatabaseExport) and export.is_configured
    steps: tuple[str, ...]
    backfill = f"{_backfill(export, export.name)} the deploy, for what is there already."
    if export.kind == "cloudwatch-logs":
        sentence, steps = "The deploy subscribes its log groups: what is written from then on is archived.", (backfill,)
    elif bucket := getattr(export, "existing_bucket", None):
        sentence = f"The deploy has the bucket `{bucket}` announce what lands from then on."
        steps = (backfill,) if export.ship_to else ()
    elif configures or getattr(export, "connect", None):
        sentence, steps = "The deploy makes it and switches it on at the vendor.", ()
    else:
        sentence = "The deploy makes its role, bucket or log groups."
        steps = ("Deploy.", f"At the vendor, do what `logdock next-steps {export.name}` prints.")
    kind = Kind.VENDOR if "Deploy." in steps else Kind.NOTE
    yield Effect(of=export.name, what="stack", kind=kind, sentence=sentence, steps=steps)
    if isinstance(export, DatabaseExport) and configures and export.needs_parameters:
        restarted = "its instances" if export.is_cluster else "it"
        loads = f"does not load {joined(export.libraries)} yet, or " if export.libraries else ""
        yield Effect(
            of=export.name,
            what="configure_database" if export.kind == "rds" else "configure_cluster",
            kind=Kind.RESTARTS,
            sentence=f"If the {export.noun} {loads}still uses a default parameter group, {restarted} must be restarted "
            "once (output `RestartNeeded`).",
        )
    clusters = getattr(getattr(export, "connect", None), "redact_clusters", ())
    if clusters:
        yield Effect(
            of=export.name,
            what="connect.redact_clusters",
            kind=Kind.RESTARTS,
            sentence=f"Atlas restarts the nodes of {joined(clusters)} one after the other.",
        )


def _removed_destination(difference: Comparison, destination: Destination) -> Iterator[Effect]:
    name = destination.name
    exports = [each.name for each in difference.old.exports if name in each.ship_to]
    # The stack of the queue is deployed before those of the rules, and EventBridge does not repeat what a queue that is
    # gone refuses (AWS re:Post, "How do I set up EventBridge retries and DLQ for failed invocations?").
    meanwhile = " What lands during the deploy raises the alarm `handover` of its export for a day." if exports else ""
    yield Effect(
        of=name,
        what="queue",
        kind=Kind.LOSES,
        sentence=(f"Nothing more is sent to it, of {joined(exports)}. " if exports else "")
        + "The destination's queues are deleted with what waits on them and what is dead. What the messages "
        "announced is still in S3.",
        steps=(
            f"Wait until `logdock status` shows nothing waiting for `{name}`.",
            f"`logdock redrive --destination {name}` for what is dead.",
            f"Then deploy.{meanwhile}",
        ),
    )
    if destination.kind == "logzio" and destination.has_feed:
        yield Effect(
            of=name,
            what="reader",
            kind=Kind.NOTE if destination.connect else Kind.VENDOR,
            sentence="The deploy deletes its fetchers at Logz.io, and then the role."
            if destination.connect
            else "The role that its fetchers assume is deleted: they fail from then on.",
            steps=() if destination.connect else ("Delete the fetchers at Logz.io before the deploy.",),
        )


def _added_destination(destination: Destination) -> Iterator[Effect]:
    secret = getattr(destination, "token_secret", None) or getattr(destination, "headers_secret", None)
    connect = getattr(destination, "connect", None)
    secret = secret or (connect.secret if connect else None)
    steps = [f"Store the secret `{secret}` before the deploy."] if secret else []
    if destination.has_feed and not connect:
        steps += ["Deploy.", "Create the fetchers at Logz.io: `logdock next-steps` prints what to enter."]
    yield Effect(
        of=destination.name,
        what="queue",
        kind=Kind.VENDOR if steps else Kind.NOTE,
        sentence="It gets what lands from the deploy on; `logdock backfill` sends what is there already.",
        steps=tuple(steps),
    )


def _orphaned(difference: Comparison) -> Iterator[Effect]:
    """Name the stacks that the new settings do not have; those of removed exports are named with these."""
    of_removed = {each.name for each in difference.removed}
    exports = _export_stacks(difference)
    expected = expected_stacks(difference.new)
    for stack, region in expected_stacks(difference.old).items():
        if expected.get(stack) == region or exports.get(stack) in of_removed:
            continue
        yield Effect(
            of=exports.get(stack, DEPLOYMENT),
            what=f"stack.{stack}",
            kind=Kind.KEEPS_RUNNING,
            sentence=f"The stack `{stack}` in `{region}` leaves the settings; no deploy destroys it.",
            steps=(
                f"With the settings file that still has it: `npx cdk destroy {stack}`, before the deploy"
                + (" (its termination protection must be switched off first)." if "-replica-" in stack else "."),
            ),
        )
