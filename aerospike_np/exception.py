"""Exceptions: one tree, with the names of both other Python clients.

Every exception carries ``code`` (also ``result_code``), ``msg``, ``in_doubt``, ``node``, ``key``,
``bin`` and ``partial``. Codes above zero are the server's, those below zero the client's own.

``TimeoutError``, ``IndexError`` and ``ConnectionError`` are here too, as the official client has
them, but only when asked for by name: ``from aerospike_np.exception import *`` shadows no built-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .types import BulkFailure


class AerospikeError(Exception):
    """Anything that went wrong with a request, a reply or the cluster.

    Parameters
    ----------
    msg : str
        What happened, and what to do next.
    code : int, optional
        Result code; by default the class's own.
    in_doubt : bool
        A write that may have been applied, or not.
    node : str, optional
        Name or address of the node it is about.
    key : tuple, optional
        The record's key.
    bin : str, optional
        The bin's name.
    partial : object, optional
        What a batch call had got when it failed.

    Examples
    --------
    >>> from aerospike_np.exception import RecordNotFound
    >>> error = RecordNotFound("get: there is no such record", node="BB9020011AC4202")
    >>> error.code, error.in_doubt, error.node
    (2, False, 'BB9020011AC4202')
    >>> print(error)
    get: there is no such record (code 2, node BB9020011AC4202)
    """

    code: int = -1
    msg: str
    in_doubt: bool
    node: str | None
    key: Any
    bin: str | None
    partial: Any
    file: str | None = None
    line: int | None = None
    subcode: int | None = None

    def __init__(
        self,
        msg: str = "",
        code: int | None = None,
        in_doubt: bool = False,
        node: str | None = None,
        key: Any = None,
        bin: str | None = None,
        partial: Any = None,
    ) -> None:
        super().__init__(msg)
        self.msg = msg
        self.code = type(self).code if code is None else code
        self.in_doubt = in_doubt
        self.node = node
        self.key = key
        self.bin = bin
        self.partial = partial

    @property
    def result_code(self) -> int:
        """The same as ``code``."""
        return self.code

    def __str__(self) -> str:
        text = str(self.msg)
        notes = [f"code {self.code}"] if self.code not in (-1, -2) else []
        if self.node and self.node not in text:
            notes.append(f"node {self.node}")
        if self.key is not None and repr(self.key) not in text:
            notes.append(f"key {_short_key(self.key)}")
        if self.bin and self.bin not in text:
            notes.append(f"bin {self.bin!r}")
        if self.in_doubt:
            notes.append("in doubt: the write may have been applied")
        if not notes:
            return text
        return f"{text} ({', '.join(notes)})" if text else ", ".join(notes)


def _short_key(key: Any) -> str:
    parts = tuple(key[:3]) if isinstance(key, tuple) else key
    text = repr(parts)
    return text if len(text) <= 120 else text[:117] + "..."


# ---- this side ----


class ClientError(AerospikeError):
    """Something went wrong on this side, or a reply makes no sense."""


class ParamError(ClientError, ValueError):
    """An argument that can't be right: ``InvalidArgError`` is the same class."""

    code = -2


InvalidArgError = ParamError


class ClientAbortError(ClientError):
    """The caller asked to stop."""

    code = -5


class BackpressureError(ClientError):
    """Too many operations wait for their turn already."""

    code = -11


class RustPanicError(ClientError):
    """Never raised: here so that code written for aerospike-py goes on working."""


class BulkError(AerospikeError):
    """Rows of ``bulk`` failed. The code is the first one's.

    Attributes
    ----------
    n_ok : int
        Rows that are written.
    errors : list of BulkFailure
        ``(row, key, code, in_doubt, reason)`` of each of the others that were begun, in order.
    """

    @property
    def n_ok(self) -> int:
        """Rows that are written."""
        return 0 if self.partial is None else int(self.partial[0])

    @property
    def errors(self) -> list[BulkFailure]:
        """The rows that failed."""
        return [] if self.partial is None else list(self.partial[1])


class MaxRetriesExceeded(ClientError):
    """All attempts failed; the message says how the last one did."""

    code = -12


class NoResponse(ClientError):
    """A row of a batch that was never answered."""

    code = -15


class BatchFailed(ClientError):
    """Rows of a batch failed."""

    code = -16


class TransactionFailed(ClientError):
    """A transaction could not be verified, committed or rolled back."""

    code = -17


