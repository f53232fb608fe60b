"""Info answers and framing, byte for byte, as a real server (8.1.2.0, Community Edition) was seen to give them."""

from __future__ import annotations

import base64
import struct

import pytest

from aerospike_np.local import LocalNode

from . import wire
from .wire import Connection

EVERY_PARTITION = "/" * 682 + "8="
USER_AGENT = "MSxweXRob24tMTkuMy4wLG5vdC1zZXQ="


def one(connection: Connection, command: str) -> str:
    """The value of one command's answer."""
    answer = connection.info(command + "\n")
    assert answer.startswith(command + "\t") and answer.endswith("\n"), answer
    return answer[len(command) + 1 : -1]


def pairs(text: str, by: str = ";") -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(by) if part)


# ---- the form of questions and answers ----


def test_answers_repeat_the_command_then_tab_value_newline(node: LocalNode) -> None:
    node_and_build = bytes.fromhex("020100000000000b 6e6f64650a6275696c640a")
    with Connection((node.host, node.port)) as connection:
        connection.send(node_and_build)
        kind, body = connection.take_frame()
    assert kind == wire.INFO
    assert body == f"node\t{node.name}\nbuild\t8.1.2.0\n".encode()


def test_missing_final_newline_drops_the_last_command(
    connection: Connection, node: LocalNode
) -> None:
    assert connection.info("node\nbuild") == f"node\t{node.name}\n"
    assert connection.info("build") == ""
    assert connection.info("node\n") == f"node\t{node.name}\n"


def test_empty_body_gives_the_summary(connection: Connection) -> None:
    lines = connection.info("").splitlines()
    names = [line.split("\t")[0] for line in lines]
    assert names[0] == "features"
    assert {"node", "edition", "build", "version", "statistics", "services"} <= set(names)
    assert "partition-generation" in names
    assert all("\t" in line for line in lines)


def test_unknown_command_is_error_4(connection: Connection) -> None:
    assert one(connection, "no-such-thing") == "ERROR:4:unrecognized command"
    assert one(connection, "bins/test") == "ERROR:4:unrecognized command"


@pytest.mark.parametrize("command", ["rack-ids", "peers-tls-std", "peers-tls-alt", "feature-key"])
def test_other_editions_commands_are_error_25(connection: Connection, command: str) -> None:
    assert one(connection, command) == "ERROR:25:enterprise only"


# ---- identity ----


@pytest.mark.parametrize(
    "command, value",
    [
        ("build", "8.1.2.0"),
        ("version", "Aerospike Community Edition build 8.1.2.0"),
        ("edition", "Aerospike Community Edition"),
        ("status", "ok"),
        ("partitions", "4096"),
        ("connection", "admin=false"),
        ("namespaces", "test;mem"),
        ("peers-generation", "0"),
        ("services", ""),
    ],
)
def test_identity(connection: Connection, command: str, value: str) -> None:
    assert one(connection, command) == value


def test_node_id_is_upper_case_hex_and_name_is_its_alias(
    connection: Connection, node: LocalNode
) -> None:
    name = one(connection, "node")
    assert name == node.name == one(connection, "name")
    assert name == name.upper() and len(name) <= 16 and name[0] != "0"
    int(name, 16)


def test_features_hold_what_clients_insist_on(connection: Connection) -> None:
    features = one(connection, "features").split(";")
    assert {"pscans", "batch-any", "query-show", "pquery", "peers", "replicas"} <= set(features)


def test_generations_are_numbers_and_partitions_are_ready(connection: Connection) -> None:
    assert int(one(connection, "partition-generation")) >= 0
    assert int(one(connection, "rebalance-generation")) >= 0


def test_user_agent_is_taken_once_a_connection(node: LocalNode) -> None:
    with Connection((node.host, node.port)) as connection:
        assert one(connection, f"user-agent-set:value={USER_AGENT}") == "ok"
        assert one(connection, f"user-agent-set:value={USER_AGENT}") == "ERROR:4:already set"
    with Connection((node.host, node.port)) as connection:
        assert one(connection, f"user-agent-set:value={USER_AGENT}") == "ok"


