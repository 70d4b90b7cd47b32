"""What a checker found, and the findings that are acknowledged: `acknowledged.yaml`, and its page in the docs.

Run as ``python -m policy_proof.findings`` to write the page; a test holds it current.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_name("acknowledged.yaml")
PAGE = ROOT / "docs" / "acknowledged-findings.md"

TOOLS = ("cdk-nag", "checkov", "cfn-lint", "parliament")
HEAD = """\
# Acknowledged findings
Every template of every example goes through four checkers in `make proof`, those of the largest through two in `make test`: cdk-nag (AwsSolutions, NIST 800-53 R5, HIPAA Security, PCI DSS 3.2.1), checkov, cfn-lint and parliament.
A finding that is not below fails the test, and so does an entry below that no longer finds anything. A resource is `<stack>/<logical id>`; `*` stands for anything.
A rule pack is a third party's list of settings to look at. That a template passes it, or that a finding is acknowledged here, is no certificate.
parliament does not know trust policies, so it is not given any: tests compare those whole.
This page is generated from `policy_proof/acknowledged.yaml` by `make schema`.
"""  # noqa: E501  (a paragraph of the page is a line)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Finding:
    """One rule of one checker on one resource."""

    tool: str
    rule: str
    """`tool`, `rule`: The checker and the rule's id."""
    resource: str
    """``<stack>/<logical id>``."""
    detail: str = ""
    """What the rule points at within the resource, as the checker puts it; empty if it does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledgement:
    """Findings that stay, and why."""

    title: str
    """What the findings say, in a few words."""
    rules: tuple[tuple[str, str], ...]
    """(tool, rule) pairs."""
    resources: tuple[str, ...]
    details: tuple[str, ...]
    """`resources`, `details`: Patterns; a finding must match one of each."""
    reason: str
    """Why a reviewer may accept it."""
    sources: tuple[str, ...]
    """Where the reason can be checked."""

    def covers(self, finding: Finding) -> bool:
        """Return whether a finding is meant."""
        return (
            (finding.tool, finding.rule) in self.rules
            and any(fnmatchcase(finding.resource, pattern) for pattern in self.resources)
            and any(fnmatchcase(finding.detail, pattern) for pattern in self.details)
        )


def acknowledged(path: Path = FILE) -> list[Acknowledgement]:
    """Read the acknowledged findings."""
    documents = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return [_acknowledgement(entry) for entry in documents]


def _acknowledgement(entry: dict[str, Any]) -> Acknowledgement:
    unknown = set(entry) - {"title", "rules", "resources", "details", "reason", "sources"}
    if unknown or set(entry["rules"]) - set(TOOLS):
        raise ValueError(f"{entry['title']}: unknown {sorted(unknown)} or a tool that is none of {TOOLS}")
    return Acknowledgement(
        title=entry["title"],
        rules=tuple((tool, rule) for tool, rules in entry["rules"].items() for rule in rules),
        resources=tuple(entry["resources"]),
        details=tuple(entry.get("details", ["*"])),
        reason=re.sub(r"\s+", " ", entry["reason"]).strip(),
        sources=tuple(entry.get("sources", [])),
    )


def unacknowledged(findings: Collection[Finding], entries: Collection[Acknowledgement]) -> list[Finding]:
    """List the findings that no entry covers."""
    return sorted(finding for finding in findings if not any(entry.covers(finding) for entry in entries))


def stale(tool: str, findings: Collection[Finding], entries: Collection[Acknowledgement]) -> list[str]:
    """List the rules of a tool, and with each the resources and details, that an entry names and nothing matches."""
    unused = []
    for entry in entries:
        for rule in (rule for of, rule in entry.rules if of == tool):
            found = [each for each in findings if each.rule == rule and entry.covers(each)]
            for pattern in entry.resources:
                if not any(fnmatchcase(each.resource, pattern) for each in found):
                    unused.append(f"{entry.title}: {rule} on {pattern}")
            for pattern in entry.details:
                if not any(fnmatchcase(each.detail, pattern) for each in found):
                    unused.append(f"{entry.title}: {rule} about {pattern}")
    return unused


def page() -> str:
    """Return the page of the docs."""
    return "\n".join([HEAD, *(_section(entry) for entry in acknowledged())])


def _section(entry: Acknowledgement) -> str:
    def codes(values: Collection[str]) -> str:
        return ", ".join(f"`{value}`" for value in values)

    of_tool = Counter(tool for tool, _ in entry.rules)
    rules = "; ".join(f"{tool}: {codes([rule for of, rule in entry.rules if of == tool])}" for tool in of_tool)
    lines = [f"## {entry.title}", f"* {rules}", f"* on {codes(entry.resources)}"]
    if entry.details != ("*",):
        lines.append(f"* about {codes(entry.details)}")
    links = ", ".join(f"[{title}]({address})" for title, address in (each.split(" | ") for each in entry.sources))
    return "\n".join([*lines, "", entry.reason + (f" ({links})" if links else ""), ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
