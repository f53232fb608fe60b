"""A TCP proxy that can be told to misbehave, both ways, at any moment.

    with FaultProxy(host, port) as proxy, Client(proxy.config()) as client:
        proxy.down.latency = 0.05           # the server's bytes come 50 ms late
        proxy.up.cut(100, then="reset")     # of each connection, 100 more bytes reach the server, then RST
        proxy.heal()                        # as if nothing had been

``up`` is from the client to the server, ``down`` from the server to the client. One thread a proxy owns all
its sockets; every setting is made on that thread, and in force when the assignment or the call returns. What
is left to chance is drawn from the seed, the number of the connection and the way.
"""

from __future__ import annotations

import errno
import fcntl
import random
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from info_rewriter import InfoRewriter

T = TypeVar("T")
Address = tuple[str, int]

RECV = 64 * 1024
SIOCOUTQNSD = 0x894B  # how many bytes of a socket the kernel has not sent yet


class Direction:
    """What happens to the bytes that go one way.

    Positions count the bytes of each connection from when the fault was set, and from its beginning for
    connections that come later.
    """

    SETTINGS = {
        "latency": 0.0,  # seconds each byte is held back
        "jitter": 0.0,  # up to so many seconds more, drawn for what was received at once; the order stays
        "bandwidth": 0.0,  # bytes a second; 0: no limit
        "slice": 0,  # bytes that are sent at once; 0: as they come
        "slice_pause": 0.0,  # seconds between two slices
        "close_delay": 0.0,  # seconds the end of the stream is held back
        "paused": False,  # nothing is read, nothing is written
    }

    def __init__(self, proxy: FaultProxy, name: str) -> None:
        self.__dict__.update(self.SETTINGS, _proxy=proxy, name=name, bytes=0)
        self.__dict__.update(_cut=None, _corrupt=[], _duplicate=[])

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.SETTINGS:
            raise AttributeError(f"{name!r} is none of {', '.join(self.SETTINGS)}")
        self._proxy._call(lambda: self.__dict__.__setitem__(name, value))

    def cut(self, after: int, then: str = "close") -> None:
        """Exactly ``after`` more bytes pass; then the connection ends by "close", "reset" or "silence".

        0: when the first byte comes. In silence nothing comes any more, not even the end of the stream.
        """
        if then not in ("close", "reset", "silence"):
            raise ValueError(f"then={then!r}")

        def arm() -> None:
            self.__dict__["_cut"] = (after, then)
            for pipe in self._pipes():
                pipe.cut = (pipe.position + after, then)

        self._proxy._call(arm)

    def corrupt(self, at: int, mask: int = 0xFF) -> None:
        """The byte at this position is changed by an exclusive or."""

        def arm() -> None:
            self._corrupt.append((at, mask))
            for pipe in self._pipes():
                pipe.corrupt.append((pipe.position + at, mask))

        self._proxy._call(arm)

    def duplicate(self, start: int, stop: int) -> None:
        """The bytes from ``start`` to ``stop`` come twice."""

        def arm() -> None:
            self._duplicate.append((start, stop))
            for pipe in self._pipes():
                base = pipe.position
                pipe.duplicate.append((base + start, base + stop, bytearray()))

        self._proxy._call(arm)

    def clear(self) -> None:
        """No faults this way. What was cut or swallowed stays so."""

        def clear() -> None:
            self.__dict__.update(self.SETTINGS, _cut=None, _corrupt=[], _duplicate=[])
            for pipe in self._pipes():
                pipe.cut, pipe.corrupt, pipe.duplicate = None, [], []

        self._proxy._call(clear)

    def _pipes(self) -> list[_Pipe]:
        return [pipe for link in self._proxy._links for pipe in link.pipes if pipe.way is self]

    def _arm_new(self, pipe: _Pipe) -> None:
        pipe.cut = self._cut
        pipe.corrupt = list(self._corrupt)
        pipe.duplicate = [(start, stop, bytearray()) for start, stop in self._duplicate]


