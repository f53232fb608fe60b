"""Keys of batches: prepared once, read by the engine in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import _late
from .exception import InvalidArgError

if TYPE_CHECKING:
    import numpy as np

    from ._engine import PackedKeys

_NAMESPACE_MAX = 31
_SET_MAX = 63


class Keys:
    """User keys of one namespace and set, prepared once for many batch calls.

    Parameters
    ----------
    namespace, set_name : str
        Where the records are. ``set_name`` may be empty or None: records without a set.
    values : array_like
        1-D: integers of any width, ``S``, ``U``, ``V``, NumPy 2 strings, object arrays or lists of
        str, int, bytes and bytearray, a pandas Series or Index, anything with ``__array__``; or an
        (n, 20) ``uint8`` array of digests. Arrays of numbers and fixed-width text are read in place
        and must not change during a call; the rest is packed here.

    Raises
    ------
    TypeError
        ``values`` holds something that is no key.
    InvalidArgError
        A name is too long, or an integer is outside of 64 bits with sign.

    Examples
    --------
    >>> from aerospike_np import Keys
    >>> keys = Keys("test", "demo", [1, 2, 3])
    >>> len(keys), keys[1]
    (3, ('test', 'demo', 2))
    """

    __slots__ = ("_array", "_packed", "namespace", "set_name")

    namespace: str
    set_name: str

    def __init__(self, namespace: str, set_name: str | None, values: Any) -> None:
        self.namespace = _name(namespace, "namespace", _NAMESPACE_MAX, empty=False)
        self.set_name = _name(set_name or "", "set name", _SET_MAX, empty=True)
        self._array: np.ndarray[Any, Any] | None = None
        self._packed: PackedKeys | None = None
        self._take(values)

    @classmethod
    def _checked(cls, namespace: str, set_name: str, values: Any) -> Keys:
        """Keys under names that were checked before."""
        keys = cls.__new__(cls)
        keys.namespace, keys.set_name = namespace, set_name
        keys._array, keys._packed = None, None
        keys._take(values)
        return keys

    def _take(self, values: Any) -> None:
        _late.load()
        import numpy as np

        from ._engine import PackedKeys

        if isinstance(values, Keys):
            self._array, self._packed = values._array, None
            if values._packed is not None:
                values = [values.user_key(i) for i in range(len(values))]
            else:
                return
        if not isinstance(values, (list, tuple)):
            array = _as_array(values)
            kind = array.dtype.kind
            if array.ndim == 2 and array.dtype == np.uint8 and array.shape[1] == 20:
                self._array = np.ascontiguousarray(array)
                return
            if array.ndim != 1:
                raise TypeError(
                    f"keys: a 1-D array is needed (or (n, 20) uint8 digests), not shape {array.shape}"
                )
            if kind in "iuSU" or (kind == "V" and array.dtype.names is None):
                if kind == "u" and array.dtype.itemsize == 8 and array.size:
                    largest = int(array.max())
                    if largest > 2**63 - 1:
                        row = int(np.argmax(array))
                        raise InvalidArgError(
                            f"keys[{row}]: {largest} does not fit the server's 64-bit integers"
                        )
                self._array = array
                return
            if kind not in "OT":
                raise TypeError(
                    f"keys: an array of dtype {array.dtype} holds no keys; integers, S, U, V and "
                    "objects (str, int, bytes) do"
                )
            values = array.tolist()
        self._packed = PackedKeys(values, self.namespace, self.set_name)

    def _parts(self) -> tuple[str, str, Any, Any]:
        """What the engine takes."""
        return self.namespace, self.set_name, self._array, self._packed

    def slice(self, begin: int, end: int) -> Keys:
        """Keys of the rows [begin, end), as far as there are."""
        if self._array is not None:
            return Keys(self.namespace, self.set_name, self._array[begin:end])
        return self.take(range(begin, min(end, len(self))))

    def __len__(self) -> int:
        held: Any = self._array if self._array is not None else self._packed
        return len(held)

    def user_key(self, index: int) -> Any:
        """The user key of a row; None where only a digest is known."""
        if self._array is None:
            assert self._packed is not None
            return self._packed.get(index)
        if self._array.ndim == 2:
            return None
        value = self._array[index]
        if self._array.dtype.kind == "V":
            return bytearray(value.tobytes())
        value = value.item()
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value

    def full_key(self, index: int) -> tuple[str, str, Any, bytes | None]:
        """(namespace, set, user key, digest or None) of a row."""
        digest = None
        if self._array is not None and self._array.ndim == 2:
            digest = self._array[index].tobytes()
        return self.namespace, self.set_name, self.user_key(index), digest

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"key {index} of {len(self)}")
        ns, set_name, key, digest = self.full_key(index % len(self))
        return (ns, set_name, key) if digest is None else (ns, set_name, key, digest)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return (self[i] for i in range(len(self)))

    def take(self, rows: Any) -> Keys:
        """The keys of some rows, as Keys.

        Examples
        --------
        >>> from aerospike_np import Keys
        >>> list(Keys("test", "demo", ["a", "b", "c"]).take([2, 0]))
        [('test', 'demo', 'c'), ('test', 'demo', 'a')]
        """
        if self._array is not None:
            return Keys(self.namespace, self.set_name, self._array[rows])
        return Keys(self.namespace, self.set_name, [self.user_key(int(i)) for i in rows])

    def digests(self) -> np.ndarray[Any, Any]:
        """The digests, as an (n, 20) uint8 array.

        Examples
        --------
        >>> from aerospike_np import Keys
        >>> Keys("test", "demo", ["k1"]).digests()[0].tobytes().hex()
        'b747f5854d0b33259928d0cfab7fad81d6abfbf6'
        """
        import numpy as np

        return np.frombuffer(self.digest_bytes(), np.uint8).reshape(-1, 20)

    def digest_bytes(self) -> bytes:
        """The digests, one after the other."""
        from ._engine import digests

        return digests(self)

    def __repr__(self) -> str:
        return f"Keys({self.namespace!r}, {self.set_name!r}, {len(self)} keys)"

    def __reduce__(self) -> tuple[Any, ...]:
        held = self._array if self._array is not None else self._packed
        return _restore, (self.namespace, self.set_name, held)


def _restore(namespace: str, set_name: str, held: Any) -> Keys:
    keys = Keys.__new__(Keys)
    keys.namespace, keys.set_name = namespace, set_name
    is_array = hasattr(held, "dtype")
    keys._array, keys._packed = (held, None) if is_array else (None, held)
    return keys


class TupleKeys:
    """A list of key tuples as results see it: looked at when somebody asks."""

    __slots__ = ("_tuples",)

    def __init__(self, tuples: Sequence[tuple[Any, ...]]) -> None:
        self._tuples = tuples

    def __len__(self) -> int:
        return len(self._tuples)

    def user_key(self, index: int) -> Any:
        return self._tuples[index][2]

    def full_key(self, index: int) -> tuple[str, str, Any, bytes | None]:
        key = self._tuples[index]
        digest = bytes(key[3]) if len(key) > 3 and key[3] is not None else None
        return key[0], key[1], key[2], digest

    def slice(self, begin: int, end: int) -> TupleKeys:
        return TupleKeys(self._tuples[begin:end])

    def digest_bytes(self) -> bytes:
        from ._engine import digests

        return digests(list(self._tuples))

    def take(self, rows: Any) -> list[tuple[Any, ...]]:
        return [self._tuples[int(i)] for i in rows]


def prepare(keys: Any, namespace: str | None, set_name: str | None, where: str) -> Any:
    """What a batch call was given as keys -> a list of tuples, or Keys."""
    _late.load()
    if isinstance(keys, Keys):
        if namespace is not None or set_name is not None:
            raise InvalidArgError(f"{where}: Keys has its own namespace and set; leave them out")
        return keys
    if namespace is not None:
        return Keys(namespace, set_name, keys)
    if set_name is not None:
        raise InvalidArgError(f"{where}: set_name needs a namespace")
    if isinstance(keys, (list, tuple)):
        if keys and not isinstance(keys[0], (tuple, list)):
            raise TypeError(
                f"{where}: keys[0] is not a (namespace, set, user key) tuple but "
                f"{type(keys[0]).__name__}; user keys alone go with namespace= and set_name=, or in a Keys"
            )
        return list(keys)  # the caller's own may change before a result is asked
    if (
        isinstance(keys, (str, bytes, dict))
        or hasattr(keys, "dtype")
        or not hasattr(keys, "__iter__")
    ):
        raise TypeError(
            f"{where}: keys is a list of (namespace, set, user key) tuples, a Keys, or, with "
            f"namespace= and set_name=, an array of user keys; not {type(keys).__name__}"
        )
    return list(keys)


def view(keys: Any) -> Any:
    """Prepared keys as results take them: an array is copied, for the caller's own may change."""
    if not isinstance(keys, Keys):
        return TupleKeys(keys)
    return (
        keys if keys._array is None else _restore(keys.namespace, keys.set_name, keys._array.copy())
    )


