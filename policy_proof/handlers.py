"""The table of the actions that CloudFormation needs for the types of resources that Logdock's templates have.

``python -m policy_proof.handlers`` writes ``logdock/cli/bootstrap_policy/permissions.json``. What belongs to properties
that no template sets is not in it, and a test finds a template that sets one.
"""

import json
from collections.abc import Iterable

from local_cloud.resource_types import actions
from policy_proof.synthesis import ROOT

TABLE = ROOT / "logdock" / "cli" / "bootstrap_policy" / "permissions.json"
HANDLERS = ("create", "read", "update", "delete")


def permissions(types: Iterable[str]) -> dict[str, list[str]]:
    """Return the actions that each type needs."""
    return {kind: sorted(actions(kind, HANDLERS, {})) for kind in sorted(types)}


if __name__ == "__main__":
    written = permissions(json.loads(TABLE.read_text(encoding="utf-8")))
    TABLE.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
