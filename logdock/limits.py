"""AWS's limits, and what a deployment takes of them: one list for synth, `logdock validate` and `logdock plan`.

`measures` counts from the settings what AWS counts by account, Region, queue and export, and measures every document
and stack where there are templates too. It needs no CDK.

Sources: the quota pages of IAM, S3, KMS, Lambda, EventBridge, SQS, CloudWatch, Systems Manager and CloudFormation. What
the outputs of a stack may come to in all is on no page; aws-amplify/amplify-backend#946 measured it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logdock.dashboard import dashboards
from logdock.inventory import StackParts, stacks_of
from logdock.parameter_value import without_double_braces
from logdock.settings.deployment import Deployment
from logdock.settings.exports import Export
from logdock.settings.names import Names
from logdock.settings.shipper_document import configuration_document

REFERENCE_LENGTH = 90
"""Characters that a reference to another resource counts as: a key's ARN in the longest Region has 88."""

_VERSIONED = r"Connector-[0-9a-f]{12}"

NEARLY_FULL = 0.8
"""From this share on what is left of a limit is shown line by line."""

Template = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """One of AWS's limits."""

    name: str
    """What is limited."""
    allowed: int
    """How much AWS takes."""
    unit: str
    remedy: str
    """What makes it smaller."""
    is_adjustable: bool = False
    """AWS raises it when asked: `allowed` is the default, and more is a warning. Service Quotas says what an account
    has."""
    is_respected: bool = False
    """Logdock divides what would exceed it, or the settings refuse it: being full means nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """How much of a limit one thing takes."""

    limit: Limit
    where: str
    """What takes it: a resource, a stack, a Region or the account."""
    size: int
    """How much."""
    allowed: int = 0
    """How much AWS takes there. Default: what it takes in most Regions."""

    def __post_init__(self) -> None:
        if not self.allowed:
            object.__setattr__(self, "allowed", self.limit.allowed)

    @property
    def left(self) -> int:
        """How much is left; less than 0 if it is too large."""
        return self.allowed - self.size

    @property
    def share(self) -> float:
        """How much of the limit is taken, 1 being all of it."""
        return self.size / self.allowed

    @property
    def is_near(self) -> bool:
        """Say whether little is left."""
        return self.share > NEARLY_FULL

    @property
    def document(self) -> dict[str, object]:
        """What a script reads of it."""
        return {
            "limit": self.limit.name,
            "where": self.where,
            "size": self.size,
            "allowed": self.allowed,
            "left": self.left,
            "unit": self.limit.unit,
            "is_adjustable": self.limit.is_adjustable,
        }

    @property
    def sentence(self) -> str:
        """What is taken, and of how much."""
        default = " by default" if self.limit.is_adjustable else ""
        return f"{self.where}: {self.limit.name}: {self.size} {self.limit.unit}; AWS takes {self.allowed}{default}"


_SPLIT_GROUPS = "Split the export's log groups between two exports"
TRUST = Limit(name="trust policy of a role", allowed=2048, unit="characters", remedy="Shorten the external ids")
INLINE = Limit(
    name="inline policies of a role",
    allowed=10_240,
    unit="characters",
    remedy="What adds to a shipper's role is each existing bucket and each Aptible secret that ships to its "
    "destination; what adds to an export's role is each log group in each Region. Divide them between two "
    "destinations, exports or deployments",
)
_SECOND_DESTINATION = "Give some of the exports a second destination with the same address"
MANAGED = Limit(name="managed policy", allowed=6144, unit="characters", remedy=_SECOND_DESTINATION)
ATTACHED = Limit(name="managed policies of a role", allowed=10, unit="policies", remedy=_SECOND_DESTINATION)
BUCKET_POLICY = Limit(
    name="bucket policy", allowed=20_480, unit="bytes", remedy="Ship the export to fewer destinations"
)
KEY_POLICY = Limit(name="key policy", allowed=32_768, unit="bytes", remedy=_SPLIT_GROUPS)
QUEUE_POLICY = Limit(name="policy of a queue", allowed=8192, unit="bytes", remedy=_SECOND_DESTINATION)
FUNCTION_POLICY = Limit(name="resource policy of a function", allowed=20_480, unit="bytes", remedy=_SPLIT_GROUPS)
BUS_POLICY = Limit(
    name="policy of an event bus",
    allowed=10_240,
    unit="characters",
    remedy="Give some of the exports that land in other accounts a second deployment",
)
ENVIRONMENT = Limit(
    name="environment of a function", allowed=4096, unit="bytes", remedy="Shorten the destination's settings"
)
PARAMETER = Limit(
    name="parameter of an export",
    allowed=4096,
    unit="bytes",
    remedy="Shorten or merge the patterns of the export's redaction and filters",
)
CONFIGURATION = Limit(
    name="configuration of a connector",
    allowed=8192,
    unit="bytes",
    remedy="Shorten the audit filter, the lists of users or the groups' names, or ship fewer exports to a "
    "`mode: fetch` destination with `connect`",
)
PARAMETERS = Limit(
    name="parameters of a Region",
    allowed=10_000,
    unit="parameters",
    remedy="Divide the exports between two deployments in two Regions",
)
TARGETS = Limit(
    name="targets of an event rule", allowed=5, unit="targets", remedy="Ship to fewer destinations", is_respected=True
)
RESOURCES = Limit(name="resources of a stack", allowed=500, unit="resources", remedy=_SPLIT_GROUPS)
OUTPUTS = Limit(name="outputs of a stack", allowed=200, unit="outputs", remedy="Have fewer `mode: fetch` destinations")
OUTPUT_VALUES = Limit(
    name="values of a stack's outputs",
    allowed=450_000,
    unit="characters",
    remedy="Have fewer `mode: fetch` destinations, or fewer exports that ship to them",
)
_NO_DASHBOARD = "Say `dashboard: false`"
WIDGETS = Limit(name="widgets of a dashboard", allowed=500, unit="widgets", remedy=_NO_DASHBOARD, is_respected=True)
METRICS = Limit(name="metrics of a dashboard", allowed=2500, unit="metrics", remedy=_NO_DASHBOARD, is_respected=True)
WIDGET_METRICS = Limit(name="metrics of a widget", allowed=500, unit="metrics", remedy=_NO_DASHBOARD)
TEMPLATE = Limit(name="template", allowed=1_000_000, unit="bytes", remedy=_SPLIT_GROUPS)
TEMPLATE_PARAMETERS = Limit(
    name="parameters of a template", allowed=200, unit="parameters", remedy="Report it: Logdock adds none"
)
_TWO_ACCOUNTS = "Ask AWS for more (Service Quotas), or divide the exports between two deployments in two accounts"
_TWO_REGIONS = "Ask AWS for more (Service Quotas), or divide the exports between two deployments in two Regions"
ROLES = Limit(name="roles of an account", allowed=1000, unit="roles", remedy=_TWO_ACCOUNTS, is_adjustable=True)
STACKS = Limit(name="stacks of a Region", allowed=2000, unit="stacks", remedy=_TWO_REGIONS, is_adjustable=True)
ALARMS = Limit(name="alarms of a Region", allowed=5000, unit="alarms", remedy=_TWO_REGIONS, is_adjustable=True)
RULES = Limit(name="rules of an event bus", allowed=300, unit="rules", remedy=_TWO_REGIONS, is_adjustable=True)
RULES_ELSEWHERE = {"af-south-1": 100, "eu-south-1": 100}
"""Rules of an event bus in Regions that have fewer (EventBridge User Guide, "Amazon EventBridge quotas")."""
WILDCARD_RULES = Limit(
    name="rules with wildcards of an event bus",
    allowed=30,
    unit="rules",
    remedy="Each `aurora-mysql` or `rds` export has one: divide them between two deployments in two Regions",
)
"""Not adjustable (EventBridge User Guide, "Amazon EventBridge quotas", rules containing wildcards)."""
CODE = Limit(
    name="code of the functions of a Region", allowed=75_000, unit="MB", remedy=_TWO_REGIONS, is_adjustable=True
)
"""Lambda has no quota for the number of functions: their code has 75 GB (Lambda Developer Guide, "Lambda quotas")."""
FUNCTION_MEGABYTES, LAYER_MEGABYTES = 1, 50
"""At most: the code of a function, and the shipper's wheels."""
LIMITS = (
    TRUST, INLINE, MANAGED, ATTACHED, BUCKET_POLICY, KEY_POLICY, QUEUE_POLICY, BUS_POLICY, FUNCTION_POLICY, ENVIRONMENT,
    PARAMETER, CONFIGURATION, PARAMETERS,
    TARGETS, RESOURCES, OUTPUTS, OUTPUT_VALUES, TEMPLATE_PARAMETERS, WIDGETS, METRICS, WIDGET_METRICS, TEMPLATE,
    WILDCARD_RULES, RULES, ROLES, STACKS, ALARMS, CODE,
)  # fmt: skip


