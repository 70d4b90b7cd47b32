"""A bucket that is only listed, as S3 does it, and that counts the requests; its keys may be computed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

PAGE = 1000
"""Keys and common prefixes of an answer (Amazon S3 API Reference, ListObjectsV2)."""


class Listing:
    """A client of S3 that has one bucket.

    Parameters
    ----------
    keys
        In their order.
    modified
        When the object of a key was written.
    """

    def __init__(self, keys: Sequence[str], modified: Callable[[str], datetime]) -> None:
        self.keys, self._modified = keys, modified
        self.requests = 0

    def get_paginator(self, operation: str) -> Listing:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **asked: str) -> Iterator[dict[str, Any]]:
        prefix, delimiter, start_after = (asked.get(name, "") for name in ("Prefix", "Delimiter", "StartAfter"))
        at = max(bisect_left(self.keys, prefix), bisect_right(self.keys, start_after) if start_after else 0)
        is_truncated = True
        while is_truncated:
            self.requests += 1
            contents: list[dict[str, Any]] = []
            prefixes: list[dict[str, Any]] = []
            while at < len(self.keys) and len(contents) + len(prefixes) < PAGE:
                key = self.keys[at]
                if not key.startswith(prefix):
                    break
                name, slash, _ = key.removeprefix(prefix).partition(delimiter or "\0")
                if slash:
                    prefixes.append({"Prefix": prefix + name + slash})
                    at = bisect_left(self.keys, prefix + name + chr(ord(slash) + 1))
                else:
                    contents.append({"Key": key, "ETag": '"e"', "Size": 1, "LastModified": self._modified(key)})
                    at += 1
            is_truncated = at < len(self.keys) and self.keys[at].startswith(prefix)
            yield {"Contents": contents, "CommonPrefixes": prefixes, "IsTruncated": is_truncated}