class TransactionAlreadyCommitted(ClientError):
    """The transaction was committed before."""

    code = -18


class TransactionAlreadyAborted(ClientError):
    """The transaction was aborted before."""

    code = -19


# ---- cluster and connections ----


class ClusterError(AerospikeError):
    """No node can be reached that should answer, or it can't serve the partition now."""


class InvalidHostError(ClusterError, ClientError):
    """A seed that can't be resolved."""

    code = -4


class AsyncConnectionError(ClusterError, ClientError):
    """A connection failed in a non-blocking call."""

    code = -6


class NoMoreConnectionsError(ClusterError, ClientError):
    """All connections to the node are in use."""

    code = -7


class InvalidNodeError(ClusterError, ClientError):
    """A partition that has no node now."""

    code = -8


class TLSError(ClusterError, ClientError):
    """An encrypted connection could not be made."""

    code = -9


class AerospikeConnectionError(ClusterError, ClientError):
    """A connection could not be made, or broke: ``exception.ConnectionError`` is the same class."""

    code = -10


class MaxErrorRateExceeded(ClusterError, ClientError):
    """The node failed so often lately that nothing is sent to it for a moment."""

    code = -14


# ---- time ----


class AerospikeTimeoutError(AerospikeError):
    """The time was up, here or on the server: ``exception.TimeoutError`` is the same class."""

    code = 9


# ---- the server ----


class ServerError(AerospikeError):
    """The server refused, for the reason that ``code`` gives."""

    code = 1


class InvalidRequest(ServerError):
    """The server took an argument, a flag or the layout of the request for wrong."""

    code = 4


class ClusterChangeError(ClusterError, ServerError):
    """The cluster changed while the server was at it."""

    code = 7


class ServerFull(ServerError):
    """The namespace has no room left and takes no writes."""

    code = 8


class AlwaysForbidden(ServerError):
    """The server never does this."""

    code = 10


class PartitionUnavailable(ClusterError, ServerError):
    """The partition, or the whole node, serves nothing now."""

    code = 11


class UnsupportedFeature(ServerError):
    """This server has no such feature."""

    code = 16


class DeviceOverload(ServerError):
    """The node's devices can't keep up with writes."""

    code = 18


class NamespaceNotFound(ServerError):
    """The server has no such namespace."""

    code = 20


class ForbiddenError(ServerError):
    """Not allowed now: a set that takes no writes, a ttl without expiry, a truncated record, ..."""

    code = 22


class EnterpriseOnly(ServerError):
    """Only the Enterprise Edition does this."""

    code = 25


class OpNotApplicable(ServerError):
    """The operation does not fit the value: an index out of range, a path that isn't there."""

    code = 26


class LostConflict(ServerError):
    """Another datacenter's write won."""

    code = 28


class BatchDisabledError(ServerError):
    """Batches are switched off on the server."""

    code = 150


class BatchMaxRequestError(ServerError):
    """More keys than the server takes in one batch."""

    code = 151


class BatchQueueFullError(ServerError):
    """The server's batch queues are full."""

    code = 152


class InvalidGeoJSON(ServerError):
    """The server could not read the GeoJSON."""

    code = 160


# ---- records ----


class RecordError(ServerError):
    """The server refused because of the record or a bin of it."""


class RecordNotFound(RecordError):
    """There is no such record."""

    code = 2


class RecordGenerationError(RecordError):
    """The record has another generation than the write asked for."""

    code = 3


class RecordExistsError(RecordError):
    """The record exists, and the write was to create it."""

    code = 5


class BinExistsError(RecordError):
    """The bin exists, and the write was to create it."""

    code = 6


class BinIncompatibleType(RecordError):
    """The bin holds another type than the operation needs: ``BinTypeError`` is the same class."""

    code = 12


BinTypeError = BinIncompatibleType


class ConversionError(BinIncompatibleType):
    """Values of a batch read did not fit their fields; ``partial`` is the whole result."""

    code = -2


class RecordTooBig(RecordError):
    """The record would be larger than the namespace allows."""

    code = 13


class RecordBusy(RecordError):
    """Too many requests wait for this one record."""

    code = 14


class BinNotFound(RecordError):
    """There is no such bin, and the write was to update it."""

    code = 17


class RecordKeyMismatch(RecordError):
    """The record's stored key is another one."""

    code = 19


