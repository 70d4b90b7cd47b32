"""The command itself: understands the question, searches, and says what it could not read."""

import contextlib
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from logdock.cli.account import Account, read_settings
from logdock.cli.ages import counted
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.choice import Copy, SearchScope, choose, selectors
from logdock.cli.logs.download import download as save
from logdock.cli.logs.explanation import Explanation, explain, explain_patterns
from logdock.cli.logs.histogram import Histogram
from logdock.cli.logs.layouts import Selectors
from logdock.cli.logs.query import Query, field_of, grep
from logdock.cli.logs.reader import Keys, Reader
from logdock.cli.logs.scan import Form
from logdock.cli.logs.search import Search
from logdock.cli.logs.times import bound, moment, written
from logdock.cli.options import DEFAULT_SETTINGS, Profile, Region, SettingsFile
from logdock.cli.screen import Screen

EXAMPLES = """
Examples:

`logdock logs --export ledger --since 'tuesday 03:00' --until 'tuesday 03:30' --grep 'connection .* refused'`

`logdock logs --since 15m --field log_type=mongodb --field attr.remote=192.0.2.7:40001 --json | jq .message`

`logdock logs -f -g '(?i)error'` prints what arrives from now on, until Ctrl-C

`logdock logs -s 6h -e orders -g timeout -n 20` prints the first 20 lines

`logdock logs --export platform --app 321 --since 2026-11-16 --until 2026-11-18 --decryption-keys keys.txt --download .`
"""
_APTIBLE = "Aptible's archives"


def _aptible(*names: str, shows: str, says: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, metavar=shows, help=says, rich_help_panel=_APTIBLE)
    return option


def logs(
    settings: SettingsFile = DEFAULT_SETTINGS,
    profile: Profile = None,
    region: Region = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, as the archive has them.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Print the vendor's lines alone.")] = False,
    export: Annotated[
        list[str] | None,
        typer.Option("--export", "-e", metavar="NAME", help="Search this export; may be repeated. Default: all."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            "--start-date",
            "-s",
            metavar="TIME",
            help="Start of the time range: 2h, yesterday 03:12, ... Default: 1h; with --follow: now.",
        ),
    ] = None,
    until: Annotated[
        str, typer.Option("--until", "--end-date", "-u", metavar="TIME", help="End of the time range (exclusive).")
    ] = "now",
    expressions: Annotated[
        list[str] | None,
        typer.Option(
            "--grep",
            "--string-matches",
            "-g",
            metavar="REGEX",
            help="Lines that match this (RE2); repeated: match each.",
        ),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--field",
            metavar="NAME=VALUE",
            help="Lines with this value: log_type, source, a column, or a path in a JSON line; repeated: with each.",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print what arrives, until Ctrl-C.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, metavar="LINES", help="Stop after so many lines.")
    ] = None,
    context: Annotated[
        int, typer.Option("--context", "-C", min=0, metavar="LINES", help="Also print lines before and after each.")
    ] = 0,
    copy: Annotated[
        Copy | None,
        typer.Option("--from", help="Search this copy. Default: the archive's, where an export is archived."),
    ] = None,
    late: Annotated[
        str,
        typer.Option(metavar="TIME", help="How late lines may have landed; Atlas may replay them for 7d."),
    ] = "2h",
    stack: Annotated[str | None, _aptible("--stack", shows="NAME", says="Of this stack.")] = None,
    app: Annotated[str | None, _aptible("--app", "--app-id", shows="ID", says="Of this app.")] = None,
    database: Annotated[
        str | None, _aptible("--database", "--database-id", shows="ID", says="Of this database.")
    ] = None,
    endpoint: Annotated[
        str | None, _aptible("--endpoint", "--endpoint-id", shows="ID", says="Of this endpoint.")
    ] = None,
    container: Annotated[
        str | None,
        _aptible("--container", "--container-id", shows="ID", says="Of this container: 12 characters or more."),
    ] = None,
    keys: Annotated[
        Path | None,
        _aptible("--decryption-keys", shows="FILE", says="Keys in base64, parted by white space; - is stdin."),
    ] = None,
    keys_secret: Annotated[
        str | None,
        _aptible("--decryption-keys-secret", shows="NAME", says="Secret with the keys. Default: the settings name it."),
    ] = None,
    download: Annotated[
        Path | None, _aptible("--download", "--download-location", shows="DIR", says="Save the archives, decrypted.")
    ] = None,
) -> None:
    """Search the log lines, and print them in order of time.

    The archive is searched or, of an export that is not archived, the place where its logs landed. Only the hours
    of the range are read. An object that cannot be read is named and passed over, and the exit code is then 1.
    Times without an offset are in UTC.
    """
    screen = Screen(as_json=as_json)
    now = datetime.now(UTC)
    first, end = moment("--since", since or ("now" if follow else "1h"), now), moment("--until", until, now)
    if first >= end and not follow:
        raise CommandError(f"--since {written(first)} is not before --until {written(end)}", ExitCode.USAGE)
    _check(
        follow=follow,
        until=until,
        forms=[as_json, raw],
        download=download,
        filters=[*(expressions or ()), *(fields or ())],
        context=context,
    )
    patterns = [grep(each) for each in expressions or ()]
    query = Query(
        since=bound(first),
        until=bound(end),
        patterns=tuple(each.pattern for each in patterns),
        needles=tuple(each.needle for each in patterns),
        across=tuple(each.across for each in patterns if each.across),
        fields=tuple(map(field_of, fields or ())),
        context=context,
    )
    chosen = selectors(stack, app, database, endpoint, container)
    account = Account(read_settings(settings), profile, region, settings)
    if account.settings.region not in account.regions:
        raise CommandError(f"--region {region}: all logs are in {account.settings.region}", ExitCode.USAGE)
    lateness = now - moment("--late", late, now)
    wanted = SearchScope(exports=tuple(export or ()), copy=copy, selectors=chosen, late=lateness)
    only_aptible = download is not None or chosen != Selectors()
    places = choose(account, wanted, first, end, only_aptible=only_aptible)
    reader = Reader(account.s3, Keys(account, keys, keys_secret))
    form = Form.JSON if as_json else Form.RAW if raw else Form.TEXT
    # counting takes time, which a script has no use for
    width = None if follow or download or as_json else screen.width
    histogram = Histogram(first, end, width) if width else None
    search = Search(account, reader, places, query, form, limit, histogram)
    if download:
        _save(search, reader, download, first, end, screen)
    elif follow:
        _follow(search, first, lateness, screen)
    else:
        with contextlib.ExitStack() as shown:
            done = shown.enter_context(screen.progress("objects searched"))
            # On a terminal the first line replaces the progress: the two never share a line.
            before_lines = shown.close if sys.stdout.isatty() else None
            search.run(first, end, done, before_lines)
        if histogram and not search.summary.is_cut and (bars := histogram.line()):
            screen.note(bars)
        _sum_up(search, screen, f"from {written(first)} to {written(end)}")
        if not search.summary.lines:
            _explain_nothing(search, query, expressions or [], first, end, screen)
    if search.summary.skipped:
        raise typer.Exit(ExitCode.SOMETHING_LEFT)


