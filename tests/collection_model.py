"""Lists and maps as a server has them, slowly and plainly: no bytes, no C, every selection by looking at all.

Values are None, bool, int, float, str, bytes, `List` and `Map`. `run` carries out one operation, by the numbers
that the wire has for operations, return types and flags.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum
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


class Special(Enum):
    """What is only compared with: above all values, and equal to all (with whatever follows it)."""

    INFINITY = 1
    ANYTHING = 2


def sign(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


KINDS = (type(None), bool, int, str, List, Map, bytes, float, Special)


class Matches(Exception):
    """A comparison has met the value that equals all."""


def compare_parts(a: Any, b: Any) -> int:
    if Special.ANYTHING in (a, b):
        raise Matches
    kinds = [next(i for i, kind in enumerate(KINDS) if isinstance(v, kind)) for v in (a, b)]
    if kinds[0] != kinds[1]:
        return sign(*kinds)
    if isinstance(a, List):
        lengths = sign(len(a.items), len(b.items))
        return next(filter(None, map(compare_parts, a.items, b.items)), lengths)
    if isinstance(a, Map):
        if len(a.entries) != len(b.entries):
            return sign(len(a.entries), len(b.entries))
        flat = [[v for entry in m.entries for v in entry] for m in (a, b)]
        return next(filter(None, map(compare_parts, *flat)), 0)
    if isinstance(a, str):
        return sign(a.encode(), b.encode())
    return 0 if a is None or isinstance(a, Special) else sign(a, b)


def compare(a: Any, b: Any) -> int:
    """The order of all values: below 0, 0, or above."""
    try:
        return compare_parts(a, b)
    except Matches:
        return 0


KEY = cmp_to_key(compare)


def put(entries: list[tuple[Any, Any]], key: Any, value: Any) -> list[tuple[Any, Any]]:
    others = [entry for entry in entries if compare(entry[0], key) != 0]
    return sorted([*others, (key, value)], key=lambda entry: KEY(entry[0]))


def window(index: int, count: int | None, size: int) -> range:
    """`count` numbers from an index, which counts from the end below 0; what lies outside is cut off."""
    start = index + size if index < 0 else index
    first = max(0, min(start, size))
    if count is None or count < 0:
        return range(first, size)
    return range(first, max(first, min(start + count, size)))


def place(index: int, size: int) -> int:
    at = index + size if index < 0 else index
    if not 0 <= at < size:
        raise Refused(26)
    return at


@dataclass
class Selected:
    """Runs of indexes or of ranks (`by`: "index", "rank"), or of neither ("mark"): then as `marked` and `asked`."""

    by: str
    runs: list[range]
    single: bool = False
    keeps_ranks: bool = False  # elements come back in the order of their values
    marked: set[int] = field(default_factory=set)
    asked: list[int] | None = None
    keys: bool = False  # `asked` are places of keys
    first: int | None = None  # of equal ones, whose run is cut to one


class Selection:
    """What an operation selects of a list or map, and what comes back of it."""

    def __init__(self, on: List | Map) -> None:
        self.on = on
        self.values = on.items
        self.size = len(self.values)
        self.ranked = sorted(range(self.size), key=lambda i: KEY(self.values[i]))
        self.sorted_list = isinstance(on, List) and on.order == 1
        self.plain_list = isinstance(on, List) and on.order == 0

    @property
    def keys(self) -> list[Any]:
        assert isinstance(self.on, Map)
        return self.on.keys

    # -- which

    def of_values(self, run: range, **more: bool) -> Selected:
        return Selected("index" if self.sorted_list else "rank", [run], **more)

    @staticmethod
    def run(all_of: list[Any], begin: Any, *end: Any) -> range:
        """From the first at or above `begin` to the first at or above `end`."""
        first = sum(compare(v, begin) < 0 for v in all_of)
        last = sum(compare(v, end[0]) < 0 for v in all_of) if end else len(all_of)
        return range(first, max(first, last))

    @staticmethod
    def equal(all_of: list[Any], value: Any) -> range:
        first = sum(compare(v, value) < 0 for v in all_of)
        return range(first, first + sum(compare(v, value) == 0 for v in all_of))

    def by_index(self, index: int) -> Selected:
        at = place(index, self.size)
        return Selected("index", [range(at, at + 1)], True)

    def by_rank(self, rank: int) -> Selected:
        at = place(rank, self.size)
        return self.of_values(range(at, at + 1), single=True, keeps_ranks=True)

    def by_key(self, key: Any) -> Selected:
        return Selected("index", [self.equal(self.keys, key)[:1]], True)

    def by_value(self, value: Any) -> Selected:
        ranks = self.equal(self.values, value)
        s = self.of_values(ranks[:1], single=True)
        s.first = min((self.ranked[r] for r in ranks), default=None)
        return s

    def by_all(self, value: Any) -> Selected:
        return self.of_values(self.equal(self.values, value))

    def by_values(self, values: List) -> Selected:
        marked: set[int] = set()
        asked: list[int] = []
        for i, value in enumerate(values.items):
            ranks = self.equal(self.values, value)
            marked |= {self.ranked[r] for r in ranks}
            again = any(compare(value, later) == 0 for later in values.items[i + 1 :])
            if self.sorted_list or not again:
                asked += ranks
        return Selected("mark", [], marked=marked, asked=asked)

    def by_keys(self, keys: List) -> Selected:
        asked = [i for key in keys.items for i in self.equal(self.keys, key)]
        return Selected("mark", [], marked=set(asked), asked=asked, keys=True)

    def by_index_range(self, index: int, count: int | None = None) -> Selected:
        return Selected("index", [window(index, count, self.size)])

    def by_rank_range(self, rank: int, count: int | None = None) -> Selected:
        return self.of_values(window(rank, count, self.size), keeps_ranks=True)

    def by_key_interval(self, *ends: Any) -> Selected:
        return Selected("index", [self.run(self.keys, *ends)])

    def by_value_interval(self, *ends: Any) -> Selected:
        return self.of_values(self.run(self.values, *ends))

    def by_key_index(self, key: Any, index: int, count: int | None = None) -> Selected:
        base = sum(compare(k, key) < 0 for k in self.keys) + index
        return self.by_index_range(max(base, 0), self.shorter(base, count))

    def by_value_rank(self, value: Any, rank: int, count: int | None = None) -> Selected:
        base = sum(compare(v, value) < 0 for v in self.values) + rank
        return self.by_rank_range(max(base, 0), self.shorter(base, count))

    @staticmethod
    def shorter(base: int, count: int | None) -> int | None:
        return count if count is None or count < 0 or base >= 0 else max(count + base, 0)

    def others(self, s: Selected) -> Selected:
        marked = set(range(self.size)) - s.marked
        runs = [r for run in s.runs for r in (range(run.start), range(run.stop, self.size)) if r]
        if s.by != "mark":
            runs = runs or [range(self.size, self.size)]
        keeps = s.keeps_ranks and isinstance(self.on, Map) and len(runs) < 2
        return Selected(s.by, runs, keeps_ranks=keeps, marked=marked, keys=s.keys)

    # -- and what of it

    def numbers(self, s: Selected) -> list[int]:
        """Of the selected elements, in the order in which they come back."""
        if s.first is not None:
            return [s.first]
        if s.by == "mark":
            return sorted(s.marked)
        numbers = [i for run in s.runs for i in run]
        if s.by == "index":
            return numbers
        numbers = [self.ranked[r] for r in numbers]
        return numbers if s.keeps_ranks else sorted(numbers)

    def give(self, s: Selected, what: int) -> tuple[Any, set[int]]:
        """The result, and the numbers of what is removed where the operation removes."""
        inverted, what = bool(what & 0x10000), what & ~0x10000
        if inverted and s.single:
            raise Refused(26)
        s = self.others(s) if inverted else s
        return self.result(s, what, inverted), set(self.numbers(s))

    def result(self, s: Selected, what: int, inverted: bool) -> Any:
        numbers = self.numbers(s)
        if what == 0:
            return None
        if what in (1, 2):
            return self.indexes(s, what == 2)
        if what in (3, 4):
            return self.ranks(s, what == 4)
        if what == 5:
            return len(numbers)
        if what == 13:
            return bool(numbers)
        if what == 7:
            if self.sorted_list and s.asked is not None:
                numbers = s.asked
            if (
                self.plain_list
                and s.keeps_ranks
                and s.runs[0].start <= self.size - s.runs[0].start - len(numbers)
            ):
                numbers = numbers[::-1]  # a heap has the nearer end last
            return self.one_or_all(s, [self.values[i] for i in numbers])
        if what in (9, 10, 11, 12):
            return self.range(s, what, inverted)
        if what not in (6, 8, 16, 17) or not isinstance(self.on, Map):
            raise Refused(26)
        if what == 6:
            return self.one_or_all(s, [self.keys[i] for i in numbers])
        return Map([self.on.entries[i] for i in numbers], {8: 8, 16: 0, 17: 1}[what])

    @staticmethod
    def one_or_all(s: Selected, found: list[Any]) -> Any:
        return (found[0] if found else None) if s.single else List(found)

    def of_runs(self, s: Selected, reverse: bool) -> Any:
        runs = (
            [range(self.size - r.stop, self.size - r.start) for r in s.runs] if reverse else s.runs
        )
        return self.place_or_all(s, [i for run in runs for i in run])

    def each(self, s: Selected, places: list[int], reverse: bool) -> Any:
        return self.place_or_all(s, [self.size - 1 - i if reverse else i for i in places])

    @staticmethod
    def place_or_all(s: Selected, places: list[int]) -> Any:
        return (places[0] if places else -1) if s.single else List(places)

    def indexes(self, s: Selected, reverse: bool) -> Any:
        if s.by == "index":
            return self.of_runs(s, reverse)
        if s.asked is not None and (s.keys or self.sorted_list):
            return self.each(s, s.asked, reverse)
        numbers = self.numbers(s)
        return self.each(s, sorted(numbers) if self.plain_list else numbers, reverse)

    def ranks(self, s: Selected, reverse: bool) -> Any:
        if s.keys:
            raise Refused(26)
        if s.by == "mark":
            ranks = [r for r, i in enumerate(self.ranked) if i in s.marked]
            return self.each(s, ranks if s.asked is None else s.asked, reverse)
        numbers = self.numbers(s)
        if s.by == "rank" or self.sorted_list or len(numbers) == self.size:
            return self.of_runs(s, reverse)
        if isinstance(self.on, Map):
            return self.each(s, [self.ranked.index(i) for i in numbers], reverse)
        below = [sum(compare(v, self.values[i]) < 0 for v in self.values) for i in numbers]
        return self.each(s, below, reverse)

    def range(self, s: Selected, what: int, inverted: bool) -> Any:
        fits = s.by == ("index" if what in (9, 10) else "rank") or (
            self.sorted_list and s.by != "mark"
        )
        if not fits or (inverted and (isinstance(self.on, List) or len(s.runs) > 1)):
            raise Refused(26)
        run = s.runs[0]
        return List([self.size - run.stop if what in (10, 12) and run else run.start, len(run)])


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
    result, gone = selection.give(selected, what)
    if removes:
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
    fresh: list[Any] = []
    errors = []
    for i, value in enumerate(new):
        there = any(compare(value, old) == 0 for old in on.items)
        again = any(compare(value, other) == 0 for other in new[:i])
        if on.order:
            errors += [26] * again  # looked for before all else
        if there:
            errors.append(24)
        elif again and not on.order:
            errors.append(26)
        if not there and not again:
            fresh.append(value)
    if errors and not flags & 4:
        raise Refused(26 if on.order and 26 in errors else errors[0])
    return fresh if not errors or flags & 8 else []


def others(on: List, at: int) -> list[Any]:
    return [v for i, v in enumerate(on.items) if i != at]


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


def list_put(on: List, at: int, value: Any, flags: int) -> None:
    """Sets an element, or adds it behind the last."""
    beyond = at > len(on.items) and (on.order or flags & 2)
    again = flags & 1 and any(compare(value, v) == 0 for v in others(on, at))
    if beyond or again:
        if not flags & 4:
            raise Refused(26 if beyond else 24)
        return
    on.items += [None] * (at + 1 - len(on.items))
    on.items[at] = value
    if on.order:
        on.items.sort(key=KEY)


def list_set(on: List, index: int, value: Any, flags: int) -> None:
    at = index + len(on.items) if index < 0 else index
    if on.order or at < 0:
        raise Refused(26)
    list_put(on, at, value, flags)


def list_increment(on: List, index: int, delta: Any, flags: int) -> Any:
    at = index + len(on.items) if index < 0 else index
    if at < 0:
        raise Refused(26)
    result = add(on.items[at] if at < len(on.items) else type(delta)(0), delta)
    list_put(on, at, result, flags)
    return result


def list_take(on: List, numbers: list[int]) -> list[Any]:
    taken = [on.items[i] for i in numbers]
    on.items = [v for i, v in enumerate(on.items) if i not in set(numbers)]
    return taken


def list_sort(on: List, flags: int) -> None:
    on.items.sort(key=KEY)
    if flags & 2:
        on.items = [v for i, v in enumerate(on.items) if i == 0 or compare(on.items[i - 1], v) != 0]
    if flags & 1 and not on.order:
        on.items.reverse()


def on_list(on: List, code: int, args: list[Any]) -> Any:
    size = len(on.items)
    if code == 0:
        if args[0] & ~0x11:
            raise Refused(26)
        on.order = args[0] & 1
        if on.order:
            on.items.sort(key=KEY)
        return None
    if code in (1, 2):
        return list_append(on, args[0].items if code == 2 else [args[0]], (args + [0, 0])[2])
    if code in (3, 4):
        if code == 4 and not args[1].items and not on.order:
            return size
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
        return list_increment(on, args[0], args[1], (args + [0, 0])[3])
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
        if args[0] & ~0x13 or args[0] & 3 == 2:
            raise Refused(26)
        on.order = args[0] & 3
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
    if not isinstance(on, (List, Map)):
        raise Refused(26)
    if kind & 0x30 and not isinstance(on, Map if kind & 0x20 else List):
        raise Refused(26)
    selection = Selection(on)
    if kind & 3 == 2 and not isinstance(on, Map):
        raise Refused(26)
    select_one = (selection.by_index, selection.by_rank, selection.by_key, selection.by_value)[
        kind & 3
    ]
    found = selection.numbers(select_one(value))
    if not found:
        raise Refused(26)
    return found[0]


def new_container(kind: int) -> List | Map:
    """What a level makes where it finds nothing: a list or map, ordered as its create bits say."""
    if kind & 0x20:
        return Map(order={0xC0: 3, 0x80: 1}.get(kind & 0xC0, 0))
    return List(order=int(kind & 0xC0 == 0xC0))


def room_for(on: Any, kind: int, value: Any, inside_new: bool) -> None:
    """Refuses a child that a level may not make: by a key of a map, or an index behind a list's last."""
    if not (kind & 0xC0 or inside_new):
        raise Refused(26)
    if isinstance(on, Map):
        if kind & 0x3F != 0x22 or isinstance(value, (type(None), bool, float, List, Map)):
            raise Refused(26)
        return
    index = value + 1 if kind & 0x3F == 0x10 and value < 0 and not on.items else value
    bounded = not on.order and kind & 0xC0 != 0x80
    if kind & 0x3F != 0x10 or index < 0 or (bounded and index > len(on.items)):
        raise Refused(26)


