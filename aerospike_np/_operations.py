"""Every operation, once.

A method here checks nothing that the engine checks: it prepares a request (``self._core``) and says how
its raw result becomes what users get. The clients differ only in who drives the request: the sync
client's methods are made from these by ``_client``; an async client's are made the same way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _info, _keys, _late, _progress, _reading, _state, _udf, _writing
from ._reader import Reader
from .exception import InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core, Request
    from .types import ClusterStats, Health

_READ, _WRITE, _INCR, _APPEND, _PREPEND, _TOUCH = 1, 2, 5, 9, 10, 11


def made(client: Any, make: Callable[..., Request], *args: Any) -> Request:
    """The operation of what is no method of the clients: their ``_do`` drives what ``make`` prepares."""
    return make(*args)


class Plain:
    """The methods that ask nobody, and are the same on both clients."""

    _core: Core
    _do: Callable[..., Any]
    _twin: Any = None  # the other face, once it was asked for
    _is_first = True  # the other face was made from this one, if there is one

    def __init__(self, config: dict[str, Any]) -> None:
        from ._engine import Core

        self._take(Core(config))

    def _take(self, core: Core) -> None:
        """Begins, with a core of its own or the other face's."""
        self._core = core
        self._plans: dict[Any, Any] = {}  # of reads into arrays, see _tables

    def _other_face(self, other: type[Plain]) -> Any:
        """The other client of the same cluster, its pools and its close."""
        if self._twin is None:
            twin = other.__new__(other)
            twin._take(self._core)
            twin._twin, twin._is_first = self, False
            if self.__dict__.setdefault("_twin", twin) is not twin:  # another thread was first
                del twin._core, twin._twin
        return self._twin

    def _leave_loops(self) -> None:
        """What event loops keep of this client, they forget."""
        if self._twin is not None:
            self._twin._leave_loops()

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is None:
            return
        if self._is_first and core.is_open():
            warnings.warn(
                f"{self!r} was dropped without close()", ResourceWarning, stacklevel=2, source=self
            )
        self._leave_loops()

    def is_connected(self) -> bool:
        """Whether the client is open and knows a node. No I/O."""
        return self._core.is_connected()

    def get_expression_base64(self, expression: Any) -> str:
        """The bytes of an expression as base64 text. No I/O.

        Examples
        --------
        >>> from aerospike_np import exp
        >>> client.get_expression_base64(exp.key_exists())
        'kUc='
        """
        from .expressions import to_base64

        return to_base64(expression)

    def get_cdtctx_base64(self, ctx: Any) -> str:
        """The bytes of a context, a list of steps of ``helpers.cdt_ctx``, as base64 text. No I/O."""
        from ._calls import context_base64

        return context_base64(ctx)

    def get_node_names(self) -> list[str]:
        """Names of the nodes, as far as they are known now. No I/O once connected."""
        return [name for name, _ in self._core.nodes()]

    def get_nodes(self) -> list[tuple[str, int]]:
        """``(host, port)`` of the nodes, as far as they are known now. No I/O once connected."""
        return [_state.host_and_port(address) for _, address in self._core.nodes()]

    def get_stats(self) -> ClusterStats:
        """Figures of this client: its nodes and their connections, retries, rounds. No I/O.

        Before the client is connected, and after it was closed, there are no nodes, and all is 0.

        Examples
        --------
        >>> client.put(("test", "demo", "s"), {"a": 1})
        >>> stats = client.get_stats()
        >>> len(stats.nodes), stats.nodes[0].conns.in_use, stats.retry_count
        (1, 0, 0)
        """
        return _state.stats(self._core)

    def health_check(self) -> Health:
        """Whether the nodes answer, and all partitions have an owner, as far as is known now. No I/O.

        The client looks at each node once in a ``tend_interval``; this tells what it found. It does not
        raise: a client that is not connected says so.

        Examples
        --------
        >>> client.put(("test", "demo", "h"), {"a": 1})
        >>> health = client.health_check()
        >>> health.is_healthy, len(health.nodes), health.messages
        (True, 1, ())
        """
        return _state.health(self._core)

    def get_key_partition_id(self, namespace: str, set_name: str | None, key: Any) -> int:
        """The partition (0 to 4095) of a key. No I/O.

        Examples
        --------
        >>> client.get_key_partition_id("test", "demo", "k1")
        1975
        """
        from ._engine import calc_digest

        digest = calc_digest(namespace, set_name, key)
        return (digest[0] | digest[1] << 8) & 0xFFF

    def reader(
        self,
        _dtype: Any,
        namespace: str,
        set_name: str | None,
        bins: Any = None,
        policy: Any = None,
        *,
        layout: Any = "rows",
        errors: Any = "raise",
        fill: Any = None,
    ) -> Reader[Any]:
        """Prepares batch reads of the same fields from one set, for many small reads. No I/O.

        Parameters
        ----------
        _dtype, bins, policy, layout, errors, fill
            As in :meth:`batch_read`.
        namespace, set_name : str
            Where the records are.

        Returns
        -------
        Reader
            ``reader.read(keys, out=None)``, or ``reader(keys)``, reads. It is for any number of threads or
            tasks, and as long as the client is open.

        Examples
        --------
        >>> import numpy as np
        >>> client.put(("test", "demo", 7), {"temp": 19.5})
        >>> reader = client.reader([("temp", "f8")], "test", "demo")
        >>> reader.read(np.array([7, 8]))["temp"].tolist()
        [19.5, 0.0]
        """
        return Reader(self, _dtype, namespace, set_name, bins, policy, layout, errors, fill)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._core.config,)

    def __repr__(self) -> str:
        core = getattr(self, "_core", None)
        hosts = (
            ", ".join(f"{host}:{port}" for host, port in core.hosts)
            if core is not None
            else "no hosts"
        )
        return f"<aerospike_np.{type(self).__name__} {hosts}>"


