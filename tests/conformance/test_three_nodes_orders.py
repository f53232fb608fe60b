"""The recorded moments of three nodes in other orders, and the forms of their answers from our own cluster."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aerospike_np
from aerospike_np.local import LocalCluster

from . import test_three_nodes as recorded
from .test_three_nodes import PARTITIONS, PORTS, Teller, masters, moments, rounds, tell
from .wire import Connection

DEEP = os.environ.get("AEROSPIKE_NP_DEEP") == "1"
nodes = recorded.nodes  # the fixture
SETTLED = Path(__file__).with_name(
    "three_nodes_settled.json.gz"
)  # all that three nodes at rest were asked


def ready(moment: dict[str, Any]) -> set[str]:
    """The nodes that have a place in the cluster: they own, and another tells of them."""
    listed = {n for a in moment.values() for n in PORTS if f"[{n},," in a["peers-clear-std"]}
    return {n for n in moment if n in listed and int(moment[n]["partition-generation"]) >= 0}


def orders() -> Iterator[Any]:
    count = len(moments())
    yield pytest.param(list(reversed(range(count))), id="backwards")
    for seed in range(20) if DEEP else (1,):
        order = list(range(count))
        random.Random(seed).shuffle(order)
        yield pytest.param(order, id=f"shuffled by {seed}")


@pytest.mark.parametrize("order", list(orders()))
def test_moments_in_any_order_leave_no_partition_at_a_node_that_lost_it(
    nodes: dict[str, Teller], order: list[int]
) -> None:
    """Where a node claims a partition, one of those that do has it. Where none does, who had it may keep it."""
    timeline = moments()
    tell(nodes, timeline[order[0]][1])
    hosts = [("127.0.0.1", teller.port) for teller in nodes.values()]
    with aerospike_np.client({"hosts": hosts, "tend_interval": 50}) as client:
        before: dict[str, list[set[Any]]] = {}
        for number in order:
            when, moment = timeline[number]
            tell(nodes, moment)
            # A peer that could not be reached is asked again after 8 intervals at most.
            recorded.until(
                lambda moment=moment: ready(moment) <= set(client.get_node_names()), when
            )
            rounds(client, 4)
            claims = {
                n: masters(a) for n, a in moment.items() if int(a["partition-generation"]) >= 0
            }
            known = {None, *client.get_node_names()}
            for namespace in ("test", "mem"):
                owners = [row[0] for row in client._core.partition_owners(namespace)]
                had = before.get(namespace, [set()] * 4096)
                before[namespace] = []
                for p in PARTITIONS:
                    claimed = {n for n, owned in claims.items() if p in owned[namespace]}
                    kept = {None, *had[p]}
                    assert owners[p] in (claimed or kept), (order, when, namespace, p, claimed)
                    before[namespace].append(
                        {owners[p], *claimed}
                    )  # nodes change one after the other
                assert set(owners) <= known, "a node that left owns partitions"


# ---- the embedded cluster's answers have the recorded form ----

BITMAP = "[A-Za-z0-9+/]{683}="
ADDRESS = r"127\.0\.0\.1:\d+"
PEER = rf"\[A\d,,\[{ADDRESS}\]\]"
REPLICAS = rf"test:0,2,{BITMAP},{BITMAP};mem:0,2,{BITMAP},{BITMAP}"
FORMS = {
    "node": r"A\d",
    "build": r"8\.1\.2\.0",
    "edition": "Aerospike Community Edition",
    "cluster-name": "ref3",
    "namespaces": "test;mem",
    "partitions": "4096",
    "partition-generation": r"\d+",
    "peers-generation": r"\d+",
    "rebalance-generation": r"\d+",
    "peers-clear-std": rf"\d+,3000,\[{PEER},{PEER}\]",
    "peers-clear-alt": r"\d+,3000,\[\]",
    "peers-tls-std": "ERROR:25:enterprise only",
    "service-clear-std": ADDRESS,
    "service-clear-alt": "",
    "services": f"{ADDRESS};{ADDRESS}",
    "alumni-clear-std": rf"\d+,3000,\[{PEER},{PEER}\]",
    "replicas": REPLICAS,
    "replicas:max=1": f"test:0,1,{BITMAP};mem:0,1,{BITMAP}",
    "replicas-master": f"test:{BITMAP};mem:{BITMAP};?",
    "replicas-all": f"test:2,{BITMAP},{BITMAP};mem:2,{BITMAP},{BITMAP};?",
    "rack-ids": "ERROR:25:enterprise only",
    "cluster-stable:": "[0-9A-F]{1,16}",
    "status": "ok",
    "nonsense": "ERROR:4:unrecognized command",
}


def told(nodes: list[Any]) -> dict[str, dict[str, str]]:
    """What each node of a cluster answers to the recorded questions."""
    answers: dict[str, dict[str, str]] = {}
    for node in nodes:
        with Connection((node.host, node.port)) as connection:
            lines = connection.info("".join(f"{c}\n" for c in FORMS)).splitlines()
        answers[node.name] = dict(line.split("\t", 1) for line in lines)
    return answers


def check_forms(answers: dict[str, dict[str, str]]) -> None:
    for name, said in answers.items():
        for command, form in FORMS.items():
            assert re.fullmatch(form, said[command]), (name, command, said[command][:200])
        assert said["node"] == name
        for command in ("peers-clear-std", "alumni-clear-std"):
            peers = set(re.findall(r"\[(\w+),,", said[command]))
            assert peers == set(answers) - {name}
        # The same partitions, however they are asked for.
        first = re.findall(BITMAP, said["replicas"])
        assert re.findall(BITMAP, said["replicas-all"]) == first
        assert re.findall(BITMAP, said["replicas-master"]) == first[::2]
        assert re.findall(BITMAP, said["replicas:max=1"]) == first[::2]


def owned(said: dict[str, str], namespace: str, replica: int) -> set[int]:
    bits = recorded.base64.b64decode(
        re.findall(BITMAP, said["replicas"])[("test", "mem").index(namespace) * 2 + replica]
    )
    return {p for p in PARTITIONS if bits[p >> 3] & 0x80 >> (p & 7)}


def check_partition(answers: dict[str, dict[str, str]]) -> None:
    """Each partition has one master and one other replica."""
    for namespace in ("test", "mem"):
        for replica in (0, 1):
            parts = [owned(said, namespace, replica) for said in answers.values()]
            assert sum(map(len, parts)) == 4096 == len(set().union(*parts))
        for said in answers.values():
            assert not owned(said, namespace, 0) & owned(said, namespace, 1)


def test_recorded_answers_have_these_forms() -> None:
    with gzip.open(SETTLED) as file:
        settled = json.load(file)
    check_forms(settled)
    check_partition(settled)


def test_embedded_clusters_answers_have_the_same_forms_at_each_change() -> None:
    with LocalCluster(nodes=3, namespaces=("test", "mem"), cluster_name="ref3") as cluster:

        def settled() -> dict[str, dict[str, str]]:
            answers = told(cluster.nodes)
            check_forms(answers)
            check_partition(answers)
            return answers

        first = settled()
        cluster.move_partitions(500, seed=1)
        second = settled()
        for name in first:
            generations = [int(a[name]["partition-generation"]) for a in (first, second)]
            peers = [a[name]["peers-clear-std"] for a in (first, second)]
            assert generations[0] < generations[1] and peers[0] == peers[1]
        cluster.kill(2)
        left = told(cluster.nodes[:2])
        for name, said in left.items():
            other = "A2" if name == "A1" else "A1"
            assert re.fullmatch(
                rf"\d+,3000,\[\[{other},,\[{ADDRESS}\]\]\]", said["peers-clear-std"]
            )
            assert int(said["peers-generation"]) > int(second[name]["peers-generation"])
            assert re.fullmatch(FORMS["replicas"], said["replicas"])
            # A node that left is still among those that were ever seen, as recorded.
            assert "[A3,," in said["alumni-clear-std"]
        check_partition(left)
        cluster.restart(2)
        settled()