def test_user_agent_has_88_characters_at_most(node: LocalNode) -> None:
    with Connection((node.host, node.port)) as connection:
        assert (
            one(connection, f"user-agent-set:value={'A' * 89}") == "ERROR:4:'value' value too long"
        )
        longest = base64.b64encode(b"1," + b"x" * 62).decode()
        assert len(longest) == 88
        assert one(connection, f"user-agent-set:value={longest}") == "ok"


# ---- topology ----


@pytest.mark.parametrize(
    "command", ["peers-clear-std", "peers-clear-alt", "peers-clear-std:generation=0"]
)
def test_single_node_has_no_peers(connection: Connection, command: str) -> None:
    assert one(connection, command) == "0,3000,[]"


def test_replicas_give_every_partition_of_each_namespace_to_the_one_node(
    connection: Connection,
) -> None:
    assert len(EVERY_PARTITION) == 684
    assert base64.b64decode(EVERY_PARTITION) == b"\xff" * 512
    want = f"test:0,1,{EVERY_PARTITION};mem:0,1,{EVERY_PARTITION}"
    assert one(connection, "replicas") == want
    assert one(connection, "replicas-all") == want.replace(":0,1,", ":1,")
    assert one(connection, "replicas-master") == want.replace(":0,1,", ":")


def test_service_is_where_the_node_listens(connection: Connection, node: LocalNode) -> None:
    assert one(connection, "service-clear-std") == f"{node.host}:{node.port}"


def test_cluster_stable_knows_size_and_namespaces(connection: Connection) -> None:
    int(one(connection, "cluster-stable:size=1;ignore-migrations=true;namespace=test"), 16)
    assert one(connection, "cluster-stable:size=2;").startswith("ERROR:7:")
    assert (
        one(connection, "cluster-stable:namespace=nope") == "ERROR:20:namespace not found on node"
    )


# ---- namespaces, sets, truncation ----


def put(connection: Connection, key: str, set_name: str) -> None:
    a = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, wire.integer(1))
    reply = connection.ask(wire.request(a, key=key, set_name=set_name, info=(0, wire.WRITE, 0)))
    assert reply.code == 0


def exists(connection: Connection, key: str, set_name: str) -> int:
    info = (wire.READ | wire.NO_BINS, 0, 0)
    return connection.ask(wire.request(key=key, set_name=set_name, info=info)).code


def test_namespace_statistics(connection: Connection) -> None:
    found = pairs(one(connection, "namespace/test"))
    assert found["ns_cluster_size"] == "1"
    assert found["effective_replication_factor"] == "1"
    assert found["stop_writes"] == "false"
    assert found["default-ttl"] == "0" and found["nsup-period"] == "120"
    assert {"objects", "current_time", "replication-factor", "max-record-size"} <= set(found)
    assert one(connection, "namespace/nope") == "type=unknown"


def test_sets_have_an_entry_each(connection: Connection) -> None:
    for i in range(3):
        put(connection, f"k{i}", "counted")
    entries = [pairs(entry, ":") for entry in one(connection, "sets/test").split(";") if entry]
    (entry,) = [entry for entry in entries if entry["set"] == "counted"]
    assert entry["ns"] == "test" and entry["objects"] == "3" and entry["tombstones"] == "0"
    alone = one(connection, "sets/test/counted")
    assert alone.startswith("objects=3:tombstones=0:data_used_bytes=") and alone.endswith(";")
    assert one(connection, "sets/test/nope") == ""
    assert one(connection, "sets/nope") == "ns_type=unknown"


def test_statistics_name_one_healthy_node(connection: Connection) -> None:
    found = pairs(one(connection, "statistics"))
    assert found["cluster_size"] == "1" and found["cluster_integrity"] == "true"
    assert int(found["client_connections"]) >= 1


