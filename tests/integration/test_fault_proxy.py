"""The fault proxy does what it says, both ways: plain sockets on both sides."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from fault_proxy import FaultProxies, FaultProxy
from until import until

WAYS = ["up", "down"]
LIMIT = 20.0  # seconds, for what should take none
DATA = bytes(range(256)) * 4


class World:
    """A listener, and proxies in front of it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT)
        self.proxies: list[FaultProxy] = []
        self.sockets: list[socket.socket] = []

    def proxy(self, **options: object) -> FaultProxy:
        self.proxies.append(FaultProxy(*self.listener.getsockname(), **options))  # type: ignore[arg-type]
        return self.proxies[-1]

    def dial(self, proxy: FaultProxy) -> socket.socket:
        client = socket.create_connection(proxy.address, LIMIT)
        self.sockets.append(client)
        return client

    def accept(self) -> socket.socket:
        server, _ = self.listener.accept()
        server.settimeout(LIMIT)
        self.sockets.append(server)
        return server

    def ends(self, proxy: FaultProxy, way: str = "up") -> tuple[socket.socket, socket.socket]:
        """The socket that sends this way, and the one that receives."""
        client = self.dial(proxy)
        server = self.accept()
        return (client, server) if way == "up" else (server, client)

    def stop(self) -> None:
        for proxy in self.proxies:
            proxy.stop()
        for held in (*self.sockets, self.listener):
            held.close()


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


def read(end: socket.socket, size: int) -> bytes:
    """Exactly so many bytes, or what came before the end."""
    got = b""
    while len(got) < size:
        more = end.recv(size - len(got))
        if not more:
            break
        got += more
    return got


def read_to_end(end: socket.socket) -> tuple[bytes, str]:
    """What came, and how it ended."""
    got = b""
    try:
        while more := end.recv(65536):
            got += more
    except ConnectionResetError:
        return got, "reset"
    except TimeoutError:
        return got, "silence"
    return got, "close"


def is_silent(end: socket.socket, seconds: float = 0.1) -> bool:
    end.settimeout(seconds)
    try:
        return read_to_end(end) == (b"", "silence")
    finally:
        end.settimeout(LIMIT)


def direction(proxy: FaultProxy, way: str) -> object:
    return getattr(proxy, way)


def test_everything_passes_unchanged_and_is_counted(world: World) -> None:
    proxy = world.proxy()
    client, server = world.ends(proxy)
    sent = os.urandom(3_000_000)
    for source, dest in ((client, server), (server, client)):
        writer = threading.Thread(target=source.sendall, args=(sent,))
        writer.start()
        assert read(dest, len(sent)) == sent
        writer.join()
    until(lambda: (proxy.up.bytes, proxy.down.bytes) == (len(sent), len(sent)))
    assert (proxy.connections, proxy.open) == (1, 1)
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""  # the other way is still open
    server.sendall(b"bye")
    server.close()
    assert read_to_end(client) == (b"bye", "close")
    until(lambda: proxy.open == 0)


@pytest.mark.parametrize("way", WAYS)
def test_latency_holds_every_byte_back_and_ends_when_cleared(world: World, way: str) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    direction(proxy, way).latency = 0.2
    start = time.monotonic()
    source.sendall(DATA)
    assert read(dest, len(DATA)) == DATA
    assert time.monotonic() - start >= 0.2
    direction(proxy, way).latency = 30.0
    dest.sendall(DATA)  # not this way
    assert read(source, len(DATA)) == DATA
    direction(proxy, way).clear()
    source.sendall(b"x")
    assert dest.recv(1) == b"x"


@pytest.mark.parametrize("way", WAYS)
def test_jitter_delays_but_keeps_the_order(world: World, way: str) -> None:
    proxy = world.proxy(seed=3)
    source, dest = world.ends(proxy, way)
    direction(proxy, way).jitter = 0.03
    for i in range(50):
        source.sendall(bytes([i]))
        time.sleep(0.001)
    assert read(dest, 50) == bytes(range(50))


