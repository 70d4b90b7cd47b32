"""What iam-simulate, a simulator that is not ours, says of a request, given the policies of the templates."""

import atexit
import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from local_cloud.cdk import command_line
from local_cloud.stage import UNRELATED_ACCOUNT
from policy_proof.account import Account
from policy_proof.cast import Cast
from policy_proof.requests import Request

_SCRIPT = Path(__file__).with_name("simulate.mjs")

Answer = Literal["allow", "deny", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an evaluator says."""

    answer: Answer
    why: str = ""


class Simulator:
    """Asks the simulator; what has been asked once, with the same policies, is remembered."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def evaluate(self, requests: Sequence[Request], account: Account, cast: Cast) -> list[Verdict]:
        """Return a verdict for each request.

        A condition key of a policy that is about the request must be in its context, or be lacking expressly; otherwise
        nothing was shown about it, and the verdict is inconclusive.
        """
        asked = [[_line(each, account, cast) for each in _parts(request)] for request in requests]
        self.ask(line for lines in asked for line in lines)
        return [
            _worst(_verdict(part, self._known[line]) for part, line in zip(_parts(request), lines, strict=True))
            for request, lines in zip(requests, asked, strict=True)
        ]

    def ask(self, lines: Iterable[str]) -> list[dict[str, Any]]:
        """Send questions, each a line of JSON, to the process; return the answers."""
        lines = list(lines)
        for line in lines:
            if line not in self._known:
                self._known[line] = self._answer(line)
        return [self._known[line] for line in lines]

    def _answer(self, line: str) -> dict[str, Any]:
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        try:
            questions.write(line + "\n")
            questions.flush()
            text = answers.readline()
        except BaseException:
            # The answer that is still to come would be taken for that of the next question.
            self.__dict__.pop("_process").kill()
            raise
        if not text:
            raise RuntimeError(f"the simulator ended with {self._process.wait()} at {line[:200]}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        """The simulator: it reads AWS's actions and condition keys once, and ends when this process does."""
        process = subprocess.Popen(
            [command_line()[0], str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(_end, process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def _parts(request: Request) -> list[Request]:
    return [request, request.also] if request.also else [request]


def _line(request: Request, account: Account, cast: Cast) -> str:
    owner = account.owner_of(request.resource, {cast.foreign_bucket: UNRELATED_ACCOUNT})
    return json.dumps(
        {
            "principal": request.caller.principal,
            "action": request.action,
            "resource": request.resource,
            "owner": owner,
            "context": {**request.context, "aws:ResourceAccount": owner, **_principal(request.caller.principal)},
            "identity": request.caller.policies,
            "policy": account.policy_of(request.resource),
            "blocksPublicAccess": account.blocks_public_access(request.resource),
        },
        sort_keys=True,
    )


def _principal(arn: str) -> dict[str, str]:
    """Return what AWS says of who asks: of a session its role (IAM User Guide, "Global condition keys")."""
    if not arn.startswith("arn:"):
        return {}
    if ":assumed-role/" in arn:
        arn = arn.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/").rpartition("/")[0]
    return {"aws:PrincipalArn": arn}


def _verdict(request: Request, answer: dict[str, Any]) -> Verdict:
    if "error" in answer:
        return Verdict("inconclusive", f"{request}: the simulator says {answer['error']}")
    if dropped := [key for key in answer["ignored"] if key not in ("aws:ResourceAccount", "aws:PrincipalArn")]:
        return Verdict("inconclusive", f"{request}: the simulator did not evaluate {', '.join(dropped)}")
    said = {key.lower() for key in (*request.context, *request.lacks, "aws:ResourceAccount", "aws:PrincipalArn")}
    if unsaid := [key for key in answer["keys"] if key.lower() not in said]:
        return Verdict("inconclusive", f"{request}: a policy asks for {', '.join(unsaid)}; the claim does not say")
    return Verdict("allow" if answer["result"] == "Allowed" else "deny")


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return what several requests that belong together come to: all must be allowed, and all be known."""
    return min(verdicts, key=lambda verdict: ("inconclusive", "deny", "allow").index(verdict.answer))
