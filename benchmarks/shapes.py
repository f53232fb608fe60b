"""What the canned server's records are made of, and the values that a client must have read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SET = "perf"
USUAL = ("f0:f", "f1:f", "i0:i", "i1:i", "s0:s16")
SAMPLE = 200  # rows of an answer that are compared, value by value


def numbers(k: int) -> tuple[str, ...]:
    """So many doubles."""
    return tuple(f"b{i}:f" for i in range(k))


def digest(key: int) -> bytes:
    """Of an integer key in the set; by OpenSSL, not by the client that is measured."""
    return hashlib.new("ripemd160", SET.encode() + b"\x01" + key.to_bytes(8, "big")).digest()


@dataclass(frozen=True)
class Bin:
    """One bin of the server's command line, `NAME:KIND`."""

    name: str
    kind: str
    size: int
    number: int

    @property
    def field(self) -> tuple[Any, ...]:
        """As a field of a structured dtype."""
        match self.kind:
            case "i" | "f":
                return (self.name, f"{self.kind}8")
            case "s":
                return (self.name, f"S{self.size}")
            case "b":
                return (self.name, f"V{self.size}")
            case "v":
                return (self.name, "f4", (self.size,))
            case "d":
                return (self.name, "f8", (self.size,))
        return (self.name, "i8", (self.size,))

    @property
    def wire(self) -> int:
        """Bytes in a reply."""
        size = {"i": 8, "f": 8, "v": 4 * self.size}.get(self.kind, self.size)
        if self.kind == "l":
            size = (1 if self.size < 16 else 3) + 5 + self.size - 1
        if self.kind == "d":
            size = 3 + 9 * self.size
        return 8 + len(self.name) + size

    def value(self, of: bytes) -> Any:
        """What the record with this digest has, as an array's field would give it."""
        seed = int.from_bytes(of[:4], "little")
        rest = [k + self.number for k in range(1, self.size)]
        match self.kind:
            case "i":
                return seed + self.number
            case "f":
                return (seed + self.number) / 2
            case "s":
                return of[:8].hex().encode().ljust(self.size, b"x")
            case "b":
                return of[:8] + bytes((k + self.number) & 255 for k in range(8, self.size))
            case "v":
                return np.array([seed & 0xFFFFFF, *rest], "<f4")
            case "d":
                return np.array([seed / 2, *(k + 0.5 for k in rest)])
        return np.array([seed, *rest])


@dataclass(frozen=True)
class Shape:
    """The bins of a record, and how many of a hundred are missing, or have changed as far as filters ask."""

    texts: tuple[str, ...] = USUAL
    missing: int = 0
    changed: int = 100

    @property
    def bins(self) -> list[Bin]:
        found = []
        for number, text in enumerate(self.texts):
            name, _, kind = text.partition(":")
            found.append(Bin(name, kind[0], int(kind[1:] or 0), number))
        return found

    @property
    def names(self) -> list[str]:
        return [bin.name for bin in self.bins]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype([bin.field for bin in self.bins])

    @property
    def wire(self) -> int:
        """Bytes of one record in a reply."""
        return 22 + sum(bin.wire for bin in self.bins)

    def rows(self, n: int) -> np.ndarray[Any, Any]:
        """The values of keys 0 to n - 1."""
        digests = np.frombuffer(b"".join(map(digest, range(n))), np.uint8).reshape(n, 20)
        seeds = np.ascontiguousarray(digests[:, :4]).view("<u4")[:, 0].astype("i8")
        rows = np.empty(n, self.dtype)
        for bin in self.bins:
            if bin.kind in "if":
                rows[bin.name] = (seeds + bin.number) / (1 if bin.kind == "i" else 2)
            else:
                rows[bin.name] = [bin.value(one.tobytes()) for one in digests]
        return rows

    def arguments(self) -> list[str]:
        return ["-m", str(self.missing), "-c", str(self.changed), *self.texts]

    def sample(self, n: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Some of the keys 0 to n - 1, and their values; None where the record is missing."""
        for key in sorted({int(i) for i in np.linspace(0, n - 1, min(n, SAMPLE))}):
            of = digest(key)
            is_missing = of[4] * 100 < self.missing * 256
            yield key, None if is_missing else {bin.name: bin.value(of) for bin in self.bins}

    def check_rows(self, rows: Any, found: Sequence[bool], n: int) -> None:
        """A structured array, or a mapping of columns, of the keys 0 to n - 1."""
        assert len(found) == n
        for key, values in self.sample(n):
            assert bool(found[key]) == (values is not None), f"key {key}: missing, or not"
            for name, value in (values or {}).items():
                got = rows[name][key]
                same = (
                    bytes(got) == value if isinstance(value, bytes) else np.array_equal(got, value)
                )
                assert same, f"key {key}, bin {name}: {got!r}, not {value!r}"

    def plain(self, key: int) -> dict[str, Any] | None:
        """The same of one key, as Python's own values."""
        of = digest(key)
        if of[4] * 100 < self.missing * 256:
            return None
        as_plain = {
            "s": bytes.decode, "v": np.ndarray.tobytes, "l": np.ndarray.tolist, "d": np.ndarray.tolist,
        }  # fmt: skip
        return {
            bin.name: as_plain.get(bin.kind, lambda value: value)(bin.value(of))
            for bin in self.bins
        }

    def check_dicts(self, records: Sequence[dict[str, Any] | None], n: int) -> None:
        """Python's own values, None for a missing record."""
        assert len(records) == n
        for key, _ in self.sample(n):
            got, values = records[key], self.plain(key)
            assert got == values, f"key {key}: {got!r}, not {values!r}"
