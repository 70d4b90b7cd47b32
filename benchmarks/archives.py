"""Memory of `logdock logs` on Aptible's archives: a large and a small one, searched and saved, in fresh processes.

``python -m benchmarks.archives ARGUMENTS`` runs `logdock` and prints the memory and the CPU that it took.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from isal import igzip

from benchmarks import report_progress, search
from benchmarks.search_outside import METADATA
from benchmarks.subjects import peak_rss_mb

SMALL_MB = 5
MASTER_KEY = bytes(range(32))
SETTINGS = f"""\
deployment: bench
account: "{search.ACCOUNT}"
region: us-east-1
exports:
  - {{name: platform, kind: aptible, stack_region: us-east-1}}
"""
KEY = (
    f"bench/shareable/v3/{hashlib.sha256(MASTER_KEY).hexdigest()}/apps-321/service-123/"
    "0123456789abcdef-json.log.2026-11-21T00:00:00.2026-11-21T01:00:00.archived.gz"
)
WANTED = b'{"log":"needle-4711\\n","stream":"stdout","time":"2026-11-21T00:30:00.000000000Z"}\n'


def measure(folder: Path, large_mb: int) -> dict[str, Any]:
    """Return what a small and a large archive take to search and to save, and how much more memory the large one."""
    (folder / "logdock.yaml").write_text(SETTINGS)
    (folder / "keys.txt").write_text(base64.b64encode(MASTER_KEY).decode())
    sizes: list[dict[str, Any]] = []
    for megabytes in (SMALL_MB, large_mb):
        place = folder / f"of{megabytes}"
        report_progress(f"an archive of {megabytes} MB is made, searched and saved")
        lines = fill(place, megabytes)
        with search.Outside(folder, place.name, 0.0, 1) as outside:
            sizes.append({
                "mb": megabytes, "lines": lines,
                "searched": _once(folder, outside, "--raw", "--grep", search.NEEDLE),
                "saved": _once(folder, outside, "--download", str(folder / "saved" / place.name)),
            })  # fmt: skip
    more = {way: sizes[1][way]["rss_mb"] - sizes[0][way]["rss_mb"] for way in ("searched", "saved")}
    return {"sizes": sizes, "memory, MB above the small archive": more}


def fill(folder: Path, megabytes: int) -> int:
    """Write an archive as Aptible encrypts it, of that size, whose last line is the wanted one; return its lines."""
    count = 1100
    # of random texts: what compresses well would be mostly unpacking
    lines = b"".join(
        b'{"log":"%s\\n","stream":"stdout","time":"2026-11-21T00:00:%02d.%06d000Z"}\n'
        % (base64.b64encode(os.urandom(1500)), i % 60, i)
        for i in range(count)
    )
    member = igzip.compress(lines, 1)
    members = megabytes * 1_000_000 // len(member)
    content_key, iv, nonce = os.urandom(32), os.urandom(12), os.urandom(12)
    encryptor = Cipher(algorithms.AES(content_key), modes.GCM(iv)).encryptor()
    path = folder / KEY
    path.parent.mkdir(parents=True)
    with path.open("wb") as body:
        for part in (*(member for _ in range(members)), igzip.compress(WANTED)):
            body.write(encryptor.update(part))
        body.write(encryptor.finalize() + encryptor.tag)
    wrapped = nonce + AESGCM(MASTER_KEY).encrypt(nonce, content_key, b"AES/GCM/NoPadding")
    envelope = {
        "x-amz-key-v2": base64.b64encode(wrapped).decode(), "x-amz-iv": base64.b64encode(iv).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding", "x-amz-wrap-alg": "AES/GCM", "x-amz-tag-len": "128",
    }  # fmt: skip
    (folder / METADATA).write_text(json.dumps(envelope))
    return members * count + 1


def _once(folder: Path, outside: search.Outside, *how: str) -> dict[str, float]:
    typed = ["logs", "--since", "2026-11-21", "--until", "2026-11-22", "--decryption-keys", "keys.txt", *how]
    begun = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "benchmarks.archives", *typed],
        env=outside.environment, cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode or done.stdout.count(b"\n") != 1:
        raise SystemExit(f"{typed} failed:\n{done.stdout[-2000:]!r}{done.stderr[-2000:]!r}")
    return {"seconds": time.perf_counter() - begun, **json.loads(done.stderr.splitlines()[-1])}


def show(result: dict[str, Any]) -> list[str]:
    """Return the table's lines."""
    rows = ["an Aptible archive, searched and saved", f"{'MB':>8} {'RSS MB':>8} {'CPU s':>8} {'s':>8}"]
    for size in result["sizes"]:
        rows += [
            f"{size['mb']:8d} {f['rss_mb']:8.1f} {f['cpu']:8.2f} {f['seconds']:8.2f}  {way}"
            for way, f in size.items()
            if isinstance(f, dict)
        ]
    return rows


def main() -> int:
    """Run `logdock` and print what it took."""
    from logdock.cli.main import main as logdock

    code = logdock()
    sys.stdout.flush()
    sys.stderr.write(json.dumps({"rss_mb": peak_rss_mb(), "cpu": time.process_time()}) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
