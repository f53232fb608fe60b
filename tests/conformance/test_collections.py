"""Random operations on lists and maps, nested in each other: the node and a slow model say the same."""

from __future__ import annotations

import copy
import random
import secrets
import struct
from typing import Any

import pytest

from tests import collection_model as model
from tests.collection_model import List, Map, Refused, Special, pack

from . import wire

KEYS = [1, 2, 3, "a", "b", "c", b"x"]
FLAT = [None, True, False, -1, 0, 1, 2, 3, 300, 1.5, -2.5, "", "a", "b", b"", b"x"]
READS, WRITES = 3, 4


class Maker:
    """Random values, contexts and arguments."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        if depth < 3 and self.r.random() < 0.25:
            return self.list(depth + 1) if self.r.random() < 0.5 else self.map(depth + 1)
        return self.r.choice(FLAT)

    def list(self, depth: int = 0) -> List:
        items = [self.value(depth) for _ in range(self.r.randrange(7))]
        order = int(self.r.random() < 0.3)
        return List(sorted(items, key=model.KEY) if order else items, order)

    def map(self, depth: int = 0) -> Map:
        keys = self.r.sample(KEYS, self.r.randrange(6))
        entries = sorted(((key, self.value(depth)) for key in keys), key=lambda e: model.KEY(e[0]))
        return Map(entries, self.r.choice([0, 1, 3]))

    def some_of(self, on: Any) -> Any:
        """A value that is in it, or any."""
        there = on.items and self.r.random() < 0.7
        return copy.deepcopy(self.r.choice(on.items)) if there else self.value(2)

    def sought(self, on: Any) -> Any:
        """Something to compare with: now and then infinity, or a list that ends with a wildcard."""
        value = self.some_of(on)
        if self.r.random() < 0.1:
            return self.r.choice(list(Special))
        if isinstance(value, List) and value.items and not value.order and self.r.random() < 0.5:
            return List([*value.items[: self.r.randrange(len(value.items))], Special.ANYTHING])
        return value

    def context(self, on: Any) -> tuple[list[tuple[int, Any]], Any]:
        """A way down, mostly to a list or map, and what is there."""
        way: list[tuple[int, Any]] = []
        while on.items and self.r.random() < 0.5:
            ranked = sorted(range(len(on.items)), key=lambda i: model.KEY(on.items[i]))
            nested = [i for i, v in enumerate(on.items) if isinstance(v, (List, Map))]
            at = self.r.choice(nested) if nested and self.r.random() < 0.95 else None
            if at is None:
                break
            kinds = [(0, at), (0, at - len(on.items)), (1, ranked.index(at)), (3, on.items[at])]
            if isinstance(on, Map):
                kinds.append((2, on.keys[at]))
            kind, value = self.r.choice(kinds)
            kind |= self.r.choice([0, 0x20 if isinstance(on, Map) else 0x10])
            way.append((kind, value))
            on = on.items[model.find(on, *way[-1])]
        return way, on

    def more(self) -> list[tuple[int, Any]]:
        """Levels behind the end of a way, mostly such as are made."""
        levels: list[tuple[int, Any]] = []
        while self.r.random() < 0.6:
            create = self.r.choice([0, 0x40, 0x80, 0xC0])
            if self.r.random() < 0.5:
                levels.append((0x22 | create, self.r.choice([*KEYS, 77])))
            else:
                levels.append((0x10 | create, self.r.choice([0, -1, 2, 5, 9])))
        return levels

    def index(self) -> int:
        return self.r.randrange(-8, 9)

    def range(self) -> list[int]:
        return [self.index()] + ([self.r.randrange(-1, 8)] if self.r.random() < 0.7 else [])

    def what(self) -> int:
        inverted = 0x10000 if self.r.random() < 0.2 else 0
        return (
            self.r.choice([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 10, 11, 12, 13, 16, 17]) | inverted
        )

    def flags(self) -> int:
        return self.r.choice([0, 0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 32])

    def selection(self, name: str, on: Any) -> list[Any]:
        interval = sorted((self.sought(on) for _ in range(2)), key=model.KEY)
        arguments: dict[str, list[Any]] = {
            "by_index": [self.index()],
            "by_rank": [self.index()],
            "by_key": [self.r.choice(KEYS)],
            "by_value": [self.sought(on)],
            "by_all": [self.sought(on)],
            "by_values": [List([self.some_of(on) for _ in range(self.r.randrange(4))])],
            "by_keys": [List(self.r.choices(KEYS, k=self.r.randrange(4)))],
            "by_index_range": self.range(),
            "by_rank_range": self.range(),
            "by_key_interval": sorted(self.r.choices(KEYS, k=2), key=model.KEY),
            "by_value_interval": interval[: self.r.choice([1, 2])],
            "by_key_index": [self.r.choice(KEYS), *self.range()],
            "by_value_rank": [self.sought(on), *self.range()],
        }
        single = name in ("by_index", "by_rank", "by_key", "by_value")
        what = self.what()
        if single and self.r.random() < 0.9:
            what &= 0xFFFF
        return [what, *arguments[name]]

    def list_operation(self, on: Any) -> tuple[int, int, list[Any]]:
        code = self.r.choice([*range(14), *range(16, 28), *range(32, 41)])
        value, values = (
            self.some_of(on),
            List([self.some_of(on) for _ in range(self.r.randrange(4))]),
        )
        arguments: dict[int, list[Any]] = {
            0: [self.r.choice([0, 0, 1, 1, 16, 2])], 1: [value, 0, self.flags()], 2: [values, 0, self.flags()],
            3: [self.index(), value, self.flags()], 4: [self.index(), values, self.flags()],
            5: [self.index()], 6: self.range(), 7: [self.index()], 8: self.range(),
            9: [self.index(), value, self.flags()], 10: [self.index(), self.r.randrange(8)], 11: [],
            12: [self.index(), self.r.choice([1, -3, 1.5]), 0, self.flags()], 13: [self.r.randrange(4)],
            16: [], 17: [self.index()], 18: self.range(),
        }  # fmt: skip
        if code in arguments:
            return (READS if code in (16, 17, 18) else WRITES), code, arguments[code]
        name = model.LIST_SELECTIONS[code - (19 if code < 32 else 32)]
        return (READS if code < 32 else WRITES), code, self.selection(name, on)

    def map_operation(self, on: Any) -> tuple[int, int, list[Any]]:
        code = self.r.choice(
            [
                *range(64, 71),
                73,
                74,
                75,
                *range(76, 80),
                *range(81, 90),
                *range(96, 101),
                *range(102, 111),
            ]
        )
        key, value = self.r.choice(KEYS), self.some_of(on)
        entries = Map(self.map(2).entries)
        arguments: dict[int, list[Any]] = {
            64: [self.r.choice([0, 1, 3, 2, 8])], 65: [key, value], 66: [entries],
            67: [key, value, 0, self.flags()], 68: [entries, 0, self.flags()], 69: [key, value],
            70: [entries], 73: [key, self.r.choice([1, 2.5])], 74: [key, 1], 75: [], 96: [],
        }  # fmt: skip
        if code in arguments:
            return (READS if code == 96 else WRITES), code, arguments[code]
        names, first = (model.MAP_REMOVALS, 76) if code < 96 else (model.MAP_READS, 97)
        return (WRITES if code < 96 else READS), code, self.selection(names[code - first], on)


def particle(value: Any) -> tuple[int, bytes]:
    """A value as that of an operation in a reply."""
    if value is None:
        return 0, b""
    if isinstance(value, bool):
        return 17, bytes([value])
    if isinstance(value, int):
        return 1, wire.integer(value)
    if isinstance(value, float):
        return 2, struct.pack(">d", value)
    if isinstance(value, (str, bytes)):
        return (3, value.encode()) if isinstance(value, str) else (4, value)
    return (20 if isinstance(value, List) else 19), pack(value)


def ask(connection: wire.Connection, ops: list[bytes], writes: bool) -> wire.Message:
    return connection.ask(wire.request(*ops, info=(wire.READ, 0x81 if writes else 0x80, 0)))


@pytest.mark.parametrize("kind", ["list", "map"])
def test_node_and_model_agree_on_random_operations(connection: wire.Connection, kind: str) -> None:
    seed = secrets.randbits(32)
    make = Maker(seed)
    on: Any = None
    agreed = {True: 0, False: 0}
    for turn in range(3000):
        if turn % 25 == 0:
            on = make.list() if kind == "list" else make.map()
            form, value = particle(on)
            assert ask(connection, [wire.op(wire.OP_WRITE, b"b", form, value)], True).code == 0
        way, at = make.context(on)
        is_map = isinstance(at, Map) if make.r.random() < 0.98 else not isinstance(at, Map)
        op, code, args = (make.map_operation if is_map else make.list_operation)(at)
        if op == WRITES and make.r.random() < 0.2:
            way = (way + make.more())[:7]
        if op == WRITES and code == 0 and make.r.random() < 0.5:
            continue  # not all lists shall become ordered
        call = b"".join(map(pack, [code, *args]))
        call = bytes([0x90 + 1 + len(args)]) + call
        if way:
            levels = b"".join(pack(part) for level in way for part in level)
            call = b"\x93\xcc\xff" + bytes([0x90 + 2 * len(way)]) + levels + call
        after = copy.deepcopy(on)
        try:
            want: Any = (0, particle(model.run(after, way, code, args)))
        except Refused as refused:
            want, after = (refused.code, None), on
        asked = wire.op(op, b"b", 4, call)
        reply = ask(connection, [asked], op == WRITES)
        got = (reply.code, (reply.ops[0].particle, reply.ops[0].value) if reply.ops else None)
        note = f"seed {seed}, turn {turn}: {code} {args} at {way} of {on}"
        assert got == want, note
        on = after
        stored = ask(connection, [wire.op(wire.OP_READ, b"b")], False).ops[0]
        assert (stored.particle, stored.value) == particle(on), note
        agreed[reply.code == 0] += 1
    assert agreed[True] > agreed[False] > 0
