"""What is deployed: its templates, the settings that it was deployed with, and what only the account shows."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from pydantic import ValidationError

from logdock.cli.account import WORKERS, Account
from logdock.cli.errors import action_of, code_of, is_absent, is_refused, is_transient
from logdock.cli.plan.changes import DEPLOYMENT, compare
from logdock.cli.plan.consequences import consequences
from logdock.cli.plan.deliveries import deliveries_of, recommendation
from logdock.cli.plan.effects import Effect, Kind
from logdock.cli.plan.existing import NewResource, existing, existing_roles, new_resources
from logdock.cli.plan.report import Plan
from logdock.cli.plan.templates import Template, compare_templates, dangers, parse_template, read_assembly, unexplained
from logdock.cli.redrive.dead_letters import queue_counts
from logdock.cli.stacks import (
    NEVER_MADE,
    DeployedStack,
    deployed_stacks,
    expected_stacks,
    other_region,
    regions_to_search,
)
from logdock.inventory import stacks_of
from logdock.settings import Deployment
from logdock.settings.names import Names
from logdock.sources import version

METADATA = "logdock:settings"
"""Where a stack's template has the settings that it was made from (stacks/core.py, stacks/export_stack.py)."""


def collision(account: Account, region: str) -> Effect:
    """Return what a deploy in another Region comes to."""
    name = account.settings.deployment
    return Effect(
        of=DEPLOYMENT,
        what="region",
        kind=Kind.FAILS,
        sentence=f"A deployment named `{name}` is in `{region}` of this account. IAM roles have no Region, and both "
        f"name theirs `{name}-...`: the deploy in `{account.settings.region}` fails at the role `{name}-archiver`.",
        steps=("Give the deployment in the other Region another name (`deployment`).",),
    )


def _foreign(settings: Deployment, stack: DeployedStack) -> Effect:
    """Return what a deploy over another deployment's stack comes to."""
    return Effect(
        of=stack.name.removeprefix(f"{settings.deployment}-"),
        what="stack",
        kind=Kind.LOSES,
        sentence=f"The stack `{stack.name}` in `{stack.region}` is of the deployment `{stack.owner}`, which has a part "
        "whose name leads to the same stack: a deploy makes it over, and what it holds there goes.",
        steps=("Give the export, or this deployment, another name.",),
    )


def look(account: Account, plan: Plan, assembly: Path) -> None:
    """Add to a plan what the account shows."""
    settings = account.settings
    elsewhere = _or_note(plan, "whether another Region has a deployment of this name", partial(other_region, account))
    further = [elsewhere] if elsewhere else []
    deployed = deployed_stacks(account, regions_to_search(account, further))
    expected = expected_stacks(settings)
    here = [stack for stack in deployed if stack.region != elsewhere or expected.get(stack.name) == stack.region]
    foreign = {stack.name for stack in here if stack.owner not in ("", settings.deployment)}
    plan.effects += [_foreign(settings, stack) for stack in here if stack.name in foreign]
    made = [stack for stack in here if stack.status not in NEVER_MADE and stack.name not in foreign]
    with ThreadPoolExecutor(WORKERS) as pool:
        templates = dict(
            zip((each.name for each in made), pool.map(lambda each: _template(account, each), made), strict=True)
        )
    if plan.difference is None:
        old = deployed_settings(templates, settings)
        if old:
            plan.difference = compare(old, settings)
            plan.effects = consequences(plan.difference)
        elif made:
            plan.notes.append(
                "The stacks do not say which settings they were deployed with (an earlier release): resources alone "
                "are compared. `--from FILE --live` with the settings file that is deployed adds what the changes mean."
            )
    if (found := deployed_version(templates, settings)) and found != version():
        plan.notes.append(f"Logdock {found} is deployed, and this is {version()}: CHANGELOG.md has the difference.")
    if elsewhere:
        plan.effects = [
            each for each in plan.effects if (each.of, each.what, each.kind) != (DEPLOYMENT, "region", Kind.FAILS)
        ]
        plan.effects.append(collision(account, elsewhere))
    new: list[NewResource] = []
    landings = {stack.name: stack.other_account for stack in stacks_of(settings) if stack.other_account}
    for name, other_account in landings.items():
        plan.notes.append(f"Not compared: `{name}`, which is in the account {other_account}.")
    for name, (template, region) in read_assembly(assembly).items():
        if name in foreign or name in landings:
            continue
        before = templates.get(name)
        plan.resources += compare_templates(name, before, template)
        of = name.removeprefix(f"{settings.deployment}-")
        export = of if region == settings.region else of.removesuffix(f"-{region}")
        new += new_resources(export, region, before, template)
        if before is not None:
            plan.effects += unexplained(plan.effects, list(dangers(name, before, template, of)))
    plan.effects += _or_note(
        plan, "whether log groups and buckets that the deploy makes exist already", partial(existing, account, new), []
    )
    plan.effects += _or_note(
        plan, "whether roles that the deploy makes exist already", partial(existing_roles, account, new), []
    )
    for stack in here:
        if expected.get(stack.name) != stack.region:
            _name_orphan(plan, settings, stack)
    _count_waiting(account, plan)
    _recommend_stream(account, plan)


