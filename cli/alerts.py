"""`logdock alerts test`: a message to everybody who should hear of alarms."""

from __future__ import annotations

import json

import typer

from cli.account import Account, read_settings
from cli.options import DEFAULT_SETTINGS, Json, Profile, Region, SettingsFile
from cli.screen import Screen

app = typer.Typer(help="Who hears of alarms.", no_args_is_help=True)


@app.callback()
def _about() -> None:
    """Make the command a command of its own, even while there is but one."""


@app.command("test", epilog="Example: `logdock alerts test --settings examples/alerts.yaml`")
def send(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Send a message to the topics, addresses and webhook that should hear, from each Region."""
    screen, account = Screen(as_json=as_json), Account(read_settings(settings), profile, region)
    alerts = account.settings.alerts
    who = [*alerts.email, *alerts.sns_topic_arns, *(["the webhook"] if alerts.webhook else [])]
    for where in account.regions:
        arn = account.names.alerts_machine_arn(where)
        try:
            account.states_in(where).start_execution(stateMachineArn=arn, input=json.dumps({"state": "TEST"}))
        except account.states_in(where).exceptions.StateMachineDoesNotExist:
            raise account.not_deployed("core" if where == account.settings.region else "shipper", where) from None
        screen.say(f"{where}: a test message is on its way to the topic {account.names.alerts}")
    screen.say(
        f"Who should hear: {', '.join(who) or 'nobody: set alerts.email, alerts.sns_topic_arns or alerts.webhook'}"
    )
    screen.document({"regions": list(account.regions), "hear": who})
