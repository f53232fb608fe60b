"""Python's own ways: fork, the end of the interpreter, exceptions of the caller's, threads that meddle."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numbered
import numpy as np
import pytest
from scripts import N, script

from aerospike_np import Client, exception
from aerospike_np.local import LocalNode

pytestmark = pytest.mark.needs_embedded("a node of its own, which it freezes")

GIL = getattr(sys, "_is_gil_enabled", lambda: True)()
needs_uvloop = pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not installed: pip install uvloop"
)


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with numbered.node(N) as node:
        yield node


@pytest.fixture
def client(node: LocalNode) -> Iterator[Client]:
    with Client(node.config()) as client:
        yield client


# ---- fork ----


def test_fork_while_eight_threads_use_the_client_leaves_both_sides_right(
    node: LocalNode, tmp_path: Path
) -> None:
    body = """
client = Client(CONFIG).connect()
stop, failures = threading.Event(), []
def work():
    try:
        while not stop.is_set():
            check(client, 5)
            for got in client.read_stream(KEYS, [("a", "i8")], 500, namespace="test", set_name="s"):
                assert (got.result_codes == 0).all()
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
for turn in range(50):
    wait_for(in_child(lambda: (check(client), turn % 2 and client.close()), (0, None)[turn % 3 == 0]))
stop.set()
for thread in threads:
    thread.join()
assert not failures, failures
check(client)
client.close()
"""
    script(tmp_path, node, body)


@pytest.mark.parametrize("call", ["read(client)", "client.batch_write([(key(0), {'a': 1})])"])
def test_fork_waits_for_what_the_first_call_of_another_thread_imports(
    node: LocalNode, tmp_path: Path, call: str
) -> None:
    """In the child what is half imported would be locked for good."""
    body = """
importing, forking = threading.Event(), threading.Event()
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "aerospike_np._layout":
            importing.set()
            assert forking.wait(60)
            time.sleep(0.1)  # a fork that does not wait comes now
sys.meta_path.insert(0, Slow())
client = Client(CONFIG).connect()
os.register_at_fork(before=forking.set)
thread = threading.Thread(target=lambda: CALL)
thread.start()
assert importing.wait(60)
wait_for(in_child(lambda: CALL))
thread.join()
client.close()
"""
    script(tmp_path, node, body.replace("CALL", call))


@pytest.mark.parametrize("loop", ["asyncio", pytest.param("uvloop", marks=needs_uvloop)])
def test_child_of_a_fork_has_an_async_client_of_its_own(
    node: LocalNode, tmp_path: Path, loop: str
) -> None:
    body = """
kind = sys.argv[2]
client = AsyncClient(CONFIG)
loop, done = new_loop(kind), []
async def work():
    while not done:
        await check_async(client)
def run():
    asyncio.set_event_loop(loop)
    loop.run_until_complete(work())
thread = threading.Thread(target=run, daemon=True)
thread.start()
while not client.is_connected():
    time.sleep(0.001)
def child():
    run_on(check_async(client), kind)
    check(client.sync)
    run_on(check_async(client), kind)
for turn in range(30):
    wait_for(in_child(child, (0, None)[turn % 2]))
done.append(1)
thread.join()
loop.run_until_complete(check_async(client))
wait_for(in_child(child))  # os._exit: else the child's end would take the idle loop out of the epoll they share
loop.run_until_complete(check_async(client))
loop.run_until_complete(client.close())
loop.close()
"""
    script(tmp_path, node, body, loop)


def test_what_the_parent_had_under_way_is_refused_in_the_child(
    node: LocalNode, tmp_path: Path
) -> None:
    body = """
client = Client(CONFIG).connect()
stream = client.read_stream(KEYS, [("a", "i8")], 10, 4, namespace="test", set_name="s")
next(stream)
def child():
    try:
        next(stream)
        next(stream)
        next(stream)
        next(stream)
        next(stream)
    except aerospike_np.exception.ClientError as error:
        assert "before the fork" in str(error), error
    else:
        raise AssertionError("not refused")
    check(client)
