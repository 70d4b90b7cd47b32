"""The built-in detectors: what each finds, in time linear in the text.

A detector searches bytes, so bytes that are not UTF-8 hide nothing. Where much is found, Python's `re` is several times
faster than RE2 with its wrapper, but it backtracks: so an expression begins with a literal, which a scan for one byte
finds, and what follows repeats possessively or a limited number of times. docs/redaction.md states what each finds.
"""

import base64
import binascii
import re
import socket
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property, lru_cache
from itertools import accumulate
from typing import Any

from log_shipper.cards import FEWEST_DIGITS, MAESTRO, Places, card_lengths, plane_of, shortest

Span = tuple[int, int]


class Text:
    """Bytes to search, with the forms of them that several detectors need. All forms have the same length.

    Parameters
    ----------
    data : bytes
        Begins with a line feed: a border before the first byte, as there is before every value and line.
    are_records : bool
        Each line is a record of its own: a header's value is not in the line behind its name.
    """

    def __init__(self, data: bytes, *, are_records: bool = False) -> None:
        self.data, self.are_records = data, are_records

    @cached_property
    def lower(self) -> bytes:
        """The bytes with lower-case ASCII letters."""
        return self.data.lower()

    @cached_property
    def letters(self) -> bytes:
        """The bytes, with control characters for what is outside ASCII and no letter: punctuation and emoji.

        Also for what colours the text behind it on a terminal: it ends in a letter.
        """
        data = self.data
        if b"\x1b" in data:
            data = _COLOUR.sub(lambda found: b"\1" * len(found[0]), data)
        if data.isascii():
            return data
        for leads, pattern, filler in _NO_LETTERS:
            if any(lead in data for lead in leads):
                data = pattern.sub(filler, data)
        return data


def emails(text: Text) -> list[Span]:
    """Find e-mail addresses: the domains behind each @, and in the reversed text the local parts before it."""
    if b"@" not in text.data:
        return []
    ends = dict([match.span() for match in _DOMAIN.finditer(text.letters)])
    if not ends:
        return []
    last = len(text.data) - 1
    locals_ = [match.span() for match in _REVERSED_LOCAL.finditer(text.letters[::-1])]
    return [(last + 1 - end, ends[last - start]) for start, end in reversed(locals_) if last - start in ends]


def ipv4_addresses(text: Text) -> list[Span]:
    """Find IPv4 addresses in decimal: four numbers up to 255."""
    # the number of the group that took part is that of the first number's digits
    return [(match.start() - (match.lastindex or 0), match.end()) for match in _IPV4.finditer(text.data)]


def ipv6_addresses(text: Text) -> list[Span]:
    """Find IPv6 addresses, without a port or what ends a sentence."""
    data = text.data
    found = []
    done = 0
    # the whole form is rare, and RE2 sees sooner than Python's `re` that there is none
    candidates = _COLONS if search_of(WHOLE_IPV6)(data) else _TWO_COLONS
    count = 0
    # a run is looked at once, however many candidates are in it
    while (match := candidates.search(data, done)) is not None:
        if count == _MANY and data.count(b"::") * _DENSE > len(data):
            spans = _ipv6_in_runs(data)
            if spans is not None:
                return spans
        count += 1
        at = match.start()
        # longer than an address and its port is no address
        begin = at - _LONGEST_RUN if at - done > _LONGEST_RUN else done
        start = begin + len(data[begin:at].rstrip(_IPV6_BYTES))
        done = _IPV6_RUN.match(data, at).end()  # type: ignore[union-attr]  # it begins with the colon that was found
        first, last = _address_in(data[start - 1 : min(done, start + _LONGEST) + 1])
        if last:
            found.append((start + first, start + last))
    return found


def _ipv6_in_runs(data: bytes) -> list[Span] | None:
    """Return the same where there is much to find, with few steps for each; None where a run is long."""
    mask = ipv6_runs_mask(data)
    return None if mask is None else [match.span() for match in re.finditer(_IN_MASK, mask)]


