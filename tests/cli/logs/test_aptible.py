"""Aptible's archives: decrypted with the person's keys, or named and passed over; never shown before they verify."""

import base64
import errno
import gzip
import hashlib
import json
import os
import tempfile
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from logdock.cli.account import Account
from logdock.cli.errors import CommandError, ExitCode
from logdock.cli.logs.places import SearchLocation, SearchObject
from logdock.cli.logs.reader import Keys, Reader, UnreadableError
from tests.cli.conftest import Typed
from tests.cli.logs.conftest import Landed
from tests.lambda_src.log_shipper.test_aptible_envelope import encrypt

MASTER, OTHER = bytes(range(32)), bytes(range(32, 64))
CONTAINER = "0123456789abcdef"
TEXT = "hello"
LINE = json.dumps({"log": f"{TEXT}\n", "stream": "stdout", "time": "2026-11-17T03:12:00.000000001Z"})
BODY = gzip.compress(f"{LINE}\n".encode())
V3 = f"{CONTAINER}-json.log.2026-11-17T03:00:00.2026-11-17T04:00:00.archived.gz"


def key_of(master: bytes = MASTER, resource: str = "apps-321/service-123", name: str = V3, schema: str = "v3") -> str:
    return f"mystack/shareable/{schema}/{hashlib.sha256(master).hexdigest()}/{resource}/{name}"


def land(landed: Landed, key: str, body: bytes = BODY, master: bytes = MASTER, **changed: str) -> str:
    sealed, envelope = encrypt(body, master)
    landed.s3.put_object(Bucket=landed.platform, Key=key, Body=sealed, Metadata={**envelope, **changed})
    return key


def keys_file(landed: Landed, *keys: bytes) -> str:
    (landed.directory / "keys.txt").write_text("\n".join(base64.b64encode(key).decode() for key in keys))
    return "keys.txt"


def search(landed: Landed, *more: str) -> Typed:
    return landed.logs("--export", "platform", "--raw", *more)


@pytest.mark.parametrize(
    ("schema", "resource", "name"),
    [
        ("v3", "apps-321/service-123", V3),
        ("v3", "databases-77", f"{CONTAINER}-json.log.1.unknown.unknown.archived.gz"),
        ("v2", "apps-321", f"{CONTAINER}-json.1.log.2026-11-29T18:30:01.bck.gz"),
    ],
)
def test_archives_of_both_layouts_are_decrypted_with_a_file_of_keys(
    landed: Landed, schema: str, resource: str, name: str
) -> None:
    land(landed, key_of(schema=schema, resource=resource, name=name))
    found = search(landed, "--decryption-keys", keys_file(landed, OTHER, MASTER))
    assert (found.code, found.out) == (0, f"{TEXT}\n")


def test_archives_are_decrypted_with_the_secret_that_the_settings_name_or_another(landed: Landed) -> None:
    land(landed, key_of())
    landed.secrets.create_secret(Name="acme/keys", SecretString=base64.b64encode(MASTER).decode())
    landed.secrets.create_secret(Name="other", SecretString=json.dumps({"keys": [base64.b64encode(OTHER).decode()]}))
    assert search(landed).out == f"{TEXT}\n"
    refused = search(landed, "--decryption-keys-secret", "other")
    assert (refused.code, refused.out) == (ExitCode.SOMETHING_LEFT, "")
    assert f"Skipped s3://{landed.platform}/{key_of()}: no decryption key has the SHA-256" in refused.err


def test_archives_of_several_apps_come_in_the_order_of_their_lines(landed: Landed) -> None:
    for app, hour in (("apps-1", 5), ("apps-2", 3), ("apps-3", 4)):
        line = LINE.replace("T03:", f"T{hour:02}:").replace("hello", app)
        name = V3.replace("T03:", f"T{hour:02}:").replace("T04:", f"T{hour + 1:02}:", 1)
        land(landed, key_of(resource=app, name=name), gzip.compress(f"{line}\n".encode()))
    found = search(landed, "--decryption-keys", keys_file(landed, MASTER))
    assert found.out.splitlines() == ["apps-2", "apps-3", "apps-1"]


def test_string_matches_is_taken_as_aptibles_cli_takes_it(landed: Landed) -> None:
    land(landed, key_of())
    keys = keys_file(landed, MASTER)
    assert search(landed, "--decryption-keys", keys, "--string-matches", "^hell", "--string-matches", "o$").out
    assert not search(landed, "--decryption-keys", keys, "--string-matches", "^hell", "--string-matches", "x").out