wait_for(in_child(child))
wait_for(in_child(stream.close, None))
wait_for(in_child(lambda: None, None))
assert sum(len(part.result_codes) for part in stream) == N - 10
client.close()
"""
    script(tmp_path, node, body)


def test_node_belongs_to_the_process_that_started_it(node: LocalNode) -> None:
    assert node.port
    pid = os.fork()
    if pid == 0:
        try:
            node.port  # noqa: B018
        except exception.ClientError as refused:
            os._exit(0 if "fork" in str(refused) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


POOLS = """
def reads(args):
    client, asynchronous, keys = args
    check(client)
    client.close()
    async def main():
        async with asynchronous:
            await check_async(asynchronous)
    asyncio.run(main())
    with Client(CONFIG) as other:
        got = other.batch_read(keys, _dtype=[("a", "i8")])
    assert (got.batch_records["a"] == np.arange(50) * 7 + 1).all()
    return got

def shared(i):
    check(CLIENT)
    return CLIENT.get(key(i)).bins["a"]
"""


def test_workers_that_are_spawned_take_clients_and_keys_along(
    node: LocalNode, tmp_path: Path
) -> None:
    body = """
if __name__ == "__main__":
    client, asynchronous = Client(CONFIG).connect(), AsyncClient(CONFIG)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        keys = Keys("test", "s", np.arange(50))
        for got in pool.map(reads, [(client, asynchronous, keys)] * 4):
            assert (got.batch_records["a"] == np.arange(50) * 7 + 1).all()
        pool.close()
        pool.join()
    check(client)
    client.close()
"""
    script(tmp_path, node, POOLS + body)


def test_workers_that_are_forked_use_the_client_of_their_parent(
    node: LocalNode, tmp_path: Path
) -> None:
    body = """
if __name__ == "__main__":
    CLIENT = Client(CONFIG).connect()
    check(CLIENT)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(shared, range(100)) == [i * 7 + 1 for i in range(100)]
        pool.close()
        pool.join()
    check(CLIENT)
    CLIENT.close()
"""
    script(tmp_path, node, POOLS + body)


def test_gunicorn_forks_workers_after_preloading_a_connected_client(
    node: LocalNode, tmp_path: Path
) -> None:
    pytest.importorskip("gunicorn", reason="pip install gunicorn")
    (tmp_path / "service.py").write_text(
        "import json, os\n"
        "from aerospike_np import Client\n"
        "client = Client(json.loads(os.environ['CONFIG'])).connect()\n"
        "def app(environ, start):\n"
        "    i = int(environ['PATH_INFO'].strip('/'))\n"
        "    start('200 OK', [])\n"
        "    return [json.dumps([os.getpid(), client.get(('test', 's', i)).bins['a']]).encode()]\n"
    )
    body = """
import urllib.request, subprocess, socket
listener = socket.create_server(("127.0.0.1", 0))
port, fd = listener.getsockname()[1], listener.fileno()
server = subprocess.Popen(
    [sys.executable, "-m", "gunicorn", "--no-control-socket", "--preload", "-w", "2",
     "-b", f"fd://{fd}", "service:app"],
    cwd=sys.argv[2], env={**os.environ, "CONFIG": sys.argv[1]}, pass_fds=[fd])
try:
    end, pids, i = time.monotonic() + 60, set(), 0
    while len(pids) < 2 or i < 100:
        assert time.monotonic() < end and server.poll() is None, (pids, i)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{i}", timeout=60) as reply:
            pid, value = json.load(reply)
        assert value == i * 7 + 1
        pids.add(pid)
        i += 1
    server.terminate()
    assert server.wait(60) == 0
finally:
    server.kill()
    server.wait()
"""
    script(tmp_path, node, body, str(tmp_path))


# ---- the end of the interpreter ----


@pytest.mark.parametrize(
    "way, loop",
    [
        *((way, "asyncio") for way in ("sys.exit", "os._exit", "exception", "atexit")),
        pytest.param("sys.exit", "uvloop", marks=needs_uvloop),
    ],
)
def test_interpreter_ends_at_any_moment_with_its_exit_code(
    node: LocalNode, tmp_path: Path, way: str, loop: str
) -> None:
    if not GIL and way != "os._exit":
        pytest.skip(
            "Python 3.13 without a GIL may hang at its end while daemon threads run: it stops one that holds "
            "a module's dict, and then clears that dict; run it on a Python with a GIL"
        )
    seed = random.randrange(2**32)
    body = """