class FaultProxy:
    """Listens on a free loopback port and passes everything on to ``host``:``port``, until it is stopped.

    ``rewrite`` maps ports to ports, in what the server says of itself and its peers; it may be filled later.
    ``buffer``: bytes held for one connection, one way; beyond it nothing more is read.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        seed: int = 0,
        rewrite: dict[int, int] | None = None,
        buffer: int = 1 << 20,
    ) -> None:
        self.target, self.seed, self.rewrite, self.buffer = (host, port), seed, rewrite, buffer
        self.connections = 0  # taken so far
        self._links: list[_Link] = []
        self.up, self.down = Direction(self, "up"), Direction(self, "down")
        self._selector = selectors.DefaultSelector()
        self._jobs: deque[Callable[[], None]] = deque()
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address: Address = self._socket.getsockname()
        self.host, self.port = self.address
        self._listening = False
        self._half_open = False
        self._stopping = False
        self._listen()
        self._thread = threading.Thread(target=self._run, name=f"fault proxy {self.port}")
        self._thread.start()

    # ---- for tests ----

    def config(self) -> dict[str, Any]:
        """The configuration for a client: ``{"hosts": [(host, port)]}``."""
        return {"hosts": [self.address]}

    @property
    def open(self) -> int:
        """Connections there are now."""
        return self._call(lambda: len(self._links))

    def reset(self) -> None:
        """All connections end by RST now."""
        self._call(lambda: [link.drop(reset=True) for link in list(self._links)])

    def half_open(self, way: str = "both") -> None:
        """Nothing is read or written any more ("up", "down" or both), and all sockets stay open.

        New connections are taken, and treated likewise. What was open then is reset by heal().
        """

        def stall() -> None:
            self._half_open = True
            for direction in (self.up, self.down):
                if way in ("both", direction.name):
                    direction.__dict__["paused"] = True
            for link in self._links:
                link.forgotten = True

        self._call(stall)

    def refuse(self) -> None:
        """New connections are refused; those that are there stay."""
        self._call(self._refuse)

    def listen(self) -> None:
        """New connections are taken again, at the same port."""
        self._call(self._listen)

    def heal(self) -> None:
        """No faults any more. Connections that lost bytes, or were half-open, are reset."""
        self.up.clear()
        self.down.clear()

        def heal() -> None:
            self._half_open = False
            self._listen()
            for link in list(self._links):
                if link.forgotten or any(pipe.swallows for pipe in link.pipes):
                    link.drop(reset=True)

        self._call(heal)

    def stop(self) -> None:
        """Closes everything; harmless twice."""
        if self._thread.is_alive():
            self._call(lambda: self.__setattr__("_stopping", True))
        self._thread.join()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    # ---- the thread ----

    def _call(self, job: Callable[[], T]) -> T:
        """Runs a job on the proxy's thread, and waits for it."""
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return job()
        done = threading.Event()
        outcome: list[Any] = [None, None]

        def run() -> None:
            try:
                outcome[0] = job()
            except BaseException as error:
                outcome[1] = error
            done.set()

        self._jobs.append(run)
        try:
            self._wake.send(b"x")
        except OSError:
            pass  # it is awake anyhow, or has stopped already
        if not done.wait(30):
            raise RuntimeError("the proxy's thread does not answer")
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    def _listen(self) -> None:
        if not self._listening:
            self._socket.listen(1024)
            self._socket.setblocking(False)
            self._selector.register(self._socket, selectors.EVENT_READ, self._accept)
            self._listening = True

    def _refuse(self) -> None:
        """Closes the listener, and keeps its port by a socket that doesn't listen."""
        if self._listening:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = socket.socket()
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(self.address)
            self._listening = False

    def _accept(self, events: int) -> None:
        while self._listening:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            link = _Link(self, client, self.connections)
            link.forgotten = self._half_open
            self._links.append(link)

    def _run(self) -> None:
        try:
            while not self._stopping:
                now = time.monotonic()
                wake_at = None
                for link in list(self._links):
                    at = link.work(now)
                    if at is not None:
                        wake_at = at if wake_at is None else min(wake_at, at)
                timeout = None if wake_at is None else max(0.0, wake_at - time.monotonic())
                for key, events in self._selector.select(timeout):
                    if key.data is not None:
                        key.data(events)
                try:
                    self._woken.recv(4096)
                except BlockingIOError:
                    pass
                while self._jobs:
                    self._jobs.popleft()()
        finally:
            for link in list(self._links):
                link.drop(reset=False)
            self._selector.close()
            for held in (self._socket, self._wake, self._woken):
                held.close()
            while self._jobs:
                self._jobs.popleft()()


