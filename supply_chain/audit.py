"""Known vulnerabilities of everything that is locked: what ships, what builds it, what checks it.

Run as ``python -m supply_chain.audit``. It asks the registries, so it needs a network. Exit code 0: everything was
checked and nothing is known. 1: something is known. 3: nothing is known, but not everything could be checked; what was
not, and why, is said.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from supply_chain.shipped import LOCK, ROOT

PIP_AUDIT = ROOT / "build" / "tools" / "bin" / "pip-audit"
NPM = Path(sys.executable).parent / "npm"
LOCKS: Mapping[str, Path] = {
    "wheels that ship": LOCK,
    "wheels of the development environment": ROOT / "requirements.lock",
    "wheels of the checkers": ROOT / "requirements-tools.lock",
    "wheels of the documentation": ROOT / "requirements-docs.lock",
    "wheels of the set-up": ROOT / "requirements-setup.lock",
}
COMMAND_LINE = "the CDK command line (npm)"
KNOWN, UNCHECKED = 1, 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What is known against the contents of one lock."""

    what: str
    """The lock, in words."""
    checked: int
    """How many packages were checked."""
    known: tuple[str, ...]
    """A line for each vulnerability."""
    unchecked: tuple[str, ...]
    """A line for each reason why something was not checked."""


def wheels(what: str, lock: Path) -> Audit:
    """Ask PyPI about the wheels of a lock."""
    options = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    return read_pip_audit(what, _run([str(PIP_AUDIT), "--requirement", str(lock), *options]))


def command_line() -> Audit:
    """Ask npm's registry about the packages of package-lock.json."""
    return read_npm_audit(_run([str(NPM), "audit", "--json", "--fetch-retries=0"]))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603


def read_pip_audit(what: str, answer: subprocess.CompletedProcess[str]) -> Audit:
    """Read pip-audit's answer. It ends with 0 and "no known vulnerabilities" although it has skipped every package."""
    try:
        packages = json.loads(answer.stdout)["dependencies"]
    except ValueError:
        return Audit(what=what, checked=0, known=(), unchecked=(_reason(answer.stderr),))
    if not packages:
        return Audit(what=what, checked=0, known=(), unchecked=("pip-audit names no package",))
    skipped = [package for package in packages if "skip_reason" in package]
    return Audit(
        what=what,
        checked=len(packages) - len(skipped),
        known=tuple(
            f"{package['name']} {package['version']}: {found['id']}, fixed in {_versions(found['fix_versions'])}"
            for package in packages
            for found in package.get("vulns", [])
        ),
        unchecked=tuple(package["skip_reason"] for package in skipped),
    )


def read_npm_audit(answer: subprocess.CompletedProcess[str]) -> Audit:
    """Read npm's answer."""
    try:
        report = json.loads(answer.stdout)
    except ValueError:
        report = {"message": _reason(answer.stderr)}
    if "vulnerabilities" not in report:
        return Audit(what=COMMAND_LINE, checked=0, known=(), unchecked=(report.get("message", "npm said nothing"),))
    total = report["metadata"]["dependencies"]["total"]
    return Audit(
        what=COMMAND_LINE,
        checked=total,
        known=tuple(
            f"{name} {found['range']}: {found['severity']}, {via['url']}"
            for name, found in report["vulnerabilities"].items()
            for via in found["via"]
            if isinstance(via, dict)
        ),
        unchecked=() if total else ("npm names no package",),
    )


def _versions(versions: list[str]) -> str:
    return ", ".join(versions) or "no release yet"


def _reason(text: str) -> str:
    """Return the last line of an error, without the objects' addresses that Python puts into it."""
    lines = [line for line in text.splitlines() if line.strip()] or ["it ended without a word"]
    return re.sub(r"\s+at 0x[0-9a-f]+", "", lines[-1]).strip()


def report(audits: list[Audit]) -> int:
    """Print what was found, and return the exit code."""
    for audit in audits:
        if audit.checked:
            print(f"{audit.what}: {audit.checked} checked, {len(audit.known)} known vulnerabilities")
        for line in audit.known:
            print(f"  {line}")
        if audit.unchecked:
            more = f" (and {len(audit.unchecked) - 1} more)" if len(audit.unchecked) > 1 else ""
            print(f"{audit.what}: NOT CHECKED: {audit.unchecked[0]}{more}")
    if any(audit.known for audit in audits):
        return KNOWN
    if any(audit.unchecked for audit in audits):
        print("Not everything was checked: this says nothing about the rest. It needs PyPI and the npm registry.")
        return UNCHECKED
    return 0


def main() -> int:
    """Ask about everything, at once."""
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(partial(wheels, what, lock)) for what, lock in LOCKS.items()]
        asked.append(pool.submit(command_line))
        return report([each.result() for each in asked])


if __name__ == "__main__":
    sys.exit(main())