def test_same_seed_draws_the_same_jitter(world: World) -> None:
    def draws(seed: int) -> list[float]:
        proxy = world.proxy(seed=seed)
        world.ends(proxy)
        assert proxy.open == 1
        pipe = proxy._links[0].pipes[0]
        return [pipe.chance.random() for _ in range(5)]

    assert draws(1) == draws(1) != draws(2)


@pytest.mark.parametrize("way", WAYS)
def test_bandwidth_is_a_bound(world: World, way: str) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    direction(proxy, way).bandwidth = 100_000
    start = time.monotonic()
    source.sendall(bytes(30_000))
    assert read(dest, 30_000) == bytes(30_000)
    assert time.monotonic() - start > 0.25


@pytest.mark.parametrize("way", WAYS)
def test_slices_arrive_one_by_one(world: World, way: str) -> None:
    proxy = world.proxy()
    direction(proxy, way).slice = 3
    for pause in (0.02, 0.5, 5.0):  # on a busy machine several may be there when one looks
        source, dest = world.ends(proxy, way)
        direction(proxy, way).slice_pause = pause
        source.sendall(b"abcdefgh")
        pieces = []
        while sum(map(len, pieces)) < 8:
            pieces.append(dest.recv(100))
        assert b"".join(pieces) == b"abcdefgh"
        if [len(piece) for piece in pieces] == [3, 3, 2]:
            break
    assert [len(piece) for piece in pieces] == [3, 3, 2]


@pytest.mark.parametrize("way", WAYS)
def test_pause_holds_everything_and_resume_loses_nothing(world: World, way: str) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    direction(proxy, way).paused = True
    source.sendall(DATA)
    assert is_silent(dest)
    dest.sendall(b"other way")
    assert read(source, 9) == b"other way"
    direction(proxy, way).paused = False
    assert read(dest, len(DATA)) == DATA


@pytest.mark.parametrize("way", WAYS)
def test_pause_fills_no_memory_the_source_is_held_up(world: World, way: str) -> None:
    proxy = world.proxy(buffer=100_000)
    source, dest = world.ends(proxy, way)
    direction(proxy, way).bandwidth = 1.0
    assert proxy.open == 1
    source.setblocking(False)
    sent = 0
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            sent += source.send(bytes(65536))
        except BlockingIOError:
            if proxy._links[0].pipes[WAYS.index(way)].queued >= 100_000:
                break
            time.sleep(0.001)
    pipe = proxy._links[0].pipes[WAYS.index(way)]
    assert 100_000 <= pipe.queued < 100_000 + 65_536
    assert sent > pipe.queued  # the rest is in the kernel's buffers


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("then", ["close", "reset", "silence"])
@pytest.mark.parametrize("after", [0, 1, 500, 1023, 1024])
def test_cut_passes_exactly_so_many_bytes_and_ends_as_told(
    world: World, way: str, then: str, after: int
) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    source.sendall(b"before")
    assert read(dest, 6) == b"before"
    direction(proxy, way).cut(after, then)
    source.sendall(DATA)
    if then == "silence":
        assert read(dest, after) == DATA[:after]
        assert is_silent(dest, 0.05)
    else:
        assert read_to_end(dest) == (DATA[:after], then)
        assert read_to_end(source) == (b"", then)
    proxy.heal()
    until(lambda: proxy.open == 0 or then == "close")
    source, dest = world.ends(proxy, way)  # connections after the heal are whole
    source.sendall(DATA)
    assert read(dest, len(DATA)) == DATA


@pytest.mark.parametrize("way", WAYS)
def test_cut_counts_new_connections_from_their_beginning(world: World, way: str) -> None:
    proxy = world.proxy()
    direction(proxy, way).cut(5)
    for _ in range(3):
        source, dest = world.ends(proxy, way)
        source.sendall(b"abcdefgh")
        assert read_to_end(dest) == (b"abcde", "close")


def test_cut_of_a_stream_that_is_slow_passes_its_bytes_first(world: World) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, "down")
    proxy.down.latency = 0.05
    proxy.down.slice = 7
    proxy.down.cut(100, "reset")
    source.sendall(DATA)
    assert read_to_end(dest) == (DATA[:100], "reset")