class BinNameError(RecordError):
    """The bin's name is too long or can't be one."""

    code = 21


class ElementNotFoundError(RecordError):
    """There is no such element in the map or list."""

    code = 23


class ElementExistsError(RecordError):
    """The element is in the map or list already."""

    code = 24


class FilteredOut(RecordError):
    """The filter was not true for this record."""

    code = 27


# ---- queries, indexes, UDFs ----


class QueryError(ServerError):
    """A query failed."""

    code = 213


class QueryAbortedError(QueryError):
    """A query was stopped on the server."""

    code = 210


class ScanAbortedError(QueryAbortedError):
    """A scan was stopped on the server."""

    code = 15


class QueryQueueFull(QueryError):
    """The server runs as many queries as it may."""

    code = 211


class QueryTimeout(QueryError, AerospikeTimeoutError):
    """The server's time for a query was up."""

    code = 212


class AerospikeIndexError(ServerError):
    """A secondary index: ``exception.IndexError`` is the same class."""

    code = 204
    name: str | None = None


class IndexFoundError(AerospikeIndexError):
    """The index exists already."""

    code = 200


class IndexNotFound(AerospikeIndexError):
    """There is no such index."""

    code = 201


class IndexOOM(AerospikeIndexError):
    """The server has no memory for the index."""

    code = 202


class IndexNotReadable(AerospikeIndexError):
    """The index is still being built."""

    code = 203


class IndexNameMaxLen(AerospikeIndexError):
    """The index's name is too long."""

    code = 205


class IndexNameMaxCount(AerospikeIndexError):
    """The namespace has as many indexes as it may."""

    code = 206


class UDFError(ServerError):
    """A user-defined function failed."""

    code = 100
    module: str | None = None
    func: str | None = None


class UDFNotFound(UDFError):
    """There is no such function."""

    code = 1301


class LuaFileNotFound(UDFError):
    """There is no such Lua file."""

    code = 1302


# ---- users, roles, security ----


class AdminError(ServerError):
    """Users, roles, passwords and what they allow."""


class SecurityNotSupported(AdminError):
    """This server has no security."""

    code = 51


class SecurityNotEnabled(AdminError):
    """The server's security is switched off."""

    code = 52


class SecuritySchemeNotSupported(AdminError):
    """The server does not know this security scheme."""

    code = 53


class InvalidCommand(AdminError):
    """The server does not know this security command."""

    code = 54


class InvalidField(AdminError):
    """The server does not know a field of the security command."""

    code = 55


class IllegalState(AdminError):
    """The security command came at the wrong time."""

    code = 56


class InvalidUser(AdminError):
    """There is no such user, or the name can't be one."""

    code = 60


class UserExistsError(AdminError):
    """The user exists already."""

    code = 61


class InvalidPassword(AdminError):
    """The password can't be one."""

    code = 62


class ExpiredPassword(AdminError):
    """The password is too old."""

    code = 63


class ForbiddenPassword(AdminError):
    """The password was used before, or is not allowed."""

    code = 64


class InvalidCredential(AdminError):
    """The credential is wrong."""

    code = 65


class ExpiredSession(AdminError):
    """The session is over; log in again."""

    code = 66


class InvalidRole(AdminError):
    """There is no such role, or the name can't be one."""

    code = 70


class RoleExistsError(AdminError):
    """The role exists already."""

    code = 71


class InvalidPrivilege(AdminError):
    """The privilege is unknown."""

    code = 72


class InvalidWhitelist(AdminError):
    """The list of allowed addresses is wrong."""

    code = 73


class QuotasNotEnabled(AdminError):
    """The server's quotas are switched off."""

    code = 74


class InvalidQuota(AdminError):
    """The quota is wrong."""

    code = 75


class NotAuthenticated(AdminError):
    """The server wants a login first."""

    code = 80


class RoleViolation(AdminError):
    """The user's roles don't allow this."""

    code = 81


class NotWhitelisted(AdminError):
    """The user may not connect from this address."""

    code = 82


class QuotaExceeded(AdminError):
    """The user did more in this second than allowed."""

    code = 83


# ---- from code to class ----

_NO_CODE_OF_THEIR_OWN = (
    ConversionError,
    RustPanicError,
    ClusterError,
    RecordError,
    AdminError,
    ClientError,
)


