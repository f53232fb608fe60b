"""Info commands: what is sent, and what their responses become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exception import AerospikeError, ClientError, InvalidArgError, ServerError
from .types import InfoNodeResult, InfoResults

if TYPE_CHECKING:
    from ._engine import Core


def _values_only(text: str) -> str:
    """A response without the commands that each of its lines repeats, as the official client gives it."""
    return "".join(line.partition("\t")[2] or "\n" for line in text.splitlines(keepends=True))


class Ping:
    def __init__(self, core: Core) -> None:
        self.core = core

    def steps(self) -> Any:
        try:
            return bool((yield self.core.info(None, "build", None)))
        except AerospikeError:
            return False


class InfoAll:
    def __init__(self, core: Core, command: str, policy: Any) -> None:
        self.core, self.command, self.policy = core, command, policy

    def steps(self) -> Any:
        names = [name for name, _ in self.core.nodes()]
        if not names:
            raise ClientError("info_all: no node of the cluster answers")
        results = InfoResults()
        for name in names:
            try:
                text = yield self.core.info(name, self.command, self.policy)
                results.append(InfoNodeResult(name, 0, _values_only(text)))
            except AerospikeError as error:
                results.append(InfoNodeResult(name, error.code or -1, str(error)))
        return results


def node_name(core: Core, host: Any) -> str:
    if isinstance(host, str):
        return host
    if isinstance(host, (tuple, list)) and len(host) >= 2:
        wanted = f"[{host[0]}]:{host[1]}" if ":" in host[0] else f"{host[0]}:{host[1]}"
        nodes = core.nodes()
        for name, address in nodes:
            if address == wanted or (host[0] == "localhost" and address == f"127.0.0.1:{host[1]}"):
                return str(name)
        raise InvalidArgError(f"info_single_node: no node at {wanted}; nodes are {nodes}")
    raise TypeError("info_single_node: host is a node's name or (host, port)")


def truncate_command(namespace: str, set_name: str | None, nanos: int) -> str:
    for what, name, limit in (("namespace", namespace, 31), ("set_name", set_name or "", 63)):
        if not isinstance(name, str):
            raise TypeError(f"truncate: {what} is a str, not {type(name).__name__}")
        if len(name.encode()) > limit or any(c in name for c in ":;=\n\t\0"):
            raise InvalidArgError(
                f"truncate: {what} {name!r} is no name of a {what.partition('_')[0]}"
            )
    if isinstance(nanos, bool) or not hasattr(nanos, "__index__") or nanos < 0:
        raise InvalidArgError(
            f"truncate: nanos is a number of nanoseconds since 1970, not {nanos!r}"
        )
    command = (
        f"truncate:namespace={namespace};set={set_name}"
        if set_name
        else f"truncate-namespace:namespace={namespace}"
    )
    return command + (f";lut={nanos.__index__()}" if nanos else "")


def truncated(raw: Any, exception: AerospikeError | None) -> None:
    if exception is not None:
        raise exception
    value = raw.rstrip("\n").partition("\t")[2]
    if value.lower() not in ("ok", ""):
        parts = value.split(":", 2)
        code = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 1
        from ._codes import error_of

        error = error_of(code, f"truncate: the server refused: {value}")
        raise error if isinstance(error, AerospikeError) else ServerError(value)
