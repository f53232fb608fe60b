"""Each result code of a server has its class and its sentence, alone and in batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_server import END, FakeServer, frame, message

import aerospike_np as aerospike
from aerospike_np import exception
from aerospike_np._codes import class_of

pytestmark = pytest.mark.needs_embedded("a server that answers with any code")

# All that servers have. 29 and 32, and those of transactions, have no class of their own.
CODES = [
    *range(1, 30), 32, *range(50, 57), *range(60, 67), *range(70, 76), *range(80, 84), *range(90, 95), 100,
    *range(120, 128), 150, 151, 152, 160, *range(200, 207), *range(210, 214),
]  # fmt: skip
WITHOUT_CLASS = {1, 29, 32, *range(120, 128)}
# What a client may do about itself before it gives up is not asked for here.
ONCE = {"max_retries": 0}


class Answering:
    """A server that answers everything with one code."""

    def __init__(self) -> None:
        self.code = 0
        self.server = FakeServer(self.answer)
        self.client = aerospike.client({"hosts": [self.server.address]}).connect()

    def answer(self, body: bytes) -> bytes:
        if body[1] & 0x08:  # a batch of one record
            return frame(message(code=self.code)) + END
        return frame(message(code=self.code))


@pytest.fixture(scope="module")
def answering() -> Iterator[Answering]:
    answering = Answering()
    yield answering
    answering.client.close()
    answering.server.stop()


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_its_class_and_its_sentence(answering: Answering, code: int) -> None:
    answering.code = code
    key = ("test", "s", 1)
    with pytest.raises(exception.AerospikeError) as caught:
        answering.client.operate(key, [{"op": 1, "bin": "b", "val": 1}], policy=ONCE)
    error = caught.value
    assert type(error) is class_of(code) and error.code == code
    assert (type(error) is exception.ServerError) == (code in WITHOUT_CLASS)
    sentence = error.msg
    assert "unknown to this client" not in sentence and "SERVER_CODE" not in sentence
    assert f"code {code}" in str(error) and repr(key) in str(error)
    assert error.node == "BB9000000000A01"


@pytest.mark.parametrize("code", [c for c in CODES if c not in (9, 11, 14, 18, 150, 151, 152)])
def test_each_code_of_a_row_is_kept(answering: Answering, code: int) -> None:
    answering.code = code
    found = answering.client.batch_read([("test", "s", 1)], policy=ONCE)
    assert [record.result for record in found.batch_records] == [code]


def test_codes_of_newer_servers_are_kept_too(answering: Answering) -> None:
    answering.code = 249
    with pytest.raises(exception.ServerError, match="the server is newer.*code 249") as caught:
        answering.client.get(("test", "s", 1), policy=ONCE)
    assert caught.value.code == 249
