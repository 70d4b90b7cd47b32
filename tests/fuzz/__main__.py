"""`make fuzz`: this folder and the simulated histories, round after round, each with a new seed, until time is up."""

import argparse
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
HISTORIES = FOLDER.parent / "lambda_src" / "log_shipper" / "test_histories.py"


def main() -> int:
    """Run rounds; stop at the first that fails and say how to see it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="after which no round is begun (default: 5)")
    ends = time.monotonic() + 60 * parser.parse_args().minutes
    tests = [str(path.relative_to(Path.cwd())) for path in (FOLDER, HISTORIES)]
    command = [sys.executable, "-m", "pytest", *tests, "-p", "no:cacheprovider"]
    rounds = 0
    while rounds == 0 or time.monotonic() < ends:
        seed = f"--hypothesis-seed={secrets.randbelow(2**32)}"
        rounds += 1
        sys.stdout.write(f"round {rounds}, {seed}\n")
        sys.stdout.flush()
        failed = subprocess.run([*command, seed], env=os.environ | {"FUZZ_PROFILE": "long"}, check=False).returncode
        if failed:
            again = " ".join([*command, seed])
            sys.stdout.write(f"found something; to see it again: FUZZ_PROFILE=long {again}\n")
            sys.stdout.write("what fails is kept in .hypothesis too, so `make test` tries it first\n")
            return failed
    sys.stdout.write(f"{rounds} rounds, nothing found\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
