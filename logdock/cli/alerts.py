"""`logdock alerts test`: one test message to all recipients of alarm notifications, before a real one must arrive."""

import json

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.errors import ExitCode
from logdock.cli.options import DEFAULT_SETTINGS, Command, Group, Json, Profile, Region, SettingsFile
from logdock.cli.screen import Screen

EXAMPLES = """
Example:

`logdock alerts test` sends a test message to all recipients, and names those who have not confirmed
"""

alerts = typer.Typer(cls=Group, help="Test alarm notifications and their recipients.", no_args_is_help=True)


@alerts.callback()
def _about() -> None:
    """Make the command a command of its own, even while there is but one."""


@alerts.command(name="test", epilog=EXAMPLES, cls=Command)
def send_test(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Send a test message to all alarm recipients.

    It is sent from each Region of the deployment, and the recipients are named. The exit code is 1 when there is no
    recipient, or when one has not confirmed.
    """
    screen, account = Screen(as_json=as_json), Account(read_settings(settings), profile, region, settings)
    sent = {where: _send(account, where) for where in account.regions}
    screen.document(sent)
    rows = [[where, who, state] for where, recipients in sent.items() for who, state in recipients.items()]
    screen.table(["region", "who", ""], rows)
    deaf = [where for where, recipients in sent.items() if not recipients]
    if deaf:
        screen.say(
            f"No one is notified of a failure in {', '.join(deaf)}: set alerts.email, alerts.sns_topic_arns or "
            "alerts.webhook, and deploy."
        )
    if deaf or any(state == _UNCONFIRMED for _, _, state in rows):
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


_UNCONFIRMED = "has not confirmed"


def _send(account: Account, region: str) -> dict[str, str]:
    """Have the state machine of reminders send the message, by the way that they take; return who it goes to."""
    states, alerts_of = account.states_in(region), account.settings.alerts
    with account.requires(account.stack_of(region), region):
        states.start_execution(
            stateMachineArn=account.names.alerts_machine_arn(region), input=json.dumps({"state": "TEST"})
        )
        subscribed = {
            each["Endpoint"]: "confirmed" if each["SubscriptionArn"].startswith("arn:") else _UNCONFIRMED
            for each in account.subscriptions(account.names.alert_topic_in(region), region)
        }
    asked = [*alerts_of.sns_topic_arns, *(["the webhook"] if alerts_of.webhook else [])]
    return subscribed | dict.fromkeys(asked, "is sent it")
