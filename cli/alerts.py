"""`logdock alerts test`: one message to everybody who hears of failures, so that they know it works before it must."""

from __future__ import annotations

import typer

from cli.account import Account, read_settings
from cli.errors import ExitCode, is_absent
from cli.options import DEFAULT_SETTINGS, Json, Profile, Region, SettingsFile
from cli.screen import Screen

EXAMPLES = """
Example:

`logdock alerts test` sends a test message to every topic, and names who has not confirmed
"""
SUBJECT = "Logdock: a test"

alerts = typer.Typer(help="The alerts of failures.", no_args_is_help=True)


@alerts.command(name="test", epilog=EXAMPLES)
def send_test(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Send a test message to the topic of every Region, and name who hears it.

    The exit code is 1 when nobody hears it, or somebody has not confirmed.
    """
    screen = Screen(as_json=as_json)
    account = Account(read_settings(settings), profile, region)
    sent = {where: _send(account, where) for where in account.regions}
    screen.document(sent)
    rows = [
        [where, endpoint, "hears" if confirmed else "has not confirmed"]
        for where, endpoints in sent.items()
        for endpoint, confirmed in endpoints.items()
    ]
    screen.table(["region", "who", ""], rows)
    deaf = [where for where, endpoints in sent.items() if not any(endpoints.values())]
    if deaf:
        screen.say(f"Nobody hears of a failure in {', '.join(deaf)}: `alerts.email` names who should.")
    if deaf or not all(confirmed for endpoints in sent.values() for confirmed in endpoints.values()):
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _send(account: Account, region: str) -> dict[str, bool]:
    """Send the message in one Region; return who is subscribed there, and whether each has confirmed."""
    sns, topic = account.sns_in(region), account.names.alert_topic_in(region)
    text = f"This is a test of the alerts of {account.settings.deployment} in {region}. Nothing has failed."
    try:
        sns.publish(TopicArn=topic, Subject=SUBJECT, Message=text)
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return {
            each["Endpoint"]: each["SubscriptionArn"].startswith("arn:")
            for page in pages
            for each in page["Subscriptions"]
        }
    except sns.exceptions.ClientError as error:
        if is_absent(error):
            raise account.not_deployed("core" if region == account.settings.region else "shipper", region) from None
        raise