def limit_violations(found: Iterable[Measure]) -> list[str]:
    """Return a line for each limit that is exceeded and that AWS does not raise."""
    return [_advice(each) for each in found if each.left < 0 and not each.limit.is_adjustable]


def limit_warnings(found: Iterable[Measure]) -> list[str]:
    """Return a line for each default quota that is exceeded: the deploy fails in an account that has no more."""
    return [_advice(each) for each in found if each.left < 0 and each.limit.is_adjustable]


def _advice(measure: Measure) -> str:
    return f"{measure.sentence}. {measure.limit.remedy}"


def fullest(found: Iterable[Measure]) -> list[Measure]:
    """Return the fullest of each limit, the one with the least room first."""
    by_limit: dict[str, Measure] = {}
    for each in found:
        other = by_limit.get(each.limit.name)
        if other is None or each.share > other.share:
            by_limit[each.limit.name] = each
    return sorted(by_limit.values(), key=lambda each: each.share, reverse=True)


def report(found: Iterable[Measure], *, always: bool) -> list[str]:
    """Return what is left of the limits that are nearly full, as lines; with `always` at least of the fullest."""
    shown = [each for each in fullest(found) if not each.limit.is_respected or each.left < 0]
    near = [each for each in shown if each.is_near]
    return [f"AWS limits: {each.sentence}, {_left(each)}" for each in near or (shown[:1] if always else [])]