def test_truncate_removes_a_set_and_no_other(connection: Connection) -> None:
    put(connection, "k", "gone")
    put(connection, "k", "stays")
    assert one(connection, "truncate:namespace=test;set=gone") == "ok"
    assert exists(connection, "k", "gone") == 2
    assert exists(connection, "k", "stays") == 0
    put(connection, "k", "gone")
    assert exists(connection, "k", "gone") == 0


def test_truncate_up_to_a_time_spares_what_was_written_later(connection: Connection) -> None:
    put(connection, "k", "timed")
    assert one(connection, "truncate:namespace=test;set=timed;lut=1262304000000000000") == "ok"
    assert exists(connection, "k", "timed") == 0


def test_truncate_refuses_what_it_cannot_mean(connection: Connection) -> None:
    assert one(connection, "truncate:namespace=test") == "ERROR:4:missing 'set'"
    future = "truncate:namespace=test;set=demo;lut=9000000000000000000"
    assert one(connection, future) == "ERROR:4:would truncate in the future"
    assert one(connection, "truncate:namespace=nope;set=demo") == "ok"


def test_truncate_namespace_leaves_the_other_namespace(node: LocalNode) -> None:
    info = (wire.READ | wire.NO_BINS, 0, 0)
    with Connection((node.host, node.port)) as connection:
        a = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, wire.integer(1))
        for namespace in ("test", "mem"):
            write = wire.request(a, namespace=namespace, set_name="w", info=(0, wire.WRITE, 0))
            assert connection.ask(write).code == 0
        assert one(connection, "truncate-namespace:namespace=mem") == "ok"
        left = [
            connection.ask(wire.request(namespace=namespace, set_name="w", info=info)).code
            for namespace in ("test", "mem")
        ]
    assert left == [0, 2]


def test_what_is_absent_says_so(connection: Connection) -> None:
    assert one(connection, "udf-list") == ""
    assert one(connection, "udf-get:filename=no.lua;") == "error=not_found"
    assert one(connection, "sindex-exists:namespace=test;indexname=no") == "false"
    assert one(connection, "sindex-stat:namespace=test;indexname=no") == "ERROR:201:no index"
    assert one(connection, "query-show:id=1").startswith("ERROR:2:")


# ---- frames ----


def test_security_frame_gets_24_bytes_of_code_51(connection: Connection) -> None:
    user = struct.pack(">IB", 2, 0) + b"u"
    login = bytes([0, 0, 20, 1]) + bytes(12) + user
    connection.send(wire.frame(wire.ADMIN, login))
    assert connection.take_frame() == (wire.ADMIN, bytes([0, 51]) + bytes(14))
    assert one(connection, "status") == "ok"


def test_compressed_frame_gets_code_25(connection: Connection) -> None:
    reply = connection.ask(wire.frame(wire.COMPRESSED, bytes(8) + b"not even zlib"))
    assert reply == wire.Message((0, 0, 0, 0), 25, 0, 0, 0, (), ())
    assert one(connection, "status") == "ok"


@pytest.mark.parametrize(
    "raw",
    [
        wire.frame(wire.INFO, b"node\n", version=3),
        wire.frame(9, b""),
        wire.frame(5, b""),
        bytes([2, wire.MESSAGE]) + (128 * 1024 * 1024 + 1).to_bytes(6, "big"),
        bytes.fromhex("16030100c8010000"),
    ],
    ids=["version 3", "type 9", "type 5", "128 MiB + 1", "TLS hello"],
)
def test_what_is_no_frame_closes_the_connection(connection: Connection, raw: bytes) -> None:
    connection.send(raw)
    assert connection.is_closed()


def test_closing_one_connection_leaves_the_node_serving(node: LocalNode) -> None:
    with Connection((node.host, node.port)) as good, Connection((node.host, node.port)) as bad:
        bad.send(wire.frame(9, b""))
        assert bad.is_closed()
        assert one(good, "status") == "ok"


