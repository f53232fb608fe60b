"""The operations that run operations or functions on many records, or a function of the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import _keys, _late, _progress, _writing
from ._answering import Answering, applying, batch_policy
from ._batch_operations import one_dtype
from ._naming import called
from .exception import InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request


class BatchOperateOperations:
    """Keys are ``(namespace, set, user key)`` tuples, or user keys under ``namespace=`` and ``set_name=``."""

    _core: Core

    def batch_operate(
        self,
        keys: Any,
        ops: Any,
        policy: Any = None,
        policy_batch_write: Any = None,
        ttl: Any = None,
        *,
        _dtype: Any = None,
        dtype: Any = None,
        bins: Any = None,
        layout: str = "rows",
        out: Any = None,
        errors: str = "raise",
        fill: Any = None,
        retry: int = 0,
        namespace: str | None = None,
        set_name: str | None = None,
        policy_batch: Any = None,
        progress: Any = None,
    ) -> Any:
        """Runs the same operations on many records; on each in their order, as one: all of them, or none.

        Parameters
        ----------
        keys : list of tuple, Keys, or array_like
            As in :meth:`batch_read`.
        ops : list of dict
            As in :meth:`operate`. Where none of them writes, the batch is a read, and is retried as one.
        policy, policy_batch : dict, optional
            Batch policy, with the write keys (``exists``, ``gen``, ``ttl``, ...); two names of one argument.
        policy_batch_write : dict, optional
            Wins over ``policy``.
        ttl : int, optional
            Seconds to live; wins over the policies, and a ``touch`` of its own wins over it.
        _dtype, dtype, bins, layout, out, errors, fill
            As in :meth:`batch_read`: arrays for the results. A field takes what the operations on the bin of its
            name come to; ``bins={"field": "bin"}`` renames, and a matrix needs ``bins=["a", "b", ...]``.
        retry : int
            As in :meth:`batch_write`; not with a dtype.

        Returns
        -------
        BatchWriteResult or NumpyBatchRecords
            A record's bins are what the operations came to, by the name of their bin; of several on one bin
            the last result that is not None counts.

        Raises
        ------
        ConversionError
            With a dtype: results did not fit (``errors="raise"``); the operations ran, ``.partial`` is the result.
        AerospikeTimeoutError, ClusterError
            The call as a whole failed; ``.partial`` is what had arrived.

        Examples
        --------
        >>> from aerospike_np.helpers.operations import operations
        >>> keys = [("test", "demo", name) for name in "ab"]
        >>> client.batch_write([(key, {"n": 1}) for key in keys]).failed.tolist()
        []
        >>> found = client.batch_operate(keys, [operations.increment("n", 2), operations.read("n")])
        >>> found.get("a"), found.gen.tolist()
        ({'n': 3}, [2, 2])
        >>> client.batch_operate(keys, [operations.read("n")], _dtype=[("n", "u4")])["n"].tolist()
        [3, 3]
        """
        core, where = self._core, "batch_operate"
        prepared = _keys.prepare(keys, namespace, set_name, where)
        own = batch_policy(policy, policy_batch, where)
        watch = _progress.watcher(progress, len(prepared))
        dtype = one_dtype(_dtype, dtype, where)
        if dtype is None and out is None:
            if layout != "rows" or errors != "raise" or fill is not None or bins is not None:
                raise InvalidArgError(
                    f"{where}: bins, layout, errors and fill go with a dtype, or with out"
                )

            def call(keys: Any, rows: Any, arrays: Any) -> Request:
                return core.batch_operate(keys, ops, arrays, own, policy_batch_write, ttl)

            return Answering(core, prepared, call, retry, watch)
        from . import _tables

        if retry != 0:
            raise InvalidArgError(f"{where}: retry goes without a dtype, and without out")
        operations = ops, policy_batch_write, ttl
        return _tables.operate(
            core, prepared, operations, dtype, bins, layout, out, errors, fill, own, watch
        )

    def batch_operate_numpy(
        self,
        data: Any,
        namespace: str,
        set_name: str | None,
        ops: Any,
        key_field: str = "_key",
        policy: Any = None,
        retry: int = 0,
        *,
        mask: Any = None,
        ttl: Any = None,
        generation: Any = None,
        empty: str = "raise",
        bytes_as: str = "blob",
        subarrays: str = "blob",
        progress: Any = None,
    ) -> Any:
        """Runs the same operations on one record a row of an array, with values of its own for each.

        Parameters
        ----------
        data, namespace, set_name, key_field, retry, mask, ttl, generation, bytes_as, subarrays, progress
            As in :meth:`batch_write_numpy`.
        ops : list of dict
            As in :meth:`operate`, none of which reads. A :class:`Field` as a value stands for that of each row:
            amounts, values and keys of lists and maps, indexes, counts, bytes. A list is a sub-array, a map a
            nested struct; or any of them objects. Where a value is masked, NaT or None, that operation is
            left out of that row.
        policy : dict, optional
            Batch policy, with the write keys (``exists``, ``ttl``, ...).
        empty : {"raise", "skip"}
            What happens to a row of which all operations are left out: refused before anything is sent, or
            left out itself (code 0, no attempt).

        Returns
        -------
        BatchWriteResult
            One code a row; what operations give back is not kept.

        Raises
        ------
        InvalidArgError
            An operation or a value can't be sent (its number, or row and field, are named); nothing was sent.
        TypeError
            ``data`` or a field's dtype is of a kind that has no place in a record; nothing was sent.

        Examples
        --------
        >>> import numpy as np
        >>> from aerospike_np import Field
        >>> from aerospike_np.helpers.operations import list_operations, operations
        >>> sales = np.array([(1, 5, 0.5), (2, 7, 1.5)], dtype=[("_key", "i8"), ("count", "i4"), ("price", "f8")])
        >>> ops = [
        ...     operations.increment("sold", Field("count")),
        ...     list_operations.list_append("prices", Field("price")),
        ... ]
        >>> for _ in range(2):
        ...     client.batch_operate_numpy(sales, "test", "demo", ops).raise_for_status()
        >>> client.get(("test", "demo", 2)).bins
        {'sold': 14, 'prices': [1.5, 1.5]}
        """
        _late.load()
        from ._batch_data import OperationSource

        source = OperationSource(
            ops, data, namespace, set_name, None, key_field, mask, ttl, generation,
            empty=empty, bytes_as=bytes_as, subarrays=subarrays,
        )  # fmt: skip
        return _writing.write_arrays(
            self._core, self._core.batch_operate_table, source, policy, retry, progress
        )

    def batch_transform(
        self,
        keys: Any,
        fn: Any,
        _dtype: Any,
        retries: int = 3,
        *,
        bins: Any = None,
        policy: Any = None,
        policy_batch_write: Any = None,
        ttl: int = -2,
        fill: Any = None,
        create: bool = False,
        with_mask: bool = False,
        with_rows: bool = False,
        bytes_as: str = "blob",
        subarrays: str = "blob",
        namespace: str | None = None,
        set_name: str | None = None,
    ) -> Any:
        """Reads records into an array, and writes back what a function makes of it, where nobody was faster.

        Each record is written only if it still has the generation that was read. Where another writer came
        between, the record is read again, given to the function again, and so on.

        Parameters
        ----------
        keys, _dtype, bins, fill, namespace, set_name
            As in :meth:`batch_read`, into rows or a matrix.
        fn : callable
            Gets an array: in the first round of all keys, in order; in later ones of those that lost. Returns as
            many rows to write: a structured array, a dict of arrays or a DataFrame, whose fields are the bins
            that are written, or a matrix like the one it got; or None, to leave all as they are. What is masked in
            a ``numpy.ma`` array is left as it is. It must have no effect of its own that may not come twice.
        retries : int
            How many rounds there may be after the first, for rows that lost.
        policy : dict, optional
            Batch policy, of reads and writes; keys that only writes have go to ``policy_batch_write``.
        policy_batch_write : dict, optional
            Write keys; wins over ``policy``.
        ttl : int
            Seconds to live of what is written; -2 keeps what the record has.
        create : bool
            Whether keys without a record are written too, as new records, unless somebody else creates them first.
            Else their rows, which hold ``fill``, are only seen.
        with_mask : bool
            Whether ``fn`` gets a ``numpy.ma`` array. Else bins that a record does not have stay missing, whatever
            it returns for them.
        with_rows : bool
            Whether ``fn`` gets a second argument: the numbers of the rows, to find its own data by.
        bytes_as, subarrays
            As in :meth:`batch_write_numpy`: what was a string or a list should be written as one.

        Returns
        -------
        TransformResult
            A code a row, and ``rounds``, how often it was read.

        Raises
        ------
        ConversionError
            A value does not fit the dtype; the round was not written. ``.partial`` is the result so far.
        AerospikeTimeoutError, ClusterError
            A request as a whole failed; ``.partial`` is the result so far.

        Examples
        --------
        >>> _ = client.batch_write([(("test", "demo", i), {"stock": 10 * i}) for i in range(1, 4)])
        >>> def sell(rows):
        ...     rows["stock"] -= 5
        ...     return rows
        >>> done = client.batch_transform([1, 2, 3, 9], sell, [("stock", "i8")], namespace="test", set_name="demo")
        >>> done.result_codes.tolist(), done.rounds.tolist()
        ([0, 0, 0, 2], [1, 1, 1, 1])
        >>> client.get(("test", "demo", 3)).bins
        {'stock': 25}
        """
        where = "batch_transform"
        prepared = _keys.prepare(keys, namespace, set_name, where)
        from ._tables import plan_of
        from ._transform import Transform

        if _dtype is None:
            raise TypeError(f"{where}: _dtype is the dtype of the array that fn gets, not None")
        for given in (policy, policy_batch_write):
            if given is not None and not isinstance(given, Mapping):
                raise TypeError(f"{where}: a policy is a dict, not {type(given).__name__}")
        with called(where):
            plan, _ = plan_of(
                {}, self._core, len(prepared), _dtype, bins, "rows", None, "mask", fill, policy
            )
        renames = dict(bins) if isinstance(bins, Mapping) else {}
        return Transform(
            self._core, prepared, plan, fn, retries, {**(policy or {}), **(policy_batch_write or {})},
            create=create, with_mask=with_mask, with_rows=with_rows,
            renames=renames, ttl=ttl, bytes_as=bytes_as, subarrays=subarrays,
        )  # fmt: skip

    def batch_apply(
        self,
        keys: Any,
        module: str,
        function: str,
        args: Any = None,
        policy: Any = None,
        policy_batch_apply: Any = None,
        *,
        namespace: str | None = None,
        set_name: str | None = None,
        policy_batch: Any = None,
        progress: Any = None,
    ) -> Any:
        """Calls a function of a module (see :meth:`udf_put`) with each of many records, on their servers.

        Parameters
        ----------
        keys : list of tuple, Keys, or array_like
            As in :meth:`batch_read`. Key tuples may also be given as ``(key, meta)``, where a meta has what this
            call has of its own: ``module``, ``function``, ``args``, ``ttl``, ``commit_level``, ``key``,
            ``durable_delete``.
        module : str
            The module's name, without ``.lua``.
        args : sequence, optional
            What the function gets after the record.
        policy, policy_batch : dict, optional
            Batch policy, with ``ttl``, ``key``, ``commit_level`` and ``durable_delete``; two names of one argument.
        policy_batch_apply : dict, optional
            Wins over ``policy``.

        Returns
        -------
        BatchWriteResult
            What a function returned is the record's bin ``"SUCCESS"``. Where one failed the code is 100, and the
            record's bin ``"FAILURE"`` has the server's words.

        Raises
        ------
        InvalidArgError, TypeError
            A name, an argument or a policy that can't be right; nothing was sent.
        AerospikeTimeoutError, ClusterError
            The call as a whole failed; ``.partial`` is what had arrived.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "shop.lua")
        ...     _ = path.write_text("function price(record, n) return record.price * n end")
        ...     client.udf_put(path)
        >>> keys = [("test", "demo", name) for name in ("pear", "plum")]
        >>> client.batch_write([(key, {"price": 7}) for key in keys]).failed.tolist()
        []
        >>> done = client.batch_apply([keys[0], (keys[1], {"args": [10]})], "shop", "price", [6])
        >>> [row.record.bins for row in done.batch_records]
        [{'SUCCESS': 42}, {'SUCCESS': 70}]
        """
        is_tuples = namespace is None and set_name is None and isinstance(keys, (list, tuple))
        if not is_tuples:
            keys = _keys.prepare(keys, namespace, set_name, "batch_apply")
        own = batch_policy(policy, policy_batch, "batch_apply")
        watch = _progress.watcher(progress, len(keys))
        return applying(self._core, keys, module, function, args, own, policy_batch_apply, watch)