class _Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, proxy: FaultProxy, client: socket.socket, number: int) -> None:
        self.proxy, self.client = proxy, client
        self.server = socket.socket()
        self.forgotten = False
        self.is_up = False
        self.dropped = False
        self.registered: dict[socket.socket, int] = {}
        for end in (client, self.server):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pipes = (
            _Pipe(self, proxy.up, client, self.server, number, None),
            _Pipe(self, proxy.down, self.server, client, number, proxy.rewrite),
        )
        self.refused = self.server.connect_ex(proxy.target) not in (0, errno.EINPROGRESS)

    def work(self, now: float) -> float | None:
        """Sends what is due and says what to wait for; the time to come again, if any."""
        if self.refused:
            self.drop(reset=True)
            return None
        wakes = []
        if self.is_up:
            for pipe in self.pipes:
                try:
                    wakes.append(pipe.send(now))
                except OSError:
                    self.drop(reset=True)
                if self.dropped:
                    return None
            if all(pipe.is_over() for pipe in self.pipes):
                self.drop(reset=False)
                return None
        up, down = self.pipes
        self._watch(self.client, up.wants_to_read(), down.blocked)
        self._watch(self.server, self.is_up and down.wants_to_read(), up.blocked or not self.is_up)
        return min((at for at in wakes if at is not None), default=None)

    def _watch(self, end: socket.socket, read: bool, write: bool) -> None:
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        before = self.registered.get(end, 0)
        if events == before:
            return
        selector = self.proxy._selector
        if not events:
            selector.unregister(end)
        elif before:
            selector.modify(end, events, lambda got, end=end: self._ready(end, got))
        else:
            selector.register(end, events, lambda got, end=end: self._ready(end, got))
        self.registered[end] = events

    def _ready(self, end: socket.socket, events: int) -> None:
        if self.dropped:
            return
        try:
            if end is self.server and not self.is_up:
                refused = self.server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if refused:
                    raise OSError(refused, "refused")
                self.is_up = True
                return
            for pipe in self.pipes:
                if events & selectors.EVENT_WRITE and pipe.dest is end:
                    pipe.blocked = False
                if events & selectors.EVENT_READ and pipe.source is end and pipe.wants_to_read():
                    pipe.receive()
        except BlockingIOError:
            pass
        except OSError:
            self.drop(reset=True)

    def close_softly(self) -> None:
        """FIN to both; what they still send is read and forgotten, so that nobody gets RST."""
        for pipe in self.pipes:
            pipe.swallows, pipe.cut = True, None
            pipe.queue.clear()
            pipe.queued = 0
            pipe.close()

    def drop(self, *, reset: bool) -> None:
        if self.dropped:
            return
        self.dropped = True
        for end in (self.client, self.server):
            if self.registered.get(end):
                self.proxy._selector.unregister(end)
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()
        self.proxy._links.remove(self)