def _check(
    *, follow: bool, until: str, forms: list[bool], download: Path | None, filters: list[str], context: int
) -> None:
    """Refuse options that contradict each other."""
    for is_wrong, message in (
        (all(forms), "--json and --raw are two forms: give one"),
        (bool(context) and not filters, "--context is around lines that match: give --grep or --field too"),
        (follow and until != "now", "--follow has no end: leave out --until"),
        (follow and download is not None, "--download saves what is there: leave out --follow"),
        (
            download is not None and bool(filters),
            "--download saves whole archives: leave out --grep and --field, or --download",
        ),
    ):
        if is_wrong:
            raise CommandError(message, ExitCode.USAGE)


def _save(search: Search, reader: Reader, directory: Path, first: datetime, end: datetime, screen: Screen) -> None:
    files = []
    with screen.progress("archives saved") as done:
        for file, was_there in save(search.found(first, end), directory, reader, search.skip):
            files.append({"file": str(file), "was_there": was_there})
            screen.say(f"{file}{' (was there)' if was_there else ''}")
            done(1)
    screen.document(
        {"files": files, "skipped": [{"object": key, "reason": why} for key, why in search.summary.skipped]}
    )
    _name_skipped(search, screen)
    screen.note(f"{counted(len(files), 'archive')} in {directory}")


def _follow(search: Search, first: datetime, late: timedelta, screen: Screen) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        search.follow(first, late)
    _sum_up(search, screen, f"from {written(first)} on")


def _sum_up(search: Search, screen: Screen, when: str) -> None:
    found = search.summary
    _name_skipped(search, screen)
    matches = f" ({found.matches} of them match)" if found.matches != found.lines and not found.is_cut else ""
    screen.note(
        f"{counted(found.lines, 'line')}{matches} in {counted(found.objects, 'object')} "
        f"({found.bytes / 1_000_000:.1f} MB), {when}{'; stopped at --limit' * found.is_cut}"
    )


def _explain_nothing(
    search: Search, query: Query, expressions: list[str], first: datetime, end: datetime, screen: Screen
) -> None:
    """Say why no line was found, as far as a look at some lines of the range shows it."""
    if query.fields:
        _explain(explain(query.fields, search.sample(first, end)), screen)
    elif not search.summary.objects:
        if not screen.as_json:
            screen.note(f"{search.what_is_empty()} `logdock status` shows what landed last.")
    elif expressions and not screen.as_json and (why := explain_patterns(expressions, search.sample(first, end))):
        screen.note(why)


def _explain(explanations: list[Explanation], screen: Screen) -> None:
    """Say why nothing was found; with --json as a line of JSON, on standard error because it is no log line."""
    if screen.as_json:
        screen.note(json.dumps({"nothing_found": [each.document() for each in explanations]}))
        return
    for each in explanations:
        screen.note(each.sentence())


def _name_skipped(search: Search, screen: Screen) -> None:
    for key, reason in search.summary.skipped:
        screen.note(f"Skipped {key}: {reason}")
