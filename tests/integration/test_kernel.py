"""A client in a Jupyter kernel: await at the top level, and the interrupt button."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import kernels
import pytest

from aerospike_np.local import LocalNode

pytestmark = [
    pytest.mark.needs_embedded("a node of its own, which it freezes"),
    kernels.needs("jupyter_client", "ipykernel", "numpy"),
]

LIMIT = 60  # seconds for a cell; none needs a hundredth of it

PRELUDE = """
import sys, threading, time
import numpy as np
from aerospike_np import Client

client = Client({config!r}).connect()
aio = client.aio
patient = {{"total_timeout": 3_600_000, "socket_timeout": 3_600_000}}
rows = np.zeros(1000, [("_key", "i8"), ("a", "i8")])
rows["_key"] = np.arange(1000)
rows["a"] = rows["_key"] * 7 + 1
what = {{"keys": rows["_key"], "_dtype": [("a", "i8")], "namespace": "test", "set_name": "s"}}
client.batch_write_numpy(rows, "test", "s")

def is_right(got):
    return bool((got.result_codes == 0).all() and (got.batch_records["a"] == rows["a"]).all())

def in_use():
    return sum(node.conns.in_use for node in client.get_stats().nodes)

def tell():
    while not in_use():
        time.sleep(0.002)
    print("under way\\n", end="", flush=True)  # in one piece
"""


class Kernel:
    """A kernel, and what its cells say."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def run(self, source: str, on_print: Callable[[str], None] = lambda text: None) -> str | None:
        """The value of a cell; if it raises, `Raised` with the name of the exception."""
        asked = self.client.execute(source, store_history=False)
        value, error = None, None
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                assert self.manager.is_alive(), "the kernel died"
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                on_print(content["text"])
            elif kind == "execute_result":
                value = content["data"]["text/plain"]
            elif kind == "error":
                error = content
            elif kind == "status" and content["execution_state"] == "idle":
                if error is not None:
                    raise Raised(error["ename"], "\n".join(error["traceback"]))
                return value
        raise AssertionError(f"the cell did not end within {LIMIT} s: {source}")


class Raised(Exception):
    @property
    def name(self) -> str:
        return str(self.args[0])


@pytest.fixture(scope="module")
def node() -> Iterator[LocalNode]:
    with LocalNode() as node:
        yield node


@pytest.fixture(scope="module")
def kernel(node: LocalNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    from jupyter_client.manager import start_new_kernel

    with pytest.MonkeyPatch.context() as patch:
        kernels.install(tmp_path_factory.mktemp("jupyter"), patch)
        manager, client = start_new_kernel(startup_timeout=LIMIT, kernel_name=kernels.NAME)
        try:
            kernel = Kernel(manager, client)
            kernel.run(PRELUDE.format(config=node.config()))
            yield kernel
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def test_cell_awaits_at_its_top_level(kernel: Kernel) -> None:
    assert kernel.run("is_right(await aio.batch_read(**what))") == "True"
    assert kernel.run("(await aio.get(('test', 's', 3))).bins") == "{'a': 22}"
    assert (
        kernel.run("[len(part) async for part in aio.read_stream(**what, chunk=400)]")
        == "[400, 400, 200]"
    )


@pytest.mark.parametrize(
    "call, error",
    [
        ("client.batch_read(**what, policy=patient)", "KeyboardInterrupt"),
        ("client.get(('test', 's', 3), patient)", "KeyboardInterrupt"),
        ("for _ in client.read_stream(**what, policy=patient): pass", "KeyboardInterrupt"),
        ("await aio.batch_read(**what, policy=patient)", "CancelledError"),
        ("await aio.get(('test', 's', 3), patient)", "CancelledError"),
        ("async for _ in aio.read_stream(**what, policy=patient): pass", "CancelledError"),
    ],
)
def test_interrupted_cell_ends_and_the_next_one_works(
    kernel: Kernel, node: LocalNode, call: str, error: str
) -> None:
    def press(text: str) -> None:
        assert text.strip() == "under way"
        kernel.manager.interrupt_kernel()

    node.freeze()
    try:
        with pytest.raises(Raised) as caught:
            kernel.run(f"threading.Thread(target=tell).start()\n{call}", press)
    finally:
        node.thaw()
    assert caught.value.name == error, caught.value
    if "batch_read" in call:
        assert kernel.run("len(sys.last_value.partial)") == "1000"
    assert kernel.run("in_use()") == "0"
    assert kernel.run("is_right(client.batch_read(**what))") == "True"
    assert kernel.run("is_right(await aio.batch_read(**what))") == "True"
