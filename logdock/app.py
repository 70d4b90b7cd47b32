"""The CDK app of an installed Logdock: ``python -m logdock.app`` is what the ``cdk.json`` of `logdock new` runs."""

import importlib.util
import sys

from logdock.sources import add_to_path

EXTRA = "the extra `deploy` is not installed: pip install 'logdock[deploy]'"


def run() -> int:
    """Synthesize the deployment that the context names; return the exit code."""
    if importlib.util.find_spec("aws_cdk") is None:
        print(EXTRA, file=sys.stderr)
        return 2
    add_to_path()
    from app import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