def _classes_by_code() -> dict[int, type[AerospikeError]]:
    table: dict[int, type[AerospikeError]] = {}
    for value in list(globals().values()):
        if (
            isinstance(value, type)
            and issubclass(value, AerospikeError)
            and "code" in value.__dict__
        ):
            if value not in _NO_CODE_OF_THEIR_OWN:
                table[value.code] = value
    for code in (50, 90, 91, 92, 93, 94):  # end of a security list; LDAP
        table[code] = AdminError
    table[-1] = ClientError
    return table


_BY_CODE = _classes_by_code()


def _class_of(code: int) -> type[AerospikeError]:
    found = _BY_CODE.get(code)
    if found is not None:
        return found
    return ServerError if code > 0 else ClientError


def _error(
    code: int,
    message: str,
    in_doubt: bool = False,
    node: str | None = None,
    key: Any = None,
    bin: str | None = None,
) -> AerospikeError:
    """The exception that stands for a result code; not raised."""
    return _class_of(code)(message, code, in_doubt, node, key, bin)


__all__ = [
    "AdminError",
    "AerospikeConnectionError",
    "AerospikeError",
    "AerospikeIndexError",
    "AerospikeTimeoutError",
    "AlwaysForbidden",
    "AsyncConnectionError",
    "BackpressureError",
    "BatchDisabledError",
    "BatchFailed",
    "BatchMaxRequestError",
    "BatchQueueFullError",
    "BinExistsError",
    "BinIncompatibleType",
    "BinNameError",
    "BinNotFound",
    "BinTypeError",
    "BulkError",
    "ClientAbortError",
    "ClientError",
    "ClusterChangeError",
    "ClusterError",
    "ConversionError",
    "DeviceOverload",
    "ElementExistsError",
    "ElementNotFoundError",
    "EnterpriseOnly",
    "ExpiredPassword",
    "ExpiredSession",
    "FilteredOut",
    "ForbiddenError",
    "ForbiddenPassword",
    "IllegalState",
    "IndexFoundError",
    "IndexNameMaxCount",
    "IndexNameMaxLen",
    "IndexNotFound",
    "IndexNotReadable",
    "IndexOOM",
    "InvalidArgError",
    "InvalidCommand",
    "InvalidCredential",
    "InvalidField",
    "InvalidGeoJSON",
    "InvalidHostError",
    "InvalidNodeError",
    "InvalidPassword",
    "InvalidPrivilege",
    "InvalidQuota",
    "InvalidRequest",
    "InvalidRole",
    "InvalidUser",
    "InvalidWhitelist",
    "LostConflict",
    "LuaFileNotFound",
    "MaxErrorRateExceeded",
    "MaxRetriesExceeded",
    "NamespaceNotFound",
    "NoMoreConnectionsError",
    "NoResponse",
    "NotAuthenticated",
    "NotWhitelisted",
    "OpNotApplicable",
    "ParamError",
    "PartitionUnavailable",
    "QueryAbortedError",
    "QueryError",
    "QueryQueueFull",
    "QueryTimeout",
    "QuotaExceeded",
    "QuotasNotEnabled",
    "RecordBusy",
    "RecordError",
    "RecordExistsError",
    "RecordGenerationError",
    "RecordKeyMismatch",
    "RecordNotFound",
    "RecordTooBig",
    "RoleExistsError",
    "RoleViolation",
    "RustPanicError",
    "ScanAbortedError",
    "SecurityNotEnabled",
    "SecurityNotSupported",
    "SecuritySchemeNotSupported",
    "ServerError",
    "ServerFull",
    "TLSError",
    "TransactionAlreadyAborted",
    "TransactionAlreadyCommitted",
    "TransactionFailed",
    "UDFError",
    "UDFNotFound",
    "UnsupportedFeature",
    "UserExistsError",
]

if TYPE_CHECKING:
    ConnectionError = AerospikeConnectionError
    IndexError = AerospikeIndexError
    TimeoutError = AerospikeTimeoutError
else:

    def __getattr__(name: str) -> Any:
        if name == "ConnectionError":
            return AerospikeConnectionError
        found = {"TimeoutError": AerospikeTimeoutError, "IndexError": AerospikeIndexError}.get(name)
        if found is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import warnings

        warnings.warn(
            f"exception.{name} shadows a built-in where it is imported; use {found.__name__}",
            DeprecationWarning,
            stacklevel=2,
        )
        return found