way, seed, kind = sys.argv[2], int(sys.argv[3]), sys.argv[4]

def busy(client, config):  # daemon threads: sync calls, streams, an event loop
    def calls():
        while True:
            check(client, 3)
    def streams():
        while True:
            for _ in client.read_stream(iter(range(N)), [("a", "i8")], 100, namespace="test", set_name="s"):
                pass
    def loops():
        async def main():
            while True:
                await check_async(client.aio)
        run_on(main(), kind)
    for work in (calls, calls, streams, loops):
        threading.Thread(target=work, daemon=True).start()

def child(i):
    random.seed(seed + i)
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(40)
    limit = random.choice([{}, {"max_concurrent_operations": 1}])
    client = Client({**CONFIG, **limit})
    busy(client, CONFIG)
    if way == "atexit":
        def late():
            check(client, 3)
            raise ValueError("expected: at exit")
        atexit.register(late)
    time.sleep(random.random() * random.choice([0.002, 0.05]))
    if way == "os._exit":
        os._exit(7)
    elif way == "exception":
        raise ValueError("expected: main")
    elif random.random() < 0.5:
        async def main():
            async with AsyncClient(CONFIG) as mine:
                tasks = [asyncio.create_task(check_async(mine)) for _ in range(3)]
                await asyncio.sleep(random.random() * 0.01)
                sys.exit(7)
        run_on(main(), kind)
    sys.exit(7)

WANTED = {"exception": 1}.get(way, 7)
for i in range(15):
    pid = os.fork()
    if pid == 0:
        child(i)
        os._exit(98)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == WANTED, f"seed {seed}, child {i}: ended with {status}"
"""
    said = script(tmp_path, node, body, way, str(seed), loop)
    assert "Fatal" not in said and "Exception ignored in: <function Plain" not in said, said[-6000:]


# ---- exceptions of the caller's ----


class Oops(Exception):
    pass


class Index:
    def __index__(self) -> int:
        raise Oops


def _broken(n: int) -> Iterator[Any]:
    for i in range(n):
        yield ("test", "s", i)
    raise Oops


def _progress(*_: int) -> None:
    raise Oops


RAISING: dict[str, Callable[[Client], Any]] = {
    "iterator of keys": lambda c: c.batch_read(_broken(1500), _dtype=[("a", "i8")]),
    "iterator of keys, records": lambda c: c.batch_read(_broken(3)),
    "iterator of keys, at once": lambda c: c.batch_read(_broken(0), _dtype=[("a", "i8")]),
    "iterator of keys of a stream": lambda c: list(
        c.read_stream(_broken(1500), [("a", "i8")], 100)
    ),
    "iterator of chunks": lambda c: list(c.write_stream(_broken(0), "test", "w")),
    "progress": lambda c: c.batch_read(
        np.arange(N), _dtype=[("a", "i8")], namespace="test", set_name="s", progress=_progress
    ),
    "progress of a stream": lambda c: list(
        c.read_stream(
            np.arange(N), [("a", "i8")], 100, namespace="test", set_name="s", progress=_progress
        )
    ),
    "index of a chunk": lambda c: list(
        c.read_stream(np.arange(3), [("a", "i8")], Index(), namespace="test", set_name="s")  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("name", RAISING)
def test_exception_of_the_callers_comes_out_as_it_is(client: Client, name: str) -> None:
    for _ in range(3):
        with pytest.raises(Oops):
            RAISING[name](client)
    assert client.get(("test", "s", 1)).bins == {"a": 8}
    assert client.get_stats().nodes[0].conns.in_use == 0


def test_key_and_values_with_an_index_that_raises_are_refused(client: Client) -> None:
    for call in (
        lambda: client.get(("test", "s", Index())),
        lambda: client.put(("test", "w", 1), {"a": Index()}),
        lambda: client.batch_read([("test", "s", 1), ("test", "s", Index())], _dtype=[("a", "i8")]),
        lambda: client.batch_write([(("test", "w", 1), {"a": Index()})]),
        lambda: client.put(("test", "w", 1), {"a": 1}, policy={"total_timeout": Index()}),
    ):
        with pytest.raises((Oops, TypeError, exception.AerospikeError)):
            call()
    assert client.get(("test", "s", 1)).bins == {"a": 8}


# ---- threads that meddle ----


def test_array_that_another_thread_renames_resizes_or_changes_crashes_nothing(
    node: LocalNode, tmp_path: Path
) -> None:
    body = """
