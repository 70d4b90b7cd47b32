"""The page: everything that was measured, in one HTML file without a script, a font or an address to load."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from logdock.settings import Deployment
from policy_proof.account import Account
from policy_proof.claim_file import Claim, NothingElse, Property
from policy_proof.templates import Template
from security_report.controls import Assessed, Framework
from security_report.evidence import Evaluated, Findings
from security_report.exceptions import Exemption
from security_report.matrix import Matrix
from security_report.vendors import Vendor


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page says."""

    settings: Deployment
    file: str
    """`settings`, `file`: The deployment, and the name of its file."""
    made: datetime
    templates: Mapping[str, Template]
    stand_ins: Mapping[str, str]
    """What the page shows in the place of values that are made up until the deployment is there."""
    matrix: Matrix
    evidence: Mapping[str, Evaluated]
    findings: Findings
    frameworks: Sequence[tuple[Framework, Sequence[Assessed]]]
    exemptions: Sequence[Exemption]
    vendors: Sequence[Vendor]
    """`matrix`, `evidence`, `findings`, `frameworks`, `exemptions`, `vendors`: What was measured."""

    def named(self, text: str) -> str:
        """Replace what is made up until the deployment is there by what the report shows for it."""
        return named(text, self.stand_ins)

    @property
    def errors(self) -> list[str]:
        """What must not be: claims that do not hold, roles open to a vendor's every customer, other findings."""
        return [
            *(error for each in self.evidence.values() for error in each.errors),
            *(
                f"{role.name}: {', '.join(trust.statement.who)} may assume it without an external id"
                for role in self.matrix.roles
                for trust in role.trusts
                if trust.is_open
            ),
            *(f"{each.tool} {each.rule} on {each.resource} {each.detail}".strip() for each in self.findings.others),
        ]

    @property
    def verdict(self) -> str:
        """The whole in a few words."""
        return f"{len(self.errors)} do not hold" if self.errors else "everything that is claimed holds"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the templates, by which a page and a `cdk.out` can be compared."""
        return hashlib.sha256(json.dumps(self.templates, sort_keys=True).encode()).hexdigest()

    @property
    def states(self) -> dict[str, list[str]]:
        """Which controls are in which state."""
        found: dict[str, list[str]] = {}
        for framework, controls in self.frameworks:
            for each in controls:
                found.setdefault(each.state, []).append(f"{framework.framework}: {each.control.id}")
        return found

    def evaluated(self, kind: type[Claim | Property | NothingElse]) -> list[Evaluated]:
        """Return what of a kind is about something here."""
        return [each for each in self.evidence.values() if isinstance(each.says, kind) and each.asked]

    def claims_by_file(self) -> list[tuple[str, list[Evaluated]]]:
        """Return the claims that are about something here, by their file's name."""
        claims = self.evaluated(Claim)
        return [(name, list(those)) for name, those in groupby(claims, lambda each: each.id.partition("/")[0])]


def stand_ins(account: Account) -> dict[str, str]:
    """Name what is known after the deploy alone: a key by its alias, whom a vendor names by the export."""
    found = {arn.rpartition("/")[2]: f"<{alias}>" for alias, arn in account.keys.items()}
    for name, answer in account.answers.items():
        found[answer.principal_arn.split(":")[4]] = f"<account of the vendor of {name}>"
        found[answer.external_id] = f"<external id of {name}>"
    return found


def named(text: str, stand_ins: Mapping[str, str]) -> str:
    """Replace what is made up until the deployment is there by what the report shows for it."""
    for made_up, shown in stand_ins.items():
        text = text.replace(made_up, shown)
    return text


def render(report: Report) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    environment.filters["named"] = report.named
    return environment.get_template("page.html").render(
        report=report, Claim=Claim, Property=Property, NothingElse=NothingElse
    )
