"""The topic that alarms notify, and its subscribers. Alarms reach topics of their own Region only."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from constructs_lib.customer_key import CustomerKey
from constructs_lib.statements import service_principal


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertTopicProps:
    """A topic and its readers.

    Attributes
    ----------
    topic_name
        Its name.
    alarm_name_prefix
        Only alarms of this account and Region whose name begins so may publish.
    encryption_key
        Encrypts the messages; its policy is extended so that CloudWatch may use it.
    email
        Addresses that are notified; each must confirm its subscription once.
    """

    topic_name: str
    alarm_name_prefix: str
    encryption_key: CustomerKey
    email: Sequence[str]


class AlertTopic(Construct):
    """An encrypted topic that this deployment's alarms, and nothing else, may publish to.

    CloudWatch itself uses the key, and says for which account (SNS Developer Guide, "Enable compatibility between event
    sources from AWS services and encrypted topics"; aws/modern-data-architecture-accelerator, which has the same
    condition, says that it is "both supported and correct"). EventBridge does not say it: no rule may have this topic
    as its target.
    """

    def __init__(self, scope: Construct, construct_id: str, props: AlertTopicProps) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        cloudwatch = service_principal("cloudwatch.amazonaws.com")
        props.encryption_key.allow(
            iam.PolicyStatement(
                sid="CloudWatchAlarms",
                principals=[cloudwatch],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        self.topic = sns.Topic(
            self, "Topic", topic_name=props.topic_name, master_key=props.encryption_key.key, enforce_ssl=True
        )
        alarms = f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:{props.alarm_name_prefix}*"
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchAlarms",
                principals=[cloudwatch],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": alarms},
                },
            )
        )
        for address in props.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))
