# ruff: noqa: E501 - the introduction has the page's own lines
"""docs/redaction.md says what each detector finds: its tables are the ones tested here.

With LOGDOCK_WRITE_REDACTION_PAGE set, the page is written instead of compared.
"""

import json
import os
from collections.abc import Iterator

import pytest
from log_shipper.detectors import DETECTORS
from log_shipper.redaction import Redactor

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "redaction.md"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
FOUND = [
    ("email", "ada.l+x@mail.example.com", "[email]"),
    ("email", "müller@example.com x@bücher.example 用户@例え.テスト", "[email] [email] [email]"),
    ("email", "user@example.xn--fiqs8s", "[email]"),
    ("email", '"john smith"@example.com o\'brien@example.com', "[email] [email]"),
    ("email", "q=jane.doe%40example.com&r=jane%2540example.com", "q=[email]&r=[email]"),
    ("email", "q=jane%40b%C3%BCcher.example&r=jane@b%C3%BCcher.example", "q=[email]&r=[email]"),
    ("email", r'info: Api[0] {"mail":"anna\u002Bx@example.com"}', 'info: Api[0] {"mail":"[email]"}'),
    ("email", r'{"log":"{\"mail\":\"m\\u00fcller@example.com\"}"}', r'{"log":"{\"mail\":\"[email]\"}"}'),
    ("email", r"jane%2Edoe%40example.com %6A%61ne%40example%2Ecom jane\x40example.com", "[email] [email] [email]"),
    ("email", r'{"mail":"{\"to\":\"\\u006aane\\u0040example.com\"}"}', r'{"mail":"{\"to\":\"[email]\"}"}'),
    ("email", "https://jane:secret@example.com/x", "https://jane:[email]/x"),
    ("email", "jane$@example.com jane#@example.com jane!@example.com", "[email] [email] [email]"),
    ("email", r"jane%u0040example.com jos%E9@example.com jos\xe9@example.com", "[email] [email] [email]"),
    ("ipv4", "10%2E1%2E2%2E3 3.2.1.10.in-addr.arpa 10.1.2.3/24", "[ipv4] [ipv4].in-addr.arpa [ipv4]/24"),
    ("ipv4", "10.1.2.3,192.168.131.39:2817 at 8.8.8.8.", "[ipv4],[ipv4]:2817 at [ipv4]."),
    (
        "ipv4",
        r"q=%E910.1.2.3&r=%F0%9F%98%8010.1.2.3 %u002010.1.2.3 \xab10.1.2.3\xbb",
        r"q=%E9[ipv4]&r=%F0%9F%98%80[ipv4] %u0020[ipv4] \xab[ipv4]\xbb",
    ),
    ("ipv6", "[::1]:53884 2001:db8::8a2e:370:7334 fe80::1%eth0", "[[ipv6]]:53884 [ipv6] [ipv6]"),
    ("ipv6", "::ffff:192.0.2.77 64:ff9b::192.0.2.33 ::ffff:10.0.0.1:80", "[ipv6] [ipv6] [ipv6]:80"),
    ("ipv6", "2001:db8:0:0:0:0:0:1:53884 [IPv6:2001:db8::1]", "[ipv6]:53884 [IPv6:[ipv6]]"),
    ("ipv6", "2001:db8::1: refused, peer:2001:db8::2", "[ipv6]: refused, peer:[ipv6]"),
    ("ipv6", "remote:2001:db8::1 client_2001:db8::2 2001:db8::3/64", "remote:[ipv6] client_[ipv6] [ipv6]/64"),
    ("ipv6", "2001%3Adb8%3A%3A1 fe80::1%25eth0", "[ipv6] [ipv6]"),
    ("payment-card", "4111 1111 1111 1111, 5500-0000-0000-0004", "[payment-card], [payment-card]"),
    ("payment-card", "3782 822463 10005, 3056 930902 5904", "[payment-card], [payment-card]"),
    ("payment-card", "41111111 11111111, 411111 1111111111", "[payment-card], [payment-card]"),
    ("payment-card", "4222222222222, 4222 2222 2222 2", "[payment-card], [payment-card]"),
    ("payment-card", "6011111111111117, 3530111333300000", "[payment-card], [payment-card]"),
    ("payment-card", "2200000000000004, 6073849700004947", "[payment-card], [payment-card]"),
    ("payment-card", "6759649826438453, 501800000009", "[payment-card], [payment-card]"),
    ("payment-card", "6240 0086 3140 1148", "[payment-card]"),
    ("payment-card", "4111%201111%201111%201111 card=4111+1111+1111+1111&x", "[payment-card] card=[payment-card]&x"),
    ("payment-card", "%B4111111111111111^DOE/JOHN^2512", "%B[payment-card]^DOE/JOHN^2512"),
    ("payment-card", "4111.1111.1111.1111, 4111\u00a01111\u00a01111\u00a01111", "[payment-card], [payment-card]"),
    ("payment-card", "q=%D0%BA%D0%B04111111111111111", "q=%D0%BA%D0%B0[payment-card]"),
    (
        "payment-card",
        "4111%C2%A01111%C2%A01111%C2%A01111 4111%25E2%2580%25AF1111%25E2%2580%25AF1111%25E2%2580%25AF1111",
        "[payment-card] [payment-card]",
    ),
    ("aws-key", r"AKIAIOSFODNN7EXAMPLE x\nASIAIOSFODNN7EXAMPLE", r"[aws-key] x\n[aws-key]"),
    ("aws-key", r'{"log":"\u001b[1;32mAKIAIOSFODNN7EXAMPLE\u001b[0m"}', r'{"log":"\u001b[1;32m[aws-key]\u001b[0m"}'),
    ("aws-key", f"aws_secret_access_key={SECRET}", "aws_secret_access_key=[aws-key]"),
    ("aws-key", f'{{"SecretAccessKey": "{SECRET}"}}', '{"SecretAccessKey": "[aws-key]"}'),
    ("aws-key", f"secret key: {SECRET}", "secret key: [aws-key]"),
    ("aws-key", f"AWS_SECRET_ACCESS_KEY%3D{SECRET.replace('/', '%2F')}", "AWS_SECRET_ACCESS_KEY%3D[aws-key]"),
    ("bearer-token", "Authorization: Bearer eyJhbGciOi.J9-x_y==", "Authorization: Bearer [bearer-token]"),
    ("bearer-token", '"Authorization":"Basic dXNlcjpwYXNz"', '"Authorization":"Basic [bearer-token]"'),
    (
        "bearer-token",
        'Authorization","value":"Basic c2VjcmV0dG9rZW4="',
        'Authorization","value":"Basic [bearer-token]"',
    ),
    ("bearer-token", "Authorization%3A%20Basic%20dXNlcjpwYXNz", "Authorization%3A%20Basic%20[bearer-token]"),
    (
        "bearer-token",
        'x%20Authorization","value":"Basic c2VjcmV0dG9rZW4="',
        'x%20Authorization","value":"Basic [bearer-token]"',
    ),
    ("bearer-token", "Bearer abcdefg%2Fhijklmn", "Bearer [bearer-token]"),
    ("bearer-token", "auth=Bearer%20abcdefgh.ij", "auth=Bearer%20[bearer-token]"),
    ("bearer-token", "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [bearer-token]"),
    ("bearer-token", r'{"log":"{\"h\":\"Bearer\\tabcdefgh.ij\"}"}', r'{"log":"{\"h\":\"Bearer\\t[bearer-token]\"}"}'),
]
NOT_FOUND = [
    ("email", r'user@localhost @here {"log":"{\"domains\":[\"@example.com\"]}"}'),
    ("email", "jane&#64;example.com (HTML), jane=40example.com (quoted-printable), jane\uff20example.com (U+FF20)"),
    ("ipv4", "010.001.002.003 0x0a010203 ip-10-1-2-3, digits of other scripts: \u0661\u0660.\u0661.\u0662.\u0663"),
    ("ipv4", "1.2.3.4.5 and 256.1.1.1 and v1.2.3"),
    ("ipv6", "at 12:34:56 std::string aa:bb:cc:dd:ee:ff a :: b"),
    ("payment-card", "4111111111111112 1616542519458095000 41111111111111111"),
    ("payment-card", "0.4111111111111111 (a fraction), 41111111-1111-1111-1111-111111111111 (a UUID)"),
    ("payment-card", "6200000000000000001 (UnionPay without a check digit, not in groups), 4.111111111111111"),
    (
        "payment-card",
        "4111_1111_1111_1111, 4111/1111/1111/1111, 4111  1111  1111  1111 (two blanks), 4.111111111111111e15",
    ),
    ("aws-key", f"XAKIAIOSFODNN7EXAMPLE {SECRET}"),
    ("bearer-token", "the bearer of news, basic information, basic authentication"),
    ("bearer-token", "Bearer short, access_token=abcdefghij"),
]
INTRODUCTION = """# What redaction finds
The tables are those of the tests: each line is run. `logdock preview` shows what the settings of an export do to your own lines.

Detectors search each line as it is written and once more with its escapes decoded: JSON's, wherever in the line and however often nested (up to ten times), and percent-encoding, also `%uNNNN` as JavaScript writes it. A byte that is not UTF-8, encoded or shown as `\\xNN`, hides nothing beside it, nor does what colours text on a terminal. Other encodings (HTML, quoted-printable, Base64) are not decoded, and digits and signs of other scripts are not taken for those of ASCII. What they find is replaced where it is written, so a JSON line stays valid JSON. A card that is a JSON number becomes a string.

`payment-card` knows Visa (13, 16, 19 digits), Mastercard with the 2-series (16), American Express (15), Diners Club (14, 16), Discover, JCB and Mir (16, 19), UnionPay (16 to 19), RuPay (16) and Maestro (12 to 19). Groups are separated by one blank or dash each (also the non-breaking ones, and `+` as in a form), or by dots in the groups in which cards are printed. Luhn's check digit must be right; UnionPay cards in printed groups are found without it.

`markers: redact` replaces what CockroachDB marked. An event that was cut may lack one half of a mark: from an unmatched `‹` to the end of the value, and from the start of the value to an unmatched `›`, everything is redacted. Of a `crdb-v2` line that continues an entry (`|` or `+`), whose beginning came in an earlier batch, and that has no mark, only the prefix is kept: it may be the middle of a marked value. Marks, and your own patterns, are looked for in strings within strings up to ten times.

Where a line is longer than Logdock reads as one (8 MiB; 1 MiB where it joins the parts of a line), it is cut at punctuation or between words, so that nothing that a detector finds is in two parts.
"""


