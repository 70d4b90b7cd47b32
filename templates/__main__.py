"""``python -m templates DIRECTORY``: write every template."""

import sys
from pathlib import Path

from templates.build import write_templates


def main() -> int:
    """Write the templates into the directory that the command line names."""
    if len(sys.argv) != 2:
        print("usage: python -m templates DIRECTORY", file=sys.stderr)
        return 2
    for path in write_templates(Path(sys.argv[1])):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
