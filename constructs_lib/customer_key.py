"""A KMS key of the account's own: rotating, retained, used by what its policy names."""

from dataclasses import dataclass
from functools import cache

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.durations import days


@cache
def _administer() -> iam.PolicyStatement:
    return iam.PolicyStatement(principals=[iam.AccountRootPrincipal()], actions=["kms:*"], resources=["*"])


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerKeyProps:
    """What a key is for.

    Attributes
    ----------
    alias
        Name of the alias, without ``alias/``.
    description
        What the key encrypts, for the person who finds it in the console.
    """

    alias: str
    description: str


class CustomerKey(Construct):
    """A symmetric key that rotates every year and outlives its stack.

    Losing the key is losing every log that it encrypted, so it is retained when the stack goes, and a deletion by hand
    waits for 30 days. A creation that is rolled back takes the key away again: nothing is encrypted with it yet. The
    account's root keeps full control, which is what lets IAM policies of this account grant its use (AWS KMS Developer
    Guide, "Default key policy").
    """

    def __init__(self, scope: Construct, construct_id: str, props: CustomerKeyProps) -> None:
        super().__init__(scope, construct_id)
        # What the CDK begins a key's policy with. As a document of our own it takes statements without asking back.
        self._policy = iam.PolicyDocument(statements=[_administer()])
        self.key = kms.Key(
            self,
            "Key",
            alias=props.alias,
            policy=self._policy,
            description=props.description,
            enable_key_rotation=True,
            rotation_period=days(365),
            pending_window=days(30),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        self.arn = self.key.key_arn
        """The key's ARN."""

    def keep_when_rolled_back(self) -> None:
        """Keep the key also when its creation is rolled back, for what stays then and is encrypted with it."""
        self.key.apply_removal_policy(RemovalPolicy.RETAIN)

    def allow(self, *policy_statements: iam.PolicyStatement) -> None:
        """Add statements to the key's policy."""
        self._policy.add_statements(*policy_statements)
