"""The Regions of the partitions that Logdock supports, and which other codes AWS may add next."""

import difflib
import re

KNOWN_REGIONS = (
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
    "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1",
    "us-gov-west-1", "us-west-1", "us-west-2",
)  # fmt: skip
"""The Regions of botocore's partitions aws, aws-cn and aws-us-gov. A test compares them, so an update of botocore
with a new Region asks for a line here."""

_NUMBERS_AHEAD = 2
"""AWS numbers the Regions of an area one after another, but ap-southeast-7 opened before ap-southeast-6."""
_DIRECTIONS = (
    "central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west",
)  # fmt: skip


def nearest_region(code: str) -> str | None:
    """Return the known Region that a code is a misspelling of; None if the Region exists or AWS may add it.

    A code that is not known is accepted if its direction is one that AWS uses, its area (``eu``) is no transposition
    of a known one, and its number is one of the next two: no one must wait for a release of Logdock to use a new
    Region.
    """
    if code in KNOWN_REGIONS:
        return None
    area, direction, number = _parts(code)
    areas = {_parts(known)[0] for known in KNOWN_REGIONS}
    if direction in _DIRECTIONS and (area in areas or (len(area) == 2 and area[::-1] not in areas)):
        numbers = [_parts(known)[2] for known in KNOWN_REGIONS if _parts(known)[:2] == (area, direction)]
        if 1 <= number <= max(numbers, default=0) + _NUMBERS_AHEAD:
            return None
    if area[::-1] in areas and area not in areas:
        code = f"{area[::-1]}-{direction}-{number}"
    return difflib.get_close_matches(code, KNOWN_REGIONS, n=1, cutoff=0)[0]


def _parts(code: str) -> tuple[str, str, int]:
    area, direction, number = re.split(r"-(?=[a-z]+-\d$)|-(?=\d$)", code)
    return area, direction, int(number)