def _left(measure: Measure) -> str:
    return f"{measure.left} left" if measure.left >= 0 else f"{-measure.left} too many"


def measures(
    settings: Deployment,
    templates: Mapping[str, Template] | None = None,
    template_bytes: Mapping[str, int] | None = None,
) -> Iterator[Measure]:
    """Measure everything in a deployment that has a limit.

    Parameters
    ----------
    settings
        The deployment.
    templates
        Every stack's template by the stack's name. Default: only what follows from the settings is measured.
    template_bytes
        The sizes of the templates as they are written. Default: as the CDK writes them.
    """
    yield from _counted(settings)
    if templates is not None:
        yield from _measured(templates, template_bytes or {})
    else:
        yield from _sized(settings)


def _counted(settings: Deployment) -> Iterator[Measure]:
    """Count what AWS counts by account or Region."""
    stacks = list(stacks_of(settings))
    for account in dict.fromkeys(stack.other_account for stack in stacks):
        yield from _counted_in(account or settings.account, [each for each in stacks if each.other_account == account])
    landings = [each for each in settings.exports if each.announcing_account]
    if landings:
        names = Names.of(settings)
        yield Measure(limit=BUS_POLICY, where=names.landings_bus, size=_bus_policy_size(names, landings))


def _counted_in(account: str, stacks: Sequence[StackParts]) -> Iterator[Measure]:
    roles = 0
    regions: dict[str, dict[Limit, int]] = {}
    for stack in stacks:
        roles += stack.roles
        region = regions.setdefault(stack.region, defaultdict(int))
        region[STACKS] += 1
        if not stack.other_account:
            region.setdefault(CODE, LAYER_MEGABYTES)
        for limit, count in (
            (RULES, stack.rules),
            (WILDCARD_RULES, stack.wildcard_rules),
            (ALARMS, stack.alarms),
            (CODE, stack.functions * FUNCTION_MEGABYTES),
            (PARAMETERS, stack.parameters),
        ):
            region[limit] += count
    yield Measure(limit=ROLES, where=f"account {account}", size=roles)
    is_other = any(stack.other_account for stack in stacks)
    for name, counts in regions.items():
        where = f"{name} of the account {account}" if is_other else name
        for limit, count in counts.items():
            if is_other and not count:
                continue
            allowed = RULES_ELSEWHERE.get(name, 0) if limit is RULES else 0
            yield Measure(limit=limit, where=where, size=count, allowed=allowed)


