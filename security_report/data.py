"""The report as data: JSON with everything that the page has, and CSV with a row for each statement of a policy."""

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from logdock.settings import Deployment
from security_report.evidence import Evaluated
from security_report.matrix import Matrix, Statement
from security_report.page import Report, named

COLUMNS = ("of", "name", "stack", "effect", "principals", "external_ids", "actions", "resources", "conditions", "sid")


def as_json(report: Report) -> str:
    """Return the report as one JSON document; `approval` of each vendor is for the reviewer to fill in."""
    document = {
        "deployment": report.settings.deployment,
        "account": report.settings.account,
        "settings": report.file,
        "templates_sha256": report.fingerprint,
        "made": report.made.isoformat(),
        "verdict": report.verdict,
        "errors": report.errors,
        "vendors": [
            {**dataclasses.asdict(each), "approval": {"by": None, "from": None, "to": None}} for each in report.vendors
        ],
        **_access(report.matrix),
        "controls": [
            {
                "framework": framework.framework,
                "id": each.control.id,
                "asks": each.control.asks,
                "state": each.state,
                "shown_by": [dataclasses.asdict(item) for item in each.items],
            }
            for framework, controls in report.frameworks
            for each in controls
        ],
        "acknowledged_findings": [
            {
                "title": each.entry.title,
                "reason": each.entry.reason,
                "findings": [dataclasses.asdict(finding) for finding in each.findings],
            }
            for each in report.findings.acknowledged
        ],
        "other_findings": [dataclasses.asdict(each) for each in report.findings.others],
        "exceptions": [dataclasses.asdict(each) for each in report.exemptions],
        "claims": [_claim(each) for each in report.evidence.values() if each.asked],
    }
    return report.named(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def access_json(settings: Deployment, file: str, matrix: Matrix, stand_ins: Mapping[str, str]) -> str:
    """Return the part of the report that says who may do what, as `as_json` has it."""
    document = {
        "deployment": settings.deployment,
        "settings": file,
        **_access(matrix),
    }
    return named(json.dumps(document, ensure_ascii=False), stand_ins)


def _access(matrix: Matrix) -> dict[str, Any]:
    return {
        "roles": [dataclasses.asdict(each) for each in matrix.roles],
        "resources": [dataclasses.asdict(each) for each in matrix.resources],
    }


def as_csv(report: Report) -> str:
    """Return a row for each statement: of who may assume a role, of what the role may do, of what a resource admits."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows([report.named(cell) for cell in row] for row in _rows(report))
    return written.getvalue()


def _rows(report: Report) -> Iterator[list[str]]:
    for role in report.matrix.roles:
        for trust in role.trusts:
            yield _row("trust of role", role.name, role.stack, trust.statement, trust.external_ids)
        for each in role.statements:
            yield _row("role", role.name, role.stack, each)
    for resource in report.matrix.resources:
        for each in resource.statements:
            yield _row(resource.kind, resource.name, resource.stack, each)


def _row(of: str, name: str, stack: str, statement: Statement, external_ids: tuple[str, ...] = ()) -> list[str]:
    lists = (statement.who, external_ids, statement.actions, statement.resources, statement.conditions)
    return [of, name, stack, statement.effect, *("\n".join(each) for each in lists), statement.sid]


def _claim(evaluated: Evaluated) -> dict[str, Any]:
    return {
        "id": evaluated.id,
        "because": evaluated.because,
        "about": list(evaluated.subjects),
        "requests": evaluated.asked,
        "holds": evaluated.holds,
        "result": evaluated.result,
        "errors": evaluated.errors,
    }