@pytest.mark.parametrize("way", WAYS)
def test_cut_of_more_than_the_kernel_holds_passes_all_before_the_reset(
    world: World, way: str
) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    direction(proxy, way).cut(20_000_000, "reset")
    sent = os.urandom(1_000_000) * 21

    def send() -> None:
        try:
            source.sendall(sent)
        except OSError:
            pass

    writer = threading.Thread(target=send)
    writer.start()
    time.sleep(0.1)  # the kernel's buffers fill, whatever happens first
    got, end = read_to_end(dest)
    writer.join()
    assert end == "reset" and got == sent[:20_000_000]


@pytest.mark.parametrize("way", WAYS)
def test_reset_ends_both_sides_at_once(world: World, way: str) -> None:
    proxy = world.proxy()
    pairs = [world.ends(proxy, way) for _ in range(3)]
    proxy.reset()
    assert proxy.open == 0
    for source, dest in pairs:
        assert read_to_end(source) == (b"", "reset") == read_to_end(dest)
    source, dest = world.ends(proxy, way)
    source.sendall(b"again")
    assert read(dest, 5) == b"again"


@pytest.mark.parametrize("way", ["up", "down", "both"])
def test_half_open_takes_connections_and_answers_none_until_healed(world: World, way: str) -> None:
    proxy = world.proxy()
    client, server = world.ends(proxy)
    proxy.half_open(way)
    later = world.dial(proxy)
    for source, dest, name in ((client, server, "up"), (server, client, "down")):
        source.sendall(b"abc")
        if way in (name, "both"):
            assert is_silent(dest)
        else:
            assert read(dest, 3) == b"abc"
    server.close()
    later.sendall(b"abc")
    assert is_silent(later) and (way == "up" or is_silent(client))
    proxy.heal()
    assert read_to_end(later)[1] == "reset"
    world.accept()  # of the later one, which was made all the same
    source, dest = world.ends(proxy)
    source.sendall(b"again")
    assert read(dest, 5) == b"again"


def test_refused_connections_leave_those_that_are_there(world: World) -> None:
    proxy = world.proxy()
    client, server = world.ends(proxy)
    proxy.refuse()
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        world.dial(proxy)
    client.sendall(b"still here")
    assert read(server, 10) == b"still here"
    proxy.listen()
    client, server = world.ends(proxy)
    proxy.refuse()
    proxy.heal()
    client, server = world.ends(proxy)
    assert proxy.connections == 3


@pytest.mark.parametrize("way", WAYS)
def test_slow_close_holds_back_the_end_only(world: World, way: str) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    direction(proxy, way).close_delay = 0.2
    start = time.monotonic()
    source.sendall(b"last words")
    source.shutdown(socket.SHUT_WR)
    assert read(dest, 10) == b"last words"
    assert dest.recv(1) == b"" and time.monotonic() - start >= 0.2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("slice_", [0, 7])
def test_corrupt_changes_one_byte_and_duplicate_repeats_a_range(
    world: World, way: str, slice_: int
) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    source.sendall(b"before")
    assert read(dest, 6) == b"before"
    direction(proxy, way).corrupt(100, 0x81)
    direction(proxy, way).duplicate(200, 300)
    expected = bytearray(DATA)
    expected[100] ^= 0x81
    expected[300:300] = DATA[200:300]
    for at in range(0, len(DATA), slice_ or len(DATA)):
        source.sendall(DATA[at : at + (slice_ or len(DATA))])
    assert read(dest, len(expected)) == expected
    source.sendall(DATA)  # once only
    assert read(dest, len(DATA)) == DATA


@pytest.mark.parametrize("way", WAYS)
def test_reset_of_one_side_reaches_the_other(world: World, way: str) -> None:
    proxy = world.proxy()
    source, dest = world.ends(proxy, way)
    source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    source.close()
    assert read_to_end(dest) == (b"", "reset")
    until(lambda: proxy.open == 0)


def test_client_of_a_server_that_is_gone_is_reset(world: World) -> None:
    proxy = world.proxy()
    world.listener.close()
    try:
        end = read_to_end(world.dial(proxy))[1]
    except ConnectionResetError:  # before connect() had returned
        end = "reset"
    assert end == "reset"


