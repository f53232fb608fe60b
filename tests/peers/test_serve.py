"""The node as a process of its own serves other people's clients, and ends when it is told to."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .clients import EVERYONE, connect


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "aerospike_np", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--namespace", "test", "--namespace", "mem"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"on (\S+):(\d+)", process.stdout.readline())
            assert found, "the first line says where it listens"
            yield found[1], int(found[2])
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("name", EVERYONE)
def test_served_node_answers(name: str, address: tuple[str, int]) -> None:
    client = connect(name, *address)
    for namespace in ("test", "mem"):
        key = (namespace, "served", name)
        client.put(key, {"a": [1, {"b": namespace}]})
        assert client.get(key) == {"a": [1, {"b": namespace}]}
    client.close()