def _bus_policy_size(names: Names, landings: Sequence[Export]) -> int:
    """Return the size of the policy of the bus that other accounts announce to (`constructs_lib.announcement`)."""
    accounts = {each.other_account for each in landings}
    roles = [names.in_account(each.other_account).role_arn(names.announcing_role(each.name)) for each in landings]
    statement = {
        "Action": "events:PutEvents",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": roles}},
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:{names.partition}:iam::{each}:root" for each in accounts]},
        "Resource": names.landings_bus_arn,
        "Sid": "Landings",
    }
    return _size({"Statement": [statement], "Version": "2012-10-17"})


def _sized(settings: Deployment) -> Iterator[Measure]:
    """Measure the documents that follow from the settings; the others need templates."""
    names = Names.of(settings)
    for number, widgets in enumerate(dashboards(settings, names), 1):
        yield from _dashboard(names.dashboard_stack(number), widgets)
    for export in settings.exports:
        document = configuration_document(settings, export)
        value = json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
        size = len(without_double_braces(value).encode())
        yield Measure(limit=PARAMETER, where=f"{names.parameter_path}{export.name}", size=size)
        if export.announced_to:
            yield Measure(limit=TARGETS, where=names.export(export.name), size=len(export.announced_to))
    for destination in settings.shippers:
        rules = [names.announcing_rule(export) for export in settings.exports if destination in export.announced_to]
        yield Measure(limit=QUEUE_POLICY, where=names.queue(destination), size=_queue_policy_size(rules))


def _queue_policy_size(rule_names: list[str]) -> int:
    """Return the size of the policy of a destination's queue (`constructs_lib.shipper.DestinationShipper`)."""
    queue = {"Fn::GetAtt": ["Queue", "Arn"]}
    statements: list[dict[str, Any]] = [
        {
            "Action": "sqs:*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Resource": queue,
        }
    ]
    if rule_names:
        arns = [f"arn:*:events:*:*:rule/{name}" for name in rule_names]
        statements.append(
            {
                "Action": "sqs:SendMessage",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": "0" * 12},
                    "ArnLike": {"aws:SourceArn": arns},
                },
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Resource": queue,
                "Sid": "ExportRules",
            }
        )
    return _size({"Statement": statements, "Version": "2012-10-17"})


