"""aerospike-py, and what it sends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import aerospike_py
import fault_proxy
import pytest
from hypothesis import strategies as st

from aerospike_np.local import LocalNode

from .plans import blobs, floats, ints, texts

MESSAGE, HEAD, FIELD_FILTER = b"\x02\x03", 22, 43

# It writes maps in an order that changes from run to run, so of one pair; and integers at the limits of a size,
# as 255, with more bytes than they need.
LIMITS = {
    sign * 2**k + d for k in (5, 7, 8, 15, 16, 31, 32) for sign in (1, -1) for d in (-1, 0, 1)
}
py_ints = ints.filter(lambda n: n not in LIMITS)
py_keys = py_ints | texts | blobs
py_items = st.recursive(
    py_ints | floats | texts | blobs | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(py_keys, inner, max_size=1),
    max_leaves=9,
)


class Heard:
    """aerospike-py behind a proxy that keeps what it sends."""

    def __init__(self, node: LocalNode) -> None:
        self.sent = bytearray()
        heard = self

        class Pipe(fault_proxy._Pipe):
            def _mangle(self, data: bytes) -> bytes:
                if self.way.name == "up":
                    heard.sent += data
                return super()._mangle(data)

        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(fault_proxy, "_Pipe", Pipe)
        self.proxies = fault_proxy.FaultProxies([(node.host, node.port)])
        self.client = aerospike_py.client(self.proxies.config()).connect()

    def request(self, call: Callable[[Any], Any]) -> bytes:
        """The message that a call sends."""
        del self.sent[:]
        with contextlib.suppress(aerospike_py.AerospikeError):
            call(self.client)
        sent = bytes(self.sent)
        while sent:  # info commands of its own may stand before and behind
            size = int.from_bytes(sent[2:8], "big")
            if sent[:2] == MESSAGE:
                return sent[8 : 8 + size]
            sent = sent[8 + size :]
        raise AssertionError(f"no message in {self.sent.hex(' ')}")

    def filter_of(self, expression: Any) -> bytes:
        """The bytes of a filter."""
        policy = {"filter_expression": expression}
        message = self.request(lambda client: client.get(("test", "heard", 1), policy=policy))
        fields = memoryview(message)[HEAD:]
        for _ in range(int.from_bytes(message[18:20], "big")):
            size = int.from_bytes(fields[:4], "big")
            if fields[4] == FIELD_FILTER:
                return bytes(fields[5 : 4 + size])
            fields = fields[4 + size :]
        raise AssertionError(f"no filter in {message.hex(' ')}")

    def stop(self) -> None:
        self.client.close()
        self.proxies.stop()
        self.patch.undo()
