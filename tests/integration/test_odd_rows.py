"""Rows that are not like the one before, on each kind of SIMD lanes: the right answer all the same.

The engine guesses that a row has the bins of the last one, in its order and of its types, and hashes many keys at
once. Here the guesses are wrong, in every way that there is, and replies come byte by byte. A kind is chosen when
a process begins, so each has one of its own; it runs this file.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_server import END, FakeServer, frame, op, row

import aerospike_np
from aerospike_np import Keys

PACKAGE = Path(aerospike_np.__file__).parent
INTEGER, DOUBLE, STRING = 1, 2, 3
DTYPES = {
    "as the host": np.dtype(
        [("i", "i8"), ("f", "f8"), ("s", "S16"), ("long_bin_name", "i4"), ("t", "f4")]
    ),
    "swapped": np.dtype(
        [("i", ">i8"), ("f", ">f8"), ("s", "S16"), ("long_bin_name", ">i4"), ("t", ">f4")]
    ),
}
NAMES = ["i", "f", "s", "long_bin_name", "t"]
PIECES = {"whole": (300, 1 << 20), "in sevens": (90, 7), "byte by byte": (60, 1)}


def seed_of(digest: bytes) -> int:
    return int.from_bytes(digest[:3], "little")


def values(seed: int) -> dict[str, Any]:
    return {
        "i": seed,
        "f": seed / 2,
        "s": f"{seed:016d}".encode(),
        "long_bin_name": -seed,
        "t": float(seed % 4096),
    }


def bin_op(name: str, value: Any, particle: int | None = None) -> bytes:
    if isinstance(value, bytes):
        return op(name.encode(), STRING, value)
    if particle == DOUBLE or (particle is None and isinstance(value, float)):
        return op(name.encode(), DOUBLE, struct.pack(">d", value))
    return op(name.encode(), INTEGER, struct.pack(">q", int(value)))


# ---- what a row can be like: its operations, and what is expected of it (None: masked) ----

Made = tuple[list[bytes], dict[str, Any]]


def usual(i: int, v: dict[str, Any]) -> Made:
    return [bin_op(name, v[name]) for name in NAMES], v


def backwards(i: int, v: dict[str, Any]) -> Made:
    return usual(i, v)[0][::-1], v


def another_order_each_time(i: int, v: dict[str, Any]) -> Made:
    ops = usual(i, v)[0]
    return ops[i % 5 :] + ops[: i % 5], v


def two_change_places_now_and_then(i: int, v: dict[str, Any]) -> Made:
    ops = usual(i, v)[0]
    if i % 7 == 3:
        ops[1], ops[2] = ops[2], ops[1]
    return ops, v


def each_third_lacks_a_bin(i: int, v: dict[str, Any]) -> Made:
    lacking = NAMES[i % 5] if i % 3 == 2 else ""
    return (
        [bin_op(name, v[name]) for name in NAMES if name != lacking],
        {name: None if name == lacking else v[name] for name in NAMES},
    )


def other_types_now_and_then(i: int, v: dict[str, Any]) -> Made:
    v = {**v, "f": float(v["i"])}
    ops = [bin_op("i", v["i"], DOUBLE if i % 4 == 1 else INTEGER)]
    ops.append(bin_op("f", v["f"], INTEGER if i % 5 == 2 else DOUBLE))
    ops += [
        bin_op("s", v["s"]),
        bin_op("long_bin_name", v["long_bin_name"], DOUBLE if i % 3 == 0 else INTEGER),
    ]
    return [*ops, bin_op("t", v["t"], INTEGER if i % 2 else DOUBLE)], v


def other_types_always(i: int, v: dict[str, Any]) -> Made:
    v = {**v, "f": float(v["i"])}
    kinds = {"i": DOUBLE, "f": INTEGER, "long_bin_name": DOUBLE, "t": INTEGER}
    return [bin_op(name, v[name], kinds.get(name)) for name in NAMES], v


def what_does_not_fit(i: int, v: dict[str, Any]) -> Made:
    bad: dict[str, Any] = {}
    if i % 4 == 1:
        bad["long_bin_name"] = 2**40
    if i % 5 == 2:
        bad["t"] = 1e300
    if i % 6 == 3:
        bad["s"] = b"x" * 17
    if i % 7 == 4:
        bad["i"] = 0.5
    ops = [bin_op(name, bad.get(name, v[name])) for name in NAMES]
    return ops, {name: None if name in bad else v[name] for name in NAMES}


def strings_of_any_length(i: int, v: dict[str, Any]) -> Made:
    v = {**v, "s": (b"z" * 17)[: i % 17]}
    return usual(i, v)[0], v


def bins_that_nobody_asked_for(i: int, v: dict[str, Any]) -> Made:
    ops = usual(i, v)[0]
    ops.insert(i % 6, bin_op("other" * (1 + i % 2), i))
    return ops, v


def a_bin_that_comes_twice(i: int, v: dict[str, Any]) -> Made:
    ops = usual(i, v)[0]
    if i % 2:
        ops = [bin_op("i", -1), *ops]  # the last one counts
    if i % 3 == 0:
        ops = [op for op in ops if op != bin_op("t", v["t"])]
        v = {**v, "t": None}
    return ops, v


def nil(i: int, v: dict[str, Any]) -> Made:
    ops = usual(i, v)[0]
    if i % 4 == 2:
        ops[1], v = op(b"f", 0, b""), {**v, "f": None}
    return ops, v


KINDS: list[Callable[[int, dict[str, Any]], Made]] = [
    usual, backwards, another_order_each_time, two_change_places_now_and_then, each_third_lacks_a_bin,
    other_types_now_and_then, other_types_always, what_does_not_fit, strings_of_any_length,
    bins_that_nobody_asked_for, a_bin_that_comes_twice, nil,
]  # fmt: skip


# ---- the other side ----


def asked(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Index and digest of each row of a batch request whose rows but the first repeat it."""
    n_fields = struct.unpack_from(">H", body, 18)[0]
    assert n_fields == 1 and body[26] == 41
    (count,) = struct.unpack_from(">I", body, 27)
    at = 32
    rest = len(body) - 25 * (count - 1)
    for _ in range(count):
        yield struct.unpack_from(">I", body, at)[0], body[at + 4 : at + 24]
        at = rest if at == 32 else at + 25


