"""Alarm notifications, in the deployment's own Region and in every other one that has stacks."""

from aws_cdk import Stack
from constructs import Construct

from constructs_lib.alert_topic import AlertTopic, AlertTopicProps
from constructs_lib.customer_key import CustomerKey
from constructs_lib.notifications import Notifications, NotificationsProps, WebhookProps
from logdock.settings import Deployment
from logdock.settings.alerts import Webhook
from logdock.settings.names import Names
from stacks.export_alarms import runbook, topic_arns


def create_alarm_notifications(scope: Construct, key: CustomerKey, *, settings: Deployment, names: Names) -> None:
    """Make the topic of a Region, the reminders and the webhook.

    They are created even without recipients: a topic can be subscribed by hand, and alarms are seen on the dashboard.
    """
    region, alerts = Stack.of(scope).region, settings.alerts
    AlertTopic(
        scope,
        "Alerts",
        AlertTopicProps(
            topic_name=names.alerts,
            alarm_name_prefix=f"{names.deployment}/",
            encryption_key=key,
            email=alerts.email,
        ),
    )
    Notifications(
        scope,
        "Notifications",
        NotificationsProps(
            deployment=names.deployment,
            role_suffix="" if region == names.region else f"-{region}",
            topic_arns=topic_arns(settings, names, region),
            topic_key_arn=key.arn,
            remind_after_minutes=alerts.remind_after_minutes,
            webhook=_webhook(alerts.webhook, names) if alerts.webhook else None,
            runbook=runbook(alerts),
        ),
    )


def _webhook(webhook: Webhook, names: Names) -> WebhookProps:
    """Describe the webhook. CloudFormation resolves its secrets as it deploys; no template holds one."""
    return WebhookProps(
        url=webhook.url or _resolved(webhook.url_secret),
        # EventBridge's connections always send a header; without a secret it says who is calling.
        header=webhook.header if webhook.header_secret else "X-Logdock-Deployment",
        header_value=_resolved(webhook.header_secret) if webhook.header_secret else names.deployment,
    )


def _resolved(secret: str | None) -> str:
    return f"{{{{resolve:secretsmanager:{secret}:SecretString}}}}"


def recipients(settings: Deployment) -> str:
    """Return who is notified of alarms, for the stack's outputs."""
    alerts = settings.alerts
    who = [*alerts.email, *alerts.sns_topic_arns, *(["the webhook"] if alerts.webhook else [])]
    return ", ".join(who) or "No one: set alerts.email, alerts.sns_topic_arns or alerts.webhook"
