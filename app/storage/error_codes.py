"""Which of ClickHouse's error codes mean what for us? Policy as data; a code in no set is permanent.

Names and numbers are ClickHouse's own (src/Common/ErrorCodes.cpp).
"""

from __future__ import annotations

TRANSIENT = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE: the connection was cut while data travelled
        32,  # ATTEMPT_TO_READ_AFTER_EOF: the same, seen by the server
        95,  # CANNOT_READ_FROM_SOCKET
        96,  # CANNOT_WRITE_TO_SOCKET
        101,  # UNEXPECTED_PACKET_FROM_CLIENT: a torn connection; the next one is whole
        102,  # UNEXPECTED_PACKET_FROM_SERVER
        198,  # DNS_ERROR
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER: the keeper is being elected
        236,  # ABORTED: the server is shutting down
        242,  # TABLE_IS_READ_ONLY: a replica without its keeper
        252,  # TOO_MANY_PARTS: merges are behind; inserts have to wait
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        286,  # UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
        297,  # SHARD_HAS_NO_CONNECTIONS
        319,  # UNKNOWN_STATUS_OF_INSERT: safe again, every insert of ours is idempotent
        384,  # PART_IS_TEMPORARILY_LOCKED
        394,  # QUERY_WAS_CANCELLED: the server stopped, or an operator made room
        439,  # CANNOT_SCHEDULE_TASK: no thread was free
        999,  # KEEPER_EXCEPTION
    }
)
"""The same query may succeed in a moment: tried again at once, a few times."""

TOO_HEAVY = frozenset(
    {
        158,  # TOO_MANY_ROWS
        159,  # TIMEOUT_EXCEEDED: max_execution_time
        160,  # TOO_SLOW
        173,  # CANNOT_ALLOCATE_MEMORY
        241,  # MEMORY_LIMIT_EXCEEDED
        307,  # TOO_MANY_BYTES
        396,  # TOO_MANY_ROWS_OR_BYTES
    }
)
"""The server had not enough for this query now: trying again at once makes it worse. Later, or in smaller parts."""

NEEDS_OPERATOR = frozenset(
    {
        60,  # UNKNOWN_TABLE: not migrated
        81,  # UNKNOWN_DATABASE: not migrated
        164,  # READONLY: the user may not write
        192,  # UNKNOWN_USER
        193,  # WRONG_PASSWORD
        194,  # REQUIRED_PASSWORD
        195,  # IP_ADDRESS_NOT_ALLOWED
        201,  # QUOTA_EXCEEDED
        243,  # NOT_ENOUGH_SPACE
        291,  # DATABASE_ACCESS_DENIED
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
    }
)
"""The data is good and the server is wrong: nothing may be thrown away; a person has to act, then it goes on."""

USERS = frozenset(
    {
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        69,  # ARGUMENT_OUT_OF_BOUND
        72,  # CANNOT_PARSE_NUMBER
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        407,  # DECIMAL_OVERFLOW
        427,  # CANNOT_COMPILE_REGEXP
    }
)
"""A value that the caller gave cannot be used. Only for reads: in an insert the same codes are permanent."""
