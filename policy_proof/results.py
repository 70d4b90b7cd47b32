"""What became of the claims, as a file that people and reports read: build/claims.json."""

import fcntl
import json
from collections.abc import Iterable
from typing import Any

from policy_proof.claim_file import NothingElse
from policy_proof.nothing_else import Sweep
from policy_proof.proof import Finding, Outcome
from policy_proof.synthesis import ROOT

RESULTS = ROOT / "build" / "claims.json"


def record(example: str, part: str, rows: list[dict[str, Any]]) -> None:
    """Put a part of an example's results into the file, in the place of what an earlier run left there.

    Parameters
    ----------
    part
        ``claims``, ``properties`` or ``nothing_else``.
    """
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.with_suffix(".lock").open("w") as lock:
        # Several processes test several examples; who is killed among them leaves the file as it was.
        fcntl.flock(lock, fcntl.LOCK_EX)
        document: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        document.setdefault(example, {})[part] = rows
        beside = RESULTS.with_suffix(".new")
        # A line for each claim: indented whole, these megabytes would take Python's own encoder a second each time.
        text = json.dumps(dict(sorted(document.items()))).replace('{"claim": ', '\n{"claim": ')
        beside.write_text(text, encoding="utf-8")
        beside.replace(RESULTS)


def claim_rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return a row for each claim and subject, with the requests that it came to."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for each in outcomes:
        row = rows.setdefault(
            (each.entry.id, each.subject.name),
            {
                "claim": each.entry.id,
                "subject": each.subject.name,
                "kind": each.entry.kind,
                "source": each.entry.source,
                "verdict": each.claim.verdict,
                "because": each.claim.because,
                "evaluated_live_by": "a call" if each.claim.live == "call" else f"the evaluator: {each.claim.live.ask}",
                "holds": True,
                "requests": [],
            },
        )
        row["holds"] = row["holds"] and each.error() is None
        row["requests"].append(
            {
                "who": each.request.caller.name,
                "principal": each.request.caller.principal,
                "does": each.request.action,
                "to": each.request.resource,
                "with": dict(each.request.context),
                "simulator": each.simulator.answer,
                "live": each.live.answer if each.live else None,
                **({"wrong": wrong} if (wrong := each.error()) else {}),
            }
        )
    return list(rows.values())


def property_rows(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return a row for each property of each resource."""
    return [
        {
            "claim": each.entry.id,
            "subject": each.subject.name,
            "source": each.entry.source,
            "because": each.entry.says.because,
            "found": each.found,
            "holds": each.holds,
        }
        for each in findings
    ]


def sweep_rows(sweeps: Iterable[Sweep], *, every: bool) -> list[dict[str, Any]]:
    """Return a row for each list of all that is allowed."""
    rows = []
    for each in sweeps:
        says = each.entry.says
        assert isinstance(says, NothingElse)
        rows.append(
            {
                "claim": each.entry.id,
                "subject": each.subject.name,
                "source": each.entry.source,
                "because": says.because,
                "every_action": every,
                "requests": each.asked,
                "allowed": says.allowed,
                "holds": each.error() is None,
            }
        )
    return rows
