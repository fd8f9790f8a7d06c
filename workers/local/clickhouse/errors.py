"""Which errors does the server answer with, and under which of ClickHouse's codes?"""

from __future__ import annotations

import re
from enum import IntEnum

MESSAGE = re.compile(r"Code: (\d+)\.\s*(?:DB::Exception: )?(.*)", re.DOTALL)


class Code(IntEnum):
    """The codes that we use ourselves; the engine's errors keep their own."""

    CANNOT_READ_ALL_DATA = 33
    LOGICAL_ERROR = 49
    NOT_IMPLEMENTED = 48
    SYNTAX_ERROR = 62
    UNKNOWN_PACKET_FROM_CLIENT = 99
    UNEXPECTED_PACKET_FROM_CLIENT = 101
    UNKNOWN_SETTING = 115
    CANNOT_DECOMPRESS = 271
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
    QUERY_WAS_CANCELLED = 394


class ServerError(Exception):
    """An error that the client gets as an exception packet; the connection goes on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BrokenStreamError(ServerError):
    """An error after which we no longer know where the next packet starts: answered, then closed."""


def from_engine(error: Exception) -> ServerError:
    """Read the code and the words out of an exception of chDB."""
    match = MESSAGE.search(str(error))
    if match is None:
        return ServerError(Code.LOGICAL_ERROR, f"{type(error).__name__}: {error}")
    return ServerError(int(match[1]), match[2].strip())
