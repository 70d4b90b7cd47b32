"""How an account announces what landed in it to the event bus of another account.

Sources: Amazon EventBridge User Guide, "Sending and receiving events between AWS accounts in Amazon EventBridge" and
"Permissions for event buses in Amazon EventBridge". A rule whose target is a bus of another account cannot write the
event: `Input`, `InputPath` and `InputTransformer` do not exist for such targets, and `PutEvents` takes no source that
begins with ``aws.`` (Amazon EventBridge API Reference, PutTargets and PutEvents).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from constructs_lib.statements import service_of_this_account
from constructs_lib.wiring import created_objects


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnouncementProps:
    """Which objects are announced, and to which bus.

    Attributes
    ----------
    rule_name, role_name
        Names of the rule and of the role by which it sends.
    bucket_name, prefix
        The bucket whose objects are announced, those alone whose keys begin so.
    bus_arn
        The bus of the other account, in the same Region.
    """

    rule_name: str
    role_name: str
    bucket_name: str
    prefix: str
    bus_arn: str


class Announcement(Construct):
    """A rule that sends each new object's event to a bus of another account, and the role by which it does."""

    def __init__(self, scope: Construct, construct_id: str, props: AnnouncementProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        rule_arn = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/{props.rule_name}"
        role = iam.Role(
            self,
            "Role",
            role_name=props.role_name,
            description="Logdock: announces what landed to the account of the archive",
            assumed_by=service_of_this_account("events.amazonaws.com", stack.account, rule_arn),
            inline_policies={
                "Announce": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(sid="Announce", actions=["events:PutEvents"], resources=[props.bus_arn])
                    ]
                )
            },
        )
        events.CfnRule(
            self,
            "Rule",
            name=props.rule_name,
            description=f"New objects of {props.bucket_name}/{props.prefix} to the account of the archive",
            event_pattern=created_objects(props.bucket_name, props.prefix),
            targets=[events.CfnRule.TargetProperty(id="archive", arn=props.bus_arn, role_arn=role.role_arn)],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class LandingsBusProps:
    """Who may announce to a bus.

    Attributes
    ----------
    bus_name, bus_arn
        The bus.
    accounts
        The accounts that announce.
    role_arns
        The roles of their rules.
    """

    bus_name: str
    bus_arn: str
    accounts: Sequence[str]
    role_arns: Sequence[str]


class LandingsBus(Construct):
    """An event bus that takes events of the rules of other accounts' landings, and of no one else there.

    The accounts are the principals and the roles a condition: a role that does not exist yet cannot be a principal, and
    a landing's stack comes after the one of its bus.
    """

    def __init__(self, scope: Construct, construct_id: str, props: LandingsBusProps) -> None:
        super().__init__(scope, construct_id)
        events.CfnEventBus(
            self,
            "Bus",
            name=props.bus_name,
            description="What landed in other accounts",
            policy=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        sid="Landings",
                        principals=[iam.AccountPrincipal(each) for each in props.accounts],
                        actions=["events:PutEvents"],
                        resources=[props.bus_arn],
                        conditions={"ArnEquals": {"aws:PrincipalArn": list(props.role_arns)}},
                    )
                ]
            ),
        )
