"""Our node answers recorded requests as the real server did."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from aerospike_np.local import LocalNode

from . import replay, wire

FOLLOWS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("follows.json").read_text()
)

# What a server says that lacks something: not valid, unsupported, another edition's.
REFUSALS = {4, 16, 25}


def run(log: list[replay.Exchange]) -> replay.Outcome:
    with LocalNode(namespaces=("test", "mem")) as node:
        return replay.replay(log, (node.host, node.port))


@pytest.mark.parametrize("name", replay.names())
def test_node_answers_as_the_recorded_server_did(
    name: str, outcomes: dict[str, replay.Outcome]
) -> None:
    log = replay.load(name)
    outcome = run(log)
    follows = set(FOLLOWS.get(name, {"seq": []})["seq"])

    unexpected = [seq for seq in outcome.different if seq not in follows]
    assert not unexpected, "\n".join(outcome.shown[seq] for seq in unexpected)
    # An entry that is no longer needed must go.
    assert follows == set(outcome.different)
    refusals = {seq: codes for seq, codes in outcome.codes.items() if seq not in follows}
    assert all(codes and codes <= REFUSALS for codes in refusals.values()), refusals
    assert len(outcome.same) > len(outcome.on_purpose), "the log checks next to nothing"

    outcome.on_purpose += outcome.different
    outcomes[name] = outcome
    counted = [outcome.same, outcome.on_purpose, outcome.not_compared]
    assert sorted(seq for part in counted for seq in part) == [exchange.seq for exchange in log]


def test_follows_names_only_logs_that_exist() -> None:
    assert set(FOLLOWS) <= set(replay.names())
    assert all(entry["why"] and entry["seq"] for entry in FOLLOWS.values())


def flip(raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


@pytest.mark.parametrize(
    "at, what",
    [(13, "code"), (17, "generation"), (35, "particle"), (37, "bin name"), (-1, "value")],
)
def test_replay_notices_one_wrong_byte(at: int, what: str) -> None:
    log = replay.load("select")
    number = next(
        i
        for i, exchange in enumerate(log)
        if (message := exchange.message) is not None
        and message.info[0] & wire.READ
        and len(exchange.reply) > 60
        and not exchange.unstable
    )
    log[number] = dataclasses.replace(log[number], reply=flip(log[number].reply, at))
    assert run(log).different == [log[number].seq], what


def test_replay_notices_one_wrong_row_of_a_batch() -> None:
    log = replay.load("batch_write")
    number = next(i for i, exchange in enumerate(log) if exchange.seq == 133)
    frames, _ = wire.split(log[number].reply)
    (right, *_), *_ = [list(wire.messages(body)) for _, body in frames]
    assert right.index == 0 and right.code == 0
    log[number] = dataclasses.replace(log[number], reply=flip(log[number].reply, 13))
    assert run(log).different == [log[number].seq]