def ipv6_runs_mask(data: bytes) -> bytes | None:
    """Return 1 in the first byte of each IPv6 address, 3 in its others, else 0; None where a run is long.

    Each distinct run that may be an address is looked at.
    """
    candidate = _COLONS if search_of(WHOLE_IPV6)(data) else _TWO_COLONS
    parts = (_runs_with_zones(candidate.pattern) if b"%" in data else _RUNS).split(data)
    texts, runs = parts[::2], parts[1::2]
    if runs and max(map(len, runs)) > _LONGEST:
        return None
    around = [text[-1:] for text in texts], runs, [text[:1] for text in texts[1:]]
    if b"" in around[0]:
        # behind a zone
        around[0][1:] = [text or run[-1:] for text, run in zip(around[0][1:], runs, strict=True)]
    parts[1::2] = map(_run_mask, map(b"".join, zip(*around, strict=False)))
    return b"".join(parts).translate(_MASK)


@lru_cache(maxsize=4096)
def _run_mask(text: bytes) -> bytes:
    first, last = _address_in(text)
    mask = b"." * first + b"\xf5" * (last > 0) + b"\xff" * (last - first - 1)
    return mask.ljust(len(_IPV6_RUN.match(text, 1)[0]), b".")  # type: ignore[index]


@lru_cache(maxsize=2)
def _runs_with_zones(candidate: bytes) -> re.Pattern[bytes]:
    """Return an expression for runs, with the zone of those that hold a candidate."""
    of_candidate = rb"(?=[0-9A-Fa-f.:]*?%b)[0-9A-Fa-f:.]++(?:%%[0-9A-Za-z_\-]++)?+" % candidate
    return re.compile(rb"(%b|[0-9A-Fa-f:.]++)" % of_candidate)


@lru_cache(maxsize=4096)
def _address_in(text: bytes) -> Span:
    """Return where in a run of hex digits, colons and dots an address is; (0, 0) where there is none.

    What precedes an address in the run is the end of a name with its colon (`remote:`, `IPv6:`). What follows is
    nothing, dots or colons, or a port. The text also has the byte before the run, and the one after it.
    """
    before, run = text[:1], _IPV6_RUN.match(text, 1)[0]  # type: ignore[index]
    after = text[1 + len(run) :]
    digits, percent, _ = run.partition(b"%")
    if len(digits) > _LONGEST_RUN or len(run) > _LONGEST or (not percent and after.isalnum()):
        return 0, 0
    first = 0
    if before.isalnum() or (before == b"_" and digits[:1] == b":" != digits[1:2]):
        first = run.find(b":") + 1
        digits = digits[first:]
    core = digits.rstrip(b".")
    if b"::" not in core and core.count(b":") < _FEWEST_COLONS:
        return 0, 0
    for shorten in _ENDS:
        cut = shorten(core)
        if cut != b"::" and _is_ipv6(cut):
            # only a link-local address has a zone
            is_whole = bool(percent) and cut == digits and cut[:2].lower() == b"fe"
            return first, len(run) if is_whole else first + len(cut)
    return 0, 0


def _is_ipv6(text: bytes) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text.decode("ascii"))
    except (OSError, ValueError):
        return False
    return True


def payment_cards(text: Text) -> list[Span]:
    """Find card numbers: a known issuer's prefix and length, and Luhn's check digit.

    RE2 finds where there may be one. Where the last was near, there may be many: the rest of that line, and 1 KiB at
    least, is then looked through without RE2, and more with each time.
    """
    data = text.data
    found: list[Span] = []
    position = 0
    window = _CARD_WINDOW
    search = _card_search()
    while (match := search(data, position)) is not None:
        begin = match.start()
        if begin - position > _CARD_WINDOW:
            window = _CARD_WINDOW
            alone = _CARD_RUN.match(data, begin + 1)
            position = alone.end() if alone else match.end() - 1
        else:
            position = data.find(b"\n", begin + window)
            position = len(data) if position < 0 else position
            window = min(window * 2, _LARGEST_CARD_WINDOW)
        found += _cards_in_runs(_CARD_RUN.finditer(data, begin, position))
    if len(found) > _MANY and not may_have_no_card(data):
        return found
    return [span for span in found if not is_no_card(data, *span)]


def may_have_no_card(data: bytes) -> bool:
    """Say whether `is_no_card` may be true of a part of a text."""
    is_fraction = b"." in data and _FRACTION.search(data) is not None
    return is_fraction or (b"-" in data and _UUID_PART.search(data) is not None)


def is_no_card(data: bytes, start: int, end: int) -> bool:
    """Say whether what may be a card is the fraction of a decimal number, or part of a UUID."""
    if data[start - 1] == _DOT and data[start:end].isdigit():
        before = data[max(0, start - _LONGEST_RUN) : start]
        return _WHOLE_PART.search(before) is not None and _NEXT_FRACTION.match(data, end) is None
    if b"-" in data[start - 1 : end + 1]:
        first = max(0, start - _UUID_CHARS)
        return any(
            found.start() <= start and end <= found.end() for found in _UUID.finditer(data, first, end + _UUID_CHARS)
        )
    return False


