"""Exceptions: both clients' trees in one, the class of each code, and what travels in a pickle."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings

import pytest

from aerospike_np import exception
from aerospike_np._codes import error_of

# Code -> name, where both other clients or one of them has a class.
BY_CODE = {
    -1: "ClientError", -2: "InvalidArgError", -3: "ClientError", -4: "InvalidHostError",
    -5: "ClientAbortError", -6: "AsyncConnectionError", -7: "NoMoreConnectionsError",
    -8: "InvalidNodeError", -9: "TLSError", -10: "AerospikeConnectionError",
    -11: "BackpressureError", -12: "MaxRetriesExceeded", -13: "ClientError",
    -14: "MaxErrorRateExceeded", -15: "NoResponse", -16: "BatchFailed", -17: "TransactionFailed",
    -18: "TransactionAlreadyCommitted", -19: "TransactionAlreadyAborted", -20: "ClientError",
    1: "ServerError", 2: "RecordNotFound", 3: "RecordGenerationError", 4: "InvalidRequest",
    5: "RecordExistsError", 6: "BinExistsError", 7: "ClusterChangeError", 8: "ServerFull",
    9: "AerospikeTimeoutError", 10: "AlwaysForbidden", 11: "PartitionUnavailable",
    12: "BinIncompatibleType", 13: "RecordTooBig", 14: "RecordBusy", 15: "ScanAbortedError",
    16: "UnsupportedFeature", 17: "BinNotFound", 18: "DeviceOverload", 19: "RecordKeyMismatch",
    20: "NamespaceNotFound", 21: "BinNameError", 22: "ForbiddenError", 23: "ElementNotFoundError",
    24: "ElementExistsError", 25: "EnterpriseOnly", 26: "OpNotApplicable", 27: "FilteredOut",
    28: "LostConflict", 29: "ServerError", 32: "ServerError", 50: "AdminError",
    51: "SecurityNotSupported", 52: "SecurityNotEnabled", 53: "SecuritySchemeNotSupported",
    54: "InvalidCommand", 55: "InvalidField", 56: "IllegalState", 60: "InvalidUser",
    61: "UserExistsError", 62: "InvalidPassword", 63: "ExpiredPassword", 64: "ForbiddenPassword",
    65: "InvalidCredential", 66: "ExpiredSession", 70: "InvalidRole", 71: "RoleExistsError",
    72: "InvalidPrivilege", 73: "InvalidWhitelist", 74: "QuotasNotEnabled", 75: "InvalidQuota",
    80: "NotAuthenticated", 81: "RoleViolation", 82: "NotWhitelisted", 83: "QuotaExceeded",
    90: "AdminError", 91: "AdminError", 92: "AdminError", 93: "AdminError", 94: "AdminError",
    100: "UDFError", 120: "ServerError", 127: "ServerError", 150: "BatchDisabledError",
    151: "BatchMaxRequestError", 152: "BatchQueueFullError", 160: "InvalidGeoJSON",
    200: "IndexFoundError", 201: "IndexNotFound", 202: "IndexOOM", 203: "IndexNotReadable",
    204: "AerospikeIndexError", 205: "IndexNameMaxLen", 206: "IndexNameMaxCount",
    210: "QueryAbortedError", 211: "QueryQueueFull", 212: "QueryTimeout", 213: "QueryError",
    1301: "UDFNotFound", 1302: "LuaFileNotFound",
}  # fmt: skip

# class -> what an `except` of the official client or of aerospike-py catches it with
CAUGHT_AS = [
    ("BackpressureError", "ClientError"), ("RustPanicError", "ClientError"),
    ("RecordError", "ServerError"), ("RecordNotFound", "RecordError"),
    ("RecordGenerationError", "RecordError"), ("RecordTooBig", "RecordError"),
    ("RecordExistsError", "RecordError"), ("BinNameError", "RecordError"),
    ("BinExistsError", "RecordError"), ("BinNotFound", "RecordError"),
    ("BinTypeError", "RecordError"), ("FilteredOut", "RecordError"), ("RecordBusy", "RecordError"),
    ("RecordKeyMismatch", "RecordError"), ("FilteredOut", "ServerError"),
    ("ElementNotFoundError", "RecordError"), ("ElementExistsError", "ServerError"),
    ("ParamError", "ClientError"), ("AerospikeConnectionError", "ClientError"),
    ("AerospikeConnectionError", "ClusterError"), ("NoMoreConnectionsError", "ClusterError"),
    ("InvalidNodeError", "ClusterError"), ("MaxErrorRateExceeded", "ClusterError"),
    ("InvalidHostError", "ClientError"), ("PartitionUnavailable", "ServerError"),
    ("PartitionUnavailable", "ClusterError"), ("ClusterChangeError", "ClusterError"),
    ("ClusterChangeError", "ServerError"), ("IndexNotFound", "AerospikeIndexError"),
    ("IndexFoundError", "ServerError"), ("UDFNotFound", "UDFError"),
    ("QueryAbortedError", "QueryError"), ("ScanAbortedError", "QueryAbortedError"),
    ("QueryTimeout", "QueryError"), ("QueryTimeout", "AerospikeTimeoutError"),
    ("InvalidUser", "AdminError"), ("AdminError", "ServerError"),
    ("ConversionError", "BinTypeError"),
]  # fmt: skip


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_each_code_has_its_class(code: int) -> None:
    error = error_of(code, "text")
    assert type(error) is getattr(exception, BY_CODE[code])
    assert error.code == error.result_code == code


def test_unknown_codes_are_server_or_client_errors_by_sign() -> None:
    assert type(error_of(9999, "x")) is exception.ServerError
    assert type(error_of(-9999, "x")) is exception.ClientError


@pytest.mark.parametrize(("name", "caught_as"), CAUGHT_AS)
def test_handlers_of_both_clients_catch(name: str, caught_as: str) -> None:
    assert issubclass(getattr(exception, name), getattr(exception, caught_as))


def test_connection_failures_are_no_server_errors() -> None:
    assert not issubclass(exception.AerospikeConnectionError, exception.ServerError)
    assert not issubclass(exception.AerospikeTimeoutError, exception.ServerError)


def test_two_names_are_the_same_class_object() -> None:
    assert exception.BinTypeError is exception.BinIncompatibleType
    assert exception.InvalidArgError is exception.ParamError
    assert issubclass(exception.ParamError, ValueError)


def test_error_keeps_what_it_is_about() -> None:
    key = ("test", "demo", "a")
    error = error_of(3, "put: another generation", True, "BB901", key, "age")
    assert type(error) is exception.RecordGenerationError
    assert (error.msg, error.in_doubt, error.node, error.key, error.bin) == (
        "put: another generation", True, "BB901", key, "age",
    )  # fmt: skip
    assert (error.partial, error.file, error.line) == (None, None, None)
    assert error.args == ("put: another generation",)


def test_text_names_code_node_key_and_doubt() -> None:
    error = error_of(9, "put: time was up", True, "BB901", ("test", "demo", "a"), "age")
    assert str(error) == (
        "put: time was up (code 9, node BB901, key ('test', 'demo', 'a'), bin 'age', "
        "in doubt: the write may have been applied)"
    )


def test_text_does_not_repeat_what_the_message_says() -> None:
    error = error_of(
        2, "get: no record ('test', 'demo', 'a') on BB901", node="BB901", key=("test", "demo", "a")
    )
    assert str(error) == "get: no record ('test', 'demo', 'a') on BB901 (code 2)"
    assert str(exception.InvalidArgError("put: wrong")) == "put: wrong"
    assert str(exception.RecordNotFound()) == "code 2"


def test_classes_have_their_code_without_an_instance() -> None:
    assert exception.RecordNotFound.code == 2
    assert exception.ConversionError.code == -2
    assert exception.ConversionError("x").code == -2
    assert exception.RecordNotFound("x").code == 2


def test_pickle_and_copy_keep_every_attribute() -> None:
    error = exception.ConversionError(
        "x", in_doubt=True, node="n", key=("t", "s", 1), bin="b", partial=[1, 2]
    )
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is exception.ConversionError
        assert vars(other) == vars(error)
        assert str(other) == str(error)


@pytest.mark.parametrize("name", exception.__all__)
def test_every_class_pickles(name: str) -> None:
    error = getattr(exception, name)("x", in_doubt=True)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)


def test_old_names_warn_and_are_the_same_classes() -> None:
    with pytest.warns(DeprecationWarning, match="AerospikeTimeoutError"):
        assert exception.TimeoutError is exception.AerospikeTimeoutError
    with pytest.warns(DeprecationWarning, match="AerospikeIndexError"):
        assert exception.IndexError is exception.AerospikeIndexError
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert exception.ConnectionError is exception.AerospikeConnectionError
    with pytest.raises(AttributeError, match="NoSuchError"):
        exception.NoSuchError  # noqa: B018


def test_all_names_every_class() -> None:
    classes = {
        n for n, c in vars(exception).items() if isinstance(c, type) and issubclass(c, Exception)
    }
    assert set(exception.__all__) == classes - {"ConnectionError", "IndexError", "TimeoutError"}


def test_star_import_shadows_no_builtin() -> None:
    import builtins

    assert not set(exception.__all__) & set(vars(builtins))


def test_module_imports_without_numpy() -> None:
    code = (
        "import sys, aerospike_np.exception, aerospike_np.types, aerospike_np.constants;"
        "import aerospike_np._results;"
        "sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
