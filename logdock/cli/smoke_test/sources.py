"""The source of an export: the vendor's own status where it can be queried, and the age of the newest landing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from logdock.cli.account import WORKERS, Account
from logdock.cli.ages import ago
from logdock.cli.smoke_test.steps import Report, Step
from logdock.cli.status.survey import Survey
from logdock.cli.validate.checks import Checks
from logdock.cli.validate.vendors import check_vendor
from logdock.cli.vendors import has_credential
from logdock.settings.exports import Export


def check_sources(account: Account, report: Report, exports: Sequence[Export], *, everything: bool) -> None:
    """Record the vendors' status and the age of the last object, before a test record makes it younger."""
    now = datetime.now(UTC)
    found = Survey(account, now).take()
    for not_looked_at, notes in ((False, found.notes), (True, found.not_looked_at)):
        for note in notes:
            report.skip("deployment", "survey", note, not_looked_at=not_looked_at)
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
    for name, status in found.vendors.items():
        if status and (everything or any(export.name == name for export in exports)):
            report.add(Step(subject=name, name="status at the vendor", answer=status))
    with ThreadPoolExecutor(WORKERS) as pool:
        for checks in pool.map(lambda export: _check_vendor(account, export), filter(has_credential, exports)):
            for each in checks.all:
                report.add_check(each)


def _check_vendor(account: Account, export: Export) -> Checks:
    checks = Checks(export.name, f"logdock validate {export.name}{account.option}")
    for member in export.members:
        check_vendor(account, checks, member)
    return checks