def _measured(templates: Mapping[str, Template], template_bytes: Mapping[str, int]) -> Iterator[Measure]:
    """Measure every document and stack."""
    # These add up over resources, and a role's policies over stacks.
    sums: dict[tuple[Limit, str], int] = defaultdict(int)
    for stack, template in templates.items():
        yield Measure(limit=RESOURCES, where=stack, size=len(template["Resources"]))
        outputs = template.get("Outputs", {}).values()
        yield Measure(limit=OUTPUTS, where=stack, size=len(outputs))
        yield Measure(limit=OUTPUT_VALUES, where=stack, size=sum(len(_text(output["Value"])) for output in outputs))
        yield Measure(limit=TEMPLATE_PARAMETERS, where=stack, size=len(template.get("Parameters", {})))
        # The CDK writes templates with an indentation of one.
        size = template_bytes.get(stack) or len(json.dumps(template, indent=1).encode())
        yield Measure(limit=TEMPLATE, where=stack, size=size)
        for logical_id, resource in template["Resources"].items():
            properties, where = resource.get("Properties", {}), f"{stack}/{logical_id}"
            match resource["Type"]:
                case "AWS::IAM::Role":
                    yield Measure(limit=TRUST, where=where, size=_size(properties["AssumeRolePolicyDocument"]))
                    role = properties.get("RoleName", where)
                    sums[INLINE, role] += sum(
                        _size(policy["PolicyDocument"]) for policy in properties.get("Policies", [])
                    )
                case "AWS::IAM::Policy":
                    for role in properties["Roles"]:
                        role = role if isinstance(role, str) else f"{stack}/{role['Ref']}"
                        # A policy named by its content is beside its successor until an update is over.
                        times = 2 if re.fullmatch(_VERSIONED, str(properties["PolicyName"])) else 1
                        sums[INLINE, role] += times * _size(properties["PolicyDocument"])
                case "AWS::IAM::ManagedPolicy":
                    yield Measure(limit=MANAGED, where=where, size=_size(properties["PolicyDocument"]))
                    for role in properties["Roles"]:
                        sums[ATTACHED, role] += 1
                case "AWS::S3::BucketPolicy":
                    yield Measure(limit=BUCKET_POLICY, where=where, size=_size(properties["PolicyDocument"]))
                case "AWS::SQS::QueuePolicy":
                    yield Measure(limit=QUEUE_POLICY, where=where, size=_size(properties["PolicyDocument"]))
                case "AWS::KMS::Key":
                    yield Measure(limit=KEY_POLICY, where=where, size=_size(properties["KeyPolicy"]))
                case "AWS::Lambda::Permission":
                    function = properties["FunctionName"]["Fn::GetAtt"][0]
                    sums[FUNCTION_POLICY, f"{stack}/{function}"] += _size(properties)
                case "AWS::Lambda::Function":
                    environment = properties.get("Environment", {}).get("Variables", {})
                    yield Measure(limit=ENVIRONMENT, where=where, size=_size(environment))
                case "AWS::SSM::Parameter":
                    limit = CONFIGURATION if properties.get("Tier") == "Intelligent-Tiering" else PARAMETER
                    size = len(_text(properties["Value"]).encode())
                    yield Measure(limit=limit, where=properties["Name"], size=size)
                case "AWS::CloudWatch::Dashboard":
                    yield from _dashboard(stack, json.loads(properties["DashboardBody"])["widgets"])
                case "AWS::Events::Rule":
                    yield Measure(limit=TARGETS, where=where, size=len(properties.get("Targets", [])))
    for (limit, where), size in sums.items():
        yield Measure(limit=limit, where=where, size=size)


def _dashboard(where: str, widgets: list[dict[str, Any]]) -> Iterator[Measure]:
    shown = [len(widget["properties"].get("metrics", ())) for widget in widgets]
    yield Measure(limit=WIDGETS, where=where, size=len(widgets))
    yield Measure(limit=METRICS, where=where, size=sum(shown))
    yield Measure(limit=WIDGET_METRICS, where=where, size=max(shown, default=0))


def _size(document: Any) -> int:
    return len(json.dumps(_rendered(document), separators=(",", ":"), ensure_ascii=False).encode())


def _text(value: Any) -> str:
    rendered = _rendered(value)
    return rendered if isinstance(rendered, str) else json.dumps(rendered)


def _rendered(value: Any) -> Any:
    """Replace references by texts of the length that they will have."""
    if isinstance(value, list):
        return [_rendered(each) for each in value]
    if isinstance(value, dict):
        match value:
            case {"Fn::Join": [separator, parts]}:
                return separator.join(_text(part) for part in parts)
            case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
                return "x" * REFERENCE_LENGTH
        return {key: _rendered(each) for key, each in value.items()}
    return value
