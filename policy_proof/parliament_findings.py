"""Runs in the checkers' environment: parliament over the policies on standard input, findings to standard output."""

import json
import sys

from parliament import analyze_policy_string


def main() -> None:
    """Read ``{name: policy document}``, write ``[[name, rule, detail], ...]``."""
    found = [
        [name, finding.issue, str(finding.detail)]
        for name, document in json.load(sys.stdin).items()
        for finding in analyze_policy_string(json.dumps(document)).findings
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