@pytest.mark.parametrize(
    "raw",
    [
        wire.request(info=(wire.READ | wire.GET_ALL, 0, 0), more=b"\0"),
        wire.frame(wire.MESSAGE, wire.HEAD.pack(22, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0)),
        wire.frame(wire.MESSAGE, wire.HEAD.pack(22, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0) + b"\xff" * 5),
        wire.frame(wire.MESSAGE, wire.HEAD.pack(22, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1) + bytes(8)),
    ],
    ids=["trailing byte", "field missing", "field too long", "operation too short"],
)
def test_body_that_does_not_add_up_gets_code_4(connection: Connection, raw: bytes) -> None:
    reply = connection.ask(raw)
    assert reply == wire.Message((0, 0, 0, 0), 4, 0, 0, 0, (), ())
    assert one(connection, "status") == "ok"


def test_frame_in_single_bytes_is_a_frame(connection: Connection, node: LocalNode) -> None:
    for byte in wire.frame(wire.INFO, b"node\n"):
        connection.send(bytes([byte]))
    assert connection.take_frame() == (wire.INFO, f"node\t{node.name}\n".encode())


def test_pipelined_gets_are_answered_in_order(connection: Connection) -> None:
    for i in range(3):
        a = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, wire.integer(i))
        connection.ask(wire.request(a, key=f"p{i}", info=(0, wire.WRITE, 0)))
    info = (wire.READ | wire.GET_ALL, 0, 0)
    order = ["p2", "p0", "missing", "p1"]
    connection.send(b"".join(wire.request(key=key, info=info) for key in order))
    replies = []
    for _ in order:
        _, body = connection.take_frame()
        (reply,) = wire.messages(body)
        replies.append((reply.code, [op.value for op in reply.ops]))
    assert replies == [
        (0, [wire.integer(2)]),
        (0, [wire.integer(0)]),
        (2, []),
        (0, [wire.integer(1)]),
    ]


# ---- single records, as recorded by hand ----


K1 = "0000000500 74657374 0000000501 64656d6f 0000001504 b747f5854d0b33259928d0cfab7fad81d6abfbf6"
A_ONE, B_X = "0000000d {} 01000161 0000000000000001", "00000006 {} 03000162 78"
PUT = "020300000000005c 16000100 0000 00000000 00000000 000003e8 0003 0002"
GET = "0203000000000041 16030000 0000 00000000 00000000 000003e8 0003 0000"
SELECT = "020300000000004a 16010000 0000 00000000 00000000 000003e8 0003 0001"
EXISTS = "0203000000000041 16210000 0000 00000000 00000000 000003e8 0003 0000"
REMOVE = "0203000000000041 16000300 0000 00000000 00000000 000003e8 0003 0000"
FOUND = "16000000 0000 00000001 00000000 00000000 0000"
STEPS = [
    (PUT + K1 + A_ONE.format("02") + B_X.format("02"), FOUND + "0000"),
    (GET + K1, FOUND + "0002" + A_ONE.format("01") + B_X.format("01")),
    (SELECT + K1 + "00000005 01 00000161", FOUND + "0001" + A_ONE.format("01")),
    (EXISTS + K1, FOUND + "0000"),
    (REMOVE + K1, "16" + "00" * 21),
    (GET + K1, "1600000000 02" + "00" * 16),
]


def test_put_get_select_exists_remove_are_answered_byte_for_byte(connection: Connection) -> None:
    """Requests of the official client, replies of the real server."""
    for request, reply in STEPS:
        connection.send(bytes.fromhex(request))
        assert connection.take_frame() == (wire.MESSAGE, bytes.fromhex(reply)), request


