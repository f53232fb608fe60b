"""Operations go out as the official client sends them, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_server import FakeServer, frame, message
from operation_calls import recorded, sent

import aerospike_np
from aerospike_np.helpers import cdt_ctx
from aerospike_np.helpers.operations import (
    bitwise_operations,
    hll_operations,
    list_operations,
    map_operations,
    operations,
)

NAMES: dict[str, Any] = {
    "operations": operations,
    "list_operations": list_operations,
    "map_operations": map_operations,
    "bitwise_operations": bitwise_operations,
    "hll_operations": hll_operations,
    "cdt_ctx": cdt_ctx,
    "HyperLogLog": aerospike_np.HyperLogLog,
    "KeyOrderedDict": aerospike_np.KeyOrderedDict,
    "CDTInfinite": aerospike_np.CDTInfinite,
    "CDTWildcard": aerospike_np.CDTWildcard,
}

pytestmark = pytest.mark.needs_embedded("a server that records what it gets")


class Recording:
    """A client whose requests are kept."""

    def __init__(self) -> None:
        self.last = b""
        self.server = FakeServer(self._answer)
        self.client = aerospike_np.client({"hosts": [self.server.address]}).connect()

    def _answer(self, body: bytes) -> bytes:
        self.last = body
        return frame(message())

    def sends(self, ops: list[Any], **more: Any) -> list[Any]:
        self.client.operate(("test", "s", "k"), ops, **more)
        return sent(self.last)

    def close(self) -> None:
        self.client.close()
        self.server.stop()


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    recording = Recording()
    yield recording
    recording.close()


def test_each_call_sends_what_the_official_client_sends(recording: Recording) -> None:
    wrong = {
        call: (got, want)
        for call, want in recorded().items()
        if (got := recording.sends(eval(call, dict(NAMES)))) != want
    }
    assert not wrong


def test_policies_under_the_names_of_the_other_client_are_the_same(recording: Recording) -> None:
    for ours, theirs in (
        (
            list_operations.list_append("b", 1, {"list_order": 1, "write_flags": 5}),
            list_operations.list_append("b", 1, {"order": 1, "flags": 5}),
        ),
        (
            map_operations.map_put("b", "k", 1, {"map_order": 1, "map_write_flags": 2}),
            map_operations.map_put("b", "k", 1, {"order": 1, "write_mode": 2}),
        ),
    ):
        assert recording.sends([ours]) == recording.sends([theirs])