def test_keys_are_read_from_standard_input(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    land(landed, key_of())
    monkeypatch.setattr("sys.stdin", io.StringIO(base64.b64encode(MASTER).decode()))
    assert search(landed, "--decryption-keys", "-").out == f"{TEXT}\n"


def test_nothing_of_an_object_that_was_tampered_with_is_shown_and_the_others_are(landed: Landed) -> None:
    sealed, envelope = encrypt(BODY)
    for at in (0, len(BODY) // 2, -1):
        damaged = bytearray(sealed)
        damaged[at] ^= 1
        key = key_of(name=V3.replace("-json", f"{at}-json".replace("-1", "z")))
        landed.s3.put_object(Bucket=landed.platform, Key=key, Body=bytes(damaged), Metadata=envelope)
    land(landed, key_of(resource="apps-9/service-1"))
    found = search(landed, "--decryption-keys", keys_file(landed, MASTER))
    assert (found.code, found.out) == (ExitCode.SOMETHING_LEFT, f"{TEXT}\n")
    assert found.err.count("the body's tag does not verify") == 3


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"x-amz-key": "AAAA", "x-amz-iv": "AAAA"}, "a legacy V1 envelope"),
        ({**encrypt(b"")[1], "x-amz-cek-alg": "AES/CBC/PKCS5Padding"}, "x-amz-cek-alg is 'AES/CBC/PKCS5Padding'"),
        ({**encrypt(b"")[1], "x-amz-iv": "AAAA"}, "has the wrong length"),
        (encrypt(b"", OTHER)[1], "does not unwrap"),
    ],
)
def test_an_envelope_that_is_not_understood_is_refused(landed: Landed, metadata: dict[str, str], says: str) -> None:
    landed.s3.put_object(Bucket=landed.platform, Key=key_of(), Body=b"x" * 64, Metadata=metadata)
    found = search(landed, "--decryption-keys", keys_file(landed, MASTER))
    assert (found.code, found.out) == (ExitCode.SOMETHING_LEFT, "")
    assert says in found.err


def test_an_envelope_beside_the_object_is_found(landed: Landed) -> None:
    sealed, envelope = encrypt(BODY)
    landed.s3.put_object(Bucket=landed.platform, Key=key_of(), Body=sealed)
    landed.s3.put_object(Bucket=landed.platform, Key=key_of() + ".instruction", Body=json.dumps(envelope).encode())
    keys = keys_file(landed, MASTER)
    assert search(landed, "--decryption-keys", keys).out == f"{TEXT}\n"
    landed.s3.put_object(Bucket=landed.platform, Key=key_of() + ".instruction", Body=b"[]")
    assert "its instruction file is not the JSON" in search(landed, "--decryption-keys", keys).err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (base64.b64encode(MASTER[:31]).decode(), "key 1 has 31 bytes; an AES key has 16, 24 or 32"),
        (f"{base64.b64encode(MASTER).decode()} no!base64", "key 2 is not base64"),
        ("", "it has no keys"),
        ("{", "it begins like JSON and is none"),
        ('{"keys": 7}', "it has no keys"),
    ],
)
def test_keys_that_are_none_are_a_error_of_use_that_shows_no_key(landed: Landed, text: str, says: str) -> None:
    land(landed, key_of())
    (landed.directory / "bad.txt").write_text(text)
    ended = search(landed, "--decryption-keys", "bad.txt")
    assert (ended.code, ended.err) == (ExitCode.USAGE, f"Error: --decryption-keys bad.txt: {says}\n")
    if text:
        landed.secrets.create_secret(Name="acme/keys", SecretString=text)
        ended = search(landed)
        assert (ended.code, ended.err) == (ExitCode.USAGE, f"Error: the secret acme/keys: {says}\n")


def test_keys_that_are_not_there_are_named(landed: Landed) -> None:
    land(landed, key_of())
    ended = search(landed, "--decryption-keys", "none.txt")
    assert (ended.code, ended.err) == (
        ExitCode.USAGE,
        "Error: --decryption-keys none.txt: No such file or directory\n",
    )
    ended = search(landed)
    assert (ended.code, ended.err) == (ExitCode.USAGE, "Error: the secret acme/keys does not exist\n")


def test_archives_are_saved_decrypted_under_the_path_of_the_vendors_tool(landed: Landed) -> None:
    land(landed, key_of())
    land(landed, key_of(resource="databases-77"))
    keys = keys_file(landed, MASTER)
    target = Path("out", "apps-321", "service-123", V3)
    arguments = ["--app-id", "321", "--decryption-keys", keys, "--download", "out"]
    saved = landed.logs(*arguments)
    assert (saved.code, saved.out, saved.err) == (0, f"{target}\n", "1 archive in out\n")
    assert (landed.directory / target).read_bytes() == BODY
    assert [file.name for file in (landed.directory / "out").rglob("*") if file.is_file()] == [V3]
    again = landed.logs(*arguments, "--json")
    assert json.loads(again.out) == {"files": [{"file": str(target), "was_there": True}], "skipped": []}


