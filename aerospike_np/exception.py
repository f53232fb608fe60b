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

    def __init_subclass__(cls, code: int | None = None, **others: Any) -> None:
        super().__init_subclass__(**others)
        if code is not None:
            cls.code = code

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


class ParamError(ClientError, ValueError, code=-2):
    """An argument that can't be right: ``InvalidArgError`` is the same class."""


InvalidArgError = ParamError


class ClientAbortError(ClientError, code=-5):
    """The caller asked to stop."""


class BackpressureError(ClientError, code=-11):
    """Too many operations wait for their turn already."""


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


class MaxRetriesExceeded(ClientError, code=-12):
    """All attempts failed; the message says how the last one did."""


class NoResponse(ClientError, code=-15):
    """A row of a batch that was never answered."""


class BatchFailed(ClientError, code=-16):
    """Rows of a batch failed."""


class TransactionFailed(ClientError, code=-17):
    """A transaction could not be verified, committed or rolled back."""


class TransactionAlreadyCommitted(ClientError, code=-18):
    """The transaction was committed before."""


class TransactionAlreadyAborted(ClientError, code=-19):
    """The transaction was aborted before."""


# ---- cluster and connections ----


class ClusterError(AerospikeError):
    """No node can be reached that should answer, or it can't serve the partition now."""


class InvalidHostError(ClusterError, ClientError, code=-4):
    """A seed that can't be resolved."""


class AsyncConnectionError(ClusterError, ClientError, code=-6):
    """A connection failed in a non-blocking call."""


class NoMoreConnectionsError(ClusterError, ClientError, code=-7):
    """All connections to the node are in use."""


class InvalidNodeError(ClusterError, ClientError, code=-8):
    """A partition that has no node now."""


class TLSError(ClusterError, ClientError, code=-9):
    """An encrypted connection could not be made."""


class AerospikeConnectionError(ClusterError, ClientError, code=-10):
    """A connection could not be made, or broke: ``exception.ConnectionError`` is the same class."""


class MaxErrorRateExceeded(ClusterError, ClientError, code=-14):
    """The node failed so often lately that nothing is sent to it for a moment."""


# ---- time ----


class AerospikeTimeoutError(AerospikeError, code=9):
    """The time was up, here or on the server: ``exception.TimeoutError`` is the same class."""


# ---- the server ----


class ServerError(AerospikeError, code=1):
    """The server refused, for the reason that ``code`` gives."""


class InvalidRequest(ServerError, code=4):
    """The server took an argument, a flag or the layout of the request for wrong."""


class ClusterChangeError(ClusterError, ServerError, code=7):
    """The cluster changed while the server was at it."""


class ServerFull(ServerError, code=8):
    """The namespace has no room left and takes no writes."""


class AlwaysForbidden(ServerError, code=10):
    """The server never does this."""


class PartitionUnavailable(ClusterError, ServerError, code=11):
    """The partition, or the whole node, serves nothing now."""


class UnsupportedFeature(ServerError, code=16):
    """This server has no such feature."""


class DeviceOverload(ServerError, code=18):
    """The node's devices can't keep up with writes."""


class NamespaceNotFound(ServerError, code=20):
    """The server has no such namespace."""


class ForbiddenError(ServerError, code=22):
    """Not allowed now: a set that takes no writes, a ttl without expiry, a truncated record, ..."""


class EnterpriseOnly(ServerError, code=25):
    """Only the Enterprise Edition does this."""


class OpNotApplicable(ServerError, code=26):
    """The operation does not fit the value: an index out of range, a path that isn't there."""


class LostConflict(ServerError, code=28):
    """Another datacenter's write won."""


class BatchDisabledError(ServerError, code=150):
    """Batches are switched off on the server."""


class BatchMaxRequestError(ServerError, code=151):
    """More keys than the server takes in one batch."""


class BatchQueueFullError(ServerError, code=152):
    """The server's batch queues are full."""


class InvalidGeoJSON(ServerError, code=160):
    """The server could not read the GeoJSON."""


# ---- records ----


class RecordError(ServerError):
    """The server refused because of the record or a bin of it."""


class RecordNotFound(RecordError, code=2):
    """There is no such record."""


class RecordGenerationError(RecordError, code=3):
    """The record has another generation than the write asked for."""


class RecordExistsError(RecordError, code=5):
    """The record exists, and the write was to create it."""


class BinExistsError(RecordError, code=6):
    """The bin exists, and the write was to create it."""


class BinIncompatibleType(RecordError, code=12):
    """The bin holds another type than the operation needs: ``BinTypeError`` is the same class."""


BinTypeError = BinIncompatibleType


class ConversionError(BinIncompatibleType, code=-2):
    """Values of a batch read did not fit their fields; ``partial`` is the whole result."""


class RecordTooBig(RecordError, code=13):
    """The record would be larger than the namespace allows."""


class RecordBusy(RecordError, code=14):
    """Too many requests wait for this one record."""


class BinNotFound(RecordError, code=17):
    """There is no such bin, and the write was to update it."""


class RecordKeyMismatch(RecordError, code=19):
    """The record's stored key is another one."""


class BinNameError(RecordError, code=21):
    """The bin's name is too long or can't be one."""


class ElementNotFoundError(RecordError, code=23):
    """There is no such element in the map or list."""


class ElementExistsError(RecordError, code=24):
    """The element is in the map or list already."""


class FilteredOut(RecordError, code=27):
    """The filter was not true for this record."""


# ---- queries, indexes, UDFs ----


class QueryError(ServerError, code=213):
    """A query failed."""


class QueryAbortedError(QueryError, code=210):
    """A query was stopped on the server."""


