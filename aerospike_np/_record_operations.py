"""The operations on one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _udf, _writing
from .exception import InvalidArgError

if TYPE_CHECKING:
    from ._engine import Core

_WRITE, _INCR, _APPEND, _PREPEND, _TOUCH = 2, 5, 9, 10, 11


class RecordOperations:
    """Keys are ``(namespace, set, user key)`` tuples."""

    _core: Core

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

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "shop.lua")
        ...     _ = path.write_text("function price(record, n) return record.price * n end")
        ...     client.udf_put(path)
        >>> client.put(("test", "demo", "pear"), {"price": 7})
        >>> client.apply(("test", "demo", "pear"), "shop", "price", [6])
        42
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