def test_increment_of_a_missing_bin_and_reads_answer_all_operations(connection: Connection) -> None:
    write = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, wire.integer(5))
    connection.ask(wire.request(write, key="operate", info=(0, wire.WRITE, 0)))
    reply = connection.ask(
        wire.request(
            wire.op(wire.OP_INCR, b"a", wire.PARTICLE_INTEGER, wire.integer(5)),
            wire.op(wire.OP_READ, b"a"),
            wire.op(wire.OP_READ, b"zz"),
            wire.op(wire.OP_TOUCH),
            key="operate",
            info=(wire.READ, wire.WRITE | 0x80, 0),
        )
    )
    assert reply.code == 0 and reply.generation == 2
    assert reply.ops == (
        wire.Op(5, 0, b"a", b""),
        wire.Op(1, 1, b"a", wire.integer(10)),
        wire.Op(1, 0, b"zz", b""),
    )


@pytest.mark.parametrize("generation, want, then", [(3, 3, 2), (0, 0, 0)])
def test_generation_of_a_missing_record_is_zero(
    connection: Connection, generation: int, want: int, then: int
) -> None:
    key = f"generation {generation}"
    write = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, wire.integer(5))
    info = (0, wire.WRITE | 0x04, 0)
    assert (
        connection.ask(wire.request(write, key=key, info=info, generation=generation)).code == want
    )
    assert exists(connection, key, "demo") == then


@pytest.mark.parametrize("kind", [17, 18, 19, 6, 200])
def test_operations_of_newer_servers_get_code_4(connection: Connection, kind: int) -> None:
    request = wire.request(wire.op(kind, b"a", 4, b"\x91\x00"), info=(wire.READ, wire.WRITE, 0))
    assert connection.ask(request).code == 4


@pytest.mark.parametrize(
    "raw, stored", [(b"\xff", 255), (b"\x01\x00", 256), (b"\xff" * 4, 2**32 - 1)]
)
def test_short_integers_are_extended_with_zeros(
    connection: Connection, raw: bytes, stored: int
) -> None:
    write = wire.op(wire.OP_WRITE, b"a", wire.PARTICLE_INTEGER, raw)
    assert connection.ask(wire.request(write, key="short", info=(0, wire.WRITE, 0))).code == 0
    reply = connection.ask(wire.request(key="short", info=(wire.READ | wire.GET_ALL, 0, 0)))
    assert reply.ops == (wire.Op(1, 1, b"a", wire.integer(stored)),)


@pytest.mark.parametrize(
    "particle, value",
    [(1, bytes(3)), (1, b""), (2, bytes(4)), (17, b"\x02"), (17, b""), (99, b"x")],
)
def test_values_that_are_no_such_particle_get_code_4(
    connection: Connection, particle: int, value: bytes
) -> None:
    write = wire.op(wire.OP_WRITE, b"a", particle, value)
    request = wire.request(write, key="bad particle", info=(0, wire.WRITE, 0))
    assert connection.ask(request).code == 4
    assert exists(connection, "bad particle", "demo") == 2


def test_transaction_field_is_another_editions(connection: Connection) -> None:
    body = wire.request(info=(wire.READ | wire.GET_ALL, 0, 0))[8:]
    fields = body[wire.HEAD.size :] + wire.field(5, bytes([1] + [0] * 7))
    head = wire.HEAD.pack(22, 3, 0, 0, 0, 0, 0, 0, 1000, 4, 0)
    assert connection.ask(wire.frame(wire.MESSAGE, head + fields)).code == 25


def test_record_of_one_mebibyte_is_too_big_and_200_bytes_less_is_not(
    connection: Connection,
) -> None:
    codes = []
    for size in (1024 * 1024, 1024 * 1024 - 200):
        write = wire.op(wire.OP_WRITE, b"a", 4, bytes(size))
        codes.append(connection.ask(wire.request(write, key="big", info=(0, wire.WRITE, 0))).code)
    assert codes == [13, 0]


def test_unknown_namespace_is_code_20(connection: Connection) -> None:
    info = (wire.READ | wire.GET_ALL, 0, 0)
    assert connection.ask(wire.request(namespace="nope", info=info)).code == 20
