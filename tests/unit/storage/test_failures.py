"""What does each kind of error become?"""

from __future__ import annotations

import itertools

import pytest
from clickhouse_driver import errors as driver

from app.errors import BadInput, Unavailable
from app.storage import error_codes
from app.storage.failures import StoragePermanent, StorageTooHeavy, StorageTransient, failure_of


def server(code: int) -> driver.ServerException:
    return driver.ServerException("DB::Exception: words.\nStack trace", code)


def test_the_sets_share_no_code() -> None:
    sets = [error_codes.TRANSIENT, error_codes.TOO_HEAVY, error_codes.NEEDS_OPERATOR, error_codes.USERS]
    for one, other in itertools.combinations(sets, 2):
        assert not one & other


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (server(252), StorageTransient, True),
        (server(159), StorageTooHeavy, True),
        (server(241), StorageTooHeavy, True),
        (server(60), Unavailable, True),
        (server(516), Unavailable, True),
        (server(38), BadInput, False),
        (server(62), StoragePermanent, False),
        (server(49), StoragePermanent, False),
        (driver.NetworkError("refused"), StorageTransient, True),
        (driver.SocketTimeoutError("slow"), StorageTransient, True),
        (driver.PartiallyConsumedQueryError(), StorageTransient, True),
        (ConnectionResetError(), StorageTransient, True),
        (TimeoutError(), StorageTransient, True),
        (EOFError("gone"), StorageTransient, True),
    ],
    ids=str,
)
def test_errors_of_queries(error: Exception, kind: type, retryable: bool) -> None:
    failure = failure_of(error, "statement")
    assert type(failure) is kind
    assert failure is not None
    assert failure.retryable is retryable
    assert "statement" in failure.message
    assert "\n" not in failure.message


@pytest.mark.parametrize(
    "error",
    [server(38), server(53), ValueError("x"), driver.TypeMismatchError("x"), driver.LogicalError("enum")],
    ids=str,
)
def test_rows_that_do_not_fit_are_permanent(error: Exception) -> None:
    assert type(failure_of(error, "events", is_insert=True)) is StoragePermanent


@pytest.mark.parametrize("error", [ValueError("ours"), KeyError("ours"), KeyboardInterrupt(), RuntimeError("limit")])
def test_other_errors_are_not_storages(error: BaseException) -> None:
    assert failure_of(error, "x") is None
