"""Dicts that calls take, for type checkers."""

from __future__ import annotations

from typing import Any, TypedDict


class ReadPolicy(TypedDict, total=False):
    """Policy of get, select, exists. Times are milliseconds."""

    socket_timeout: int
    total_timeout: int
    max_retries: int
    sleep_between_retries: int
    timeout_delay: int
    filter_expression: Any
    expressions: Any
    replica: int
    read_mode_ap: int
    read_mode_sc: int
    read_touch_ttl_percent: int
    key: int


class WritePolicy(TypedDict, total=False):
    """Policy of put, remove, touch, append, prepend, increment, remove_bin, operate, apply."""

    socket_timeout: int
    total_timeout: int
    max_retries: int
    sleep_between_retries: int
    timeout_delay: int
    durable_delete: bool
    key: int
    exists: int
    gen: int
    commit_level: int
    ttl: int
    filter_expression: Any
    expressions: Any
    replica: int
    read_mode_ap: int
    read_touch_ttl_percent: int


class BatchPolicy(TypedDict, total=False):
    """Policy of a whole batch; the last six are what its writes do by default."""

    socket_timeout: int
    total_timeout: int
    max_retries: int
    sleep_between_retries: int
    timeout_delay: int
    filter_expression: Any
    expressions: Any
    allow_inline: bool
    allow_inline_ssd: bool
    respond_all_keys: bool
    threads: int
    concurrent: bool
    concurrency: int
    replica: int
    read_mode_ap: int
    read_mode_sc: int
    read_touch_ttl_percent: int
    key: int
    exists: int
    gen: int
    commit_level: int
    durable_delete: bool
    ttl: int


class BatchReadPolicy(TypedDict, total=False):
    """Policy of one read in a batch."""

    read_touch_ttl_percent: int
    filter_expression: Any
    expressions: Any


class BatchDeletePolicy(TypedDict, total=False):
    """Policy of the removes in a batch."""

    gen: int
    key: int
    commit_level: int
    durable_delete: bool
    filter_expression: Any
    expressions: Any


class BatchDeleteMeta(TypedDict, total=False):
    """What one remove of a batch has of its own."""

    gen: int
    key: int
    commit_level: int
    durable_delete: bool


class BatchUDFPolicy(TypedDict, total=False):
    """Policy of the functions in a batch."""

    commit_level: int
    ttl: int
    key: int
    durable_delete: bool
    filter_expression: Any
    expressions: Any


class BatchUDFMeta(TypedDict, total=False):
    """What one function call of a batch has of its own."""

    module: str
    function: str
    args: list[Any]
    ttl: int
    commit_level: int
    key: int
    durable_delete: bool


class WriteMeta(TypedDict, total=False):
    """What one write has of its own; a ``gen`` is checked for equality."""

    gen: int
    ttl: int
    key: int
    exists: int
    commit_level: int
    durable_delete: bool


class QueryPolicy(TypedDict, total=False):
    """Policy of a query."""

    socket_timeout: int
    total_timeout: int
    max_retries: int
    sleep_between_retries: int
    timeout_delay: int
    max_records: int
    records_per_second: int
    filter_expression: Any
    expressions: Any
    replica: int
    read_mode_ap: int
    read_mode_sc: int
    read_touch_ttl_percent: int
    max_concurrent_nodes: int
    record_queue_size: int
    expected_duration: int
    include_bin_data: bool
    partition_filter: Any


class ScanPolicy(TypedDict, total=False):
    """Policy of a scan."""

    socket_timeout: int
    total_timeout: int
    max_retries: int
    sleep_between_retries: int
    timeout_delay: int
    max_records: int
    records_per_second: int
    filter_expression: Any
    expressions: Any
    replica: int
    read_mode_ap: int
    durable_delete: bool
    ttl: int
    partition_filter: Any


class AdminPolicy(TypedDict, total=False):
    """Policy of info, index, truncate, UDF and user calls."""

    timeout: int


class ClientConfig(TypedDict, total=False):
    """The configuration of a client; docs/configuration.md lists every key."""

    hosts: list[Any]
    cluster_name: str | None
    policies: dict[str, Any]
    auth_mode: int
    user: str
    password: str
    timeout: int
    idle_timeout: int
    max_conns_per_node: int
    min_conns_per_node: int
    conn_pools_per_node: int
    tend_interval: int
    use_services_alternate: bool
    max_concurrent_operations: int
    operation_queue_timeout_ms: int


class Privilege(TypedDict, total=False):
    """One privilege of a role."""

    code: int | str
    ns: str
    set: str


class UserInfo(TypedDict):
    """A user as the server describes it."""

    user: str
    roles: list[str]
    conns_in_use: int


class RoleInfo(TypedDict):
    """A role as the server describes it."""

    name: str
    privileges: list[Privilege]
    allowlist: list[str]
    read_quota: int
    write_quota: int
