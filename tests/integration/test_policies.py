"""Policies reach the server as they were said: the call's, then the client's for the command, then its base."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from server import NAMESPACE, requests, server
from until import until

import aerospike_np as aerospike
from aerospike_np import exception
from aerospike_np.helpers.batch.records import BatchRecords, Write
from aerospike_np.helpers.operations import operations
from aerospike_np.local import LocalCluster, LocalNode

KEY = (NAMESPACE, "policies", "k")


@pytest.fixture
def node() -> Iterator[Any]:
    with server("policies") as node:
        yield node


@pytest.fixture
def client(node: Any) -> Iterator[aerospike.Client]:
    with node.client() as client:
        yield client


def exists_policy(name: str) -> dict[str, Any]:
    return {"exists": getattr(aerospike, f"POLICY_EXISTS_{name}")}


def test_create_only_refuses_a_record_that_is_there(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1}, policy=exists_policy("CREATE"))
    with pytest.raises(exception.RecordExistsError):
        client.put(KEY, {"a": 2}, policy=exists_policy("CREATE"))
    assert client.get(KEY).bins == {"a": 1}


@pytest.mark.parametrize("name", ["UPDATE", "REPLACE"])
def test_update_and_replace_refuse_a_record_that_is_not_there(
    client: aerospike.Client, name: str
) -> None:
    with pytest.raises(exception.RecordNotFound):
        client.put(KEY, {"a": 1}, policy=exists_policy(name))
    assert client.exists(KEY).meta is None


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("IGNORE", {"a": 1, "b": 2}),
        ("UPDATE", {"a": 1, "b": 2}),
        ("REPLACE", {"b": 2}),
        ("CREATE_OR_REPLACE", {"b": 2}),
    ],
)
def test_merging_and_replacing_leave_the_bins_they_should(
    client: aerospike.Client, name: str, left: dict[str, int]
) -> None:
    client.put(KEY, {"a": 1})
    client.put(KEY, {"b": 2}, policy=exists_policy(name))
    assert client.get(KEY).bins == left


def test_generation_in_meta_is_checked_for_equality(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1})
    client.put(KEY, {"a": 2}, {"gen": 1})
    with pytest.raises(exception.RecordGenerationError) as caught:
        client.put(KEY, {"a": 3}, {"gen": 1})
    assert caught.value.code == 3 and not caught.value.in_doubt
    with pytest.raises(exception.RecordGenerationError):
        client.remove(KEY, {"gen": 1})
    client.remove(KEY, {"gen": 2})


def test_policy_says_how_the_generation_of_meta_is_compared(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1})
    greater = {"gen": aerospike.POLICY_GEN_GT}
    with pytest.raises(exception.RecordGenerationError):
        client.put(KEY, {"a": 2}, {"gen": 1}, greater)
    client.put(KEY, {"a": 2}, {"gen": 5}, greater)
    client.put(KEY, {"a": 3}, {"gen": 77}, {"gen": aerospike.POLICY_GEN_IGNORE})
    assert client.get(KEY).bins == {"a": 3}


def test_key_that_was_sent_is_stored_and_compared(client: aerospike.Client) -> None:
    send = {"key": aerospike.POLICY_KEY_SEND}
    client.put(KEY, {"a": 1}, policy=send)
    digest = client.get(KEY).key.digest
    other = (NAMESPACE, "policies", "another key", digest)
    assert client.get(other).bins == {"a": 1}
    with pytest.raises(exception.RecordKeyMismatch):
        client.get(other, send)


def test_key_of_a_batch_is_sent_also_where_the_tuple_has_its_digest(
    client: aerospike.Client,
) -> None:
    send = {"key": aerospike.POLICY_KEY_SEND}
    client.put(KEY, {"a": 1})
    whole = client.get(KEY).key
    other = (NAMESPACE, "policies", "another key", whole.digest)
    ops = [operations.write("a", 2)]
    for write in (
        lambda: client.batch_write([(whole, {"a": 2})], send),
        lambda: client.batch_write([(whole, {"a": 2}, send)]),
        lambda: client.batch_operate([whole], ops, send),
        lambda: client.batch_write(BatchRecords([Write(whole, ops, policy=send)])),
    ):
        client.remove(KEY)
        write()
        with pytest.raises(exception.RecordKeyMismatch):
            client.get(other, send)


@pytest.mark.parametrize(
    ("ttl", "low", "high"),
    [
        (100, 90, 100),
        (aerospike.TTL_NEVER_EXPIRE, 2**32 - 1, 2**32 - 1),
        (-1, 2**32 - 1, 2**32 - 1),
    ],
)
@pytest.mark.parametrize("place", ["meta", "policy"])
def test_time_to_live_is_taken_from_meta_and_policy(
    client: aerospike.Client, ttl: int, low: int, high: int, place: str
) -> None:
    client.put(KEY, {"a": 1}, **{place: {"ttl": ttl}})
    assert low <= client.exists(KEY).meta.ttl <= high


def test_time_to_live_of_meta_wins_over_the_policys(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1}, {"ttl": 50}, {"ttl": 5000})
    assert client.exists(KEY).meta.ttl <= 50


def test_a_time_to_live_of_minus_3_is_the_clients_own(node: Any) -> None:
    own = {"write": {"ttl": 100}, "operate": {"ttl": 200}, "batch_write": {"ttl": 300}}
    write, one = [operations.write("a", 1)], np.array([(1,)], [("_key", "i8")])
    place = {"namespace": NAMESPACE, "set_name": "policies"}
    key = (NAMESPACE, "policies", 1)

    with node.client({"policies": own}) as c:
        for wanted, call in [
            (100, lambda: c.put(key, {"a": 1}, {"ttl": -3})),
            (200, lambda: c.touch(key, -3)),
            (200, lambda: c.operate(key, write, {"ttl": -3})),
            (200, lambda: c.operate(key, [operations.touch(-3)])),
            (300, lambda: c.batch_write([(key, {"a": 1}, {"ttl": -3})])),
            (300, lambda: c.batch_write([(key, {"a": 1})], {"ttl": aerospike.TTL_CLIENT_DEFAULT})),
            (300, lambda: c.batch_write(BatchRecords([Write(key, write, meta={"ttl": -3})]))),
            (300, lambda: c.batch_operate([key], write, ttl=-3)),
            (300, lambda: c.batch_operate([key], [operations.touch(-3)])),
            (300, lambda: c.batch_operate_numpy(one, **place, ops=write, ttl=-3)),
            (300, lambda: c.batch_write_numpy({"_key": [1], "a": [1]}, **place, ttl=-3)),
            (300, lambda: c.batch_transform([key], lambda rows: rows, [("a", "i8")], ttl=-3)),
        ]:
            c.put(key, {"a": 1}, {"ttl": 5000})
            call()
            assert wanted - 10 <= c.exists(key).meta.ttl <= wanted


def test_keeping_the_time_to_live_keeps_it(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1}, {"ttl": 1000})
    client.put(KEY, {"a": 2}, {"ttl": aerospike.TTL_DONT_UPDATE})
    assert 900 < client.exists(KEY).meta.ttl <= 1000


@pytest.mark.parametrize("ttl", [-4, 315_360_001, 2**32, "1", 1.5])
def test_time_to_live_that_cannot_be_is_refused_before_anything_is_sent(
    node: Any, client: aerospike.Client, ttl: Any
) -> None:
    client.ping()
    before = requests(node)
    with pytest.raises(exception.InvalidArgError, match="ttl"):
        client.put(KEY, {"a": 1}, {"ttl": ttl})
    assert requests(node) - before <= 2  # the tend thread asks once a second


def test_durable_delete_is_for_another_edition(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1})
    with pytest.raises(exception.EnterpriseOnly):
        client.remove(KEY, policy={"durable_delete": True})


def test_client_wide_policies_count_where_the_call_says_nothing(node: Any) -> None:
    config = {"policies": {"write": exists_policy("CREATE"), "ttl": 600}}
    with node.client(config) as client:
        client.put(KEY, {"a": 1})
        assert client.exists(KEY).meta.ttl <= 600  # of the base
        with pytest.raises(exception.RecordExistsError):
            client.put(KEY, {"a": 2})  # of the command
        client.put(KEY, {"a": 3}, policy=exists_policy("IGNORE"))  # of the call
        assert client.get(KEY).bins == {"a": 3}


def test_operations_on_a_record_have_a_client_wide_policy_of_their_own(node: Any) -> None:
    create = exists_policy("CREATE")
    with node.client(
        {"policies": {"operate": {**create, "ttl": 600}, "write": {"ttl": 300}}}
    ) as client:
        client.put(KEY, {"a": 1, "s": "x"})
        assert 290 <= client.get(KEY).meta.ttl <= 300
        for call in (
            lambda: client.increment(KEY, "a", 1),
            lambda: client.append(KEY, "s", "y"),
            lambda: client.prepend(KEY, "s", "y"),
            lambda: client.touch(KEY),
            lambda: client.operate(KEY, [operations.write("a", 2)]),
            lambda: client.operate_ordered(KEY, [operations.write("a", 2)]),
        ):
            with pytest.raises(exception.RecordExistsError):
                call()
        client.remove_bin(KEY, ["s"])
        client.operate(KEY, [operations.increment("a", 1)], policy={"exists": 0})
        assert client.get(KEY).bins == {"a": 2}
        assert 590 <= client.get(KEY).meta.ttl <= 600


def test_removals_have_the_call_s_policies_one_over_the_other(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1})
    client.put(KEY, {"a": 2})
    eq, ignore = {"gen": aerospike.POLICY_GEN_EQ}, {"gen": aerospike.POLICY_GEN_IGNORE}
    assert client.batch_remove([KEY], eq).result_codes.tolist() == [3]
    assert client.batch_remove([KEY], policy_batch=eq).result_codes.tolist() == [3]
    assert client.batch_remove([KEY], ignore, eq).result_codes.tolist() == [3]
    assert client.batch_remove([KEY], eq, ignore).result_codes.tolist() == [0]
    with pytest.raises(exception.InvalidArgError, match="batch_remove: unknown key"):
        client.batch_remove([KEY], None, {"exists": 1})


def test_client_default_for_the_time_to_live_is_the_client_wide_one(node: Any) -> None:
    with node.client({"policies": {"write": {"ttl": 300}}}) as client:
        client.put(KEY, {"a": 1}, {"ttl": aerospike.TTL_CLIENT_DEFAULT})
        assert 200 < client.exists(KEY).meta.ttl <= 300


def test_rows_of_a_batch_have_meta_of_their_own(client: aerospike.Client) -> None:
    keys = [(NAMESPACE, "policies", i) for i in range(3)]
    client.put(keys[1], {"a": 0})
    result = client.batch_write(
        [(keys[0], {"a": 1}, {"ttl": 100}), (keys[1], {"a": 1}, {"gen": 7}), (keys[2], {"a": 1})]
    )
    assert result.result_codes.tolist() == [0, 3, 0]
    assert result.gen.tolist() == [1, 0, 1] and result.attempts.tolist() == [1, 1, 1]
    assert client.exists(keys[0]).meta.ttl <= 100 < client.exists(keys[2]).meta.ttl


def test_rows_after_an_error_are_answered_unless_the_policy_says_no(
    client: aerospike.Client,
) -> None:
    keys = [(NAMESPACE, "policies", i) for i in range(4)]
    client.put(keys[1], {"a": 0})
    rows = [(key, {"a": 1}) for key in keys]
    create = exists_policy("CREATE")
    assert client.batch_write(rows, create).result_codes.tolist() == [0, 5, 0, 0]
    with pytest.raises(exception.AerospikeError) as caught:
        client.batch_write(rows, {**create, "respond_all_keys": False})
    partial = caught.value.partial
    assert partial.result_codes[0] == 5 and (partial.result_codes != 0).all()


def test_read_touch_prolongs_a_life_that_nears_its_end(client: aerospike.Client) -> None:
    client.put(KEY, {"a": 1}, {"ttl": 1000})
    client.get(KEY, {"read_touch_ttl_percent": 100})
    assert 990 < client.exists(KEY).meta.ttl <= 1000
    with pytest.raises(exception.InvalidArgError, match="read_touch_ttl_percent"):
        client.get(KEY, {"read_touch_ttl_percent": 101})


@pytest.mark.parametrize(
    "config",
    [
        {"min_conns_per_node": 4, "max_conns_per_node": 4},
        {"tend_interval": 50},
        {"shm": {"x": 1}, "thread_pool_size": 3, "use_shared_connection": True},
        {"tls": {"enable": False}, "user": None, "rack_aware": False},
        {"app_id": "an app"},
    ],
)
def test_configurations_that_are_accepted_work(node: Any, config: dict[str, Any]) -> None:
    with node.client(config) as client:
        client.put(KEY, {"a": 1})
        assert client.get(KEY).bins == {"a": 1}


@pytest.mark.needs_embedded("a node of a name of its own")
def test_cluster_of_another_name_is_refused_with_both_names() -> None:
    with LocalNode(cluster_name="blue") as node:
        with node.client({"cluster_name": "blue"}) as client:
            assert client.is_connected()
        with pytest.raises(exception.AerospikeError, match="blue.*green|green.*blue"):
            node.client({"cluster_name": "green"}).connect()


@pytest.mark.needs_embedded("a node that it can kill")
def test_client_that_need_not_connect_does_so_when_the_node_comes() -> None:
    with LocalCluster(nodes=1) as cluster:
        config = {**cluster.config(), "fail_if_not_connected": False, "tend_interval": 50}
        cluster.kill(0)
        with aerospike.client(config) as client:
            assert not client.is_connected()
            assert not client.ping()
            cluster.restart(0)
            until(client.is_connected)
            assert client.ping()


@pytest.mark.needs_embedded("a node that it can freeze")
def test_patience_is_of_time_limits_that_nobody_gave(
    node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = []
    for said in ("2", "0", "2 s"):
        monkeypatch.setenv("AEROSPIKE_NP_PATIENCE", said)
        clients.append(node.client({"connect_timeout": 60_000}).connect())
    node.freeze()

    def says(client: aerospike.Client, policy: dict[str, Any] | None) -> str:
        with pytest.raises(exception.AerospikeTimeoutError) as caught:
            client.get(KEY, policy)
        return str(caught.value)

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(says, clients, [None] * 3))
    given = says(clients[0], {"total_timeout": 20})
    node.thaw()
    assert ["of 2000 ms" in said[0], "of 1000 ms" in said[1], "of 1000 ms" in said[2]] == [True] * 3
    assert "of 20 ms" in given
    for client in clients:
        client.close()
