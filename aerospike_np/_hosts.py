"""Seeds of a configuration: what people write for hosts, made uniform."""

from __future__ import annotations

from typing import Any

from .exception import InvalidArgError

_DEFAULT_PORT = 3000
_EXAMPLE = 'give a list like [("127.0.0.1", 3000)] or ["127.0.0.1:3000"]'


def parse(hosts: Any) -> list[tuple[str, int]]:
    """``[(host, port), ...]`` from tuples, ``"host:port"`` strings, or a mix."""
    if isinstance(hosts, (str, bytes)) or not isinstance(hosts, (list, tuple)):
        raise InvalidArgError(
            f"config: hosts must be a list, not {type(hosts).__name__}; {_EXAMPLE}"
        )
    if not hosts:
        raise InvalidArgError(f"config: hosts is empty; {_EXAMPLE}")
    return [_one(host) for host in hosts]


def _one(host: Any) -> tuple[str, int]:
    if isinstance(host, str):
        name, port = _split(host)
    elif isinstance(host, (tuple, list)) and 1 <= len(host) <= 3 and isinstance(host[0], str):
        if len(host) == 3 and host[2]:
            raise InvalidArgError(
                f"config: hosts: {host!r} names a TLS name, and TLS is not built yet"
            )
        name, port = host[0], host[1] if len(host) > 1 else _DEFAULT_PORT
    else:
        raise InvalidArgError(f"config: hosts: {host!r} is no host; {_EXAMPLE}")
    if isinstance(port, bool) or not hasattr(port, "__index__"):
        raise InvalidArgError(f"config: hosts: the port of {host!r} must be an integer")
    port = port.__index__()
    if not 1 <= port <= 65535:
        raise InvalidArgError(f"config: hosts: port {port} of {host!r} is not from 1 to 65535")
    if not name or len(name.encode()) > 255 or "\0" in name:
        raise InvalidArgError(f"config: hosts: {host!r} has no usable host name; {_EXAMPLE}")
    return name, port


def _split(text: str) -> tuple[str, int]:
    if text.startswith("["):
        name, _, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else ""
    elif text.count(":") == 1:
        name, _, port = text.partition(":")
    else:
        name, port = text, ""
    if port and not (port.isascii() and port.isdigit()):
        raise InvalidArgError(f"config: hosts: the port of {text!r} must be a number")
    return name, int(port) if port else _DEFAULT_PORT
