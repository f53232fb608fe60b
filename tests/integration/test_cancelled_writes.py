"""A batch write that is cancelled at any moment says of each row what the node then holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fault_proxy import FaultProxy
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from until import until

from aerospike_np import AerospikeError, AsyncClient, Client
from aerospike_np.local import LocalNode

pytestmark = [
    pytest.mark.needs_embedded("a node behind a proxy"),
    pytest.mark.only_sync("it drives both clients itself"),
]

OLD, NEW, NOBODY = 1, 2, -1
FIELDS = np.dtype([("_key", "i8"), ("v", "i8")])

# What the bytes to the node meet, when the call begins.
FAULTS: dict[str, Any] = {
    "none": lambda proxy: None,
    "late": lambda proxy: setattr(proxy.up, "latency", 0.005),
    "late answers": lambda proxy: setattr(proxy.down, "latency", 0.005),
    "slow": lambda proxy: setattr(proxy.up, "bandwidth", 5e6),
    "slow answers": lambda proxy: setattr(proxy.down, "bandwidth", 1e6),
    "stopped": lambda proxy: setattr(proxy.up, "paused", True),
    "no answers": lambda proxy: setattr(proxy.down, "paused", True),
    "cut": lambda proxy: proxy.up.cut(20_000, "reset"),
    "answers cut": lambda proxy: proxy.down.cut(5_000, "close"),
}


class Place:
    """A node, a client beside the proxy, and keys that nobody has used."""

    def __init__(self, node: LocalNode, client: Client) -> None:
        self.node, self.client = node, client
        self.taken = 0

    def take(self, n: int) -> Any:
        """Rows to be written, of which every other one is there with another value."""
        rows = np.zeros(n, FIELDS)
        rows["_key"] = np.arange(self.taken, self.taken + n)
        rows["v"] = rows["_key"] * 10 + OLD
        self.taken += n
        self.client.batch_write_numpy(rows[::2], "test", "w").raise_for_status()
        rows["v"] += NEW - OLD
        return rows

    def versions(self, rows: Any) -> Any:
        """What the node holds of them: OLD, NEW or NOBODY; anything else is nobody's value."""
        got = self.client.batch_read(
            rows["_key"], _dtype=[("v", "i8")], namespace="test", set_name="w"
        )
        versions = got.batch_records["v"] - rows["_key"] * 10
        versions[got.result_codes == 2] = NOBODY
        assert np.isin(versions, (OLD, NEW, NOBODY)).all()
        return versions


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with LocalNode() as node, node.client() as client:
        yield Place(node, client.connect())


async def cancelled(client: AsyncClient, rows: Any, when: int | float, retry: int) -> Any:
    """The result, whether it came to an end or not; None where nothing was begun."""
    policy = {"total_timeout": 5_000}
    task = asyncio.ensure_future(
        client.batch_write_numpy(rows, "test", "w", policy=policy, retry=retry)
    )
    if isinstance(when, float):
        await asyncio.sleep(when)
    else:
        for _ in range(when):
            await asyncio.sleep(0)
    task.cancel()
    try:
        return await task
    except (asyncio.CancelledError, AerospikeError) as error:
        event(type(error).__name__)
        return getattr(error, "partial", None)


def check(rows: Any, before: Any, after: Any, result: Any) -> None:
    if result is None:
        event("not begun")
        assert (after == before).all()
        return
    codes, in_doubt = result.result_codes, result.in_doubt
    assert codes.shape == in_doubt.shape == result.gen.shape == rows.shape
    ok = codes == 0
    assert not (ok & in_doubt).any(), "a row has two ends"
    refused = ~ok & ~in_doubt
    assert (after[ok] == NEW).all(), "an acknowledged row is lost"
    assert (after[refused] == before[refused]).all(), "a refused row was applied"
    assert ((after == NEW) | (after == before))[in_doubt].all()
    assert (result.gen[ok] > 0).all() and (result.attempts[ok | in_doubt] > 0).all()
    for what, some in (("ok", ok), ("refused", refused), ("in doubt", in_doubt)):
        if some.any():
            event(what)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    n=st.sampled_from([1, 10, 700, 5_000, 12_000]),
    fault=st.sampled_from(list(FAULTS)),
    when=st.integers(0, 5) | st.floats(0, 0.02) | st.floats(0, 0.002),
    retry=st.integers(0, 2),
)
def test_every_row_of_a_cancelled_write_ends_once_and_as_it_says(
    place: Place, n: int, fault: str, when: int | float, retry: int
) -> None:
    rows = place.take(n)
    before = np.where(np.arange(n) % 2 == 0, OLD, NOBODY)
    connections = place.node.stats()["connections"]

    async def main() -> Any:
        async with AsyncClient({**proxy.config(), "tend_interval": 600_000}) as client:
            await client.put(("test", "other", 1), {"v": 1})  # a connection is there
            FAULTS[fault](proxy)
            result = await cancelled(client, rows, when, retry)
            assert sum(n.conns.in_use for n in client.get_stats().nodes) == 0
            return result

    with FaultProxy(place.node.host, place.node.port) as proxy:
        result = asyncio.run(asyncio.wait_for(main(), 60))
        proxy.heal()
    until(lambda: place.node.stats()["connections"] <= connections, "the end of what was under way")
    check(rows, before, place.versions(rows), result)
