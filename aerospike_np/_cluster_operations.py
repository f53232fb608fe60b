"""The operations on nodes: info commands, and what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _info, _udf

if TYPE_CHECKING:
    from ._engine import Core


class ClusterOperations:
    """What nodes are asked and told beside records."""

    _core: Core

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

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "shop.lua")
        ...     _ = path.write_text("function one() return 1 end")
        ...     client.udf_put(path)
        >>> [module["name"] for module in client.udf_list()]
        ['shop.lua']
        >>> client.udf_get("shop")
        'function one() return 1 end'
        >>> client.udf_remove("shop")
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
