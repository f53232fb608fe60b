"""What a value becomes in a field, and a field in a bin: slow, plain, and from the tables of docs/ only.

Nothing here knows the package. A server's value is a Python object: None, bool, int, float, str, bytes,
list, dict or Geo. ``unsafe`` is what ``errors="unsafe"`` forces; of an int that no float field holds exactly, the
tables do not say it: here it is rounded, as NumPy does.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

KIND, RANGE, INEXACT, LENGTH, ENCODING, SHAPE, MALFORMED = range(1, 8)

EXACT = {8: 2**53, 4: 2**24, 2: 2**11}


class Refused(Exception):
    """The value has no place in the field; ``reason`` says why.

    Where several parts of a list or map don't fit, the tables don't say which one is named: ``reasons`` has all.
    """

    def __init__(self, reason: int, *others: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reasons = {reason, *others}


class Geo(str):
    """The text of a GeoJSON value."""


def empty(dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """A field where nothing came: zero, NaT for times, None for objects."""
    base, shape = dtype.subdtype or (dtype, ())
    value = np.zeros(shape, base)
    if base.kind in "Mm":
        value[...] = np.array("NaT", base)
    elif base.kind == "O":
        value[...] = None
    elif base.names is not None:
        for name in base.names:
            value[name] = empty(base[name])
    return value


def read(
    value: Any, dtype: np.dtype[Any], unsafe: bool = False, fill: Any = None
) -> np.ndarray[Any, Any]:
    """The field's value, as a 0-d (or sub-) array of ``dtype``; Refused where it doesn't fit.

    ``fill`` is what a nested field keeps where the map lacks it.
    """
    base, shape = dtype.subdtype or (dtype, ())
    out = empty(dtype)
    if shape:
        _read_array(value, base, shape, out, unsafe)
    elif base.names is not None:
        if fill is not None:
            out[...] = fill
        _read_struct(value, base, out, unsafe)
    elif base.kind == "O":
        box = np.empty(1, object)
        box[0] = value
        out = box.reshape(())
    else:
        out[...] = _read_scalar(value, base, unsafe)
    return out


def _read_scalar(value: Any, dtype: np.dtype[Any], unsafe: bool = False) -> Any:
    if dtype.kind in "iub":
        return _force_integer(value, dtype) if unsafe else _integer(value, dtype)
    if dtype.kind == "f":
        return _float(value, dtype, unsafe)
    if dtype.kind == "S" and isinstance(value, (str, bytes)):
        if unsafe and isinstance(value, str):
            value = _cut(value, dtype.itemsize)
        raw = value.encode() if isinstance(value, str) else value
        return np.array(_fits(raw, dtype.itemsize), dtype)
    if dtype.kind == "U" and isinstance(value, str):
        size = dtype.itemsize // 4
        return np.array(_fits(value[:size] if unsafe else value, size), dtype)
    if dtype.kind == "V" and isinstance(value, bytes):
        if len(value) != dtype.itemsize:
            raise Refused(LENGTH)
        return np.frombuffer(value, dtype)[0]
    if dtype.kind in "Mm" and isinstance(value, int) and not isinstance(value, bool):
        if unsafe:
            value = (value + 2**63) % 2**64 - 2**63
        if not -(2**63) < value < 2**63:
            raise Refused(RANGE)
        return np.array(value, "i8").view(f"{dtype.kind}8[{np.datetime_data(dtype)[0]}]")
    if dtype.kind == "M" and isinstance(value, str) and not isinstance(value, Geo):
        return _time(value, dtype)
    raise Refused(KIND)


UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
LONGER = {"m": 60, "h": 3600, "D": 86400, "W": 7 * 86400}


def _time(text: str, dtype: np.dtype[Any]) -> Any:
    """Days and whole seconds of ISO 8601; years and months counted by the calendar."""
    unit = np.datetime_data(dtype)[0]
    form = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d))?)?)?", text, re.A)
    if form is None:
        raise Refused(MALFORMED)
    parts = [None if g is None else int(g) for g in form.groups()]
    (month, day), clock = parts[1:3], parts[3:]
    year = parts[0] or 0
    seconds = sum((c or 0) * f for c, f in zip(clock, (3600, 60, 1), strict=True))
    try:
        when = datetime.date(year, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        raise Refused(MALFORMED) from None
    if clock[0] is not None and (clock[0] > 23 or clock[1] > 59 or clock[2] > 59):
        raise Refused(MALFORMED)
    days = when.toordinal() - 719163
    if unit in "YM":
        months = (year - 1970) * 12 + when.month - 1
        count, rest = divmod(months, 12) if unit == "Y" else (months, 0)
        if rest or when.day != 1 or seconds:
            raise Refused(INEXACT)
    elif unit in LONGER:
        count, rest = divmod(days * 86400 + seconds, LONGER[unit])
        if rest:
            raise Refused(INEXACT)
    else:
        count = (days * 86400 + seconds) * UNITS[unit]
    if not -(2**63) < count < 2**63:
        raise Refused(RANGE)
    return np.array(count, "i8").view(f"M8[{unit}]")


def _fits(value: Any, size: int) -> Any:
    if len(value) > size:
        raise Refused(LENGTH)
    return value


def _integer(value: Any, dtype: np.dtype[Any]) -> int:
    if not isinstance(value, (bool, int, float)):
        raise Refused(KIND)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            raise Refused(RANGE)
        if value != math.floor(value):
            raise Refused(INEXACT)
        value = int(value)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if not low <= value <= high:
        raise Refused(RANGE)
    return int(value)


def _force_integer(value: Any, dtype: np.dtype[Any]) -> int:
    """Integers wrap modulo 2^k, doubles lose their fraction, and beyond the range are the type's minimum."""
    if not isinstance(value, (bool, int, float)):
        raise Refused(KIND)
    if dtype.kind == "b":
        return int(bool(value))
    low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value) or not low <= math.trunc(value) <= high:
            return low
        return math.trunc(value)
    return (int(value) - low) % (high - low + 1) + low