def put_child(on: Any, kind: int, value: Any, child: Any) -> None:
    if isinstance(on, Map):
        on.entries = put(on.entries, value, child)
        return
    if not on.order:
        on.items += [None] * (value - len(on.items))
    on.items.append(child)


MAKERS = {0: 0, 1: 1, 2: 1, 3: None, 4: None, 9: None, 12: 2, 64: 0, 65: 2, 66: 1, 67: 2, 68: 1, 69: None, 70: None,
          73: 2, 74: 2}  # fmt: skip


NOTHING = object()  # where no value is, not even None


def on_nothing(code: int, args: list[Any]) -> tuple[Any, Any]:
    """What an operation makes where nothing is, and its result."""
    if code not in MAKERS:
        return NOTHING, None
    at = MAKERS[code]
    order = args[at] if at is not None and at < len(args) else 0
    made = Map(order=order & 3) if code >= 64 else List(order=order & 1)
    result = (on_map if code >= 64 else on_list)(made, code, args)
    if code == 70:
        raise Refused(23)
    return made, result


def go(
    on: Any, context: list[tuple[int, Any]], inside_new: bool, code: int, args: list[Any]
) -> tuple[Any, Any]:
    """What is there afterwards, maybe still nothing, and the result."""
    if not context:
        if on is NOTHING:
            return on_nothing(code, args)
        if not isinstance(on, Map if code >= 64 else List):
            raise Refused(12)
        return on, (on_map if code >= 64 else on_list)(on, code, args)
    (kind, value), *rest = context
    on = new_container(kind) if on is NOTHING else on
    try:
        at = find(on, kind, value)
    except Refused:
        if isinstance(on, (List, Map)) and not (
            kind & 0x30 and not isinstance(on, Map if kind & 0x20 else List)
        ):
            room_for(on, kind, value, inside_new)
            child, result = go(NOTHING, rest, True, code, args)
            if child is NOTHING:
                return (NOTHING if inside_new else on), result
            put_child(on, kind, value, child)
        else:
            raise
    else:
        _, result = go(on.items[at], rest, False, code, args)
    if isinstance(on, List) and on.order:
        on.items.sort(key=KEY)
    return on, result


def run(on: Any, context: list[tuple[int, Any]], code: int, args: list[Any]) -> Any:
    """Carries out an operation on what lies at the end of the context; its result. `on` changes in place."""
    return go(on, context, False, code, args)[1]


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
    if isinstance(value, Special):
        return b"\xd4\xff" + bytes([value is Special.INFINITY])
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