class Operations:
    """The methods that both clients have. Keys are ``(namespace, set, user key)`` tuples."""

    _core: Core
    _plans: dict[Any, Any]

    # ---- single records ----

    def put(self, key: Any, bins: dict[str, Any], meta: Any = None, policy: Any = None) -> Any:
        """Writes bins of one record, and creates it where it does not exist.

        Parameters
        ----------
        key : tuple
            ``(namespace, set, user key)``; the user key is str, int, bytes or bytearray.
        bins : dict
            Bin name (1 to 15 bytes) to value; None deletes the bin.
        meta : dict, optional
            ``{"ttl": seconds, "gen": generation}``; a generation is checked for equality.
        policy : dict, optional
            Write policy: ``exists``, ``gen``, ``key``, ``ttl``, ``total_timeout``, ...

        Raises
        ------
        RecordExistsError, RecordNotFound, RecordGenerationError, RecordTooBig
            What the policy asked for did not hold, or the record is larger than the server takes.

        Examples
        --------
        >>> client.put(("test", "demo", "ann"), {"age": 34, "tags": ["a", "b"]})
        >>> client.get(("test", "demo", "ann")).bins
        {'age': 34, 'tags': ['a', 'b']}
        """
        return self._core.put(key, bins, meta, policy)

    def get(self, key: Any, policy: Any = None) -> Any:
        """Reads all bins of one record.

        Returns
        -------
        Record
            ``(key, meta, bins)``; ``meta`` is ``(gen, ttl)``, with ttl in seconds left, 4294967295 where
            the record never expires.

        Raises
        ------
        RecordNotFound
            There is no such record.

        Examples
        --------
        >>> client.put(("test", "demo", "bob"), {"age": 41})
        >>> client.get(("test", "demo", "bob")).bins["age"]
        41
        """
        return self._core.get(key, policy)

    def select(self, key: Any, bins: Sequence[str], policy: Any = None) -> Any:
        """Reads the named bins of one record; bins that it lacks are left out.

        Returns
        -------
        Record

        Raises
        ------
        RecordNotFound
            There is no such record.

        Examples
        --------
        >>> client.put(("test", "demo", "cyd"), {"age": 7, "name": "Cyd"})
        >>> client.select(("test", "demo", "cyd"), ["name"]).bins
        {'name': 'Cyd'}
        """
        return self._core.select(key, bins, policy)

    def exists(self, key: Any, policy: Any = None) -> Any:
        """Asks for a record's metadata alone.

        Returns
        -------
        ExistsResult
            ``(key, meta)``; ``meta`` is None where there is no record.

        Examples
        --------
        >>> client.exists(("test", "demo", "nobody")).meta is None
        True
        """
        return self._core.exists(key, policy)

    def remove(self, key: Any, meta: Any = None, policy: Any = None) -> Any:
        """Deletes one record.

        Raises
        ------
        RecordNotFound
            There is no such record.
        RecordGenerationError
            ``meta={"gen": n}`` was given, and the record has another generation.

        Examples
        --------
        >>> client.put(("test", "demo", "tmp"), {"a": 1})
        >>> client.remove(("test", "demo", "tmp"))
        """
        return self._core.remove(key, meta, policy)

    def touch(self, key: Any, val: int = 0, meta: Any = None, policy: Any = None) -> Any:
        """Sets a record's time to live anew, and counts its generation up.

        Parameters
        ----------
        val : int
            Seconds; 0 leaves it to ``meta``, the policy, or the namespace's default.

        Raises
        ------
        RecordNotFound
            There is no such record.

        Examples
        --------
        >>> client.put(("test", "demo", "t"), {"a": 1})
        >>> client.touch(("test", "demo", "t"), 100)
        >>> 0 < client.exists(("test", "demo", "t")).meta.ttl <= 100
        True
        """
        return self._core.write_ops("touch", key, [(_TOUCH, "", None)], meta, policy, val or None)

    def append(self, key: Any, bin: str, val: Any, meta: Any = None, policy: Any = None) -> Any:
        """Appends a str to a string bin, or bytes to a blob bin; makes what does not exist.

        Raises
        ------
        BinIncompatibleType
            The bin holds something else.

        Examples
        --------
        >>> client.put(("test", "demo", "s"), {"text": "ab"})
        >>> client.append(("test", "demo", "s"), "text", "c")
        >>> client.get(("test", "demo", "s")).bins
        {'text': 'abc'}
        """
        return self._core.write_ops(
            "append",
            key,
            [(_APPEND, bin, _writing.text_or_bytes(val, "append"))],
            meta,
            policy,
            None,
        )

    def prepend(self, key: Any, bin: str, val: Any, meta: Any = None, policy: Any = None) -> Any:
        """Puts a str before a string bin's value, or bytes before a blob's; makes what does not exist.

        Raises
        ------
        BinIncompatibleType
            The bin holds something else.

        Examples
        --------
        >>> client.put(("test", "demo", "p"), {"text": "bc"})
        >>> client.prepend(("test", "demo", "p"), "text", "a")
        >>> client.get(("test", "demo", "p")).bins
        {'text': 'abc'}
        """
        return self._core.write_ops(
            "prepend",
            key,
            [(_PREPEND, bin, _writing.text_or_bytes(val, "prepend"))],
            meta,
            policy,
            None,
        )

    def increment(
        self, key: Any, bin: str, offset: Any, meta: Any = None, policy: Any = None
    ) -> Any:
        """Adds to a number; makes record and bin where they do not exist.

        Integers go to integer bins and floats to double bins. Integers wrap modulo 2^64, as the server's
        do.

        Raises
        ------
        BinIncompatibleType
            The bin holds another type.

        Examples
        --------
        >>> client.put(("test", "demo", "n"), {"count": 1})
        >>> client.increment(("test", "demo", "n"), "count", 2)
        >>> client.get(("test", "demo", "n")).bins
        {'count': 3}
        """
        if isinstance(offset, bool) or not (
            hasattr(offset, "__index__") or hasattr(offset, "__float__")
        ):
            raise TypeError(f"increment: offset is an int or a float, not {type(offset).__name__}")
        return self._core.write_ops("increment", key, [(_INCR, bin, offset)], meta, policy, None)

    def remove_bin(
        self, key: Any, bin_names: Sequence[str], meta: Any = None, policy: Any = None
    ) -> Any:
        """Deletes bins of a record; a record whose last bin goes, goes with it.

        Raises
        ------
        RecordNotFound
            There is no such record.

        Examples
        --------
        >>> client.put(("test", "demo", "b"), {"a": 1, "c": 2})
        >>> client.remove_bin(("test", "demo", "b"), ["c"])
        >>> client.get(("test", "demo", "b")).bins
        {'a': 1}
        """
        if isinstance(bin_names, (str, bytes)):
            raise TypeError("remove_bin: bin_names is a list of names, not a str")
        ops = [(_WRITE, name, None) for name in bin_names]
        if not ops:
            raise InvalidArgError("remove_bin: bin_names is empty; name the bins to remove")
        return self._core.write_ops("remove_bin", key, ops, meta, policy, None)

    def apply(
        self, key: Any, module: str, function: str, args: Any = None, policy: Any = None
    ) -> Any:
        """Calls a function of a module (see :meth:`udf_put`) with one record, on its server.

        Parameters
        ----------
        module : str
            The module's name, without ``.lua``.
        args : sequence, optional
            What the function gets after the record.
        policy : dict, optional
            As of a write, but for ``exists`` and ``gen``, which servers refuse here.

        Returns
        -------
        object
            What the function returns.

        Raises
        ------
        UDFError
            The function failed, or there is none of that name; the message has the server's words, and
            ``module`` and ``func`` say which.
        """
        return _udf.call(self._core, key, module, function, args, policy)

    def operate(self, key: Any, ops: Any, meta: Any = None, policy: Any = None) -> Any:
        """Runs several operations on one record, in their order, as one: all of them, or none.

        Parameters
        ----------
        ops : list of dict
            Made by :mod:`aerospike_np.helpers.operations`, or written as dicts.
        meta, policy : dict, optional
            As in :meth:`put`. Where no operation writes, what is for writes has no effect.

        Returns
        -------
        Record
            ``bins`` has what the operations returned; several results of one bin are a list.

        Raises
        ------
        InvalidArgError
            An operation is not what it should be; the message names it. Nothing was sent.
        RecordNotFound
            There is no such record, and no operation makes it.

        See Also
        --------
        operate_ordered : Each result by itself.

        Examples
        --------
        >>> from aerospike_np.helpers.operations import operations
        >>> client.put(("test", "demo", "o"), {"count": 1})
        >>> client.operate(("test", "demo", "o"), [operations.increment("count", 2), operations.read("count")]).bins
        {'count': 3}
        """
        return self._core.operate(key, ops, meta, policy)

    def operate_ordered(self, key: Any, ops: Any, meta: Any = None, policy: Any = None) -> Any:
        """Runs several operations like :meth:`operate`, and tells the results in the order of the operations.

        Returns
        -------
        OperateOrderedResult
            ``ordered_bins`` is a list of ``(name, value)``, one for each result.

        Examples
        --------
        >>> from aerospike_np.helpers.operations import operations
        >>> client.put(("test", "demo", "oo"), {"a": 1, "b": 2})
        >>> ops = [operations.read("b"), operations.read("a"), operations.write("b", 5), operations.read("b")]
        >>> [tuple(pair) for pair in client.operate_ordered(("test", "demo", "oo"), ops).ordered_bins]
        [('b', 2), ('a', 1), ('b', 5)]
        """
        return self._core.operate_ordered(key, ops, meta, policy)

    # ---- batches ----

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
        if _dtype is None:
            _dtype = dtype
        elif dtype is not None:
            raise InvalidArgError(
                "batch_read: _dtype and dtype are the same argument; give one of them"
            )
        if _dtype is None and out is None:
            if layout != "rows" or errors != "raise" or fill is not None:
                raise InvalidArgError(
                    "batch_read: layout, errors and fill go with a dtype, or with out"
                )
            return _reading.read_records(
                self._core, prepared, bins, policy, _progress.watcher(progress, len(prepared))
            )
        from . import _tables

        plan, data = _tables.plan_of(
            self._plans, self._core, len(prepared), _dtype, bins, layout, out, errors, fill, policy
        )
        return plan.read(prepared, data, _progress.watcher(progress, len(prepared)))

    def batch_write(self, records: Any, policy: Any = None, retry: int = 0) -> Any:
        """Writes many records, each with its own bins.

        Parameters
        ----------
        records : iterable of tuple
            ``(key, bins)`` or ``(key, bins, meta)``; meta as in :meth:`put`, and it wins over the policy.
        policy : dict, optional
            Batch policy, with the write keys (``exists``, ``ttl``, ...).
        retry : int
            How often rows that are safe to send again are sent again: never fully sent, or
            codes 8, 11, 14, 18; never 9, never one in doubt.

        Returns
        -------
        BatchWriteResult
            One code a row; a row that the server refused does not raise.

        Examples
        --------
        >>> result = client.batch_write([(("test", "demo", i), {"x": i}) for i in range(3)])
        >>> result.result_codes.tolist()
        [0, 0, 0]
        """
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
            data, namespace, set_name, _dtype, key_field, mask, ttl, generation, masked, empty, bytes_as, subarrays
        )  # fmt: skip

        def again(rows: Any) -> tuple[Request, Any]:
            picked = (
                source.keys.take(rows),
                tuple((name, column[rows]) for name, column in source.fields),
                None
                if source.masks is None
                else tuple(None if m is None else m[rows] for m in source.masks),
                None if source.ttl is None else source.ttl[rows],
                None if source.generation is None else source.generation[rows],
                source.flags,
            )
            return _writing.writing(self._core.batch_write_table, picked, len(rows), policy, None)

        whole = (
            source.keys,
            source.fields,
            source.masks,
            source.ttl,
            source.generation,
            source.flags,
        )
        begun = _writing.writing(
            self._core.batch_write_table,
            whole,
            source.n,
            policy,
            _progress.watcher(progress, source.n),
        )
        return _writing.finish_write(self._core, begun, source.keys, again, retry)

    def batch_remove(self, keys: Any, policy: Any = None) -> Any:
        """Deletes many records.

        Parameters
        ----------
        keys : list
            Key tuples, or ``(key, meta)`` pairs with ``{"gen": n}``; or a :class:`Keys`.

        Returns
        -------
        BatchWriteResult
            Code 2 where there was no record.

        Examples
        --------
        >>> client.put(("test", "demo", "x"), {"a": 1})
        >>> client.batch_remove([("test", "demo", "x"), ("test", "demo", "y?")]).result_codes.tolist()
        [0, 2]
        """
        plain, metas = _writing.remove_keys(keys)
        begun = _writing.writing(self._core.batch_remove, (plain, metas), len(plain), policy, None)
        return _writing.finish_write(self._core, begun, plain, None, 0)

    # ---- info ----

    def ping(self) -> Any:
        """Whether a node answers, as a bool; never raises an Aerospike error.

        Examples
        --------
        >>> client.ping()
        True
        """
        return _info.Ping(self._core)

    def info_all(self, command: str, policy: Any = None) -> Any:
        """Sends an info command to each node.

        Returns
        -------
        InfoResults
            A list of ``InfoNodeResult(node_name, error_code, response)`` that also answers by node name; a
            node's failure is in its error code.

        Examples
        --------
        >>> [(r.error_code, r.response) for r in client.info_all("build")]
        [(0, '8.1.2.0\\n')]
        """
        return _info.InfoAll(self._core, command, policy)

    def info_random_node(self, command: str, policy: Any = None) -> Any:
        """Sends an info command to any node; returns the whole response text.

        Examples
        --------
        >>> client.info_random_node("edition")
        'edition\\tAerospike Community Edition\\n'
        """
        return self._core.info(None, command, policy)

    def info_single_node(self, command: str, host: Any, policy: Any = None) -> Any:
        """Sends an info command to one node, by name or ``(host, port)``; returns the whole response text.

        Examples
        --------
        >>> client.info_single_node("status", client.get_node_names()[0])
        'status\\tok\\n'
        """
        return self._core.info(_info.node_name(self._core, host), command, policy)

    def truncate(
        self, namespace: str, set_name: str | None, nanos: int = 0, policy: Any = None
    ) -> Any:
        """Deletes all records of a set (or, with no set, of a namespace), at once and without a trace.

        Parameters
        ----------
        nanos : int
            Only records last updated before this: nanoseconds since 1970-01-01 UTC; 0: all.

        Raises
        ------
        ServerError
            The server refused; a time in the future is one reason.

        Examples
        --------
        >>> client.truncate("test", "demo")
        """
        return self._core.info(
            None, _info.truncate_command(namespace, set_name, nanos), policy
        ).then(_info.truncated)

    # ---- modules of functions ----

    def udf_put(self, filename: Any, udf_type: int = 0, policy: Any = None) -> Any:
        """Registers a file of Lua functions under its own name, in place of what had that name.

        It is done when all nodes have it, which is waited for.

        Raises
        ------
        UDFError
            The server refused it; the message has the compiler's words.
        OSError
            The file can't be read.
        """
        return _udf.Put(self._core, filename, udf_type, policy)

    def udf_remove(self, module: str, policy: Any = None) -> Any:
        """Removes a module, with or without ``.lua``; not an error where there is none.

        It is done when it is gone from all nodes, which is waited for.
        """
        return _udf.Remove(self._core, module, policy)

    def udf_get(self, module: str, language: int = 0, policy: Any = None) -> Any:
        """The source of a module, with or without ``.lua``, as a str.

        Raises
        ------
        LuaFileNotFound
            There is no such module.
        """
        return _udf.Get(self._core, module, language, policy)

    def udf_list(self, policy: Any = None) -> Any:
        """The modules, as a list of ``{"name": , "hash": , "type": }``.

        Examples
        --------
        >>> client.udf_list()
        []
        """
        return self._core.info(None, "udf-list", policy).then(_udf.listed)
