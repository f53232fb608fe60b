"""`python -m aerospike_np`: options are what they are called, and nothing else."""

from __future__ import annotations

import pytest

from aerospike_np.__main__ import main


@pytest.mark.parametrize(
    "arguments", [["serve", "--node", "3"], ["serve", "--rep", "1"], ["demo", "--row", "5"]]
)
def test_option_cut_short_is_refused_by_name(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert f"unrecognized arguments: {' '.join(arguments[1:])}" in said.err
    assert not said.out