def _cut(text: str, size: int) -> str:
    """As many whole code points as fit into so many bytes."""
    while len(text.encode()) > size:
        text = text[:-1]
    return text


def _float(value: Any, dtype: np.dtype[Any], unsafe: bool = False) -> Any:
    if not isinstance(value, (bool, int, float)):
        raise Refused(KIND)
    if isinstance(value, int) and abs(value) > EXACT[dtype.itemsize]:
        if not unsafe:
            raise Refused(INEXACT)
        with np.errstate(over="ignore"):
            whole = np.array(value, "u8" if value >= 2**63 else "i8")
            return whole.astype(dtype) if dtype.itemsize > 2 else whole.astype("f8").astype(dtype)
    with np.errstate(over="ignore"):
        rounded = np.float64(value).astype(dtype)
    if unsafe:
        return rounded
    if math.isfinite(value) and not np.isfinite(rounded):
        raise Refused(RANGE)
    return rounded


def _read_array(
    value: Any, base: np.dtype[Any], shape: tuple[int, ...], out: Any, unsafe: bool
) -> None:
    if isinstance(value, bytes):
        if len(value) != out.nbytes:
            raise Refused(LENGTH)
        little = np.frombuffer(value, base.newbyteorder("<")).reshape(shape)
        if base.kind == "b" and any(byte > 1 for byte in value):
            raise Refused(RANGE)
        out[...] = little
        return
    if not isinstance(value, list):
        raise Refused(KIND)
    reasons: list[int] = [] if _has_shape(value, shape) else [SHAPE]
    flat = []
    for item in _flat(value):
        try:
            flat.append(_read_scalar(item, base, unsafe))
        except Refused as refused:
            reasons.append(refused.reason)
    if reasons:
        raise Refused(*reasons)
    for index, item in zip(np.ndindex(*shape), flat, strict=True):
        out[index] = item


def _has_shape(value: Any, shape: tuple[int, ...]) -> bool:
    if not shape:
        return not isinstance(value, list)
    if not isinstance(value, list) or len(value) != shape[0]:
        return False
    return all(_has_shape(item, shape[1:]) for item in value)


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _read_struct(value: Any, dtype: np.dtype[Any], out: Any, unsafe: bool) -> None:
    if isinstance(value, bytes):
        if len(value) != dtype.itemsize:
            raise Refused(LENGTH)
        image = np.frombuffer(value, dtype)[0]
        _check_image(image, dtype)
        out[...] = image
        return
    if not isinstance(value, dict):
        raise Refused(KIND)
    reasons: list[int] = []
    for name in dtype.names or ():
        if value.get(name) is not None:
            try:
                out[name] = read(value[name], dtype[name], unsafe, out[name])
            except Refused as refused:
                reasons.extend(refused.reasons)
    if reasons:
        raise Refused(*reasons)


def _check_image(image: Any, dtype: np.dtype[Any]) -> None:
    """Bytes that are no bool, or no text, are not let into an array."""
    for name in dtype.names or ():
        base = dtype[name].base
        if base.names is not None:
            _check_image(image[name], base)
        elif base.kind == "b" and max(np.asarray(image[name]).tobytes(), default=0) > 1:
            raise Refused(RANGE)
        elif base.kind == "U":
            points = np.frombuffer(np.asarray(image[name]).tobytes(), base.str[0] + "u4")
            if any(p > 0x10FFFF or 0xD800 <= p < 0xE000 for p in points.tolist()):
                raise Refused(ENCODING)


def write(value: Any, dtype: np.dtype[Any], *, bytes_as: str, subarrays: str) -> Any:
    """What a bin holds after an array's element was written; None: no bin."""
    base, shape = dtype.subdtype or (dtype, ())
    if base.kind == "O":
        return value
    if shape:
        array = np.asarray(value, base)
        if subarrays == "list":
            return array.tolist()
        return array.astype(base.newbyteorder("<")).tobytes()
    if base.names is not None:
        parts = {}
        for name in base.names:
            parts[name] = write(value[name], base[name], bytes_as=bytes_as, subarrays=subarrays)
        return parts
    if base.kind in "Mm":
        number = int(np.asarray(value).astype("i8"))
        return None if number == -(2**63) else number
    if base.kind == "S":
        text = bytes(np.asarray(value, base).item())
        return text.decode() if bytes_as == "str" else text.ljust(base.itemsize, b"\0")
    if base.kind == "V":
        return np.asarray(value, base).tobytes()
    return np.asarray(value, base).item()
