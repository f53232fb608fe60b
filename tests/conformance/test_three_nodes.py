"""What three real nodes told while one left and came back, moment by moment, to a client that follows them."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from until import until

import aerospike_np

RECORDED = Path(__file__).with_name("three_nodes.json.gz")
PORTS = {"A1": 3200, "A2": 3210, "A3": 3220}
PARTITIONS = range(4096)
Answers = dict[str, str]


def moments() -> list[tuple[str, dict[str, Answers]]]:
    with gzip.open(RECORDED) as file:
        recorded = json.load(file)
    return [(m["when"], m["nodes"]) for m in recorded if all(m["nodes"].values())]


class Teller(socketserver.ThreadingTCPServer):
    """A node that tells what was recorded; without answers it hangs up."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.answers: Answers = {}
        self.port = int(self.server_address[1])
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self) -> None:
        self.answers = {}
        self.shutdown()
        self.server_close()
        self.thread.join()


class Exchange(socketserver.BaseRequestHandler):
    server: Teller
    request: socket.socket

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.request.recv(size - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def handle(self) -> None:
        try:
            while self.server.answers:
                (head,) = struct.unpack(">Q", self.receive(8))
                commands = self.receive(head & 0xFFFFFFFFFFFF).decode().splitlines()
                answers = self.server.answers
                if not answers:
                    return
                body = "".join(f"{c}\t{self.answer(answers, c)}\n" for c in commands).encode()
                self.request.sendall(struct.pack(">Q", 0x0201 << 48 | len(body)) + body)
        except OSError:
            pass

    @staticmethod
    def answer(answers: Answers, command: str) -> str:
        if command.startswith("user-agent-set:"):
            return "ok"
        return answers.get(command, "ERROR:4:unrecognized command")


@pytest.fixture
def nodes() -> Iterator[dict[str, Teller]]:
    tellers = {name: Teller() for name in PORTS}
    yield tellers
    for teller in tellers.values():
        teller.stop()


def masters(answers: Answers) -> dict[str, set[int]]:
    """The partitions of each namespace that a node says it is the master of."""
    owned = {}
    for part in answers.get("replicas", "").split(";"):
        namespace, _, rest = part.partition(":")
        bits = base64.b64decode(rest.split(",")[2])
        owned[namespace] = {p for p in PARTITIONS if bits[p >> 3] & 0x80 >> (p & 7)}
    return owned


def rounds(client: aerospike_np.Client, n: int) -> None:
    begin = client.get_stats().tend_count
    until(lambda: client.get_stats().tend_count >= begin + n, f"{n} rounds")


def tell(nodes: dict[str, Teller], moment: dict[str, Answers]) -> None:
    for name, teller in nodes.items():
        answers = {}
        for command, value in moment.get(name, {}).items():
            for other, port in PORTS.items():
                value = value.replace(f"127.0.0.1:{port}", f"127.0.0.1:{nodes[other].port}")
            answers[command] = value
        teller.answers = answers


@pytest.mark.parametrize("seed", PORTS)
def test_every_partition_is_at_a_node_that_claims_it_or_has_no_owner(
    nodes: dict[str, Teller], seed: str
) -> None:
    timeline = moments()
    assert len(timeline) == 19
    assert timeline[0][0] == "three nodes, settled"
    tell(nodes, timeline[0][1])
    config = {
        "hosts": [("127.0.0.1", nodes[seed].port)],
        "tend_interval": 50,
        "cluster_name": "ref3",
    }
    claims: dict[str, dict[str, set[int]]] = {}  # of those that are gone: what they said last
    with aerospike_np.client(config) as client:
        assert set(client.get_node_names()) == set(PORTS)
        for when, moment in timeline:
            tell(nodes, moment)
            rounds(client, 4)
            for name, answers in moment.items():
                if int(answers["partition-generation"]) >= 0:
                    claims[name] = masters(answers)
            known = set(client.get_node_names())
            listed = {
                n for a in moment.values() for n in PORTS if f"[{n},," in a["peers-clear-std"]
            }
            assert known == listed, when
            unowned = client.health_check().partitions_without_owner
            for namespace in ("test", "mem"):
                owners = client._core.partition_owners(namespace)
                for p in PARTITIONS:
                    claimed = {name for name in known if p in claims[name][namespace]}
                    assert owners[p][0] in (claimed or {None}), (when, namespace, p, owners[p])
                lost = sum(not any(row) for row in owners)
                assert unowned.get(namespace, 0) == lost == 0, when
        assert client.health_check().is_healthy
