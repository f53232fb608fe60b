"""The asynchronous clients behind one small interface to be awaited; names and values are those of clients.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from .clients import PATIENT, AerospikePy, Bins, Key, Native, Ours, Peer


class _Awaited(Peer):
    """Ours, and aerospike-py's: they have the same methods."""

    client: Any

    async def close(self) -> None:
        await self.client.close()

    async def put(self, key: Key, bins: Bins, **options: Any) -> None:
        ready = {n: self.value(v) for n, v in bins.items()}
        await self.client.put(key, ready, None, {**PATIENT, **options})

    async def get(self, key: Key, **options: Any) -> Bins:
        record = await self.client.get(key, {**PATIENT, **options})
        return {n: self.plain(v) for n, v in record.bins.items()}

    async def exists(self, key: Key) -> bool:
        return (await self.client.exists(key, PATIENT)).meta is not None

    async def remove(self, key: Key) -> None:
        await self.client.remove(key, policy=PATIENT)

    async def increment(self, key: Key, name: str, by: int) -> None:
        await self.client.increment(key, name, by, policy=PATIENT)

    async def batch_read(self, keys: Sequence[Key]) -> list[Bins | None]:
        rows = (await self.client.batch_read(list(keys), policy=PATIENT)).batch_records
        return [dict(row.record[2]) if row.result == 0 else None for row in rows]

    async def batch_write(self, rows: Sequence[tuple[Key, Bins]]) -> list[int]:
        done = await self.client.batch_write(list(rows), PATIENT)
        return [row.result for row in done.batch_records]

    async def batch_remove(self, keys: Sequence[Key]) -> list[int]:
        done = await self.client.batch_remove(list(keys), PATIENT)
        return [row.result for row in done.batch_records]


class AsyncOurs(_Awaited, Ours):
    """aerospike_np.AsyncClient."""

    def __init__(self, host: str, port: int) -> None:
        import aerospike_np

        self.module = aerospike_np
        self.client = aerospike_np.AsyncClient({"hosts": [(host, port)]})

    async def connect(self) -> None:
        await self.client.connect()


class AsyncAerospikePy(_Awaited, AerospikePy):
    """aerospike_py.AsyncClient."""

    def __init__(self, host: str, port: int) -> None:
        import aerospike_py

        self.module = aerospike_py
        self.client = aerospike_py.AsyncClient({"hosts": [(host, port)]})

    async def connect(self) -> None:
        await self.client.connect()


class AsyncNative(Native):
    """aerospike-native's client as it is meant: awaited."""

    def __init__(self, host: str, port: int) -> None:
        import aerospike_native

        self.module, self.address = aerospike_native, f"{host}:{port}"

    async def connect(self) -> None:
        self.client = await self.module.new_client(self.module.ClientPolicy(), self.address)

    async def close(self) -> None:
        await self.client.close()

    def policy(self, kind: type, options: dict[str, int]) -> Any:
        policy = kind()
        for name, value in {**PATIENT, **options}.items():
            setattr(policy, name, value)
        return policy

    async def put(self, key: Key, bins: Bins, **options: int) -> None:
        ready = {n: self.value(v) for n, v in bins.items()}
        policy = self.policy(self.module.WritePolicy, options)
        await self.client.put(self.key(key), ready, policy=policy)

    async def get(self, key: Key, **options: int) -> Bins:
        policy = self.policy(self.module.ReadPolicy, options)
        record = await self.client.get(self.key(key), policy=policy)
        return {n: self.plain(v) for n, v in record.bins.items()}

    async def exists(self, key: Key) -> bool:
        policy = self.policy(self.module.ReadPolicy, {})
        return bool(await self.client.exists(self.key(key), policy=policy))

    async def remove(self, key: Key) -> None:
        policy = self.policy(self.module.WritePolicy, {})
        await self.client.delete(self.key(key), policy=policy)  # False, where there is none

    async def increment(self, key: Key, name: str, by: int) -> None:
        policy = self.policy(self.module.WritePolicy, {})
        await self.client.add(self.key(key), {name: by}, policy=policy)

    async def batch_read(self, keys: Sequence[Key]) -> list[Bins | None]:
        policy = self.policy(self.module.BatchPolicy, {})
        rows = await self.client.batch_read([self.key(key) for key in keys], batch_policy=policy)
        return [dict(row.record.bins) if int(row.result_code) == 0 else None for row in rows]

    async def batch_write(self, rows: Sequence[tuple[Key, Bins]]) -> list[int]:
        keys, bins = [self.key(key) for key, _ in rows], [bins for _, bins in rows]
        policy = self.policy(self.module.BatchPolicy, {})
        done = await self.client.batch_write(keys, bins, batch_policy=policy)
        return [int(row.result_code) for row in done]

    async def batch_remove(self, keys: Sequence[Key]) -> list[int]:
        policy = self.policy(self.module.BatchPolicy, {})
        rows = await self.client.batch_delete([self.key(key) for key in keys], batch_policy=policy)
        return [int(row.result_code) for row in rows]


EVERYONE: dict[str, type[Any]] = {
    kind.name: kind for kind in (AsyncOurs, AsyncAerospikePy, AsyncNative)
}


@asynccontextmanager
async def connected(node: Any, *names: str) -> AsyncIterator[list[Any]]:
    """Clients of these names, connected; skipped, with the line that helps, where a package is missing."""
    async with AsyncExitStack() as stack:
        clients = []
        for name in names:
            kind = EVERYONE[name]
            pytest.importorskip(name, reason=f"{name} is not installed: pip install {kind.needs}")
            client = kind(node.host, node.port)
            await client.connect()
            stack.push_async_callback(client.close)
            clients.append(client)
        yield clients
