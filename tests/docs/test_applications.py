"""The applications in docs/examples/, by their frameworks' own test clients and in server processes."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from until import until

import aerospike_np
from aerospike_np.local import LocalCluster, LocalNode

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PACKAGE = str(
    Path(aerospike_np.__file__).parents[1]
)  # also where it is not installed, but in the tree
PAGE = ROOT / "docs" / "web-services.md"
LIMIT = 60  # seconds until a process is killed
# Their requests have a second, which is what they promise; a machine that stalls is no fault of theirs.
PATIENT = 60_000
MODULE = f"""import features, runpy, sys
features.POLICY["total_timeout"] = {PATIENT}
sys.argv[:] = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""

Post = Callable[[Any], tuple[int, Any]]  # a body, or what stands in its place: status and answer


def needs(*names: str) -> None:
    for name in names:
        pytest.importorskip(name, reason=f"{name} is not installed: pip install {name}")


def load(name: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        return importlib.import_module(name)


@pytest.fixture(scope="session")  # Django is set up once a process
def cluster() -> Iterator[LocalCluster]:
    """One node, which the applications of this process find as a service finds its cluster."""
    with LocalCluster(nodes=1) as cluster:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AEROSPIKE_HOST", cluster.nodes[0].host)
            patch.setenv("AEROSPIKE_PORT", str(cluster.nodes[0].port))
            load("features").config()
        load("features").POLICY["total_timeout"] = PATIENT
        with cluster.client() as client:
            load("features").fill(client)
        yield cluster
        for name in [path.stem for path in EXAMPLES.glob("*.py")]:
            module = sys.modules.pop(name, None)
            if hasattr(module, "client"):
                module.client.close()


@contextlib.contextmanager
def fastapi() -> Iterator[Post]:
    needs("fastapi", "httpx")
    import httpx

    app = load("fastapi_service").app
    headers = {"Content-Type": "application/json"}
    with asyncio.Runner() as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://test", headers=headers
        )

        def post(body: Any) -> tuple[int, Any]:
            reply = runner.run(browser.post("/scores", content=body))
            return reply.status_code, reply.json()

        yield post
        runner.run(browser.aclose())
        runner.run(lifespan.__aexit__(None, None, None))


@contextlib.contextmanager
def flask() -> Iterator[Post]:
    needs("flask")
    browser = load("flask_service").app.test_client()

    def post(body: Any) -> tuple[int, Any]:
        reply = browser.post("/scores", data=body, content_type="application/json")
        return reply.status_code, reply.get_json(silent=True) or reply.text

    yield post


@contextlib.contextmanager
def django() -> Iterator[Post]:
    needs("django")
    load("django_service")
    from django.test import Client

    browser = Client(headers={"host": "localhost"})

    def post(body: Any) -> tuple[int, Any]:
        reply = browser.post("/scores", data=body, content_type="application/json")
        return reply.status_code, reply.json()

    yield post


@pytest.fixture(params=[fastapi, flask, django], ids=lambda framework: framework.__name__)
def post(request: pytest.FixtureRequest, cluster: LocalCluster) -> Iterator[Post]:
    with request.param() as post:
        yield post


def ask(post: Post, items: Any) -> tuple[int, Any]:
    return post(json.dumps({"items": items}))


def expected(items: list[int]) -> Any:
    """What the model says, from one record after the other."""
    features = load("features")
    with aerospike_np.Client(features.config()) as client:
        bins = [client.get((features.NAMESPACE, features.SET, i)).bins for i in items]
    x = np.array([[b[name] for name in features.NAMES] for b in bins])
    return 1 / (1 + np.exp(-(x @ features.WEIGHTS)))


def test_service_scores_items_and_says_which_do_not_exist(post: Post) -> None:
    status, answer = ask(post, [3, 49_999, -1, 3])
    assert status == 200
    first, second, none, again = answer["scores"]
    assert np.allclose([first, second], expected([3, 49_999]), atol=1e-5)
    assert none is None and again == first
    assert ask(post, []) == (200, {"scores": []})
    assert len(ask(post, list(range(1000)))[1]["scores"]) == 1000


@pytest.mark.parametrize(
    "body",
    ["", "{", "7", "{}", '{"items": 7}', '{"items": [1.5]}', '{"items": [{}]}',
     '{"items": [9223372036854775808]}', json.dumps({"items": [0] * 1001})],
    ids=lambda body: body[:24] or "empty",
)  # fmt: skip
def test_service_refuses_what_makes_no_sense(post: Post, body: str) -> None:
    status, answer = post(body)
    assert status in (400, 422) and answer


