"""What calls return and take: tuples with names, special values, and dicts for type checkers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsFloat, SupportsIndex, overload

from ._argument_types import *  # noqa: F403
from ._state import ClusterStats as ClusterStats
from ._state import ConnectionStats as ConnectionStats
from ._state import Health as Health
from ._state import NodeHealth as NodeHealth
from ._state import NodeStats as NodeStats

if TYPE_CHECKING:
    from ._results import BatchRecords as BatchRecords
    from ._results import BatchWriteResult as BatchWriteResult
    from ._results import NumpyBatchRecords as NumpyBatchRecords

UserKey = str | int | bytes | bytearray
Bins = dict[str, Any]
AerospikeRecord = dict[str, Any]

_GEOJSON_TEXT = "a dict or a str of GeoJSON"


# ---- records ----


class AerospikeKey(NamedTuple):
    """A record's key; ``user_key`` is None where only the digest is known."""

    namespace: str
    set_name: str
    user_key: Any
    digest: bytes


class RecordMetadata(NamedTuple):
    """Generation, and seconds left to live (4294967295: the record never expires).

    Examples
    --------
    >>> from aerospike_np.types import RecordMetadata
    >>> meta = RecordMetadata(gen=3, ttl=100)
    >>> meta.ttl, meta["ttl"], meta[1]
    (100, 100, 100)
    """

    gen: int
    ttl: int

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            if index in ("gen", "ttl"):
                return getattr(self, index)
            raise KeyError(index)
        return tuple.__getitem__(self, index)


class Record(NamedTuple):
    """A record as it was read."""

    key: AerospikeKey | None
    meta: RecordMetadata | None
    bins: Bins | None


class ExistsResult(NamedTuple):
    """Whether a record exists: ``meta`` is None where it doesn't."""

    key: AerospikeKey | None
    meta: RecordMetadata | None


class BinTuple(NamedTuple):
    """One result of ``operate_ordered``."""

    name: str
    value: Any


class OperateOrderedResult(NamedTuple):
    """Results of operations in their order."""

    key: AerospikeKey | None
    meta: RecordMetadata | None
    ordered_bins: list[BinTuple]


class BatchRecord(NamedTuple):
    """One row of a batch: ``result`` 0 is ok; ``record`` is None where there is none."""

    key: AerospikeKey | None
    result: int
    record: Record | None
    in_doubt: bool = False


class BulkFailure(NamedTuple):
    """A row that ``bulk`` did not write, as far as is known; rows are numbered from 0."""

    row: int
    key: AerospikeKey | None
    code: int
    in_doubt: bool
    reason: str


# ---- info ----


class InfoNodeResult(NamedTuple):
    """What one node answered; ``error_code`` 0 is ok."""

    node_name: str
    error_code: int
    response: str


class InfoAnswer(NamedTuple):
    """What one node answered, when asked for by its name; ``error`` None is ok."""

    error: int | None
    response: str

    @property
    def error_code(self) -> int:
        """The error, 0 where there is none."""
        return self.error or 0


class InfoResults(list[InfoNodeResult]):
    """Answers of all nodes: a list of ``(node_name, error_code, response)``, also by name.

    By name an answer is ``(error, response)``, with None for no error.

    Examples
    --------
    >>> from aerospike_np.types import InfoNodeResult, InfoResults
    >>> results = InfoResults([InfoNodeResult("BB901", 0, "8.1.2")])
    >>> for name, error_code, response in results:
    ...     print(name, error_code, response)
    BB901 0 8.1.2
    >>> for name, (error, response) in results.items():
    ...     print(name, error, response)
    BB901 None 8.1.2
    >>> results["BB901"].response
    '8.1.2'
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: str) -> InfoAnswer: ...
    @overload
    def __getitem__(self, index: SupportsIndex) -> InfoNodeResult: ...
    @overload
    def __getitem__(self, index: slice) -> list[InfoNodeResult]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            for result in self:
                if result.node_name == index:
                    return _answer(result)
            raise KeyError(index)
        return super().__getitem__(index)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return any(result.node_name == item for result in self)
        return super().__contains__(item)

    def get(self, name: str, default: Any = None) -> Any:
        """The answer of a node, or ``default`` where no such node was asked."""
        try:
            return self[name]
        except KeyError:
            return default

    def keys(self) -> list[str]:
        """Names of the nodes."""
        return [result.node_name for result in self]

    def values(self) -> list[InfoAnswer]:
        """``(error, response)`` of each node."""
        return [_answer(result) for result in self]

    def items(self) -> Iterator[tuple[str, InfoAnswer]]:
        """``(name, (error, response))`` of each node."""
        return ((result.node_name, _answer(result)) for result in self)


def _answer(result: InfoNodeResult) -> InfoAnswer:
    return InfoAnswer(result.error_code or None, result.response)


# ---- values ----


class CDTInfinite:
    """Greater than any value: for ends of ranges in operations and expressions on lists and maps.

    It stands for other values, and can't be stored itself.

    Examples
    --------
    >>> from aerospike_np import CDTInfinite
    >>> [5, CDTInfinite()], CDTInfinite() == CDTInfinite()
    ([5, CDTInfinite()], True)
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CDTInfinite) or NotImplemented

    def __hash__(self) -> int:
        return hash(CDTInfinite)

    def __repr__(self) -> str:
        return "CDTInfinite()"


