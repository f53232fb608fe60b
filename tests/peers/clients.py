"""Other people's clients and ours behind one small interface, so that one test serves all of them.

Keys are `(namespace, set, user key)`. Bins are dicts of Python's own values, and of `Geo` and `Hll`, which
each client has a class of its own for. `code(call, ...)` gives the result code that a call ended with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

Key = tuple[str, str, Any]
Bins = dict[str, Any]


@dataclass(frozen=True)
class Geo:
    """GeoJSON, compared as what its text says."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Geo) and json.loads(self.text) == json.loads(other.text)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Hll:
    """The bytes of a HyperLogLog."""

    data: bytes


class Peer:
    """What the tests ask of a client; missing records read as None."""

    name: str
    needs: str
    geo_reads_as: type = Geo  # or what it gives where it has no class for it
    hll_reads_as: type = Hll
    cannot_write: tuple[type, ...] = ()
    no_namespace_code = 20  # what it says to a namespace that no node has

    def value(self, value: Any) -> Any:
        """What it is given for a value of ours."""
        return value

    def plain(self, value: Any) -> Any:
        """What we compare, of a value that it gave."""
        return value

    def code(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
        try:
            call(*args, **kwargs)
        except Exception as error:
            code = self.code_of(error)
            if code is None:
                raise
            return code
        return 0

    def code_of(self, error: Exception) -> int | None:
        code = getattr(error, "result_code", getattr(error, "code", None))
        return None if code is None else int(code)

    def get(self, key: Key, names: Sequence[str] | None = None) -> Bins | None:
        try:
            return self.read(key, names)
        except Exception as error:
            if self.code_of(error) == 2:
                return None
            raise

    def read(self, key: Key, names: Sequence[str] | None) -> Bins:
        raise NotImplementedError


# Of a call: a machine that stalls for a second is no fault of any client's.
PATIENT = {"total_timeout": 20_000}


def official_options(
    module: Any, ttl: int | None, create_only: bool, generation: int | None, send_key: bool
) -> tuple[dict[str, int], dict[str, Any]]:
    """`meta` and `policy` as the official client and those that follow it take them."""
    meta: dict[str, int] = {}
    policy: dict[str, Any] = {**PATIENT}
    if ttl is not None:
        policy["ttl"] = ttl
    if create_only:
        policy["exists"] = module.POLICY_EXISTS_CREATE
    if generation is not None:
        meta["gen"] = generation
        policy["gen"] = module.POLICY_GEN_EQ
    if send_key:
        policy["key"] = module.POLICY_KEY_SEND
    return meta, policy


class Alike(Peer):
    """The official client, and those that have its methods and its tuples."""

    client: Any
    module: Any

    def close(self) -> None:
        self.client.close()

    def put(
        self,
        key: Key,
        bins: Bins,
        ttl: int | None = None,
        create_only: bool = False,
        generation: int | None = None,
        send_key: bool = False,
    ) -> None:
        meta, policy = official_options(self.module, ttl, create_only, generation, send_key)
        self.client.put(key, {n: self.value(v) for n, v in bins.items()}, meta, policy)

    def read(self, key: Key, names: Sequence[str] | None) -> Bins:
        if names is None:
            record = self.client.get(key, policy=PATIENT)
        else:
            record = self.client.select(key, list(names), policy=PATIENT)
        return {n: self.plain(v) for n, v in record[2].items()}

    def meta(self, key: Key) -> tuple[int, int] | None:
        meta = self.client.exists(key, policy=PATIENT)[1]
        return None if meta is None else (meta["gen"], meta["ttl"])

    def exists(self, key: Key) -> bool:
        return self.client.exists(key, policy=PATIENT)[1] is not None

    def remove(self, key: Key) -> None:
        self.client.remove(key, policy=PATIENT)

    def touch(self, key: Key, ttl: int) -> None:
        self.client.touch(key, ttl, policy=PATIENT)

    def append(self, key: Key, name: str, value: str) -> None:
        self.client.append(key, name, value, policy=PATIENT)

    def increment(self, key: Key, name: str, by: int | float) -> None:
        self.client.increment(key, name, by, policy=PATIENT)

    def remove_bin(self, key: Key, name: str) -> None:
        self.client.put(key, {name: None}, policy=PATIENT)

    def truncate(self, namespace: str, set_name: str) -> None:
        self.client.truncate(namespace, set_name)

    def build(self) -> str:
        return str(self.client.info_random_node("build"))

    def digest(self, key: Key) -> bytes:
        return bytes(self.client.exists(key, policy=PATIENT)[0][3])


class Ours(Alike):
    """aerospike_np."""

    name, needs = "aerospike_np", "make build"

    def __init__(self, host: str, port: int) -> None:
        import aerospike_np

        self.module = aerospike_np
        self.client = aerospike_np.client({"hosts": [(host, port)]}).connect()

    def value(self, value: Any) -> Any:
        if isinstance(value, Geo):
            return self.module.GeoJSON(value.text)
        if isinstance(value, Hll):
            return self.module.HyperLogLog(value.data)
        return value

    def plain(self, value: Any) -> Any:
        if isinstance(value, self.module.GeoJSON):
            return Geo(value.dumps())
        if isinstance(value, self.module.HyperLogLog):
            return Hll(bytes(value))
        return value

    def batch_read(self, keys: Sequence[Key]) -> list[Bins | None]:
        rows = self.client.batch_read(list(keys)).batch_records
        return [row.record.bins if row.result == 0 else None for row in rows]

    def batch_write(self, rows: Sequence[tuple[Key, Bins]]) -> list[int]:
        return [row.result for row in self.client.batch_write(list(rows)).batch_records]

    def batch_remove(self, keys: Sequence[Key]) -> list[int]:
        return [row.result for row in self.client.batch_remove(list(keys)).batch_records]


class Official(Alike):
    """The official client, in C."""

    name, needs = "aerospike", "aerospike==19.3.0"

    def __init__(self, host: str, port: int) -> None:
        import aerospike
        from aerospike_helpers import HyperLogLog
        from aerospike_helpers.batch import records
        from aerospike_helpers.operations import operations

        self.module, self.hll = aerospike, HyperLogLog
        self.records, self.operations = records, operations
        self.client = aerospike.client({"hosts": [(host, port)]}).connect()

    def value(self, value: Any) -> Any:
        if isinstance(value, Geo):
            return self.module.GeoJSON(value.text)
        if isinstance(value, Hll):
            return self.hll(value.data)
        return value

    def plain(self, value: Any) -> Any:
        if isinstance(value, self.module.GeoJSON):
            return Geo(value.dumps())
        if isinstance(value, self.hll):
            return Hll(bytes(value))
        return value

    def remove_bin(self, key: Key, name: str) -> None:
        self.client.put(key, {name: self.module.null()}, policy=PATIENT)

    def batch_read(self, keys: Sequence[Key]) -> list[Bins | None]:
        rows = self.client.batch_read(list(keys), policy=PATIENT).batch_records
        return [row.record[2] if row.result == 0 else None for row in rows]

    def batch_write(self, rows: Sequence[tuple[Key, Bins]]) -> list[int]:
        batch = self.records.BatchRecords(
            [
                self.records.Write(key, [self.operations.write(n, v) for n, v in bins.items()])
                for key, bins in rows
            ]
        )
        self.client.batch_write(batch, PATIENT)
        return [row.result for row in batch.batch_records]

    def batch_remove(self, keys: Sequence[Key]) -> list[int]:
        rows = self.client.batch_remove(list(keys), policy_batch=PATIENT).batch_records
        return [row.result for row in rows]

    def truncate(self, namespace: str, set_name: str) -> None:
        self.client.truncate(namespace, set_name, 0)

    def build(self) -> str:
        ((error, text),) = self.client.info_all("build").values()
        assert error is None
        return str(text)


class AerospikePy(Alike):
    """aerospike-py: the Rust core behind the official client's shapes."""

    name, needs = "aerospike_py", "aerospike-py==0.14.4"
    geo_reads_as, hll_reads_as = str, bytes
    cannot_write = (Geo, Hll)
    no_namespace_code = -1  # it looks for a node of that namespace, finds none, and asks nobody

    def __init__(self, host: str, port: int) -> None:
        import aerospike_py

        self.module = aerospike_py
        self.client = aerospike_py.client({"hosts": [(host, port)]}).connect()

    def put(
        self,
        key: Key,
        bins: Bins,
        ttl: int | None = None,
        create_only: bool = False,
        generation: int | None = None,
        send_key: bool = False,
    ) -> None:
        meta: dict[str, int] = {}
        policy: dict[str, Any] = {**PATIENT}
        if ttl is not None:
            meta["ttl"] = ttl
        if create_only:
            policy["exists"] = self.module.POLICY_EXISTS_CREATE_ONLY
        if generation is not None:
            meta["gen"] = generation
            policy["gen"] = self.module.POLICY_GEN_EQ
        if send_key:
            policy["key"] = self.module.POLICY_KEY_SEND
        self.client.put(key, bins, meta, policy)

    def meta(self, key: Key) -> tuple[int, int] | None:
        meta = self.client.exists(key, policy=PATIENT).meta
        return None if meta is None else (meta.gen, meta.ttl)

    def batch_read(self, keys: Sequence[Key]) -> list[Bins | None]:
        rows = self.client.batch_read(list(keys), policy=PATIENT).batch_records
        return [dict(row.record[2]) if row.result == 0 else None for row in rows]

    def batch_write(self, rows: Sequence[tuple[Key, Bins]]) -> list[int]:
        done = self.client.batch_write(list(rows), PATIENT)
        return [row.result for row in done.batch_records]

    def batch_remove(self, keys: Sequence[Key]) -> list[int]:
        done = self.client.batch_remove(list(keys), PATIENT)
        return [row.result for row in done.batch_records]


class Native(Peer):
    """aerospike-native: asynchronous, over the vendor's Rust core."""

    name, needs = "aerospike_native", "aerospike-native==1.0.0"

    def __init__(self, host: str, port: int) -> None:
        import aerospike_native

        self.module = aerospike_native
        self.runner = asyncio.Runner()
        self.client = self.run(
            lambda: aerospike_native.new_client(aerospike_native.ClientPolicy(), f"{host}:{port}")
        )

    def run(self, start: Callable[[], Any]) -> Any:
        """Awaits what `start` begins, which must be begun where a loop runs."""

        async def main() -> Any:
            return await start()

        return self.runner.run(main())

    def close(self) -> None:
        self.run(self.client.close)
        self.runner.close()

    def key(self, key: Key) -> Any:
        namespace, set_name, user_key = key
        if type(user_key) is bytes:
            # It hashes bytes as a blob; the digest is the one way to name what the others hash as a string.
            return self.module.Key.key_with_digest(namespace, set_name, our_digest(key))
        return self.module.Key(namespace, set_name, user_key)

    def value(self, value: Any) -> Any:
        if isinstance(value, Geo):
            return self.module.GeoJSON(value.text)
        if isinstance(value, Hll):
            return self.module.HLL(list(value.data))
        return value

    def plain(self, value: Any) -> Any:
        if isinstance(value, self.module.GeoJSON):
            return Geo(value.value)
        if isinstance(value, self.module.HLL):
            return Hll(bytes(value.value))
        return value

    def put(
        self,
        key: Key,
        bins: Bins,
        ttl: int | None = None,
        create_only: bool = False,
        generation: int | None = None,
        send_key: bool = False,
    ) -> None:
        policy = self.patient(self.module.WritePolicy())
        if ttl is not None:
            policy.expiration = self.module.Expiration.seconds(ttl)
        if create_only:
            policy.record_exists_action = self.module.RecordExistsAction.CREATE_ONLY
        if generation is not None:
            policy.generation_policy = self.module.GenerationPolicy.EXPECT_GEN_EQUAL
            policy.generation = generation
        policy.send_key = send_key
        ready = {n: self.value(v) for n, v in bins.items()}
        self.run(lambda: self.client.put(self.key(key), ready, policy=policy))

    def read(self, key: Key, names: Sequence[str] | None) -> Bins:
        wanted = None if names is None else list(names)
        policy = self.patient(self.module.ReadPolicy())
        record = self.run(lambda: self.client.get(self.key(key), wanted, policy=policy))
        return {n: self.plain(v) for n, v in record.bins.items()}

    def meta(self, key: Key) -> tuple[int, int] | None:
        policy = self.patient(self.module.ReadPolicy())
        try:
            record = self.run(lambda: self.client.get(self.key(key), policy=policy))
        except self.module.exceptions.RecordNotFound:
            return None
        return record.generation, 0xFFFFFFFF if record.ttl is None else record.ttl

    def exists(self, key: Key) -> bool:
        policy = self.patient(self.module.ReadPolicy())
        return bool(self.run(lambda: self.client.exists(self.key(key), policy=policy)))

    def remove(self, key: Key) -> None:
        policy = self.patient(self.module.WritePolicy())
        if not self.run(lambda: self.client.delete(self.key(key), policy=policy)):
            raise self.module.exceptions.RecordNotFound(
                "deleted nothing", self.module.ResultCode.KEY_NOT_FOUND_ERROR
            )

    def touch(self, key: Key, ttl: int) -> None:
        policy = self.patient(self.module.WritePolicy())
        policy.expiration = self.module.Expiration.seconds(ttl)
        self.run(lambda: self.client.touch(self.key(key), policy=policy))

    def append(self, key: Key, name: str, value: str) -> None:
        policy = self.patient(self.module.WritePolicy())
        self.run(lambda: self.client.append(self.key(key), {name: value}, policy=policy))

    def increment(self, key: Key, name: str, by: int | float) -> None:
        policy = self.patient(self.module.WritePolicy())
        self.run(lambda: self.client.add(self.key(key), {name: by}, policy=policy))

    def remove_bin(self, key: Key, name: str) -> None:
        policy = self.patient(self.module.WritePolicy())
        self.run(lambda: self.client.put(self.key(key), {name: None}, policy=policy))

    def rows(self, start: Callable[[], Any]) -> list[Any]:
        return list(self.run(start))

    def patient(self, policy: Any) -> Any:
        policy.total_timeout = PATIENT["total_timeout"]
        return policy

    def batch_read(self, keys: Sequence[Key]) -> list[Bins | None]:
        ready, policy = [self.key(key) for key in keys], self.patient(self.module.BatchPolicy())
        rows = self.rows(lambda: self.client.batch_read(ready, batch_policy=policy))
        return [dict(row.record.bins) if int(row.result_code) == 0 else None for row in rows]

    def batch_write(self, rows: Sequence[tuple[Key, Bins]]) -> list[int]:
        keys, bins = [self.key(key) for key, _ in rows], [bins for _, bins in rows]
        policy = self.patient(self.module.BatchPolicy())
        done = self.rows(lambda: self.client.batch_write(keys, bins, batch_policy=policy))
        return [int(row.result_code) for row in done]

    def batch_remove(self, keys: Sequence[Key]) -> list[int]:
        ready, policy = [self.key(key) for key in keys], self.patient(self.module.BatchPolicy())
        done = self.rows(lambda: self.client.batch_delete(ready, batch_policy=policy))
        return [int(row.result_code) for row in done]

    def truncate(self, namespace: str, set_name: str) -> None:
        self.run(lambda: self.client.truncate(namespace, set_name))

    def build(self) -> str:
        return str(self.run(lambda: self.client.info("build"))["build"])

    def digest(self, key: Key) -> bytes:
        return bytes.fromhex(self.key(key).digest)


def our_digest(key: Key) -> bytes:
    import aerospike_np

    return bytes(aerospike_np.calc_digest(*key))


OTHERS: dict[str, type[Peer]] = {kind.name: kind for kind in (Official, AerospikePy, Native)}
EVERYONE: dict[str, type[Peer]] = {Ours.name: Ours, **OTHERS}


def connect(name: str, host: str, port: int) -> Any:
    """A connected client; the test is skipped, with the line that helps, where its package is missing."""
    kind = EVERYONE[name]
    pytest.importorskip(name, reason=f"{name} is not installed: pip install {kind.needs}")
    return kind(host, port)  # type: ignore[call-arg]
