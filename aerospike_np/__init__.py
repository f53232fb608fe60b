"""Aerospike for people who think in arrays.

>>> import aerospike_np
>>> from aerospike_np.local import LocalNode
>>> with LocalNode() as node, aerospike_np.client(node.config()) as client:
...     client.put(("test", "demo", "ann"), {"age": 34})
...     client.get(("test", "demo", "ann")).bins
{'age': 34}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import constants, exception
from ._keys import Keys
from .constants import *  # noqa: F403
from .exception import *  # noqa: F403
from .types import (
    AerospikeKey,
    BatchRecord,
    BinTuple,
    BulkFailure,
    CDTInfinite,
    CDTWildcard,
    ExistsResult,
    Field,
    GeoJSON,
    HyperLogLog,
    InfoNodeResult,
    KeyOrderedDict,
    Record,
    RecordMetadata,
    TypedBlob,
    blob,
    geodata,
    geojson,
    null,
)

if TYPE_CHECKING:
    from . import bit_operations as bit_operations
    from . import exp as exp
    from . import hll_operations as hll_operations
    from . import list_operations as list_operations
    from . import map_operations as map_operations
    from ._async_client import AsyncClient
    from ._bulk import bulk
    from ._c_api import get_include, get_library_dir
    from ._client import Client
    from ._engine import calc_digest
    from ._reader import Reader
    from ._results import BatchRecords, BatchWriteResult, NumpyBatchRecords, TransformResult

__version__ = "0.1.0"

# Loaded when first asked for: whoever only names a constant or an exception needs no engine.
_LAZY = {
    "AsyncClient": "_client",
    "BatchRecords": "_results",
    "BatchWriteResult": "_results",
    "Client": "_client",
    "NumpyBatchRecords": "_results",
    "Reader": "_reader",
    "TransformResult": "_results",
    "bulk": "_bulk",
    "calc_digest": "_engine",
    "get_include": "_c_api",
    "get_library_dir": "_c_api",
}

# Modules that aerospike-py's users reach without importing them.
_MODULES = frozenset(
    ("bit_operations", "exp", "hll_operations", "list_operations", "map_operations")
)

__all__ = [
    "AerospikeKey",
    "AsyncClient",
    "BatchRecord",
    "BatchRecords",
    "BatchWriteResult",
    "BinTuple",
    "BulkFailure",
    "CDTInfinite",
    "CDTWildcard",
    "Client",
    "ExistsResult",
    "Field",
    "GeoJSON",
    "HyperLogLog",
    "InfoNodeResult",
    "KeyOrderedDict",
    "Keys",
    "NumpyBatchRecords",
    "Reader",
    "Record",
    "RecordMetadata",
    "TransformResult",
    "TypedBlob",
    "blob",
    "bulk",
    "calc_digest",
    "client",
    "constants",
    "exception",
    "geodata",
    "geojson",
    "get_include",
    "get_library_dir",
    "get_partition_id",
    "null",
]
__all__ += [name for name in vars(constants) if name.isupper()]
__all__ += exception.__all__


def client(config: dict[str, Any]) -> Client:
    """A client, not yet connected; see :class:`Client`.

    Examples
    --------
    >>> import aerospike_np
    >>> aerospike_np.client({"hosts": [("127.0.0.1", 3000)]})
    <aerospike_np.Client 127.0.0.1:3000>
    """
    from ._client import Client

    return Client(config)


def get_partition_id(digest: bytes | bytearray) -> int:
    """The partition (0 to 4095) of a digest.

    Examples
    --------
    >>> import aerospike_np
    >>> aerospike_np.get_partition_id(aerospike_np.calc_digest("test", "demo", "k1"))
    1975
    """
    if len(digest) != 20:
        raise exception.InvalidArgError(f"a digest has 20 bytes, not {len(digest)}")
    return (digest[0] | digest[1] << 8) & 0xFFF


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _LAZY:
        value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
        globals()[name] = value  # and is found without asking from now on
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
