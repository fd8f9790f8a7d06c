"""What does an error of the driver or the server mean: again, later, an operator, the caller, or never?"""

from __future__ import annotations

import struct

from clickhouse_driver import errors as driver

from app.errors import BadInput, TributaryError, Unavailable
from app.storage.error_codes import NEEDS_OPERATOR, TOO_HEAVY, TRANSIENT, USERS

BAD_ROWS = (ValueError, TypeError, AttributeError, OverflowError, struct.error, driver.TypeMismatchError)
"""What the driver raises while it packs rows that do not fit their columns."""


class StoragePermanent(TributaryError):
    """The same statement with the same data fails every time: bisect, then the dead letters."""

    status = 500


class StorageTooHeavy(Unavailable):
    """The server ran out of time or memory for this query: later, or in smaller parts."""


class StorageTransient(Unavailable):
    """ClickHouse does not answer, or says that it cannot now: the same call may succeed in a moment."""


def failure_of(error: BaseException, what: str, *, is_insert: bool = False) -> TributaryError | None:
    """The error of ours that `error` means, or None where it is none of storage's business.

    Parameters
    ----------
    error : what came out of clickhouse-driver.
    what : name of the statement or table, for the message.
    is_insert : rows were being sent: data that cannot be packed is permanent, and no value is the caller's.
    """
    if isinstance(error, driver.ServerException):
        return _of_code(error, what, is_insert)
    if is_insert and isinstance(error, (*BAD_ROWS, driver.LogicalError)):
        return StoragePermanent(
            "storage_bad_rows", f"Rows do not fit the table {what}: {error}.", "The data or its types are wrong."
        )
    if isinstance(error, driver.TypeMismatchError | driver.UnknownTypeError | driver.LogicalError):
        return StoragePermanent("storage_error", f"{what}: {error}", "A defect in a statement of ours.")
    if isinstance(error, driver.Error | OSError | EOFError):
        return StorageTransient(
            "storage_unavailable", f"ClickHouse does not answer ({what}: {_first_line(error)}).", "Try again soon."
        )
    return None


def _of_code(error: driver.ServerException, what: str, is_insert: bool) -> TributaryError:
    code, words = error.code, f"{what}: {_first_line(error)}"
    if code in TRANSIENT:
        return StorageTransient("storage_unavailable", f"ClickHouse cannot now ({words}).", "Try again soon.")
    if code in TOO_HEAVY:
        return StorageTooHeavy(
            "storage_overloaded",
            f"ClickHouse had not enough time or memory ({words}).",
            "Try again later, or a shorter range.",
            retry_after_s=5,
        )
    if code in NEEDS_OPERATOR:
        return Unavailable(
            "storage_not_ready",
            f"ClickHouse is not set up for this ({words}).",
            "Run `tributary migrate`; check the user, its rights and the disk.",
            retry_after_s=10,
        )
    if code in USERS and not is_insert:
        return BadInput("bad_value", f"A value cannot be used ({words}).", "Correct it and send it again.")
    return StoragePermanent(
        "storage_error", f"ClickHouse refused ({words}).", "It will refuse again: a defect, or data it cannot take."
    )


def _first_line(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    line = str(text).strip().splitlines()[0] if str(text).strip() else type(error).__name__
    code = getattr(error, "code", None)
    return f"code {code}, {line[:300]}" if code is not None else line[:300]