class CDTWildcard:
    """Equal to any value, and in a list to all that follows: for what is compared in operations and expressions.

    It stands for other values, and can't be stored itself.

    Examples
    --------
    >>> from aerospike_np import CDTWildcard
    >>> [5, CDTWildcard()]
    [5, CDTWildcard()]
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CDTWildcard) or NotImplemented

    def __hash__(self) -> int:
        return hash(CDTWildcard)

    def __repr__(self) -> str:
        return "CDTWildcard()"


class KeyOrderedDict(dict[Any, Any]):
    """A dict that the server keeps in the order of its keys, and a map that is read from a server which does.

    It is a dict in all else, equal to one with the same keys and values.

    Examples
    --------
    >>> from aerospike_np import KeyOrderedDict
    >>> from aerospike_np.local import LocalNode
    >>> with LocalNode() as node, node.client() as client:
    ...     client.put(("test", "demo", 1), {"m": KeyOrderedDict({"b": 1, "a": 2})})
    ...     m = client.get(("test", "demo", 1)).bins["m"]
    >>> m, type(m).__name__, m == {"a": 2, "b": 1}
    ({'a': 2, 'b': 1}, 'KeyOrderedDict', True)
    """

    __slots__ = ()


class Field:
    """A field of the arrays of ``batch_operate_numpy``: stands in an operation for the value of each row.

    Parameters
    ----------
    name : str
        The field's name, or the column's.

    Examples
    --------
    >>> from aerospike_np import Field
    >>> from aerospike_np.helpers.operations import operations
    >>> operations.increment("total", Field("amount"))
    {'op': 6, 'bin': 'total', 'val': Field('amount')}
    """

    __slots__ = ("name",)

    name: str

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"Field: name is a str, not {type(name).__name__}")
        self.name = name

    def __bool__(self) -> bool:
        raise TypeError(f"{self!r} is a value of each row: neither true nor false")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self.name == other.name

    def __hash__(self) -> int:
        return hash((Field, self.name))

    def __repr__(self) -> str:
        return f"Field({self.name!r})"


def null() -> None:
    """None, under the official client's name: nil in lists and maps, no value in a bin.

    Examples
    --------
    >>> import aerospike_np
    >>> [1, aerospike_np.null()]
    [1, None]
    """


class GeoJSON:
    """A GeoJSON value of a bin.

    Parameters
    ----------
    geo_data : dict or str
        The GeoJSON object, or its text.

    Raises
    ------
    TypeError
        Neither dict nor str.
    InvalidArgError
        The text is no JSON object.

    Examples
    --------
    >>> from aerospike_np.types import GeoJSON
    >>> here = GeoJSON({"type": "Point", "coordinates": [4.9, 52.4]})
    >>> here.geo_data["type"]
    'Point'
    >>> here.dumps()
    '{"type": "Point", "coordinates": [4.9, 52.4]}'
    >>> here == GeoJSON(here.dumps())
    True
    """

    __slots__ = ("geo_data",)

    geo_data: dict[str, Any]

    def __init__(self, geo_data: dict[str, Any] | str) -> None:
        if isinstance(geo_data, str):
            self.loads(geo_data)
        else:
            self.wrap(geo_data)

    @classmethod
    def point(cls, longitude: SupportsFloat, latitude: SupportsFloat) -> GeoJSON:
        """A point; longitude comes first, as in GeoJSON.

        Examples
        --------
        >>> from aerospike_np.types import GeoJSON
        >>> GeoJSON.point(4.9, 52.4).dumps()
        '{"type": "Point", "coordinates": [4.9, 52.4]}'
        """
        return cls({"type": "Point", "coordinates": _place(longitude, latitude)})

    @classmethod
    def circle(
        cls, longitude: SupportsFloat, latitude: SupportsFloat, metres: SupportsFloat
    ) -> GeoJSON:
        """What is within so many metres of a point.

        Examples
        --------
        >>> from aerospike_np.types import GeoJSON
        >>> GeoJSON.circle(4.9, 52.4, 500).dumps()
        '{"type": "AeroCircle", "coordinates": [[4.9, 52.4], 500.0]}'
        """
        radius = float(metres)
        if not 0 < radius < float("inf"):
            raise _invalid(f"GeoJSON.circle: metres must be above 0, not {metres!r}")
        return cls({"type": "AeroCircle", "coordinates": [_place(longitude, latitude), radius]})

    def wrap(self, geo_data: dict[str, Any]) -> None:
        """Takes another GeoJSON object."""
        if not isinstance(geo_data, dict):
            raise TypeError(f"GeoJSON: {_GEOJSON_TEXT} is needed, not {type(geo_data).__name__}")
        self.geo_data = geo_data

    def unwrap(self) -> dict[str, Any]:
        """The GeoJSON object."""
        return self.geo_data

    def loads(self, text: str) -> None:
        """Takes another GeoJSON object, as text."""
        import json

        if not isinstance(text, str):
            raise TypeError(f"GeoJSON: a str is needed, not {type(text).__name__}")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _invalid(f"GeoJSON: the text is no JSON: {error}") from None
        if not isinstance(value, dict):
            raise _invalid(
                f"GeoJSON: the text is a JSON {type(value).__name__}, and an object is needed"
            )
        self.geo_data = value

    def dumps(self) -> str:
        """The text."""
        import json

        return json.dumps(self.geo_data)

    def __str__(self) -> str:
        return self.dumps()

    def __repr__(self) -> str:
        return f"GeoJSON({self.geo_data!r})"

    def __eq__(self, other: object) -> bool:
        return self.geo_data == other.geo_data if isinstance(other, GeoJSON) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


def _place(longitude: SupportsFloat, latitude: SupportsFloat) -> list[float]:
    for name, value, limit in (("longitude", longitude, 180), ("latitude", latitude, 90)):
        if not abs(float(value)) <= limit:
            raise _invalid(f"GeoJSON: {name} is from -{limit} to {limit}, not {value!r}")
    return [float(longitude), float(latitude)]


def _invalid(message: str) -> Exception:
    from .exception import InvalidArgError

    return InvalidArgError(message)


def geodata(geo_data: dict[str, Any]) -> GeoJSON:
    """A GeoJSON value from a dict.

    Examples
    --------
    >>> from aerospike_np.types import geodata
    >>> geodata({"type": "Point", "coordinates": [0, 0]}).dumps()
    '{"type": "Point", "coordinates": [0, 0]}'
    """
    if not isinstance(geo_data, dict):
        raise TypeError(f"geodata: a dict is needed, not {type(geo_data).__name__}")
    return GeoJSON(geo_data)


def geojson(text: str) -> GeoJSON:
    """A GeoJSON value from its text.

    Examples
    --------
    >>> from aerospike_np.types import geojson
    >>> geojson('{"type": "Point", "coordinates": [0, 0]}').geo_data["coordinates"]
    [0, 0]
    """
    if not isinstance(text, str):
        raise TypeError(f"geojson: a str is needed, not {type(text).__name__}")
    return GeoJSON(text)


class HyperLogLog(bytes):
    """The bytes of a HyperLogLog bin: written back, they become one again.

    Examples
    --------
    >>> from aerospike_np.types import HyperLogLog
    >>> HyperLogLog(b"abc"), HyperLogLog(b"abc") == b"abc"
    (HyperLogLog(b'abc'), True)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"HyperLogLog({bytes.__repr__(self)})"

    def __str__(self) -> str:
        return repr(self)


