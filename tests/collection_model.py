"""Lists and maps as a server has them, slowly and plainly: no bytes, no C, every selection by looking at all.

Values are None, bool, int, float, str, bytes, `List` and `Map`. `run` carries out one operation, by the numbers
that the wire has for operations, return types and flags.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any


class Refused(Exception):
    """An operation that ends with a result code above 0."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class List:
    items: list[Any] = field(default_factory=list)
    order: int = 0


@dataclass
class Map:
    """Entries, always in the order of their keys."""

    entries: list[tuple[Any, Any]] = field(default_factory=list)
    order: int = 0

    @property
    def items(self) -> list[Any]:
        return [value for _, value in self.entries]

    @property
    def keys(self) -> list[Any]:
        return [key for key, _ in self.entries]


def sign(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


KINDS = (type(None), bool, int, str, List, Map, bytes, float)


def compare(a: Any, b: Any) -> int:
    """The order of all values: below 0, 0, or above."""
    kinds = [next(i for i, kind in enumerate(KINDS) if isinstance(v, kind)) for v in (a, b)]
    if kinds[0] != kinds[1]:
        return sign(*kinds)
    if isinstance(a, List):
        return next(filter(None, map(compare, a.items, b.items)), sign(len(a.items), len(b.items)))
    if isinstance(a, Map):
        if len(a.entries) != len(b.entries):
            return sign(len(a.entries), len(b.entries))
        flat = [[v for entry in m.entries for v in entry] for m in (a, b)]
        return next(filter(None, map(compare, *flat)), 0)
    if isinstance(a, str):
        return sign(a.encode(), b.encode())
    return 0 if a is None else sign(a, b)


KEY = cmp_to_key(compare)


def put(entries: list[tuple[Any, Any]], key: Any, value: Any) -> list[tuple[Any, Any]]:
    others = [entry for entry in entries if compare(entry[0], key) != 0]
    return sorted([*others, (key, value)], key=lambda entry: KEY(entry[0]))


def window(index: int, count: int | None, size: int) -> range:
    """`count` numbers from an index, which counts from the end below 0; what lies outside is cut off."""
    start = index + size if index < 0 else index
    first = max(0, min(start, size))
    return range(first, size if count is None else max(first, min(start + count, size)))


def place(index: int, size: int) -> int:
    at = index + size if index < 0 else index
    if not 0 <= at < size:
        raise Refused(26)
    return at


@dataclass
class Selected:
    numbers: list[int]
    single: bool = False
    kind: str = ""
    first: int = 0
    asked: list[int] | None = None


class Selection:
    """What an operation selects of a list or map, and what comes back of it."""

    def __init__(self, on: List | Map) -> None:
        self.on = on
        self.values = on.items
        self.size = len(self.values)
        self.ranked = sorted(range(self.size), key=lambda i: KEY(self.values[i]))
        self.rank_of = {number: rank for rank, number in enumerate(self.ranked)}

    def by_index(self, index: int) -> Selected:
        return Selected([place(index, self.size)], True)

    def by_rank(self, rank: int) -> Selected:
        return Selected([self.ranked[place(rank, self.size)]], True)

    def by_key(self, key: Any) -> Selected:
        return Selected([i for i, k in enumerate(self.keys) if compare(k, key) == 0], True)

    def by_value(self, value: Any) -> Selected:
        return Selected(self.by_all(value).numbers[:1], True)

    def by_all(self, value: Any) -> Selected:
        return Selected([i for i, v in enumerate(self.values) if compare(v, value) == 0])

    def by_values(self, values: List) -> Selected:
        asked = [i for value in values.items for i in self.by_all(value).numbers]
        return Selected(sorted(set(asked)), asked=list(dict.fromkeys(asked)), kind="values")

    def by_keys(self, keys: List) -> Selected:
        asked = [i for key in keys.items for i in self.by_key(key).numbers]
        return Selected(sorted(set(asked)), asked=list(dict.fromkeys(asked)), kind="keys")

    def by_index_range(self, index: int, count: int | None = None) -> Selected:
        numbers = window(index, count, self.size)
        return Selected(list(numbers), kind="index range", first=numbers.start)

    def by_rank_range(self, rank: int, count: int | None = None) -> Selected:
        ranks = window(rank, count, self.size)
        return Selected([self.ranked[r] for r in ranks], kind="rank range", first=ranks.start)

    def by_key_interval(self, *ends: Any) -> Selected:
        numbers = [i for i, key in enumerate(self.keys) if self.within(key, *ends)]
        first = sum(compare(key, ends[0]) < 0 for key in self.keys)
        return Selected(numbers, kind="index range", first=first)

    def by_value_interval(self, *ends: Any) -> Selected:
        numbers = [i for i, value in enumerate(self.values) if self.within(value, *ends)]
        first = sum(compare(value, ends[0]) < 0 for value in self.values)
        return Selected(numbers, kind="value interval", first=first)

    def by_key_index(self, key: Any, index: int, count: int | None = None) -> Selected:
        base = sum(compare(k, key) < 0 for k in self.keys) + index
        return self.by_index_range(max(base, 0), self.shorter(base, count))

    def by_value_rank(self, value: Any, rank: int, count: int | None = None) -> Selected:
        base = sum(compare(v, value) < 0 for v in self.values) + rank
        return self.by_rank_range(max(base, 0), self.shorter(base, count))

    @staticmethod
    def shorter(base: int, count: int | None) -> int | None:
        return count if count is None or base >= 0 else max(count + base, 0)

    @staticmethod
    def within(value: Any, begin: Any, *end: Any) -> bool:
        return compare(value, begin) >= 0 and not (end and compare(value, end[0]) >= 0)

    @property
    def keys(self) -> list[Any]:
        assert isinstance(self.on, Map)
        return self.on.keys

    def give(self, s: Selected, what: int) -> Any:
        inverted, what = bool(what & 0x10000), what & ~0x10000
        numbers, size = s.numbers, self.size
        if inverted:
            if s.single:
                raise Refused(4)
            order = range(size)
            if s.kind == "rank range" and (isinstance(self.on, Map) or what in (3, 4)):
                order = self.ranked  # type: ignore[assignment]
            numbers = [i for i in order if i not in set(s.numbers)]
            s.numbers = numbers
        if what == 0:
            return None
        if what in (1, 2, 3, 4):
            return self.places(s, what, inverted)
        if what == 5:
            return len(numbers)
        if what == 13:
            return bool(numbers)
        if what == 7:
            heap = isinstance(self.on, List) and not self.on.order and s.kind == "rank range"
            if heap and not inverted and s.first <= size - s.first - len(numbers):
                numbers = numbers[::-1]
            return self.one_or_all(s, [self.values[i] for i in numbers])
        if what in (9, 10, 11, 12):
            wanted = {"index range"} if what in (9, 10) else {"rank range", "value interval"}
            if inverted or s.kind not in wanted:
                raise Refused(26)
            first = s.first if what in (9, 11) else size - s.first - len(numbers)
            return List([first, len(numbers)])
        if not isinstance(self.on, Map):
            raise Refused(26)
        if what == 6:
            return self.one_or_all(s, [self.keys[i] for i in numbers])
        if what in (8, 16, 17):
            entries = [self.on.entries[i] for i in numbers]
            return Map(entries, {8: 8, 16: 0, 17: 1}[what])
        raise Refused(26)

    @staticmethod
    def one_or_all(s: Selected, found: list[Any]) -> Any:
        return (found[0] if found else None) if s.single else List(found)

    def places(self, s: Selected, what: int, inverted: bool) -> Any:
        by_rank = what in (3, 4)
        if by_rank and s.kind == "keys":
            raise Refused(26)
        numbers = s.numbers
        if not inverted and s.asked is not None and by_rank == (s.kind == "values"):
            numbers = s.asked
        elif not by_rank and s.kind == "rank range":
            numbers = sorted(numbers)
        found = [self.rank_of[i] if by_rank else i for i in numbers]
        if what in (2, 4):
            found = [self.size - 1 - i for i in found]
        return (found[0] if found else -1) if s.single else List(found)


LIST_SELECTIONS = (
    "by_index", "by_value", "by_rank", "by_all", "by_values", "by_index_range", "by_value_interval",
    "by_rank_range", "by_value_rank",
)  # fmt: skip
MAP_REMOVALS = (
    "by_key", "by_index", "by_value", "by_rank", "", "by_keys", "by_all", "by_values", "by_key_interval",
    "by_index_range", "by_value_interval", "by_rank_range", "by_key_index", "by_value_rank",
)  # fmt: skip
MAP_READS = (
    "by_key", "by_index", "by_value", "by_rank", "", "by_all", "by_key_interval", "by_index_range",
    "by_value_interval", "by_rank_range", "by_keys", "by_values", "by_key_index", "by_value_rank",
)  # fmt: skip


def select(on: List | Map, name: str, what: int, *args: Any, removes: bool) -> Any:
    selection = Selection(on)
    selected = getattr(selection, name)(*args)
    result = selection.give(selected, what)
    if removes:
        gone = set(selected.numbers)
        if isinstance(on, Map):
            on.entries = [entry for i, entry in enumerate(on.entries) if i not in gone]
        else:
            on.items = [value for i, value in enumerate(on.items) if i not in gone]
    return result


def add(number: Any, delta: Any) -> Any:
    if type(number) not in (int, float) or type(delta) not in (int, float):
        raise Refused(4)
    if isinstance(number, int):
        return (number + int(delta) + 2**63) % 2**64 - 2**63
    return number + delta


def unique(on: List, new: list[Any], flags: int) -> list[Any]:
    """What of the new values may be added where none may be there twice."""
    if any(compare(a, b) == 0 for i, a in enumerate(new) for b in new[:i]):
        raise Refused(26)
    fresh = [v for v in new if all(compare(v, old) != 0 for old in on.items)]
    if len(fresh) < len(new):
        if not flags & 4:
            raise Refused(24)
        return fresh if flags & 8 else []
    return fresh


def list_insert(on: List, index: int, new: list[Any], flags: int) -> Any:
    at = index + len(on.items) if index < 0 else index
    if on.order or at < 0:
        raise Refused(26)
    if at > len(on.items) and flags & 2:
        if not flags & 4:
            raise Refused(26)
        return len(on.items)
    if flags & 1:
        new = unique(on, new, flags)
    if new:
        on.items += [None] * (at - len(on.items))
        on.items[at:at] = new
    return len(on.items)


def list_append(on: List, new: list[Any], flags: int) -> Any:
    on.items += unique(on, new, flags) if flags & 1 else new
    if on.order:
        on.items.sort(key=KEY)
    return len(on.items)


def list_set(on: List, index: int, value: Any, flags: int) -> None:
    at = index + len(on.items) if index < 0 else index
    if on.order or at < 0:
        raise Refused(26)
    if at >= len(on.items) and flags & 2:
        if not flags & 4:
            raise Refused(26)
        return
    if flags & 1 and not unique(on, [value], flags):
        return
    on.items += [None] * (at + 1 - len(on.items))
    on.items[at] = value


def list_increment(on: List, index: int, delta: Any) -> Any:
    at = index + len(on.items) if index < 0 else index
    if at < 0 or (at >= len(on.items) and on.order):
        raise Refused(26)
    old = on.items[at] if at < len(on.items) else type(delta)(0)
    result = add(old, delta)
    on.items += [None] * (at + 1 - len(on.items))
    on.items[at] = result
    if on.order:
        on.items.sort(key=KEY)
    return result


def list_take(on: List, numbers: list[int]) -> list[Any]:
    taken = [on.items[i] for i in numbers]
    on.items = [v for i, v in enumerate(on.items) if i not in set(numbers)]
    return taken


def list_sort(on: List, flags: int) -> None:
    if on.order and flags & 1:
        raise Refused(26)
    on.items.sort(key=KEY)
    if flags & 2:
        on.items = [v for i, v in enumerate(on.items) if i == 0 or compare(on.items[i - 1], v) != 0]
    if flags & 1:
        on.items.reverse()


def on_list(on: List, code: int, args: list[Any]) -> Any:
    size = len(on.items)
    if code == 0:
        on.order = args[0] & 1
        if on.order:
            on.items.sort(key=KEY)
        return None
    if code in (1, 2):
        return list_append(on, args[0].items if code == 2 else [args[0]], (args + [0, 0])[2])
    if code in (3, 4):
        return list_insert(on, args[0], args[1].items if code == 4 else [args[1]], (args + [0])[2])
    if code in (5, 7):
        (value,) = list_take(on, [place(args[0], size)])
        return value if code == 5 else 1
    if code in (6, 8):
        taken = list_take(on, list(window(args[0], (args + [None])[1], size)))
        return List(taken) if code == 6 else len(taken)
    if code == 9:
        return list_set(on, args[0], args[1], (args + [0])[2])
    if code == 10:
        on.items = [on.items[i] for i in window(args[0], args[1], size)]
        return size - len(on.items)
    if code == 11:
        on.items = []
        return None
    if code == 12:
        return list_increment(on, args[0], args[1])
    if code == 13:
        return list_sort(on, args[0])
    if code == 16:
        return size
    if code == 17:
        return on.items[place(args[0], size)]
    if code == 18:
        return List([on.items[i] for i in window(args[0], (args + [None])[1], size)])
    first = 19 if code < 32 else 32
    return select(on, LIST_SELECTIONS[code - first], *args, removes=code >= 32)


def map_put(on: Map, new: list[tuple[Any, Any]], flags: int) -> Any:
    kept = on.entries
    for key, value in new:
        there = any(compare(key, k) == 0 for k in on.keys)
        if (there and flags & 1) or (not there and flags & 2):
            if not flags & 4:
                raise Refused(24 if there else 23)
            if not flags & 8:
                return len(on.entries)
            continue
        kept = put(kept, key, value)
    on.entries = kept
    return len(kept)


def on_map(on: Map, code: int, args: list[Any]) -> Any:
    if code == 64:
        on.order = args[0]
        return None
    if code in (65, 67, 69):
        flags = {65: 1, 67: (args + [0, 0])[3], 69: 2}[code]
        return map_put(on, [(args[0], args[1])], flags)
    if code in (66, 68, 70):
        flags = {66: 1, 68: (args + [0, 0])[2], 70: 2}[code]
        return map_put(on, args[0].entries, flags)
    if code in (73, 74):
        old = [v for k, v in on.entries if compare(k, args[0]) == 0] or [type(args[1])(0)]
        result = add(old[0], args[1] if code == 73 else -args[1])
        on.entries = put(on.entries, args[0], result)
        return result
    if code == 75:
        on.entries = []
        return None
    if code == 96:
        return len(on.entries)
    if code < 96:
        return select(on, MAP_REMOVALS[code - 76], *args, removes=True)
    return select(on, MAP_READS[code - 97], *args, removes=False)


def find(on: Any, kind: int, value: Any) -> int:
    """The number of the child that a level of a context names."""
    if not isinstance(on, Map if kind & 0x20 else List):
        raise Refused(26)
    selection = Selection(on)
    if kind in (0x13, 0x23):
        found = selection.by_all(value)
    else:
        found = {0x10: selection.by_index, 0x20: selection.by_index, 0x11: selection.by_rank,
                 0x21: selection.by_rank, 0x22: selection.by_key}[kind](value)  # fmt: skip
    if not found.numbers:
        raise Refused(26)
    return found.numbers[0]


def run(on: Any, context: list[tuple[int, Any]], code: int, args: list[Any]) -> Any:
    """Carries out an operation on what lies at the end of the context; its result. `on` changes in place."""
    if context:
        (kind, value), *rest = context
        at = find(on, kind, value)
        result = run(on.items[at], rest, code, args)
        if isinstance(on, List) and on.order:
            on.items.sort(key=KEY)
        return result
    if not isinstance(on, Map if code >= 64 else List):
        raise Refused(12)
    return (on_map if code >= 64 else on_list)(on, code, args)


# ---- MessagePack ----


def pack_head(count: int, short: int, medium: int) -> bytes:
    return bytes([short + count]) if count < 16 else bytes([medium]) + count.to_bytes(2, "big")


def pack(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        if -32 <= value < 128:
            return struct.pack("b", value)
        if value >= 0:
            size = next(s for s in (1, 2, 4, 8) if value < 256**s)
            return bytes([0xCC + size.bit_length() - 1]) + value.to_bytes(size, "big")
        size = next(s for s in (1, 2, 4, 8) if value >= -(256**s) // 2)
        return bytes([0xD0 + size.bit_length() - 1]) + value.to_bytes(size, "big", signed=True)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, (str, bytes)):
        text = b"\x03" + value.encode() if isinstance(value, str) else b"\x04" + value
        return bytes([0xA0 + len(text)]) + text
    mark = bytes([0xC7, 0, value.order]) if value.order else b""
    if isinstance(value, List):
        return (
            pack_head(len(value.items) + bool(mark), 0x90, 0xDC)
            + mark
            + b"".join(map(pack, value.items))
        )
    body = b"".join(pack(key) + pack(item) for key, item in value.entries)
    return pack_head(len(value.entries) + bool(mark), 0x80, 0xDE) + (mark and mark + b"\xc0") + body
