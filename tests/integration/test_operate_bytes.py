"""Operations go out as the official client sends them, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_server import FakeServer, frame, message
from operation_calls import our_names, recorded, sent

import aerospike_np
from aerospike_np.helpers.operations import list_operations, map_operations

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
        if (got := recording.sends(eval(call, our_names()))) != want
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


GARBAGE: list[Any] = [
    None, True, -1, 2**63, 2**70, 1.5, float("nan"), "x", "\ud800", b"", [], [[]], {}, {"x": 1}, {1, 2}, object(),
    len, aerospike_np.CDTInfinite(), aerospike_np.GeoJSON({}), [aerospike_np], "b" * 16, 10**400,
]  # fmt: skip


def damaged(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The operation without each of its keys, with one too many, and with nonsense under each."""
    yield {**operation, "vall": 1}
    yield {**operation, 5: 1}  # type: ignore[dict-item]
    for key in operation:
        yield {name: value for name, value in operation.items() if name != key}
        for thing in GARBAGE:
            yield {**operation, key: thing}


def test_damaged_operations_are_refused_by_name_or_sent(recording: Recording) -> None:
    calls = [eval(call, our_names()) for call in recorded()]
    kinds = {(ops[0]["op"], *ops[0]): ops[0] for ops in calls}
    assert len(kinds) > 150
    n_refused = 0
    for operation in kinds.values():
        for ops in damaged(operation):
            recording.last = b""
            try:
                recording.sends([ops])
            except (aerospike_np.exception.InvalidArgError, TypeError) as refused:
                assert str(refused).startswith("operate: "), (ops, refused)
                assert not recording.last
                n_refused += 1
            else:
                assert recording.last
    assert n_refused > 5000
