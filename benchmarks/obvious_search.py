"""The obvious way to search: ``aws s3 cp`` of the range's hours and ``zgrep``, with the SDK that the AWS CLI has in it.

``python -m benchmarks.obvious_search BUCKET PATTERN PREFIX...`` downloads one object after the other, as a shell would.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3


def main() -> int:
    """Download, and search what was downloaded."""
    bucket, pattern, *prefixes = sys.argv[1:]
    untyped: Any = boto3
    s3 = untyped.client("s3")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for prefix in prefixes:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for item in page.get("Contents", []):
                    files.append(Path(folder, item["Key"].replace("/", "_")))
                    s3.download_file(bucket, item["Key"], str(files[-1]))
        return subprocess.run(["zgrep", "-hE", pattern, *files], check=False).returncode  # noqa: S603, S607


if __name__ == "__main__":
    sys.exit(main())