def replying(make: Callable[[int, dict[str, Any]], Made]) -> Callable[[bytes], bytes]:
    def reply(body: bytes) -> bytes:
        rows = []
        for index, digest in asked(body):
            if index % 11 == 10:
                rows.append(row(b"", 0, index=index, code=2))
            else:
                ops, _ = make(index, values(seed_of(digest)))
                rows.append(row(b"".join(ops), len(ops), index=index))
        return frame(*rows) + END

    return reply


def keys_of(n: int, kind: str) -> Any:
    if kind == "integers":
        return np.arange(n) * 1_000_003 - 5
    if kind == "text":
        return np.array([f"{'k' * (i % 90)}{i}" for i in range(n)])
    return [i if i % 3 == 0 else (f"k{i}" if i % 3 == 1 else bytearray(i % 120)) for i in range(n)]


def check(
    make: Callable[[int, dict[str, Any]], Made], pieces: str, order: str, of_keys: str
) -> None:
    n, piece = PIECES[pieces]
    dtype = DTYPES[order]
    keys = Keys("test", "demo", keys_of(n, of_keys))
    with FakeServer(replying(make), piece=piece) as server:
        with aerospike_np.client({"hosts": [server.address]}) as client:
            policy = {"total_timeout": 60_000}
            got = client.batch_read(keys, _dtype=dtype, errors="mask", policy=policy)
    missed = 0
    for i, (namespace, set_name, user_key) in enumerate(keys):
        digest = bytes(aerospike_np.calc_digest(namespace, set_name, user_key))
        assert digest == keys.digests()[i].tobytes()
        if i % 11 == 10:
            missed += 1
            assert got.result_codes[i] == 2 and all(got.mask[i].tolist())
            continue
        _, wanted = make(i, values(seed_of(digest)))
        assert got.result_codes[i] == 0
        for name in NAMES:
            where = (make.__name__, pieces, order, of_keys, i, name)
            assert bool(got.mask[name][i]) == (wanted[name] is None), where
            zero = b"" if name == "s" else 0
            assert got[name][i] == (zero if wanted[name] is None else wanted[name]), where
    assert missed == n // 11


def check_all() -> None:
    for make in KINDS:
        for order in DTYPES:
            check(make, "whole", order, ("integers", "text", "mixed")[KINDS.index(make) % 3])
        check(make, "in sevens", "as the host", "mixed")
        check(make, "byte by byte", "swapped", "integers")
    for of_keys in ("integers", "text", "mixed"):
        check(usual, "whole", "as the host", of_keys)


# ---- one process a kind ----


def has(kind: str) -> bool:
    flag = {"portable": "", "avx2": " avx2 ", "avx512": " avx512f "}[kind]
    return flag in Path("/proc/cpuinfo").read_text(encoding="utf-8").replace("\n", " ")


@pytest.mark.parametrize("kind", ["portable", "avx2", "avx512"])
def test_whatever_the_rows_are_like_each_value_is_right(kind: str) -> None:
    if not has(kind):
        pytest.skip(f"this CPU has no {kind}")
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "AEROSPIKE_NP_SIMD": kind, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0 and done.stdout == "all right\n", done.stderr


if __name__ == "__main__":
    check_all()
    print("all right")