def deployed_version(templates: dict[str, Template], settings: Deployment) -> str:
    """Return the version that deployed the shipper; its functions carry it, so each upgrade updates that stack."""
    shipper = templates.get(Names.of(settings).in_region("shipper", settings.region), {})
    return str(shipper.get("Metadata", {}).get("Logdock", {}).get("Version", ""))


def _template(account: Account, stack: DeployedStack) -> Template:
    answer = account.cloudformation_in(stack.region).get_template(StackName=stack.name, TemplateStage="Original")
    return parse_template(answer["TemplateBody"])


def deployed_settings(templates: dict[str, Template], settings: Deployment) -> Deployment | None:
    """Return the settings that the stacks were deployed with; None where they do not say, or not as this release reads.

    The core has those of the deployment, and each export's stack has that export's.
    """
    parts = {name: _metadata(template) for name, template in templates.items()}
    whole = parts.get(f"{settings.deployment}-core")
    if whole is None:
        return None
    # An export with stacks in several Regions is in each of them.
    exports = list({part["name"]: part for part in parts.values() if part and "kind" in part}.values())
    order = {each.name: at for at, each in enumerate(settings.exports)}
    exports.sort(key=lambda each: (order.get(each["name"], len(order)), each["name"]))
    try:
        return Deployment.model_validate({**whole, "exports": exports})
    except ValidationError:
        return None


def _metadata(template: Template) -> dict[str, Any] | None:
    for resource in template.get("Resources", {}).values():
        found = resource.get("Metadata", {}).get(METADATA)
        if isinstance(found, str):
            document = json.loads(found)
            return document if isinstance(document, dict) else None
    return None


def _name_orphan(plan: Plan, settings: Deployment, stack: DeployedStack) -> None:
    """Name a stack that is deployed and not in the settings, with the commands that end it."""
    of = stack.name.removeprefix(f"{settings.deployment}-")
    running = next(
        (each for each in plan.effects if each.kind is Kind.KEEPS_RUNNING and f"`{stack.name}`" in each.sentence), None
    )
    commands = tuple(f"`{command}`" for command in stack.commands)
    if running:
        at = plan.effects.index(running)
        steps = (*running.steps, "Or, without that file: " + ", then ".join(commands) + ".")
        plan.effects[at] = replace(running, steps=steps)
        return
    plan.effects.append(
        Effect(
            of=of,
            what="stack",
            kind=Kind.KEEPS_RUNNING,
            sentence=f"The stack `{stack.name}` in `{stack.region}` is deployed ({stack.status}) and is not in the "
            "settings: it goes on exporting, and no deploy destroys it.",
            steps=commands,
        )
    )


def _count_waiting(account: Account, plan: Plan) -> None:
    """Say of queues that are deleted how many messages they hold now."""
    for at, effect in enumerate(plan.effects):
        if effect.kind is not Kind.LOSES or effect.what not in ("queue", "mode") or plan.difference is None:
            continue
        names = Names.of(plan.difference.old)
        counts: dict[str, int] = {}
        for suffix in ("", "-dead"):
            name = names.queue(effect.of, suffix)
            url = _or_note(plan, f"what waits on {name}", partial(account.sqs.get_queue_url, QueueName=name), {}).get(
                "QueueUrl"
            )
            if url:
                counts[suffix] = sum(queue_counts(account.sqs, url))
        if counts:
            said = f" Now {counts.get('', 0)} wait and {counts.get('-dead', 0)} are dead."
            plan.effects[at] = replace(effect, sentence=effect.sentence + said)


def _recommend_stream(account: Account, plan: Plan) -> None:
    """Recommend a Kinesis stream where the account's own figures say that it costs less."""
    settings = plan.settings
    if settings.subscriptions != "direct":
        return
    grouped = [each for each in settings.exports if each.lands_in == "log groups"]
    for region in dict.fromkeys(region for each in grouped for region in settings.regions_of(each)):
        if region in account.regions:
            what = f"how often CloudWatch Logs delivers in {region}"
            found = _or_note(plan, what, partial(deliveries_of, account, settings, region))
            if found and (said := recommendation(found)):
                plan.notes.append(said)


def _or_note(plan: Plan, what: str, question: Any, otherwise: Any = None) -> Any:
    """Ask; what the caller may not look at, and what AWS did not answer, is noted."""
    try:
        return question()
    except ClientError as error:
        if is_transient(error):
            plan.not_looked_at.append(f"{what} ({error.operation_name}: {code_of(error)})")
        elif is_refused(error):
            plan.notes.append(f"Not checked: {what} ({action_of(error)} is refused).")
        elif not is_absent(error):
            raise
    return otherwise
