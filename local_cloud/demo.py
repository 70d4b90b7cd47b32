"""The demo: every export of a settings file, deployed by the real CDK to a local AWS, with every vendor played.

``python -m local_cloud.demo --settings examples/everything.yaml``. Exit code 0 says that every promise held; otherwise
it is 1 and what did not hold is named. Whatever happens, nothing is left running, unless you chose to keep it.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from local_cloud import kept
from local_cloud.cdk import HOST_LAYER, ROOT, Cdk, CdkError, bootstrap, command_line
from local_cloud.commands import Answer, Person
from local_cloud.customer import make_secrets, prepare
from local_cloud.dashboard import draw
from local_cloud.emulator import Emulator, EmulatorError
from local_cloud.play import Play
from local_cloud.report import Report
from local_cloud.stage import Stage
from local_cloud.terminal import Terminal
from local_cloud.vendor_accounts import Vendors
from local_cloud.vendors.logzio.listener import LogzioListener
from logdock.settings import Deployment, SettingsError, load_settings
from logdock.settings.load import read_document
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport

if TYPE_CHECKING:
    from local_cloud.customer import Secrets

_BUILD = ROOT / "build"
_DEMO = _BUILD / "demo"
_REPORT = _BUILD / "demo-report.json"
_DASHBOARD = _BUILD / "dashboard.svg"
_REQUESTS = _BUILD / "vendor-requests.jsonl"
_USAGE = 2
_WIDTH = 132
"""Of a log line that `logdock` finds, so much is shown."""
RECIPIENT = "oncall@acme.example"
"""Who is notified of alarms where the settings have no one."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo.

    Returns
    -------
    int
        0 if every promise held, 1 if one did not, 2 if the demo cannot run.
    """
    parser = argparse.ArgumentParser(prog="python -m local_cloud.demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--settings", type=Path, default=Path("examples/everything.yaml"), help="settings file to play")
    parser.add_argument("--keep", action="store_true", help="leave everything deployed and running afterwards")
    parser.add_argument("--stay", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    settings_file: Path = given.settings
    if given.keep:
        return kept.start(settings_file)
    signal.signal(signal.SIGTERM, _interrupt)
    terminal = Terminal()
    try:
        load_settings(settings_file)
        command_line()
        return run(settings_file, terminal, stays=given.stay)
    except (SettingsError, kept.BusyError, CdkError, EmulatorError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)
        return _USAGE if isinstance(error, SettingsError) else 1
    except KeyboardInterrupt:
        print("Interrupted. Nothing is left running.", file=sys.stderr)
        return 130


def run(settings_file: Path, terminal: Terminal, *, stays: bool = False) -> int:
    """Deploy a settings file to a new local cloud, play every vendor, and report; the cloud is gone afterwards.

    One that stays runs until the process receives a signal, and nothing of it is destroyed.
    """
    with ExitStack() as everything:
        everything.enter_context(kept.alone())
        shutil.rmtree(_DEMO, ignore_errors=True)
        _DEMO.mkdir(parents=True)
        with terminal.step("starting the local AWS and the listener"):
            cloud = everything.enter_context(Emulator(log_file=_DEMO / "emulator.log"))
            listener = everything.enter_context(LogzioListener(certificate=cloud.certificate, key=cloud.key))
            vendors = everything.enter_context(Vendors(cloud))
        settings = localised(settings_file, listener.url, vendors, _DEMO / "logdock.yaml")
        for note in not_played(load_settings(settings_file)):
            terminal.show(f"not played here: {note}")
        secrets = make_secrets(settings)
        secrets.credentials.update(vendors.know(settings))
        listener.tokens.update(secrets.tokens)
        cdk = Cdk(cloud=cloud, account=settings.account, region=settings.region, log_file=_DEMO / "cdk.log")
        with terminal.step("bootstrapping the account, synthesizing the templates, preparing what is there before"):
            _set_up(cdk, settings, secrets)
        with terminal.step(f"deploying {settings.deployment} with the CDK") as progress:
            outputs = cdk.deploy(_DEMO / "cdk.out", outputs_file=_DEMO / "outputs.json", progress=progress).outputs
        with terminal.step("playing every vendor") as progress:
            stage, began = Stage(cloud, settings, outputs, vendors), datetime.datetime.now(datetime.UTC)
            play = Play(stage, secrets, listener, progress)
            report = play.perform()
        with terminal.step("running `logdock validate`, `status`, `smoke-test`, `logs`, and `redrive` after a fault"):
            answers, report = Person(stage, _DEMO / "logdock.yaml", listener, play.written).perform(report)
        _show(answers, terminal)
        with terminal.step("drawing the dashboard"):
            draw(stage, began, _DASHBOARD)
        if stays:
            conclude(report, terminal)
            terminal.show(_how_to_go_on())
            # else `logdock plan` and `cdk deploy` would bring the wheels for AWS, which this machine cannot load
            layer = {"LOGDOCK_SHIPPER_LAYER": str(HOST_LAYER)}
            kept.stay({**cloud.environment(settings.account, settings.region), **layer})
        with terminal.step("destroying what the deploy had switched on, and looking what is left at the vendors"):
            report = switch_off(cdk, stage, report)
        vendors.save_requests(_REQUESTS)
        with terminal.step("tearing down"):
            everything.close()
    return conclude(report, terminal)


def _show(answers: list[Answer], terminal: Terminal) -> None:
    """Print what `logdock` said; of what it found fine, the count alone, and of a long line its beginning."""
    for answer in answers:
        lines = _not_fine(answer.printed.splitlines())
        lines = [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…" for line in lines]
        terminal.show("\n".join([f"$ {answer.command}", *lines, ""]))


def _not_fine(lines: list[str]) -> list[str]:
    """Return the lines that do not say that something is fine, without the lines that such a line goes on in."""
    kept: list[str] = []
    is_fine = False
    for line in lines:
        is_fine = line.startswith(("✓", "ok  ")) or (is_fine and line.startswith("  "))
        if not is_fine:
            kept.append(line)
    return kept


def switch_off(cdk: Cdk, stage: Stage, report: Report) -> Report:
    """Destroy the stacks of every export that the deploy switched on, and report whether the vendor's side is clean."""
    stacks = [entry.stack for entry in report.exports if entry.connected]
    if not stacks:
        return report
    cdk.destroy(_DEMO / "cdk.out", *dict.fromkeys(stacks))
    parties = {party.name: party for party in (*stage.settings.exports, *stage.settings.destinations)}
    exports = [
        entry.after_destroy(is_clean=stage.vendors.is_clean(parties[entry.name])) if entry.connected else entry
        for entry in report.exports
    ]
    return dataclasses.replace(report, exports=exports)


