"""Rows of a batch by key: an index over the rows that were found, made when first needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_MISS = -1


class Blob(bytes):
    """A bytearray key where a hashable one is needed; never equal to a str or bytes key."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blob) and bytes.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(("blob", bytes(self)))


def normal(key: Any) -> Any:
    """A user key as the index holds it: equal for keys that name the same record."""
    if isinstance(key, (str, int)):
        return key
    if isinstance(key, bytes):  # hashed as the string type: the same record as the str
        return key.decode("utf-8", "surrogateescape")
    if isinstance(key, (bytearray, memoryview)):
        return Blob(key)
    return key.item() if hasattr(key, "item") else key


def outward(key: Any) -> Any:
    """A user key as a dict's key."""
    return bytes(key) if isinstance(key, bytearray) else key


class Index:
    """Row numbers by user key or full key tuple. Of equal keys the first found row wins.

    Rows that only have a digest are found by a full key tuple alone.
    """

    __slots__ = ("_full", "_keys", "_rows", "_user")

    def __init__(self, keys: Any, rows: Iterable[int]) -> None:
        self._keys = keys
        self._rows = rows
        self._user: dict[Any, int] | None = None
        self._full: dict[Any, int] | None = None

    def row(self, key: Any) -> int:
        """The row of a key, -1 where it was not found."""
        if isinstance(key, tuple):
            return self._row_of_tuple(key)
        try:
            return self._by_user().get(normal(key), _MISS)
        except TypeError:  # not hashable: no key can be that
            return _MISS

    def user_keys(self) -> dict[Any, int]:
        """User keys, as they were given, of the found rows, with their rows."""
        user_key = self._keys.user_key
        found: dict[Any, int] = {}
        for row in self._by_user().values():
            found.setdefault(outward(user_key(row)), row)
        return found

    def _by_user(self) -> dict[Any, int]:
        if self._user is None:
            index: dict[Any, int] = {}
            user_key = self._keys.user_key
            for row in self._rows:
                key = user_key(row)
                if key is not None:
                    index.setdefault(normal(key), row)
            self._user = index
        return self._user

    def _row_of_tuple(self, key: tuple[Any, ...]) -> int:
        if len(key) not in (3, 4):
            return _MISS
        if self._full is None:
            index: dict[Any, int] = {}
            for row in self._rows:
                for name in _names(self._keys.full_key(row)):
                    index.setdefault(name, row)
            self._full = index
        try:
            found = (self._full.get(name, _MISS) for name in _names(key))
            return next((row for row in found if row != _MISS), _MISS)
        except TypeError:
            return _MISS


def _names(key: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What a full key is found by: its user key, its digest, or both."""
    names: list[tuple[Any, ...]] = []
    place = (key[0], key[1] or "")
    if key[2] is not None:
        names.append((*place, "key", normal(key[2])))
    if len(key) > 3 and key[3] is not None:
        names.append((*place, "digest", bytes(key[3])))
    return names
