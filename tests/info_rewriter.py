"""Ports of addresses in info replies, changed on their way: so that the nodes that are named are proxies."""

from __future__ import annotations

import re

HEADER = 8
INFO_MAX = 1024 * 1024  # of an info reply that is rewritten


class InfoRewriter:
    """Changes ports in what a server says of addresses; everything else passes as it is."""

    COMMANDS = re.compile(r"(peers|alumni|service)-clear-(std|alt)|services(-alternate|-alumni)?")
    PEER = re.compile(r"(\[[^\[\],]*,[^\[\],]*,\[)([^\[\]]*)(\]\])")

    def __init__(self, ports: dict[int, int]) -> None:
        self.ports = ports
        self.held = b""
        self.passing = 0  # bytes that pass unseen

    def feed(self, data: bytes) -> bytes:
        out = []
        self.held += data
        while self.held:
            if self.passing:
                out.append(self.held[: self.passing])
                self.passing -= len(out[-1])
                self.held = self.held[len(out[-1]) :]
                continue
            if len(self.held) < HEADER:
                break
            size = int.from_bytes(self.held[2:HEADER], "big")
            if self.held[0] != 2:
                self.passing = 1 << 62  # no frames: let it be
            elif self.held[1] != 1 or size > INFO_MAX:
                self.passing = HEADER + size
            elif len(self.held) < HEADER + size:
                break
            else:
                body = self.text(self.held[HEADER : HEADER + size].decode("latin-1"))
                out.append(b"\2\1" + len(body).to_bytes(6, "big") + body.encode("latin-1"))
                self.held = self.held[HEADER + size :]
        return b"".join(out)

    def rest(self) -> bytes:
        """What was held back for a frame that didn't come whole."""
        rest, self.held = self.held, b""
        return rest

    def text(self, body: str) -> str:
        return "\n".join(self._line(line) for line in body.split("\n"))

    def _line(self, line: str) -> str:
        name, tab, value = line.partition("\t")
        command = name.partition(":")[0]
        if not self.COMMANDS.fullmatch(command) or value.startswith("ERROR"):
            return line
        if command.startswith(("peers", "alumni")):
            default = value.split(",", 2)[1]

            def peer(match: re.Match[str]) -> str:
                return match[1] + self._endpoints(match[2], ",", default) + match[3]

            return name + tab + self.PEER.sub(peer, value)
        return name + tab + self._endpoints(value, "," if command.startswith("service-") else ";")

    def _endpoints(self, text: str, separator: str, default: str = "") -> str:
        """host:port, or host alone where there is a default port; names and IPv4 only."""

        def endpoint(text: str) -> str:
            host, colon, port = text.partition(":")
            port = port or default
            if not port.isdigit() or int(port) not in self.ports:
                return text
            return f"{host}:{self.ports[int(port)]}"

        return separator.join(endpoint(part) for part in text.split(separator))