class TypedBlob(bytes):
    """Bytes with their particle type: what other clients' serializers wrote.

    Parameters
    ----------
    data : bytes
        What the bin holds.
    particle_type : int
        The server's type number; 4 is a plain blob, 7 Java's, 8 C#'s, 9 Python's, ...

    Examples
    --------
    >>> from aerospike_np.types import TypedBlob
    >>> pickled = TypedBlob(b"abc", 9)
    >>> pickled, pickled.particle_type, pickled == b"abc"
    (TypedBlob(b'abc', 9), 9, True)
    """

    particle_type: int

    def __new__(cls, data: bytes = b"", particle_type: int = 4) -> TypedBlob:
        if not 0 <= particle_type <= 255:
            raise _invalid(f"TypedBlob: particle_type is from 0 to 255, not {particle_type}")
        self = super().__new__(cls, data)
        self.particle_type = particle_type
        return self

    def __getnewargs__(self) -> tuple[bytes, int]:  # type: ignore[override]
        return bytes(self), self.particle_type

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypedBlob) and other.particle_type != self.particle_type:
            return False
        return bytes.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = bytes.__hash__

    def __repr__(self) -> str:
        return f"TypedBlob({bytes.__repr__(self)}, {self.particle_type})"

    def __str__(self) -> str:
        return repr(self)


def blob(array: Any) -> bytes:
    """The bytes of an array, little-endian and in C order, to be written as a blob.

    Parameters
    ----------
    array : ndarray, buffer, or anything with ``__array__``
        Strides and byte order don't matter; what comes back always has the same form.

    Returns
    -------
    bytes
        Read back with ``numpy.frombuffer``, or into a sub-array field of the same shape.

    Raises
    ------
    TypeError
        Not an array, or one of Python objects.

    Examples
    --------
    >>> import numpy as np
    >>> from aerospike_np.types import blob
    >>> blob(np.array([1, 2], ">u2"))
    b'\\x01\\x00\\x02\\x00'
    """
    if isinstance(array, (bytes, bytearray)):
        return bytes(array)
    import numpy as np

    if not _is_array(array):
        raise TypeError(f"blob: an array or a buffer is needed, not {type(array).__name__}")
    values = np.asarray(array)
    if values.dtype.hasobject or values.dtype.kind == "T":
        raise TypeError(
            f"blob: an array of dtype {values.dtype} has no bytes of its own; use a list"
        )
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _is_array(value: Any) -> bool:
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
        return True
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in ("BatchRecords", "BatchWriteResult", "NumpyBatchRecords"):
            from . import _results

            return getattr(_results, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