def test_service_of_a_cluster_that_does_not_answer_says_so_and_recovers(
    post: Post, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(post, [1])[0] == 200
    with monkeypatch.context() as patch:
        patch.setitem(load("features").POLICY, "total_timeout", 100)
        cluster.freeze(0)
        try:
            status, answer = ask(post, [1, 2])
        finally:
            cluster.thaw(0)
    assert status == 504 and "total_timeout of 100 ms" in answer["error"]
    assert ask(post, [1])[0] == 200

    cluster.kill(0)
    try:
        status, answer = ask(post, [1, 2])
    finally:
        cluster.restart(0)
    assert status == 503 and answer["error"]
    with cluster.client() as client:
        load("features").fill(client)
    until(lambda: ask(post, [1])[0] == 200, "the service to find its cluster again")


def test_errors_say_whose_fault_it_was(cluster: LocalCluster) -> None:
    status, e = load("features").status, aerospike_np.exception
    assert [
        status(e.InvalidArgError("")), status(e.BackpressureError("")), status(e.InvalidNodeError("")),
        status(e.QueryTimeout("")), status(e.ServerError("")),
    ] == [400, 503, 503, 504, 502]  # fmt: skip


# ---- servers ----


def environment(there: LocalNode | None) -> dict[str, str]:
    """Of a process that imports the examples, and finds this node, or none."""
    search = [PACKAGE, str(EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])]
    names = {name: value for name, value in os.environ.items() if name != "AEROSPIKE_HOST"}
    if there is not None:
        names |= {"AEROSPIKE_HOST": there.host, "AEROSPIKE_PORT": str(there.port)}
    return {
        **names,
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONWARNINGS": "always::ResourceWarning",
    }


class Server:
    """A server process. Its port listens before it starts, so that nobody has to wait for that."""

    def __init__(self, command: list[str], there: LocalNode | None, log: Path) -> None:
        self.log = log
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    MODULE,
                    *(c.format(fd=self.socket.fileno()) for c in command),
                ],
                env=environment(there),
                pass_fds=[self.socket.fileno()],
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that its workers can be killed with it
            )

    def post(self, items: Any) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/scores",
            json.dumps({"items": items}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=LIMIT) as reply:
            return reply.status, json.load(reply)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT)

    def said(self) -> str:
        """What it printed, in which there is no error, and no client that was dropped without close."""
        log = self.log.read_text()
        assert "Traceback" not in log and "dropped without close" not in log, log
        return log

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: object, *exc_info: object) -> None:
        self.socket.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if kind is not None:
            print(self.log.read_text()[-6000:])


def at_once(server: Server) -> None:
    """Many requests at a time, each right."""
    firsts = [i * 37 for i in range(60)]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: server.post([i, i + 1, -1]), firsts))
    assert all(status == 200 for status, _ in answers)
    got = np.array([answer["scores"] for _, answer in answers], object)
    assert (got[:, 2] == None).all()  # noqa: E711
    assert np.allclose(got[:, 0].astype("f8"), expected(firsts), atol=1e-5)
    assert np.allclose(got[:, 1].astype("f8"), expected([i + 1 for i in firsts]), atol=1e-5)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_fastapi_service_serves_many_at_once_and_leaves_nothing_behind(
    cluster: LocalCluster, tmp_path: Path, loop: str
) -> None:
    needs("fastapi", "uvicorn", loop)
    command = ["uvicorn", "fastapi_service:app", "--fd", "{fd}", "--loop", loop]
    with LocalNode() as node:
        with node.client() as client:
            load("features").fill(client)
        with Server(command, node, tmp_path / "log") as server:
            at_once(server)
            assert server.stop() in (0, -signal.SIGTERM)  # which it passes on to itself at its end
            assert "Application shutdown complete" in server.said()
        until(lambda: node.stats()["connections"] == 0, "the connections to close")


@pytest.mark.parametrize("service", ["flask_service:app", "django_service"])
def test_service_forked_by_gunicorn_after_preloading_has_a_client_in_each_worker(
    cluster: LocalCluster, tmp_path: Path, service: str
) -> None:
    """And an embedded node in the parent: they are told of no other."""
    needs("gunicorn", service.split("_")[0])
    options = ["--no-control-socket", "--preload", "-w", "3", "--threads", "4", "-b", "fd://{fd}"]
    with Server(["gunicorn", *options, service], None, tmp_path / "log") as server:
        at_once(server)
        until(lambda: server.said().count("Booting worker") == 3, "three workers")
        assert server.stop() == 0
        assert server.said().count("Booting worker") == 3


# ---- asyncio ----


def test_fit_finds_the_model_on_a_node_of_its_own(cluster: LocalCluster) -> None:
    command = [sys.executable, "-c", MODULE, "asyncio_fit"]
    done = subprocess.run(
        command, env=environment(None), capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    features = load("features")
    assert [name for name, _ in lines] == features.NAMES
    assert np.allclose([float(w) for _, w in lines], features.WEIGHTS, atol=0.01)


def test_fit_computes_while_the_next_chunk_is_read(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("asyncio_fit")
    products, features = module.products, load("features")
    node, chunks = cluster.nodes[0], 0
    before = node.stats()["batch_rows"]

    def patient(got: Any) -> Any:
        nonlocal chunks
        chunks += 1
        rows = min(features.ITEMS, (chunks + 1) * module.CHUNK)
        until(lambda: node.stats()["batch_rows"] - before >= rows, "the chunk after this one")
        return products(got)

    monkeypatch.setattr(module, "products", patient)
    asyncio.run(module.main())
    assert chunks == features.ITEMS / module.CHUNK


# ---- the page ----


def test_page_shows_what_the_examples_say() -> None:
    sources = [path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*.py")]
    shown = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(shown) >= 4
    for block in shown:
        assert any(block in source for source in sources), block