@pytest.mark.parametrize(("detector", "text", "wanted"), FOUND)
def test_detector_finds(detector: str, text: str, wanted: str) -> None:
    assert Redactor("keep", (detector,)).redact(text) == wanted
    everything = Redactor("keep", tuple(DETECTORS))
    line = json.dumps({"k": text})
    assert json.loads(everything.redact(line))["k"].count("[") == wanted.count("[")
    assert (
        everything.redact_lines(f"{text}\n{line}".encode())
        == f"{everything.redact(text)}\n{everything.redact(line)}".encode()
    )


@pytest.mark.parametrize(("detector", "text"), NOT_FOUND)
def test_detector_does_not_find(detector: str, text: str) -> None:
    assert Redactor("keep", (detector,)).redact(text) == text


def page() -> Iterator[str]:
    yield INTRODUCTION
    for detector in DETECTORS:
        yield f"## `{detector}`\n| line | redacted |\n| --- | --- |\n" + "".join(
            f"| `` {text} `` | `` {wanted} `` |\n" for name, text, wanted in FOUND if name == detector
        )
        yield "Not found:\n" + "".join(f"* `` {text} ``\n" for name, text in NOT_FOUND if name == detector)


def test_page_has_the_tables() -> None:
    text = "\n".join(page())
    if os.environ.get("LOGDOCK_WRITE_REDACTION_PAGE"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("depth", range(7))
def test_secret_key_is_found_in_strings_within_strings(depth: int) -> None:
    text = json.dumps({"secretAccessKey": SECRET})
    for _ in range(depth):
        text = json.dumps({"log": text})
    redacted = Redactor("keep", tuple(DETECTORS)).redact(text)
    assert SECRET not in redacted
    for _ in range(depth):
        redacted = json.loads(redacted)["log"]
    assert json.loads(redacted) == {"secretAccessKey": "[aws-key]"}