class _Pipe:
    """The bytes of one connection, one way."""

    def __init__(
        self,
        link: _Link,
        way: Direction,
        source: socket.socket,
        dest: socket.socket,
        number: int,
        rewrite: dict[int, int] | None,
    ) -> None:
        self.link, self.way, self.source, self.dest = link, way, source, dest
        self.chance = random.Random(f"{link.proxy.seed} {number} {way.name}")
        self.rewriter = None if rewrite is None else InfoRewriter(rewrite)
        self.position = 0  # bytes received, rewritten
        self.queue: deque[tuple[float, memoryview]] = deque()  # when each is due
        self.queued = 0
        self.send_at = 0.0  # not before
        self.blocked = False  # the kernel took no more
        self.ended = False  # the source has sent its last byte
        self.end_at = 0.0
        self.closed = False  # and that was passed on
        self.swallows = False
        self.verdict: str | None = None  # what comes when the queue is empty
        self.cut: tuple[int, str] | None = None
        self.corrupt: list[tuple[int, int]] = []
        self.duplicate: list[tuple[int, int, bytearray]] = []
        way._arm_new(self)

    def wants_to_read(self) -> bool:
        return not (self.ended or self.way.paused or self.queued >= self.link.proxy.buffer)

    def is_over(self) -> bool:
        waits = self.queue or self.verdict is not None
        return self.ended and not waits and (self.closed or self.swallows)

    def receive(self) -> None:
        data = self.source.recv(RECV)
        now = time.monotonic()
        if not data:
            self.ended, self.end_at = True, now + self.way.close_delay
            data = b"" if self.rewriter is None else self.rewriter.rest()
        elif self.rewriter is not None:
            data = self.rewriter.feed(data)
        if self.swallows or not data:
            return
        data = self._mangle(data)
        due = now + self.way.latency + self.way.jitter * self.chance.random()
        if self.queue:
            due = max(due, self.queue[-1][0])
        if data:
            self.queue.append((due, memoryview(data)))
            self.queued += len(data)

    def _mangle(self, data: bytes) -> bytes:
        start = self.position
        if self.cut is not None and start + len(data) >= self.cut[0]:
            data = data[: max(0, self.cut[0] - start)]
            self.verdict, self.swallows, self.cut = self.cut[1], True, None
        self.position += len(data)
        changed = bytearray(data)
        for at, mask in self.corrupt:
            if start <= at < self.position:
                changed[at - start] ^= mask
        added = 0
        for first, stop, seen in self.duplicate:
            if len(seen) == stop - first:
                continue
            seen += changed[max(0, first - start) + added : max(0, stop - start) + added]
            if len(seen) == stop - first:
                changed[stop - start + added : stop - start + added] = seen
                added += len(seen)
        return bytes(changed)

    def send(self, now: float) -> float | None:
        """Sends what may be sent; when to come again, if anything waits for its time."""
        way = self.way
        while self.queue and not self.blocked and not way.paused:
            due, data = self.queue[0]
            at = max(due, self.send_at)
            if at > now:
                return at
            size = len(data)
            if way.bandwidth:
                size = min(size, max(1, int(way.bandwidth / 100)))
            if way.slice:
                size = min(size, way.slice)
            try:
                sent = self.dest.send(data[:size])
            except BlockingIOError:
                self.blocked = True
                return None
            way.__dict__["bytes"] += sent
            self.queued -= sent
            if sent == len(data):
                self.queue.popleft()
            else:
                self.queue[0] = (due, data[sent:])
            pause = sent / way.bandwidth if way.bandwidth else 0.0
            pause += way.slice_pause if way.slice else 0.0
            self.send_at = max(self.send_at, now) + pause if pause else 0.0
        if self.queue or way.paused:
            return None
        if self.verdict is not None:
            return self._judge(now)
        if self.ended and not self.closed and not self.swallows:
            if self.end_at > now:
                return self.end_at
            self.close()
        return None

    def _judge(self, now: float) -> float | None:
        """Ends what was cut, once the kernel has sent what passed: RST would overtake it."""
        (waiting,) = struct.unpack("i", fcntl.ioctl(self.dest, SIOCOUTQNSD, b"\0" * 4))
        if waiting:
            return now + 0.001
        verdict, self.verdict = self.verdict, None
        if verdict == "reset":
            self.link.drop(reset=True)
        elif verdict == "close":
            self.link.close_softly()
        return None

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            try:
                self.dest.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # gone already


class FaultProxies:
    """A proxy in front of each of several nodes, which name each other by the proxies' ports."""

    def __init__(self, addresses: Iterable[Address], *, seed: int = 0) -> None:
        self.seed = seed
        self.ports: dict[int, int] = {}
        self.proxies: list[FaultProxy] = []
        for host, port in addresses:
            self.add(host, port)

    def add(self, host: str, port: int) -> FaultProxy:
        """A proxy for one more node."""
        seed = self.seed * 1000 + len(self.proxies)
        proxy = FaultProxy(host, port, seed=seed, rewrite=self.ports)
        self.ports[port] = proxy.port
        self.proxies.append(proxy)
        return proxy

    def __getitem__(self, index: int) -> FaultProxy:
        return self.proxies[index]

    def __len__(self) -> int:
        return len(self.proxies)

    def config(self) -> dict[str, Any]:
        """The configuration for a client: every proxy is a seed."""
        return {"hosts": [proxy.address for proxy in self.proxies]}

    def heal(self) -> None:
        for proxy in self.proxies:
            proxy.heal()

    def stop(self) -> None:
        for proxy in self.proxies:
            proxy.stop()

    def __enter__(self) -> FaultProxies:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