def test_setting_that_is_none_is_refused(world: World) -> None:
    proxy = world.proxy()
    with pytest.raises(AttributeError, match="latncy"):
        proxy.up.latncy = 1
    with pytest.raises(ValueError, match="explode"):
        proxy.up.cut(1, "explode")


def test_stopped_proxy_leaves_no_thread_no_descriptor_and_no_listener(world: World) -> None:
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        proxy = FaultProxy(*world.listener.getsockname())
        with socket.create_connection(proxy.address, LIMIT):
            world.accept().close()
        proxy.up.latency = 100.0
        proxy.stop()
        proxy.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(proxy.address, LIMIT)
    # What earlier tests left may end meanwhile.
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= descriptors


# ---- addresses in info ----


def info(text: str) -> bytes:
    return b"\2\1" + len(text).to_bytes(6, "big") + text.encode()


@pytest.mark.parametrize("piece", [1, 3, 8, 1000])
def test_ports_of_peers_and_services_are_rewritten_whatever_the_pieces(
    world: World, piece: int
) -> None:
    proxy = world.proxy(rewrite={3000: 41000, 3100: 41100, 7: 8})
    source, dest = world.ends(proxy, "down")
    data = b"\2\3" + (9).to_bytes(6, "big") + b"3000:3100"
    sent = info(
        "peers-clear-std\t7,3000,[[A1,,[127.0.0.1:3100]],[A2,,[127.0.0.1,node.b:3100,h:99]]]\n"
        "peers-clear-alt\t7,3000,[]\n"
        "peers-clear-std:generation=3\t4,3000,[[A3,,]]\n"
        "peers-tls-std\tERROR:25:enterprise only\n"
        "service-clear-std\t127.0.0.1:3100,127.0.0.2:3000\n"
        "service-clear-alt\t\n"
        "services\t127.0.0.1:3100;127.0.0.1:7\n"
        "partition-generation\t3000\n"
    )
    expected = info(
        "peers-clear-std\t7,3000,[[A1,,[127.0.0.1:41100]],[A2,,[127.0.0.1:41000,node.b:41100,h:99]]]\n"
        "peers-clear-alt\t7,3000,[]\n"
        "peers-clear-std:generation=3\t4,3000,[[A3,,]]\n"
        "peers-tls-std\tERROR:25:enterprise only\n"
        "service-clear-std\t127.0.0.1:41100,127.0.0.2:41000\n"
        "service-clear-alt\t\n"
        "services\t127.0.0.1:41100;127.0.0.1:8\n"
        "partition-generation\t3000\n"
    )
    stream, wanted = (data + sent) * 3 + data, (data + expected) * 3 + data
    for at in range(0, len(stream), piece):
        source.sendall(stream[at : at + piece])
    assert read(dest, len(wanted)) == wanted


def test_bytes_that_are_no_frames_pass_as_they_are(world: World) -> None:
    proxy = world.proxy(rewrite={3000: 41000})
    source, dest = world.ends(proxy, "down")
    sent = b"HTTP/1.1 200 OK, service-clear-std\t127.0.0.1:3000\n" + info(
        "services\t127.0.0.1:3000\n"
    )
    source.sendall(sent)
    assert read(dest, len(sent)) == sent


def test_info_frame_that_ends_early_passes_as_it_is(world: World) -> None:
    proxy = world.proxy(rewrite={3000: 41000})
    source, dest = world.ends(proxy, "down")
    sent = info("services\t127.0.0.1:3000\n")[:-3]
    source.sendall(sent)
    source.shutdown(socket.SHUT_WR)
    assert read_to_end(dest) == (sent, "close")


def test_proxies_of_several_nodes_know_each_others_ports(world: World) -> None:
    address = world.listener.getsockname()
    with FaultProxies([address, address]) as proxies:
        assert len(proxies) == 2 and proxies[0].port != proxies[1].port
        assert proxies.config() == {"hosts": [proxies[0].address, proxies[1].address]}
        assert proxies.ports[address[1]] == proxies[1].port
        assert proxies[0].seed != proxies[1].seed
        proxies[0].refuse()
        proxies.heal()
        world.dial(proxies[0])