client = Client(CONFIG).connect()
rows = np.zeros(3000, [("_key", "i8"), ("a", "i8"), ("b", "S4")])
rows["_key"] = np.arange(3000)
keys, stop = [key(i) for i in range(N)], threading.Event()
table = {"_key": np.arange(3000), "a": np.arange(3000)}
guarded = getattr(sys, "_is_gil_enabled", lambda: True)()  # else NumPy itself is not safe: only values change

def meddle():
    while not stop.is_set():
        del keys[random.randrange(len(keys)):]
        keys.extend(key(i) for i in range(len(keys), N))
        rows["_key"][random.randrange(3000)] = random.randrange(5000)
        if not guarded:
            continue
        rows.dtype.names = ("_key", "c", "b")
        rows["_key"][random.randrange(3000)] = random.randrange(5000)
        rows.dtype.names = ("_key", "a", "b")
        for array in (rows, table["a"]):
            try:
                array.resize(random.choice([10, 3000]))
            except ValueError:
                pass  # somebody has it
        try:
            rows.shape = (len(rows), 1)
            rows.shape = (len(rows),)
        except (AttributeError, ValueError):
            pass

thread = threading.Thread(target=meddle, daemon=True)
thread.start()
end = time.monotonic() + 4
turns = 0
while time.monotonic() < end or turns <= 10:
    for call in (
        lambda: client.batch_write_numpy(rows, "test", "m"),
        lambda: client.batch_write_numpy(table, "test", "m"),
        lambda: client.batch_read(rows["_key"], _dtype=rows.dtype, namespace="test", set_name="m"),
        lambda: client.batch_read(keys, _dtype=[("a", "i8")]),
        lambda: client.batch_read(keys),
    ):
        try:
            call()
            turns += 1
        except (ValueError, TypeError, LookupError, RuntimeError, aerospike_np.exception.AerospikeError):
            pass
stop.set()
thread.join()
check(client)
client.close()
"""
    script(tmp_path, node, body)


@pytest.mark.skipif(
    not GIL,
    reason="without a GIL NumPy does not guard a dtype's names: run it on a Python with one",
)
def test_result_whose_fields_are_renamed_meanwhile_is_right(client: Client) -> None:
    stop = threading.Event()
    dtype = np.dtype([("a", "i8")])

    def rename() -> None:
        while not stop.is_set():
            dtype.names = ("z",)
            dtype.names = ("a",)

    thread = threading.Thread(target=rename)
    thread.start()
    try:
        for _ in range(100):
            got = client.batch_read(np.arange(N), _dtype=dtype, namespace="test", set_name="s")
            values = got.batch_records.view("i8")
            assert (values == np.arange(N) * 7 + 1).all() or (
                values == 0
            ).all()  # of bin a, or of z
    finally:
        stop.set()
        thread.join()


# ---- subinterpreters ----


def test_subinterpreter_is_refused_and_the_main_one_is_not_harmed(
    node: LocalNode, tmp_path: Path
) -> None:
    body = """
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    try:
        import _interpreters as interpreters
    except ImportError:
        print("no subinterpreters")
        sys.exit(0)
text = '''
try:
    import aerospike_np
    aerospike_np.client({"hosts": [("127.0.0.1", 1)]})
except ImportError as error:
    assert "aerospike_np" in str(error), error
else:
    raise AssertionError("not refused")
'''
for make in (interpreters.create, lambda: interpreters.create("legacy")):
    try:
        inner = make()
    except TypeError:
        continue  # this Python has one kind
    failure = interpreters.run_string(inner, text)
    assert failure is None, failure
    interpreters.destroy(inner)
with Client(CONFIG) as client:
    check(client)
"""
    if "no subinterpreters" in script(tmp_path, node, body):
        pytest.skip("this Python has no module for subinterpreters: use CPython 3.10 or later")
