"""tests/operation_bytes.json is what the official client sends.

After a change of the calls: ``python tests/peers/test_operation_bytes.py`` writes the file anew.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fake_server import FakeServer, frame, message
from operation_calls import RECORDED, calls, recorded, sent

PARTITIONS = "test:0,1," + "/" * 682 + "8="


class Official:
    """The official client, and what it sends."""

    def __init__(self) -> None:
        import aerospike
        from aerospike_helpers import HyperLogLog, cdt_ctx
        from aerospike_helpers.operations import (
            bitwise_operations,
            hll_operations,
            list_operations,
            map_operations,
        )
        from aerospike_helpers.operations import operations as plain

        self.names: dict[str, Any] = {
            "operations": plain,
            "list_operations": list_operations,
            "map_operations": map_operations,
            "bitwise_operations": bitwise_operations,
            "hll_operations": hll_operations,
            "cdt_ctx": cdt_ctx,
            "HyperLogLog": HyperLogLog,
            "KeyOrderedDict": aerospike.KeyOrderedDict,
            "CDTInfinite": aerospike.CDTInfinite,
            "CDTWildcard": aerospike.CDTWildcard,
        }
        self.last = b""
        self.server = FakeServer(self._answer, info={"replicas": PARTITIONS})
        host, port = self.server.address
        self.server.values["service-clear-std"] = f"{host}:{port}"
        self.client = aerospike.client({"hosts": [(host, port)]}).connect()

    def _answer(self, body: bytes) -> bytes:
        self.last = body
        return frame(message())

    def sends(self, call: str) -> list[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.client.operate(("test", "s", "k"), eval(call, dict(self.names)))
        return sent(self.last)

    def close(self) -> None:
        self.client.close()
        self.server.stop()


@pytest.fixture(scope="module")
def official() -> Iterator[Official]:
    official = Official()
    yield official
    official.close()


def test_recorded_bytes_are_what_the_official_client_sends(official: Official) -> None:
    wrong = {
        call: (got, want)
        for call, want in recorded().items()
        if (got := official.sends(call)) != want
    }
    assert not wrong


def test_every_call_is_recorded() -> None:
    assert list(dict.fromkeys(calls())) == list(recorded())


if __name__ == "__main__":
    it = Official()
    lines = [f"{json.dumps(call)}: {json.dumps(it.sends(call))}" for call in dict.fromkeys(calls())]
    it.close()
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