def localised(settings_file: Path, listener_url: str, vendors: Vendors, local_file: Path) -> Deployment:
    """Write a settings file whose logs stay on this machine, and load it.

    Logz.io's listener becomes the one on loopback, and so do the vendors' APIs. Destinations without a stand-in here
    are removed: nothing must leave this machine. So are Multi-Region Access Points, which the emulator has but cannot
    be reached through. Settings that notify no one of alarms have `RECIPIENT` notified: `logdock smoke-test` requires
    one, and most examples have none.
    """
    document: Any = read_document(settings_file)[0]
    destinations = [entry for entry in document.get("destinations", []) if entry["kind"] == "logzio"]
    left_out = {entry["name"] for entry in document.get("destinations", [])} - {entry["name"] for entry in destinations}
    for destination in destinations:
        if destination.get("mode", "push") == "push":
            destination["listener_url"] = listener_url
    document["destinations"] = destinations
    for export in document["exports"]:
        for setting in ("mrap_arn", "mrap_buckets", "mrap_key_arns"):
            export.pop(setting, None)
        if "ship_to" in export:
            export["ship_to"] = [name for name in export["ship_to"] if name not in left_out]
    alerts = document.get("alerts") or {}
    if not any(alerts.get(setting) for setting in ("email", "sns_topic_arns", "webhook")):
        document["alerts"] = {**alerts, "email": [RECIPIENT]}
    vendors.localise(document)
    local_file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return load_settings(local_file)


def not_played(settings: Deployment) -> list[str]:
    """Return what `localised` leaves out of the settings, in words."""
    destinations = [
        f"{destination.name}, a destination of kind {destination.kind}"
        for destination in settings.destinations
        if destination.kind != "logzio"
    ]
    access_points = [
        f"{export.name}'s Multi-Region Access Point; its landing bucket is written to directly"
        for export in settings.exports
        if isinstance(export, MongodbAtlasExport) and export.mrap_arn
    ]
    return destinations + access_points


def conclude(report: Report, terminal: Terminal) -> int:
    """Write and print the report, and what comes next.

    Returns
    -------
    int
        0 if every promise held, else 1.
    """
    report.seconds.update(terminal.seconds)
    report.write(_REPORT)
    terminal.show()
    terminal.show(report.table())
    terminal.show(
        f"settings   {_shown(_DEMO / 'logdock.yaml')}\n"
        f"report     {_shown(_REPORT)}\n"
        f"dashboard  {_shown(_DASHBOARD)}\n"
        f"templates  {_shown(_DEMO / 'cdk.out')}\n"
        f"outputs    {_shown(_DEMO / 'outputs.json')}\n"
        f"logs       {_shown(_DEMO / 'cdk.log')}, {_shown(_DEMO / 'emulator.log')}\n"
    )
    if report.broken:
        terminal.bad(f"{len(report.broken)} promises did not hold:")
        for promise in report.broken:
            terminal.show(f"  {promise}")
        return 1
    terminal.good("Every promise held. The same, in an account of yours:")
    terminal.show(
        "  . .venv/bin/activate\n"
        "  cp examples/everything.yaml logdock.yaml     # or another example; then edit it\n"
        "  npx cdk bootstrap aws://ACCOUNT/REGION\n"
        "  npx cdk deploy --all"
    )
    return 0


def _how_to_go_on() -> str:
    settings = _shown(_DEMO / "logdock.yaml")
    return (
        "\nEverything is still deployed and running. In a shell of this directory:\n"
        f"  . {_shown(kept.ENVIRONMENT)}\n"
        f"  logdock status --settings {settings}\n"
        f"  npx cdk diff --app {_shown(_DEMO / 'cdk.out')}\n"
        "  make local-stop                              # ends it"
    )


def _set_up(cdk: Cdk, settings: Deployment, secrets: Secrets) -> None:
    # Three processes that wait for one another in nothing.
    with ThreadPoolExecutor(max_workers=3) as pool:
        synthesized = pool.submit(cdk.synth, _DEMO / "logdock.yaml", _DEMO / "cdk.out")
        bootstrapped = pool.submit(bootstrap, cdk, settings, *settings.regions)
        prepared = pool.submit(prepare, cdk.cloud, settings, secrets)
        try:
            for task in (prepared, bootstrapped, synthesized):
                task.result()
        except BaseException:
            cdk.stop()
            raise


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
