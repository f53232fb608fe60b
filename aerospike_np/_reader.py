"""Readers: batch reads of one kind, prepared once."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _keys, _late
from .exception import InvalidArgError

if TYPE_CHECKING:
    from ._engine import Request
    from ._plain import Plain

_Result = TypeVar("_Result")


class Reader(Generic[_Result]):
    """Batch reads of the same fields from one set, prepared once, for many small reads.

    ``client.reader(...)`` makes it. Any number of threads, or tasks, may read with it at once.
    """

    __slots__ = ("__weakref__", "_arguments", "_client", "_namespace", "_plan", "_set_name")

    def __init__(
        self,
        client: Plain,
        dtype: Any,
        namespace: str,
        set_name: str | None,
        bins: Any,
        policy: Any,
        layout: str,
        errors: str,
        fill: Any,
        compute: Any = None,
    ) -> None:
        _late.load()
        from . import _compute, _layout, _tables

        if dtype is None:
            raise TypeError("reader: a dtype is needed; without one, batch_read gives records")
        empty = _keys.Keys(namespace, set_name, ())  # the names are checked
        self._client = client
        self._namespace, self._set_name = empty.namespace, empty.set_name
        bins, policy, compute = copy.copy(bins), copy.copy(policy), copy.copy(compute)
        self._arguments = (
            client, dtype, namespace, set_name, bins, policy, layout, errors, fill, compute,
        )  # fmt: skip
        shape = _layout.shape_of(dtype, bins, layout, fill)
        computed = _compute.of_fields(compute, shape.names, bins, "reader")
        self._plan = _tables.Plan(client._core, shape, policy, errors, "reader", computed)

    def read(self, keys: Any, out: Any = None) -> _Result:
        """Reads the records of user keys, as ``batch_read`` does.

        Parameters
        ----------
        keys : array_like, list, or Keys
            n user keys, an (n, 20) uint8 array of digests, or a :class:`Keys` of this namespace and set.
        out : array or dict of arrays, optional
            Memory to write to, of the reader's dtype and layout.

        Returns
        -------
        NumpyBatchRecords
            In the order of the keys; to be awaited where the reader is an AsyncClient's.

        Raises
        ------
        ConversionError, AerospikeTimeoutError, ClusterError
            As in ``batch_read``.
        """
        result: _Result = self._client._do(self._request, keys, out)
        return result

    __call__ = read

    def _request(self, keys: Any, out: Any) -> Request:
        kept = None
        if not isinstance(keys, _keys.Keys):
            if hasattr(
                keys, "dtype"
            ):  # the caller's own may change later, and the result has these
                keys = keys.copy()
            kept = keys = _keys.Keys._checked(self._namespace, self._set_name, keys)
        elif (keys.namespace, keys.set_name) != (self._namespace, self._set_name):
            raise InvalidArgError(
                f"reader: these are keys of {keys.namespace!r}, {keys.set_name!r}, and the reader is of "
                f"{self._namespace!r}, {self._set_name!r}"
            )
        data = None if out is None else self._plan.shape.fit(out, len(keys))
        return self._plan.read(keys, self._client._do, data, kept=kept)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._arguments

    def __repr__(self) -> str:
        names = ", ".join(self._plan.shape.names)
        return f"<aerospike_np.Reader of {self._namespace}.{self._set_name}: {names}>"
