"""What stands before the landing: the vendor's own status where it can be asked, and the age of what landed last."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from cli.account import WORKERS, Account
from cli.smoke_test.steps import Report, Step
from cli.status.command import ago
from cli.status.survey import Survey
from cli.validate.checks import Checks
from cli.validate.vendors import check_vendor
from cli.vendors import is_asked
from settings.exports import Export


def check_sources(account: Account, report: Report, exports: Sequence[Export], *, everything: bool) -> None:
    """Record the vendors' status and the age of the last object, before a test record makes it younger."""
    now = datetime.now(UTC)
    found = Survey(account, now).take()
    for note in found.notes:
        step = Step(subject="deployment", name="survey")
        step.skip(note)
        report.add(step)
    for export in exports:
        step = Step(subject=export.name, name="last object")
        deliveries = [each for each in found.deliveries if each.export == export.name]
        if any("landed" in each.unknown for each in deliveries):
            step.skip("it is not known: see the survey's reason")
        elif landed := [each.landed for each in deliveries if each.landed]:
            step.answer = f"landed {ago(max(landed), now)}"
        else:
            step.skip("nothing has landed in 14 days; wait for the vendor's first delivery")
        report.add(step)
    destinations = account.settings.destinations if everything else ()
    parties = [party for party in (*exports, *destinations) if is_asked(party)]

    def check(party: object) -> Checks:
        checks = Checks(party.name, f"logdock validate{account.option}")  # type: ignore[attr-defined]
        check_vendor(account, checks, party)  # type: ignore[arg-type]
        return checks

    with ThreadPoolExecutor(WORKERS) as pool:
        for party, checks in zip(parties, pool.map(check, parties), strict=True):
            status = found.vendors.get(party.name)
            if status:
                report.add(Step(subject=party.name, name="status at the vendor", answer=status))
            for each in checks.all:
                report.add_check(each)