def test_an_archive_that_does_not_verify_is_not_saved(landed: Landed) -> None:
    sealed, envelope = encrypt(BODY)
    landed.s3.put_object(Bucket=landed.platform, Key=key_of(), Body=sealed[:-1] + b"x", Metadata=envelope)
    saved = landed.logs("--decryption-keys", keys_file(landed, MASTER), "--download", "out")
    assert saved.code == ExitCode.SOMETHING_LEFT
    assert "the body's tag does not verify" in saved.err
    assert not [file for file in (landed.directory / "out").rglob("*") if file.is_file()]


def test_no_key_of_an_object_reaches_outside_the_directory(landed: Landed) -> None:
    landed.s3.put_object(Bucket=landed.platform, Key="a/b/c/d/../../evil", Body=b"x")
    saved = landed.logs("--since", "1h", "--download", "out/deep")
    assert saved.code == ExitCode.SOMETHING_LEFT
    assert "its key is not a path of a file" in saved.err
    assert not list(landed.directory.rglob("evil"))


def test_a_directory_that_cannot_be_made_is_a_error_of_use(landed: Landed) -> None:
    (landed.directory / "file").write_text("")
    ended = landed.logs("--download", "file/out")
    assert (ended.code, ended.err) == (ExitCode.USAGE, "Error: --download file/out: Not a directory\n")


def test_a_file_in_the_place_of_a_folder_is_named_and_ends_nothing(landed: Landed) -> None:
    land(landed, key_of())
    land(landed, key_of(resource="apps-322"))
    (landed.directory / "out").mkdir()
    (landed.directory / "out" / "apps-321").write_text("")
    ended = landed.logs("--decryption-keys", keys_file(landed, MASTER), "--download", "out")
    assert ended.code == 1
    assert f"{key_of()}: no file can have its name: Not a directory" in ended.err
    assert (landed.directory / "out" / "apps-322" / V3).read_bytes() == BODY


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (
            "logdock.cli.logs.reader.SpooledTemporaryFile.write",
            "Error: {temporary}: No space left on device. An encrypted",
        ),
        ("pathlib.Path.rename", "Error: --download out/apps-321/service-123/" + V3 + ": No space left on device\n"),
    ],
)
def test_a_disk_that_is_full_is_named(landed: Landed, monkeypatch: pytest.MonkeyPatch, fails: str, says: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    land(landed, key_of())
    monkeypatch.setattr(fails, full)
    ended = landed.logs("--decryption-keys", keys_file(landed, MASTER), "--download", "out")
    assert ended.code == ExitCode.USAGE
    assert ended.err.startswith(says.format(temporary=tempfile.gettempdir()))
    assert not [file for file in (landed.directory / "out").rglob("*") if file.is_file()]


def test_a_large_archive_is_decrypted_in_bounded_memory(landed: Landed, tmp_path: Path) -> None:
    _, envelope = encrypt(b"")
    content_key, iv = _content_key(envelope), base64.b64decode(envelope["x-amz-iv"])
    encryptor, file, megabytes = Cipher(algorithms.AES(content_key), modes.GCM(iv)).encryptor(), tmp_path / "body", 64
    with file.open("wb") as body:
        for _ in range(megabytes):
            body.write(encryptor.update(bytes(1 << 20)))
        body.write(encryptor.finalize() + encryptor.tag)

    bucket = SimpleNamespace(get_object=lambda **_: {"Body": file.open("rb"), "Metadata": envelope})
    place = SearchLocation(export=landed.settings.exports[2], bucket="b", stack="s", prefix="", layout=object())  # type: ignore[arg-type]
    found = SearchObject(place, key_of(), '"e"', file.stat().st_size, datetime.now(UTC), "")
    keys = Keys(Account(landed.settings, None, None), Path(keys_file(landed, MASTER)), None)
    tracemalloc.start()
    try:
        total = sum(map(len, Reader(bucket, keys).chunks(found)))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == megabytes << 20
    assert peak < 16 << 20


def _content_key(envelope: dict[str, str]) -> bytes:
    from log_shipper.vendors.aptible.envelope import read_envelope, unwrap_key

    found = read_envelope(envelope)
    assert found
    return unwrap_key(found, MASTER)


def test_an_export_without_keys_says_where_to_give_them(landed: Landed) -> None:
    export = landed.settings.exports[2].model_copy(update={"decryption_keys_secret": None})
    keys = Keys(Account(landed.settings, None, None), None, None)
    with pytest.raises(UnreadableError, match="give --decryption-keys FILE or --decryption-keys-secret NAME"):
        keys.of(export)  # type: ignore[arg-type]
    with pytest.raises(CommandError):
        Keys(Account(landed.settings, None, None), Path("none"), None)
