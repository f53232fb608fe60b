"""Random dtypes, values that mostly fit them, and how two arrays are compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"]
# ANP_EXAMPLES=5000 looks longer, and elsewhere each time; without it every run is the same.
quick = settings(
    max_examples=int(os.environ.get("ANP_EXAMPLES", "150")),
    deadline=None,
    database=None,
    derandomize="ANP_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# ---- dtypes ----

numbers = st.sampled_from(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?"])
orders = st.sampled_from("<>")
number_dtypes = st.builds(
    lambda o, n: np.dtype(n if n in ("?", "i1", "u1") else o + n), orders, numbers
)
text_dtypes = st.builds(
    lambda o, k, n: np.dtype(f"{o}U{n}" if k == "U" else f"{k}{n}"),
    orders,
    st.sampled_from("SUV"),
    st.integers(1, 9),
)
time_dtypes = st.builds(
    lambda o, k, u: np.dtype(f"{o}{k}8[{u}]"), orders, st.sampled_from("Mm"), st.sampled_from(UNITS)
)
array_dtypes = st.builds(
    lambda d, s: np.dtype((d, tuple(s))),
    number_dtypes,
    st.lists(st.integers(1, 3), min_size=1, max_size=2),
)
leaf_dtypes = st.one_of(number_dtypes, text_dtypes, time_dtypes, array_dtypes)
struct_dtypes = st.lists(leaf_dtypes, min_size=1, max_size=3).map(
    lambda ds: np.dtype([(f"c{i}", d) for i, d in enumerate(ds)])
)
field_dtypes = st.one_of(leaf_dtypes, leaf_dtypes, struct_dtypes)


@st.composite
def row_dtypes(draw: Any) -> Any:
    """Structured dtypes: packed, aligned, or with gaps and shuffled offsets."""
    fields = draw(st.lists(field_dtypes, min_size=1, max_size=4))
    pairs = [(f"b{i}", d) for i, d in enumerate(fields)]
    how = draw(st.sampled_from(["packed", "aligned", "gaps"]))
    if how != "gaps":
        return np.dtype(pairs, align=how == "aligned")
    offsets, at = [], 0
    for _, dtype in pairs:
        at += draw(st.integers(0, 3))
        offsets.append(at)
        at += dtype.itemsize
    return np.dtype(
        {
            "names": [name for name, _ in pairs],
            "formats": [dtype for _, dtype in pairs],
            "offsets": offsets,
            "itemsize": at + draw(st.integers(0, 3)),
        }
    )


# ---- values of a server ----

edges = [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    -129,
    2**15,
    2**16,
    2**24 + 1,
    2**31,
    2**32,
    2**53,
    2**53 + 1,
]
integers = st.one_of(
    st.sampled_from(edges), st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1])
)
floats = st.one_of(
    st.floats(),
    st.sampled_from([65504.0, 65520.0, 3.4028235e38, 3.4028236e38, 5e-8, -0.0]),
    integers.map(float),
)
# NUL is trimmed by NumPy; without "0" no text is a date in a year that the reference's calendar lacks.
texts = st.text(max_size=10).map(lambda t: t.replace("\0", "").replace("0", ""))
blobs = st.binary(max_size=24)
scalars = st.one_of(st.booleans(), integers, floats, texts, blobs)
lists = st.recursive(
    st.lists(st.one_of(integers, floats), max_size=3), lambda s: st.lists(s, max_size=3)
)
maps = st.dictionaries(
    st.sampled_from(["c0", "c1", "c2", "other"]), st.one_of(scalars, lists), max_size=4
)
anything = st.one_of(scalars, lists, maps)
moments = st.one_of(
    st.dates().map(str),
    st.dates().map(lambda d: str(d)[:7]),
    st.datetimes().map(lambda t: t.replace(microsecond=0).isoformat()),
)


def fitting(dtype: Any) -> Any:
    """Values that mostly fit a field."""
    base, shape = dtype.subdtype or (dtype, ())
    if shape:
        size = int(np.prod(shape)) * base.itemsize
        return st.one_of(
            st.binary(min_size=size, max_size=size),
            st.lists(fitting(base), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
                lambda flat: np.array(flat, object).reshape(shape).tolist()
            ),
        )
    if base.names is not None:
        return st.fixed_dictionaries({name: fitting(base[name]) for name in base.names})
    if base.kind == "b":
        return st.booleans()
    if base.kind in "iu":
        info = np.iinfo(base)
        return st.integers(int(info.min), min(int(info.max), 2**63 - 1))
    if base.kind == "f":
        return st.one_of(st.floats(width=base.itemsize * 8), st.integers(-2048, 2048))
    if base.kind in "Mm":
        return st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), moments)
    if base.kind == "U":
        return texts.map(lambda t: t[: base.itemsize // 4])
    if base.kind == "S":
        return st.one_of(st.binary(max_size=base.itemsize).map(lambda b: b.rstrip(b"\0")))
    return st.binary(min_size=base.itemsize, max_size=base.itemsize)


def same(a: Any, b: Any) -> bool:
    """Bit for bit, NaN payloads apart from the kinds where rounding may change them."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.names is not None:
        return all(same(a[name], b[name]) for name in a.dtype.names)
    if a.dtype.kind == "f":
        both = np.isnan(a) & np.isnan(b)
        return bool(((a == b) & (np.signbit(a) == np.signbit(b)) | both).all())
    return a.tobytes() == b.tobytes()


def leaves(dtype: Any) -> Iterator[Any]:
    for name in dtype.names:
        base = dtype[name].base
        yield from leaves(base) if base.names is not None else [base]


def cap(array: Any) -> None:
    """No unsigned number that the server has no integer for."""
    if array.dtype.names is not None:
        for name in array.dtype.names:
            cap(array[name])
    elif array.dtype.kind == "u":
        np.minimum(
            array,
            np.uint64(2**63 - 1).astype(array.dtype) if array.itemsize == 8 else array,
            out=array,
        )


def alike(a: Any, b: Any) -> bool:
    if isinstance(b, float):
        return isinstance(a, float) and (a == b or (a != a and b != b))
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(map(alike, a, b))
    if isinstance(b, dict):
        return isinstance(a, dict) and a.keys() == b.keys() and all(alike(a[k], b[k]) for k in b)
    return type(a) is type(b) and a == b