class ScanAbortedError(QueryAbortedError, code=15):
    """A scan was stopped on the server."""


class QueryQueueFull(QueryError, code=211):
    """The server runs as many queries as it may."""


class QueryTimeout(QueryError, AerospikeTimeoutError, code=212):
    """The server's time for a query was up."""


class AerospikeIndexError(ServerError, code=204):
    """A secondary index: ``exception.IndexError`` is the same class."""

    name: str | None = None


class IndexFoundError(AerospikeIndexError, code=200):
    """The index exists already."""


class IndexNotFound(AerospikeIndexError, code=201):
    """There is no such index."""


class IndexOOM(AerospikeIndexError, code=202):
    """The server has no memory for the index."""


class IndexNotReadable(AerospikeIndexError, code=203):
    """The index is still being built."""


class IndexNameMaxLen(AerospikeIndexError, code=205):
    """The index's name is too long."""


class IndexNameMaxCount(AerospikeIndexError, code=206):
    """The namespace has as many indexes as it may."""


class UDFError(ServerError, code=100):
    """A user-defined function failed."""

    module: str | None = None
    func: str | None = None


class UDFNotFound(UDFError, code=1301):
    """There is no such function."""


class LuaFileNotFound(UDFError, code=1302):
    """There is no such Lua file."""


# ---- users, roles, security ----


class AdminError(ServerError):
    """Users, roles, passwords and what they allow."""


class SecurityNotSupported(AdminError, code=51):
    """This server has no security."""


class SecurityNotEnabled(AdminError, code=52):
    """The server's security is switched off."""


class SecuritySchemeNotSupported(AdminError, code=53):
    """The server does not know this security scheme."""


class InvalidCommand(AdminError, code=54):
    """The server does not know this security command."""


class InvalidField(AdminError, code=55):
    """The server does not know a field of the security command."""


class IllegalState(AdminError, code=56):
    """The security command came at the wrong time."""


class InvalidUser(AdminError, code=60):
    """There is no such user, or the name can't be one."""


class UserExistsError(AdminError, code=61):
    """The user exists already."""


class InvalidPassword(AdminError, code=62):
    """The password can't be one."""


class ExpiredPassword(AdminError, code=63):
    """The password is too old."""


class ForbiddenPassword(AdminError, code=64):
    """The password was used before, or is not allowed."""


class InvalidCredential(AdminError, code=65):
    """The credential is wrong."""


class ExpiredSession(AdminError, code=66):
    """The session is over; log in again."""


class InvalidRole(AdminError, code=70):
    """There is no such role, or the name can't be one."""


class RoleExistsError(AdminError, code=71):
    """The role exists already."""


class InvalidPrivilege(AdminError, code=72):
    """The privilege is unknown."""


class InvalidWhitelist(AdminError, code=73):
    """The list of allowed addresses is wrong."""


class QuotasNotEnabled(AdminError, code=74):
    """The server's quotas are switched off."""


class InvalidQuota(AdminError, code=75):
    """The quota is wrong."""


class NotAuthenticated(AdminError, code=80):
    """The server wants a login first."""


class RoleViolation(AdminError, code=81):
    """The user's roles don't allow this."""


class NotWhitelisted(AdminError, code=82):
    """The user may not connect from this address."""


class QuotaExceeded(AdminError, code=83):
    """The user did more in this second than allowed."""


__all__ = [
    "AdminError", "AerospikeConnectionError", "AerospikeError", "AerospikeIndexError", "AerospikeTimeoutError",
    "AlwaysForbidden", "AsyncConnectionError", "BackpressureError", "BatchDisabledError", "BatchFailed",
    "BatchMaxRequestError", "BatchQueueFullError", "BinExistsError", "BinIncompatibleType", "BinNameError",
    "BinNotFound", "BinTypeError", "BulkError", "ClientAbortError", "ClientError", "ClusterChangeError",
    "ClusterError", "ConversionError", "DeviceOverload", "ElementExistsError", "ElementNotFoundError",
    "EnterpriseOnly", "ExpiredPassword", "ExpiredSession", "FilteredOut", "ForbiddenError", "ForbiddenPassword",
    "IllegalState", "IndexFoundError", "IndexNameMaxCount", "IndexNameMaxLen", "IndexNotFound",
    "IndexNotReadable", "IndexOOM", "InvalidArgError", "InvalidCommand", "InvalidCredential", "InvalidField",
    "InvalidGeoJSON", "InvalidHostError", "InvalidNodeError", "InvalidPassword", "InvalidPrivilege",
    "InvalidQuota", "InvalidRequest", "InvalidRole", "InvalidUser", "InvalidWhitelist", "LostConflict",
    "LuaFileNotFound", "MaxErrorRateExceeded", "MaxRetriesExceeded", "NamespaceNotFound",
    "NoMoreConnectionsError", "NoResponse", "NotAuthenticated", "NotWhitelisted", "OpNotApplicable",
    "ParamError", "PartitionUnavailable", "QueryAbortedError", "QueryError", "QueryQueueFull", "QueryTimeout",
    "QuotaExceeded", "QuotasNotEnabled", "RecordBusy", "RecordError", "RecordExistsError",
    "RecordGenerationError", "RecordKeyMismatch", "RecordNotFound", "RecordTooBig", "RoleExistsError",
    "RoleViolation", "RustPanicError", "ScanAbortedError", "SecurityNotEnabled", "SecurityNotSupported",
    "SecuritySchemeNotSupported", "ServerError", "ServerFull", "TLSError", "TransactionAlreadyAborted",
    "TransactionAlreadyCommitted", "TransactionFailed", "UDFError", "UDFNotFound", "UnsupportedFeature",
    "UserExistsError",
]  # fmt: skip

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
