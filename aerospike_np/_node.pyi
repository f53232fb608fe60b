from typing import final

@final
class Node:
    def __new__(
        cls,
        host: str,
        port: int,
        namespaces: list[tuple[str, int, int, int]],
        name: str,
        cluster_name: str,
        allow_remote: bool,
        max_memory: int,
        max_connections: int,
        batch_max_requests: int,
        max_output: int,
        threads: int,
    ) -> Node: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def name(self) -> str: ...
    def stop(self) -> None: ...
    def stats(self) -> dict[str, int]: ...