def engine_keys(held: Any) -> Any:
    """What a result holds as keys, as the engine takes them."""
    return held._tuples if isinstance(held, TupleKeys) else held


def digested(held: Any) -> Any:
    """The same as digests, where all are of one set."""
    if not isinstance(held, Keys):
        return engine_keys(held)
    return Keys._checked(held.namespace, held.set_name, held.digests())


def _name(name: Any, what: str, limit: int, *, empty: bool) -> str:
    if not isinstance(name, str):
        raise TypeError(f"keys: {what} is a str, not {type(name).__name__}")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidArgError(
            f"keys: {what} {name!r} holds lone surrogates, which UTF-8 has no bytes for"
        ) from None
    if size > limit or "\0" in name or (not size and not empty):
        raise InvalidArgError(
            f"keys: {what} {name!r} must have {0 if empty else 1} to {limit} bytes"
        )
    return name


def _as_array(values: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    if isinstance(values, (str, bytes, dict, set)):
        raise TypeError(
            f"keys: a list or an array of user keys is needed, not {type(values).__name__}"
        )
    if hasattr(values, "__array__"):
        return np.asarray(values)
    if hasattr(values, "__iter__"):
        return np.asarray(list(values), dtype=object)
    raise TypeError(f"keys: a list or an array of user keys is needed, not {type(values).__name__}")