def _cards_in_runs(runs: Iterable[re.Match[bytes]]) -> list[Span]:
    """Return the spans of card numbers in runs of digits, dots and separators; those with groups are joined."""
    spans: list[Span] = []
    texts: list[bytes] = []
    begins: list[int] = []
    for run in runs:
        text = run[0].rstrip(_SEPARATOR_BYTES)
        if not text.isdigit():
            texts.append(text)
            begins.append(run.start())
        elif len(text) in card_lengths(text[:4]) and _luhn(text):
            spans.append((run.start(), run.start() + len(text)))
    if texts:
        starts = [0, *accumulate([len(text) + 1 for text in texts])]
        for first, last in _cards_in(b"\n".join(texts)):
            i = bisect_right(starts, first) - 1
            distance = begins[i] - starts[i]
            spans.append((first + distance, last + distance))
    return spans


def has_card(data: bytes, kind: str = "any") -> bool:
    """Say whether there may be a card number in a line or in a block of lines; one ``with dots``, or ``without``."""
    return _card_search(kind)(b"\n" + data, 0) is not None


def _cards_in(runs: bytes) -> list[Span]:
    """Return the spans of card numbers in runs of digits, dots and separators, a line each.

    A card begins and ends with a group of digits. UnionPay issues cards without a valid check digit: those are found
    in the groups in which they are printed.
    """
    spans: list[Span] = []
    if b"." in runs:
        # a decimal number is no card
        for dotted in _DOTTED_CARD.finditer(runs):
            number = dotted[0].replace(b".", b"")
            if len(number) in card_lengths(number[:4]) and (_luhn(number) or number[:2] == b"62"):
                spans.append(dotted.span())
    position = 0
    while position < len(runs):
        # the last groups of a piece may begin a card that ends in the next one
        limit = position + _PIECE_BYTES if position + _PIECE_BYTES + _LONGEST_CARD < len(runs) else len(runs)
        piece = _cards_in_groups(runs, position, min(limit + _LONGEST_CARD, len(runs)))
        cards = [span for span in piece if span[0] < limit]
        spans += cards
        position = max(limit, cards[-1][1]) if cards else limit
    return spans


def _cards_in_groups(run: bytes, start: int, stop: int) -> list[Span]:
    """Return the spans of card numbers in a part of a run, in groups of digits with one separator between two.

    All places are looked at together, with a bit of a long integer for each.
    """
    flat = _flat(run[start:stop])
    marked = _int(flat) | _int(flat.translate(_MARKS_NEXT)) << 8
    digits = (marked & (1 << 8 * len(flat)) - 1).to_bytes(len(flat), "little").translate(None, _SEPARATORS)
    count = len(digits)
    if count < FEWEST_DIGITS:
        return []
    places = Places(
        digits.translate(_AS_CODE),
        plane_of(digits.translate(_SEPARATED_BIT)),
        is_begun=not run[start - 1 : start].isdigit(),
        is_ended=not run[stop : stop + 1].isdigit(),
    )
    starts, sizes = shortest(places.cards(), places.size, count)
    spans: list[Span] = []
    at = starts.find(b"1")
    if at >= 0:
        separated = digits.translate(_IS_SEPARATED)
        gaps: Sequence[int] = range(count + 1)
        if not flat.isascii():
            gaps = [0, *accumulate(map(len, _WIDE_SEPARATOR.findall(flat)))]
        separators = counted = 0
    while at >= 0:
        done = at + sizes[at]
        first = separators + separated.count(1, counted, at + 1)
        separators = first + separated.count(1, at + 1, done)
        counted = done
        spans.append((start + at + gaps[first], start + done + gaps[separators]))
        at = starts.find(b"1", done)
    return spans


def _flat(text: bytes) -> bytes:
    """Return groups of digits with a blank between two, and a dot where no card goes on; as long as the text was.

    0xFF comes before the blank of a wider separator.
    """
    if text.isascii():
        return text.translate(_ONE_SEPARATOR).replace(b"  ", b"..")
    for separator in (b"\xc2\xa0", b"\xe2\x80\x91", b"\xe2\x80\xaf"):
        text = text.replace(separator, b" ".rjust(len(separator), b"\xff"))
    text = text.translate(_ONE_SEPARATOR).replace(b"  ", b"..").replace(b" \xff", b".\xff")
    return text.replace(b"\xff.", b"..").replace(b"\xff.", b"..")


