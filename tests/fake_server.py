"""A server that answers info as a single node does, and everything else as it was told to."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

LAST = 1


def message(
    *, code: int = 0, index: int = 0, ops: bytes = b"", n_ops: int = 0, **head: int
) -> bytes:
    return (
        struct.pack(
            ">BBBBBBIIIHH", 22, 0, 0, head.get("info3", 0), 0, code, 1, 0, index,
            head.get("n_fields", 0), n_ops,
        )
        + ops
    )  # fmt: skip


def op(name: bytes, particle: int, value: bytes, size: int | None = None) -> bytes:
    size = 4 + len(name) + len(value) if size is None else size
    return struct.pack(">IBBBB", size, 1, particle, 0, len(name)) + name + value


def frame(*messages: bytes, kind: int = 3, size: int | None = None) -> bytes:
    body = b"".join(messages)
    return struct.pack(">Q", 2 << 56 | kind << 48 | (len(body) if size is None else size)) + body


def row(ops: bytes, n_ops: int = 1, **head: Any) -> bytes:
    return message(ops=ops, n_ops=n_ops, **head)


END = frame(message(info3=LAST))

INFO = {
    "node": "BB9000000000A01",
    "build": "8.1.2.0",
    "partition-generation": "1",
    "peers-generation": "1",
    "peers-clear-std": "1,3000,[]",
    "replicas": "test:0,1," + "/" * 682 + "8=",
}


class FakeServer:
    """Listens until it is stopped.

    ``reply`` is what any request but info gets: bytes, or a callable of the request's body; ``b""`` is silence.
    ``info`` replaces values of INFO; ``raw_info`` is sent in place of any answer to info. ``piece`` is how many
    bytes are sent at a time.
    """

    def __init__(
        self,
        reply: bytes | Callable[[bytes], bytes] = b"",
        info: dict[str, str] | None = None,
        raw_info: bytes | None = None,
        piece: int = 1 << 30,
    ) -> None:
        self.piece = piece
        self.reply, self.raw_info = reply, raw_info
        self.values = {**INFO, **(info or {})}
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.sockets: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets.append(peer)
            self.threads.append(threading.Thread(target=self._serve, args=(peer,)))
            self.threads[-1].start()

    def _serve(self, peer: socket.socket) -> None:
        stream = peer.makefile("rb")
        try:
            while head := stream.read(8):
                body = stream.read(int.from_bytes(head[2:], "big"))
                if head[1] == 1:
                    peer.sendall(self._info(body.decode()))
                    continue
                answer = self._answer(body)
                for at in range(0, len(answer), self.piece):
                    peer.sendall(answer[at : at + self.piece])
        except OSError:
            pass
        finally:
            stream.close()

    def _answer(self, body: bytes) -> bytes:
        self.requests += 1
        return self.reply(body) if callable(self.reply) else self.reply

    def _info(self, text: str) -> bytes:
        if self.raw_info is not None:
            return self.raw_info
        lines = (f"{name}\t{self.values.get(name, 'ok')}\n" for name in text.splitlines())
        return frame("".join(lines).encode(), kind=1)

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in list(self.sockets):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in list(self.threads):
            thread.join()
        for peer in self.sockets:
            peer.close()

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
