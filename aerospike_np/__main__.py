"""``python -m aerospike_np serve`` and ``python -m aerospike_np demo``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence


def _serve(options: argparse.Namespace) -> int:
    from .exception import AerospikeError
    from .local import LocalCluster

    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        cluster = LocalCluster(
            options.nodes,
            options.replication_factor,
            host=options.host,
            port=options.port,
            namespaces=options.namespace or ["test"],
            allow_remote=options.allow_remote,
            max_memory=options.max_memory,
            cluster_name=options.cluster_name,
            threads=2 if options.nodes == 1 else 1,
        )
    except (AerospikeError, OverflowError) as error:
        print(f"serve: {error}", file=sys.stderr)
        return 1
    with cluster:
        where = ", ".join(f"{node.host}:{node.port}" for node in cluster.nodes)
        print(f"serving on {where} until Ctrl-C; data are in memory only", flush=True)
        signal.sigwait(stop)
    return 0


def _demo(options: argparse.Namespace) -> int:
    from . import demo

    return demo.main(options.rest)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one of the commands; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m aerospike_np")
    commands = parser.add_subparsers(required=True, metavar="command")
    serve = commands.add_parser(
        "serve", help="serve embedded nodes until Ctrl-C", allow_abbrev=False
    )
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument(
        "--port", type=int, default=3000, help="further nodes take the next ones; 0 takes free ones"
    )
    serve.add_argument(
        "--nodes", type=int, default=1, help="that share the partitions (default: 1)"
    )
    serve.add_argument(
        "--replication-factor", type=int, default=2, help="owners of a partition (default: 2)"
    )
    serve.add_argument(
        "--namespace", action="append", help="may be given more than once (default: test)"
    )
    serve.add_argument("--cluster-name", default="")
    serve.add_argument("--max-memory", type=int, default=0, help="bytes of records; 0: no cap")
    serve.add_argument(
        "--allow-remote", action="store_true", help="listen on other addresses than loopback"
    )
    serve.set_defaults(run=_serve)
    demo = commands.add_parser("demo", help="write and read 336,776 flights", add_help=False)
    demo.set_defaults(run=_demo, rest=[])
    options, rest = parser.parse_known_args(argv)
    if options.run is _demo:
        options.rest = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
