"""The operations that read, write and remove many records."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _keys, _late, _progress, _reading, _writing
from ._answering import Mixed, batch_policy
from .exception import InvalidArgError
from .helpers.batch.records import BatchRecords

if TYPE_CHECKING:
    from ._engine import Core, Request


def one_dtype(_dtype: Any, dtype: Any, where: str) -> Any:
    if _dtype is not None and dtype is not None:
        raise InvalidArgError(f"{where}: _dtype and dtype are the same argument; give one of them")
    return dtype if _dtype is None else _dtype


class BatchOperations:
    """Keys are ``(namespace, set, user key)`` tuples, or user keys under ``namespace=`` and ``set_name=``."""

    _core: Core
    _plans: dict[Any, Any]
    _do: Callable[..., Any]

    def batch_read(
        self,
        keys: Any,
        bins: Any = None,
        policy: Any = None,
        _dtype: Any = None,
        *,
        dtype: Any = None,
        layout: str = "rows",
        out: Any = None,
        errors: str = "raise",
        fill: Any = None,
        namespace: str | None = None,
        set_name: str | None = None,
        progress: Any = None,
        compute: Any = None,
    ) -> Any:
        """Reads many records: into NumPy arrays with a dtype, else as records.

        Parameters
        ----------
        keys : list of tuple, Keys, or array_like
            Key tuples; or, with ``namespace`` and ``set_name``, a 1-D array or list of n user keys, or
            an (n, 20) uint8 array of digests.
        bins : list of str, or dict, optional
            Bins to read: default all, or the dtype's fields. ``[]`` reads metadata only. A dict gives
            bin names to fields: ``{"field": "bin"}``.
        policy : dict, optional
            Batch policy. The default ``total_timeout`` of 1,000 ms counts for each window of 5,000 keys;
            one that you give is the whole call's.
        _dtype, dtype : dtype, optional
            A structured dtype, one field a bin; or a plain dtype with a list of k bins, for an
            (n, k) matrix. With ``layout="columns"`` also a dict or a list of pairs.
        layout : {"rows", "columns"}
            A structured array, or one contiguous array a field.
        out : array or dict of arrays, optional
            Memory to write to, in place of new arrays; its dtype is the dtype.
        errors : {"raise", "mask", "unsafe"}
            What happens to values that don't fit their field: raise after the batch, mask, or force.
        fill : scalar or dict, optional
            The value where nothing came; default zero, NaT for times, None for objects.
        progress : bool or callable, optional
            True shows a tqdm bar; a callable gets ``(done, total)``.
        compute : dict, optional
            Expressions by field (without a dtype, by any name): what each comes to is read in place of a bin.
            Where a record has none (one of its bins is missing, or integers are divided by zero), the value is
            masked; given as a pair ``(expression, EXP_READ_DEFAULT)`` such a record has code 26 instead.

        Returns
        -------
        NumpyBatchRecords or BatchRecords
            In the order of the keys.

        Raises
        ------
        ConversionError
            Values did not fit (``errors="raise"``); ``.partial`` is the result.
        AerospikeTimeoutError, ClusterError
            The call as a whole failed; ``.partial`` is what had arrived.

        Examples
        --------
        >>> import numpy as np
        >>> for i in range(3):
        ...     client.put(("test", "demo", i), {"x": i, "y": i / 2})
        >>> got = client.batch_read([0, 1, 2, 9], _dtype=[("x", "i8"), ("y", "f4")],
        ...                         namespace="test", set_name="demo")
        >>> got.batch_records["y"].tolist(), got.result_codes.tolist(), got.mask["x"].tolist()
        ([0.0, 0.5, 1.0, 0.0], [0, 0, 0, 2], [False, False, False, True])
        """
        prepared = _keys.prepare(keys, namespace, set_name, "batch_read")
        _dtype = one_dtype(_dtype, dtype, "batch_read")
        if _dtype is None and out is None:
            if layout != "rows" or errors != "raise" or fill is not None:
                raise InvalidArgError(
                    "batch_read: layout, errors and fill go with a dtype, or with out"
                )
            return _reading.read_records(
                self._core,
                prepared,
                bins,
                policy,
                _progress.watcher(progress, len(prepared)),
                compute,
            )
        from . import _tables

        plan, data = _tables.plan_of(
            self._plans,
            self._core,
            len(prepared),
            _dtype,
            bins,
            layout,
            out,
            errors,
            fill,
            policy,
            compute,
        )
        return plan.read(prepared, self._do, data, _progress.watcher(progress, len(prepared)))

    def batch_write(
        self, records: Any, policy: Any = None, retry: int = 0, *, policy_batch: Any = None
    ) -> Any:
        """Writes many records, each with its own bins; or does with each what its row says.

        Parameters
        ----------
        records : iterable of tuple, or BatchRecords
            ``(key, bins)`` or ``(key, bins, meta)``; meta as in :meth:`put`, and it wins over the policy. Or
            reads, writes, functions and removals, of :mod:`aerospike_np.helpers.batch.records`.
        policy, policy_batch : dict, optional
            Batch policy, with the write keys (``exists``, ``ttl``, ...); two names of one argument.
        retry : int
            How often rows that are safe to send again are sent again: never fully sent, or
            codes 8, 11, 14, 18; never 9, never one in doubt.

        Returns
        -------
        BatchWriteResult or BatchRecords
            One code a row; a row that the server refused does not raise. A BatchRecords that was given is
            returned, with the results in its rows.

        Raises
        ------
        InvalidArgError, TypeError
            A row, or the policy, that can't be right; nothing was sent.
        AerospikeTimeoutError, ClusterError
            The call failed as a whole; ``partial`` has the state of each row.

        Examples
        --------
        >>> result = client.batch_write([(("test", "demo", i), {"x": i}) for i in range(3)])
        >>> result.result_codes.tolist()
        [0, 0, 0]
        """
        policy = batch_policy(policy, policy_batch, "batch_write")
        if isinstance(records, BatchRecords):
            return Mixed(self._core, records, policy, retry)
        keys, bins, metas = _writing.write_rows(records)

        def again(rows: Any) -> tuple[Request, Any]:
            chosen = [int(i) for i in rows]
            some = None if metas is None else [metas[i] for i in chosen]
            return _writing.writing(
                self._core.batch_write_rows,
                ([keys[i] for i in chosen], [bins[i] for i in chosen], some),
                len(chosen), policy, None,
            )  # fmt: skip

        begun = _writing.writing(
            self._core.batch_write_rows, (keys, bins, metas), len(keys), policy, None
        )
        return _writing.finish_write(self._core, begun, keys, again, retry)

    def batch_write_numpy(
        self,
        data: Any,
        namespace: str,
        set_name: str | None,
        _dtype: Any = None,
        key_field: str = "_key",
        policy: Any = None,
        retry: int = 0,
        *,
        mask: Any = None,
        ttl: Any = None,
        generation: Any = None,
        masked: str = "keep",
        empty: str = "raise",
        bytes_as: str = "blob",
        subarrays: str = "blob",
        progress: Any = None,
    ) -> Any:
        """Writes one record a row of an array, straight from its memory.

        Parameters
        ----------
        data : structured array, dict of arrays, or DataFrame
            n rows, of any strides; not changed during the call. Fields that begin with ``_`` are no bins.
        namespace, set_name : str
            Where the records go.
        _dtype : dtype, optional
            Must equal ``data.dtype``, or be a view of it.
        key_field : str
            The field of the user keys: integers, ``U``, ``S`` (hashed as strings), ``V`` (blobs), objects.
        retry : int
            As in :meth:`batch_write`.
        mask : structured array of bool, or dict, optional
            True leaves that bin out of that row; ``numpy.ma`` arrays bring their own.
        ttl, generation : int, array or field name, optional
            Seconds to live; the generation that a record must have.
        masked : {"keep", "remove"}
            A masked value leaves the bin as it is, or deletes it.
        empty : {"raise", "skip"}
            What happens to a row with nothing to write: refused before anything is sent, or left out
            (code 0, no attempt).
        bytes_as : {"blob", "str"}
            ``S`` becomes a blob of its full width, or a string without trailing zeros.
        subarrays : {"blob", "list"}
            A sub-array becomes a blob of little-endian bytes, or a list.

        Returns
        -------
        BatchWriteResult

        Raises
        ------
        InvalidArgError
            A value can't be written (row and field are named); nothing was sent.
        TypeError
            ``data`` or a field's dtype is of a kind that has no place in a record; nothing was sent.

        Examples
        --------
        >>> import numpy as np
        >>> data = np.array([(1, 0.5), (2, 1.5)], dtype=[("_key", "i8"), ("score", "f8")])
        >>> client.batch_write_numpy(data, "test", "demo").result_codes.tolist()
        [0, 0]
        >>> client.get(("test", "demo", 2)).bins
        {'score': 1.5}
        """
        _late.load()
        from ._batch_data import Source

        source = Source(
            data, namespace, set_name, _dtype, key_field, mask, ttl, generation,
            masked=masked, empty=empty, bytes_as=bytes_as, subarrays=subarrays,
        )  # fmt: skip
        return _writing.write_arrays(
            self._core, self._core.batch_write_table, source, policy, retry, progress
        )

    def batch_remove(
        self,
        keys: Any,
        policy: Any = None,
        policy_batch_remove: Any = None,
        *,
        policy_batch: Any = None,
    ) -> Any:
        """Deletes many records.

        Parameters
        ----------
        keys : list
            Key tuples, or ``(key, meta)`` pairs with ``{"gen": n}``; or a :class:`Keys`.
        policy, policy_batch : dict, optional
            Batch policy, with the keys of removals; two names of one argument.
        policy_batch_remove : dict, optional
            Wins over ``policy``.

        Returns
        -------
        BatchWriteResult
            Code 2 where there was no record.

        Raises
        ------
        InvalidArgError, TypeError
            A key, or the policy, that can't be right; nothing was sent.
        AerospikeTimeoutError, ClusterError
            The call failed as a whole; ``partial`` has the state of each row.

        Examples
        --------
        >>> client.put(("test", "demo", "x"), {"a": 1})
        >>> client.batch_remove([("test", "demo", "x"), ("test", "demo", "y?")]).result_codes.tolist()
        [0, 2]
        """
        plain, metas = _writing.with_metas(keys, "batch_remove")
        own = batch_policy(policy, policy_batch, "batch_remove")
        begun = _writing.writing(
            self._core.batch_remove, (plain, metas, policy_batch_remove), len(plain), own, None
        )
        return _writing.finish_write(self._core, begun, plain, None, 0)