def _int(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _luhn(number: bytes) -> bool:
    sums = _SUMS
    total = sums[number[-4:]] + sums[number[-8:-4]] + sums[number[-12:-8]] + sums[number[-16:-12]]
    return (total if len(number) <= 16 else total + sums[number[:-16]]) % 10 == 0


class _Sums(dict[bytes, int]):
    """The sums of up to four digits, every second one from the right doubled: at most 11,111 of them."""

    def __missing__(self, digits: bytes) -> int:
        # of a digit's code, the last four bits are its value
        total = sum(digits[-1::-2].translate(_LUHN_VALUE)) + sum(digits[-2::-2].translate(_LUHN_DOUBLED))
        return self.setdefault(digits, total)


def aws_keys(text: Text) -> list[Span]:
    """Find access key ids, and secret keys behind a name that says so."""
    return [match.span() for match in _ACCESS_KEY.finditer(text.data)] + [
        match.span(1) for match in _SECRET_KEY.finditer(text.lower)
    ]


def bearer_tokens(text: Text) -> list[Span]:
    """Find tokens behind `Bearer`; behind `Basic` only user and password, or the value of a header."""
    lower = text.lower
    return [match.span(2) for match in _SCHEME.finditer(lower) if match[1] or _is_basic(text, match)]


def _is_basic(text: Text, match: re.Match[bytes]) -> bool:
    start, end = match.span(2)
    before = text.lower[max(0, match.start() - 48) : match.start()]
    if text.are_records:
        before = before.rpartition(b"\n")[2]
    return _is_user_and_password(text.data[start:end]) or _HEADER.search(before) is not None


def _is_user_and_password(token: bytes) -> bool:
    try:
        return b":" in base64.b64decode(token + b"=" * (-len(token) % 4), validate=True)
    except binascii.Error:
        return False


_COLOUR = re.compile(rb"\x1b\[[0-9;:]*+m")
# UTF-8 outside ASCII that is no letter: U+0080 to U+00BF, U+2000 to U+303F, surrogates, U+F000 on but for Han
_NO_LETTERS = (
    ((b"\xc2",), re.compile(rb"\xC2[\x80-\xBF]"), b"\1\1"),
    ((b"\xe2", b"\xe3", b"\xed", b"\xef"),
     re.compile(rb"[\xE2\xE3\xED\xEF](?:(?<=[\xE2\xEF])[\x80-\xBF]|(?<=\xE3)\x80|(?<=\xED)[\xA0-\xBF])[\x80-\xBF]"),
     b"\1\1\1"),
    ((b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4"),
     re.compile(rb"[\xF0-\xF4](?:(?<=\xF0)[\x80-\x9F\xB0-\xBF]|(?<=[\xF1-\xF4])[\x80-\xBF])[\x80-\xBF]{2}"),
     b"\1\1\1\1"),
)  # fmt: skip
_ALNUM = r"[A-Za-z0-9\x80-\xff]"
_DOMAIN = re.compile(
    rf"@(?:{_ALNUM}++(?:-++{_ALNUM}++)*+\.)+(?:xn--[A-Za-z0-9\-]*[A-Za-z0-9]|[A-Za-z\x80-\xff]{{2,}}+)".encode(
        "latin-1"
    )
)
_LOCAL = r"[A-Za-z0-9._%+\-\x80-\xff]++"
# what the last signs of a local part may be, but no others: elsewhere they are between two words
LAST_SIGNS = "[!#$*^~]"
# reversed; a JSON line has no letter or digit after a quote that ends a string, and a quote that is escaped
# is taken out with its backslashes
_REVERSED_LOCAL = re.compile(
    rf'@(?:{LAST_SIGNS}*+{_LOCAL}(?:\'{_LOCAL})*+|"(?:\\++[^"\\\n]++(?<=[A-Za-z0-9])"\\++'
    rf'|[^"\\\n]++(?<=[A-Za-z0-9])"\\*+))'.encode("latin-1")
)
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
# behind the first of three dots with numbers between them: the number before it, by how many digits it has
_IPV4 = re.compile(
    r"\.(?<!\..\.)(?=[0-9]{1,3}+\.[0-9]{1,3}+\.[0-9])(?<!\.[0-9]{2}\.)"
    rf"(?:(?<=[^0-9.][0-9]\.)()|(?<=[^0-9.][1-9][0-9]\.)()|(?<=[^0-9.](?:1[0-9][0-9]|2[0-4][0-9]|25[0-5])\.)())"
    rf"{_OCTET}\.{_OCTET}\.{_OCTET}(?!\.?[0-9])".encode()
)
# every IPv6 address has two colons together, or six
# none has more than four digits behind the two colons, as the account in an ARN, or begins as a bucket's `s3:::name`,
# or has no digit on either side, as `AWS::S3::Object`: what follows another letter is none of its own
_NO_ARN = (
    r"(?![0-9A-Fa-f]{5})(?!(?<=s3::):[^0-9A-Fa-f.:])(?!(?<=s3:::)[^0-9A-Fa-f.:])"
    r"(?!(?:(?<=[^0-9A-Fa-f.:]::)|(?<=[G-Zg-z][0-9A-Fa-f]::))[^0-9A-Fa-f.:%])"
)
_TWO_COLONS = re.compile(rf"::{_NO_ARN}".encode())
WHOLE_IPV6 = rb":(?:[0-9A-Fa-f]{1,4}:){5}"
_COLONS = re.compile(rf":(?::{_NO_ARN}|[0-9A-Fa-f]{{1,4}}:(?:[0-9A-Fa-f]{{1,4}}:){{4}})".encode())
_IPV6_BYTES = b"0123456789abcdefABCDEF:."
_RUNS = re.compile(rb"([0-9A-Fa-f:.](?<![0-9A-Fa-f:.].)(?:(?<=:)|[0-9A-Fa-f.]*+:)[0-9A-Fa-f:.]*+)", re.DOTALL)
_DENSE = 50
"""One pair of colons in so many bytes: then they are what is searched for, or made to cost time."""
_MANY = 64
"""So many are looked at before it is asked if they are dense: logs have few."""
_LONGEST_RUN, _LONGEST = 64, 128
"""With a zone; longer than an address and its port is no address."""
_IPV6_RUN = re.compile(rb"[0-9A-Fa-f:.]++(?:%[0-9A-Za-z_\-]++)?+")
_FEWEST_COLONS = 6
"""Of a whole address: one that ends as an IPv4 address does has one colon less than others."""
_IN_MASK = rb"\x01\x03*+"
# of bytes that UTF-8 does not have
_MASK = bytes({0xF5: 1, 0xFF: 3}.get(byte, 0) for byte in range(256))
_PORT = re.compile(rb":[0-9]{1,5}:?$")
_DOT, _UUID_CHARS = 0x2E, 36
_WHOLE_PART = re.compile(rb"(?<![A-Za-z0-9_.])[0-9]{1,11}\.\Z")
_NEXT_FRACTION = re.compile(rb"\.[0-9]")
_UUID = re.compile(rb"(?<![0-9A-Za-z-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z-])")
# what has a part that may be no card though it has the digits of one; a search begins with a byte
_FRACTION = re.compile(rb"\.(?<=[0-9]\.)[2-68][0-9]{11}")
_UUID_PART = re.compile(rb"-(?<=[0-9A-Fa-f]{8}-)[0-9A-Fa-f]{4}(?:-[0-9A-Fa-f]{4}){2}-[0-9A-Fa-f]{12}")
# what may follow an address in its run: nothing, a colon or two, a port
_ENDS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    lambda core: core.removesuffix(b":"),
    lambda core: core.removesuffix(b"::"),
    lambda core: _PORT.sub(b"", core),
)
# between groups of digits: blank (+ in a form) or dash, or U+00A0, U+2011 or U+202F, which do not break the line
_SEPARATOR = r"(?:[ +\-]|\xC2\xA0|\xE2\x80(?:\x91|\xAF))"
_SEPARATOR_BYTES = b" .+-\xc2\xa0\xe2\x80\x91\xaf"
_WIDE_SEPARATOR = re.compile(rb"\xff*+ ")
_ONE_SEPARATOR = bytes(
    32 if byte in b" +-" else byte if 48 <= byte < 58 or byte == 0xFF else 46 for byte in range(256)
)  # fmt: skip
# what is behind a blank gets one bit more, and behind a dot another
_MARKS_NEXT = bytes(0x40 * (byte == 0x20) | 0x80 * (byte == 0x2E) for byte in range(256))
_SEPARATORS = b"\x20\x60\xa0\xff"
_AS_CODE = bytes(102 if byte & 0x3F == 0x2E else 48 + (byte & 15) for byte in range(256))
_SEPARATED_BIT = bytes(48 + (byte & 0x40 > 0) for byte in range(256))
_IS_SEPARATED = bytes(byte & 0x40 > 0 for byte in range(256))
_CARD_RUN = re.compile(rb"[2-68](?<![0-9].)[0-9 .+\-\xc2\xa0\xe2\x80\x91\xaf]{11,}+")
_CARD_WINDOW, _LARGEST_CARD_WINDOW = 1024, 16384
_PIECE_BYTES = 2048
_LONGEST_CARD = 19 * 4
_LUHN_VALUE = bytes(byte & 15 for byte in range(256))
_LUHN_DOUBLED = bytes((byte & 15) * 2 - 9 * ((byte & 15) > 4) if 48 <= byte < 58 else 0 for byte in range(256))
_SUMS = _Sums()
# digits that begin as an issuer's cards and are as many; `_cards_in` decides
_BARE = (
    r"4[0-9]{12}(?:[0-9]{3}(?:[0-9]{3})?)?|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}"
    r"|(?:3[689]|30)[0-9]{12}(?:[0-9]{2})?|(?:8[12]|50)[0-9]{14}|(?:60|64|65|35|22)[0-9]{14}(?:[0-9]{3})?"
    rf"|(?:62|81)[0-9]{{14,17}}|(?:{'|'.join(map(str, MAESTRO))})[0-9]{{8,15}}"
)
# at least twelve digits with a separator among them, by how many stand before the first
_MORE = rf"(?:[0-9]{_SEPARATOR}?)"
_GROUPED = (
    rf"[2-68](?:[0-9]{{0,2}}{_SEPARATOR}{_MORE}{{8}}|[0-9]{{3,4}}{_SEPARATOR}{_MORE}{{6}}"
    rf"|[0-9]{{5,6}}{_SEPARATOR}{_MORE}{{4}}|[0-9]{{7}}{_SEPARATOR}{_MORE}{{3}}|[0-9]{{8,17}}{_SEPARATOR})[0-9]"
)
_DOTTED = r"[2-68][0-9]{3}\.(?:[0-9]{4}\.[0-9]{4}\.[0-9]{4}|[0-9]{6}\.[0-9]{4,5})"
_DOTTED_CARD = re.compile(rf"(?<![0-9]){_DOTTED}(?![0-9])".encode())
ACCESS_KEY = r"A(?:[KS]IA|ROA|IDA|GPA|N[PV]A|IPA|BIA|CCA)[A-Z0-9]{16}"
_ACCESS_KEY = re.compile(rf"A(?<![A-Za-z0-9]A){ACCESS_KEY[1:]}(?![A-Za-z0-9])".encode())
# of lower-case text; the quotes of a string within seven strings have 254 backslashes
_SECRET_KEY = re.compile(rb"secret[ _.\-]?(?:access[ _.\-]?)?key[\"'\\ \t:=>]{1,272}+([a-z0-9/+]{40})(?![a-z0-9/+])")
_SCHEME = re.compile(rb"b(?<![a-z0-9]b)(?:(earer)|asic)(?:[ \t]++|\+)([a-z0-9\-._~+/]{8,}+=*+)")
_HEADER = re.compile(rb"(?<![a-z0-9])authorization[^a-z]{1,10}(?:value[^a-z]{1,10})?\Z")


@lru_cache(maxsize=3)
def _card_search(kind: str = "any") -> Callable[[bytes, int], Any]:
    """Return RE2's search for what may be a card."""
    numbers = {"any": f"{_BARE}|{_DOTTED}", "with dots": _DOTTED, "without": _BARE}[kind]
    groups = "" if kind == "with dots" else f"|{_GROUPED}"
    return search_of(f"[^0-9](?:(?:{numbers})(?:[^0-9]|$){groups})".encode("latin-1"))


@cache
def search_of(expression: bytes) -> Callable[..., Any]:
    """Return RE2's search for an expression: where there is nothing to find, it is faster than Python's."""
    # a function that redacts nothing starts without it
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    search: Callable[..., Any] = re2.compile(expression, options).search
    return search


DETECTORS: dict[str, Callable[[Text], list[Span]]] = {
    "email": emails,
    "ipv4": ipv4_addresses,
    "ipv6": ipv6_addresses,
    "payment-card": payment_cards,
    "aws-key": aws_keys,
    "bearer-token": bearer_tokens,
}
