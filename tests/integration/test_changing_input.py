"""Input that another thread changes while it is read: old values or new ones, or an error; never a crash."""

from __future__ import annotations

import threading
from typing import Any

import numbered
import numpy as np
import pytest
from server import NAMESPACE

import aerospike_np as aerospike
from aerospike_np import exception

KEY = (NAMESPACE, "bad", 1)
pytestmark = pytest.mark.sets("bad", "moving", "torn", "spoiled", "changing", "objects")
Param, Type = exception.InvalidArgError, TypeError


def test_arrays_changed_by_another_thread_write_old_or_new_values(client: aerospike.Client) -> None:
    data = numbered.keyed(20_000, ("a", "i8"), ("s", "U8"))
    stop = threading.Event()

    def change() -> None:
        value = 0
        while not stop.is_set():
            value += 1
            data["a"] = value
            data["s"] = str(value)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(10):
            assert not client.batch_write_numpy(data, NAMESPACE, "moving").result_codes.any()
    finally:
        stop.set()
        thread.join()
    got = client.batch_read(
        data["_key"], _dtype=[("a", "i8")], namespace=NAMESPACE, set_name="moving"
    )
    assert (got.result_codes == 0).all() and (got.batch_records["a"] >= 0).all()


def test_each_row_is_an_old_or_a_new_one_while_another_thread_writes(
    client: aerospike.Client,
) -> None:
    """An aligned number of the machine's width is never torn: it is read once."""
    data = numbered.keyed(5_000, ("a", "i8"))
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            data["a"] = 0x1111111111111111
            data["a"] = 0x2222222222222222

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            assert not client.batch_write_numpy(data, NAMESPACE, "torn").result_codes.any()
            got = client.batch_read(
                data["_key"], _dtype=[("a", "i8")], namespace=NAMESPACE, set_name="torn"
            )
            assert set(got.batch_records["a"].tolist()) <= {
                0,
                0x1111111111111111,
                0x2222222222222222,
            }
    finally:
        stop.set()
        thread.join()


def test_text_that_another_thread_spoils_is_sent_right_or_not_at_all(
    client: aerospike.Client,
) -> None:
    """What was good when all rows were checked may be bad when its turn comes: then the row says so."""
    data = numbered.keyed(5_000, ("s", "U4"), ("n", "u8"))
    raw = data.view("u4").reshape(5_000, -1)  # _key, s and n as words
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            raw[:, 2], raw[:, 7] = 0xD800, 0xFFFFFFFF
            raw[:, 2], raw[:, 7] = ord("x"), 0

    raw[:, 2] = ord("x")
    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            try:
                result = client.batch_write_numpy(data, NAMESPACE, "spoiled")
            except Param as error:
                assert "row" in str(error) and "field" in str(error)
                continue
            assert set(result.result_codes.tolist()) <= {0, -2}
            assert not result.in_doubt.any()
            assert (result.gen[result.result_codes != 0] == 0).all()
    finally:
        stop.set()
        thread.join()
    got = client.batch_read(
        data["_key"], _dtype=[("s", "U4"), ("n", "u8")], namespace=NAMESPACE, set_name="spoiled"
    )
    there = got.result_codes == 0
    assert set(got.batch_records["s"][there].tolist()) <= {"x"}


@pytest.mark.parametrize("how", ["junk", "other keys", "grow", "clear"])
def test_list_of_keys_that_another_thread_changes_gives_rows_or_an_error(
    client: aerospike.Client, how: str
) -> None:
    n = 30_000
    data = numbered.keyed(n, ("a", "i8"))
    data["a"] = data["_key"]
    assert not client.batch_write_numpy(data, NAMESPACE, "changing").result_codes.any()
    started = threading.Event()
    for _ in range(5):
        keys: list[Any] = [(NAMESPACE, "changing", i) for i in range(n)]

        def change(keys: list[Any] = keys) -> None:
            started.wait()
            for i in range(n - 1, -1, -1):
                if how == "junk":
                    keys[i] = 1.5
                elif how == "other keys":
                    keys[i] = (NAMESPACE, "changing", (i + 1) % n)
                elif how == "grow":
                    keys.append((NAMESPACE, "changing", i))
                else:
                    keys.clear()

        thread = threading.Thread(target=change)
        thread.start()
        started.set()
        try:
            got = client.batch_read(keys, _dtype=[("a", "i8")], fill=-1)
        except (exception.AerospikeError, TypeError, RuntimeError) as error:
            assert "keys" in str(error), error
        else:
            row = np.arange(len(got))
            a, found = got.batch_records["a"], got.result_codes == 0
            assert (got.result_codes[~found] != 0).all() and (a[~found] == -1).all()
            right = (a == row % n) | (a == (row + 1) % n) if how == "other keys" else a == row % n
            assert right[found & (row < n)].all()
        finally:
            thread.join()


def test_values_that_change_while_they_are_written_are_no_crash(client: aerospike.Client) -> None:
    """Lists, dicts and object columns belong to their owners; another thread empties and fills them."""
    client.put(KEY, {"a": 1})
    value: dict[str, Any] = {}
    inner: list[Any] = []
    column = numbered.keyed(500, ("o", "O"))
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            value.update({f"k{i}": [str(i)] * 5 for i in range(50)})
            inner.extend(range(100))
            column["o"] = [["x" * i] for i in range(500)]
            value.clear()
            inner.clear()
            column["o"] = 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for i in range(200):
            calls = [
                lambda: client.put(KEY, {"a": 1, "m": value, "l": inner}),
                lambda: client.batch_write([(KEY, {"a": 1, "m": value, "l": inner})] * 3),
                lambda: client.batch_write_numpy(column, NAMESPACE, "objects"),
            ]
            try:
                calls[i % 3]()
            except (exception.AerospikeError, RuntimeError) as error:
                assert str(error)
    finally:
        stop.set()
        thread.join()
    assert client.get(KEY).bins["a"] == 1


def test_list_of_keys_that_shrinks_in_the_middle_is_no_crash(client: aerospike.Client) -> None:
    keys = [(NAMESPACE, "bad", i) for i in range(100_000)]
    shrink = threading.Thread(target=keys.__delitem__, args=(slice(50_000, None),))
    shrink.start()
    try:
        assert len(client.batch_read(keys, _dtype=[("a", "i8")])) in (50_000, 100_000)
    except RuntimeError as error:
        assert "changed its size" in str(error)
    finally:
        shrink.join()
