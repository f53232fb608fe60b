"""Programs of their own for what may hang or crash: they are killed when their time is over.

Their records are those of numbered.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import aerospike_np
from aerospike_np.local import LocalNode

N = 2_000
LIMIT = 150.0  # seconds until a process is killed; none needs a tenth of it
# The package that is tested, also where it is not installed but lies in the tree.
PACKAGE = str(Path(aerospike_np.__file__).parents[1])
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(filter(None, [PACKAGE, os.environ.get("PYTHONPATH")])),
}

PRELUDE = """
import asyncio, atexit, faulthandler, json, multiprocessing, os, random, signal, sys, threading, time
import numpy as np
import aerospike_np
from aerospike_np import AsyncClient, Client, Keys

faulthandler.enable()
CONFIG = json.loads(sys.argv[1])
N = 2_000
KEYS = np.arange(N)

def key(i):
    return ("test", "s", i)

def new_loop(kind):
    return __import__(kind).new_event_loop()

def run_on(coroutine, kind):
    with asyncio.Runner(loop_factory=lambda: new_loop(kind)) as runner:
        return runner.run(coroutine)

def is_right(got):
    return bool((got.result_codes == 0).all() and (got.batch_records["a"] == KEYS * 7 + 1).all())

def read(client):
    return client.batch_read(KEYS, _dtype=[("a", "i8")], namespace="test", set_name="s")

def check(client, n=20):
    for i in random.sample(range(N), n):
        assert client.get(key(i)).bins == {"a": i * 7 + 1}
    assert is_right(read(client))

async def check_async(client, n=20):
    got = await asyncio.gather(*(client.get(key(i)) for i in range(n)))
    assert [record.bins["a"] for record in got] == [i * 7 + 1 for i in range(n)]
    assert is_right(await read(client))

def in_child(work, code=0):
    '''A fork that does the work and ends as processes do; its pid.'''
    pid = os.fork()
    if pid:
        return pid
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(60)
    random.seed(os.getpid())
    try:
        work()
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(99)
    if code is None:
        sys.exit(0)
    os._exit(code)

def wait_for(pid):
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"a child ended with {status}"
"""


def script(tmp_path: Path, node: LocalNode, body: str, *arguments: str) -> str:
    """Runs it in a new interpreter; what it said. It must end well, and in time."""
    path = tmp_path / "script.py"
    path.write_text(PRELUDE + body)
    out = tmp_path / "out"
    with out.open("w") as file:  # not a pipe: a child that hangs would keep it open
        try:
            done = subprocess.run(
                [sys.executable, str(path), json.dumps(node.config()), *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                timeout=LIMIT,
            )
            code: int | str = done.returncode
        except subprocess.TimeoutExpired:
            code = "killed: it hung"
    text = out.read_text()
    assert code == 0, f"{code}\n{text[-6000:]}"
    return text
