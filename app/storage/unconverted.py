"""Which journeys came to nothing, by buckets of persons: what has changed, what is counted again, what stands?

(SEMANTICS 2.11.) A bucket is a range of the hash of the person's name. Its digest is the sum of a hash of each of its
touches: whose it is, when, which channel, cancelled or not, and whether some conversion's journey holds it. That is all
that its paths are made of, so equal digests are equal paths, whatever it was that changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.storage.client import Storage
from app.storage.external import External, one_column
from app.storage.statements import TenantStatement

MOST_BITS = 16
_HASH_BITS = 64
_TASK = "attribution.model_channels"

# Rows as they lie there, not FINAL: a twin that cancels a touch is in the digest, and goes away in the count.
# `spans` says whose an id is from when on; one without a span is its own person.
_ROWS = """
    SELECT tenant_id, person, user_id, time_ms, event_key, name, is_deleted, held,
           intDiv(xxHash64(person), toUInt64(%(width)s)) AS bucket,
           cityHash64(person, user_id, time_ms, event_key, name, is_deleted, held) AS digest
    FROM
    (
        SELECT tenant_id, if(empty(owner), user_id, owner) AS person, user_id, time_ms, event_key, name, is_deleted,
               held
        FROM
        (
            SELECT tenant_id, user_id, toUnixTimestamp64Milli(touchpoints.ts) AS time_ms, event_key,
                   toString(channel) AS name, is_deleted,
                   event_key IN
                   (
                       SELECT arrayJoin(touch_keys)
                       FROM ledger FINAL
                       WHERE {tenant} AND utc_day >= toDate(%(first)s) - 1
                   ) AS held
            FROM touchpoints
            WHERE {tenant}
              AND ts >= fromUnixTimestamp64Milli(%(from_ms)s)
              AND ts < fromUnixTimestamp64Milli(%(to_ms)s)
              [lot]
        ) AS touches
        LEFT JOIN spans ON touches.user_id = spans.id
        WHERE empty(owner) OR (time_ms >= since_ms AND time_ms <= until_ms)
    )
"""

# Without this every lot would read every touch. The first half prunes by the primary key where a lot's buckets are
# neighbours; the second finds the ids of the lot's persons that hash elsewhere.
_OF_LOT = """
              AND
              (
                  (
                      user_hash BETWEEN toUInt64(%(low)s) AND toUInt64(%(high)s)
                      AND intDiv(user_hash, toUInt64(%(width)s)) IN (SELECT bucket FROM lot)
                  )
                  OR user_hash IN
                  (
                      SELECT xxHash64(id)
                      FROM spans
                      WHERE intDiv(xxHash64(owner), toUInt64(%(width)s)) IN (SELECT bucket FROM lot)
                  )
              )
"""

BUCKETS = TenantStatement(
    "unconverted_buckets",
    f"""
    SELECT bucket, sum(digest), count()
    FROM ({_ROWS.replace("[lot]", "")})
    GROUP BY bucket
    ORDER BY bucket
    """,
)

KEPT_BUCKETS = TenantStatement(
    "unconverted_kept",
    """
    SELECT bucket, digest
    FROM unconverted_paths FINAL
    WHERE {tenant}
      AND first_day = toDate(%(first)s)
      AND end_day = toDate(%(end)s)
      AND timezone = %(timezone)s
      AND bits = %(bits)s
    """,
)

# The digest is stored that belongs to what was counted here, and not the one by which the bucket was found changed:
# what comes between the two queries makes the bucket be counted once more, never wrong.
COUNT_BUCKETS = TenantStatement(
    "count_unconverted",
    f"""
    INSERT INTO unconverted_paths
        (tenant_id, first_day, end_day, timezone, bits, bucket, digest, paths, journeys, counted_at, version)
    SELECT tenant_id, toDate(%(first)s), toDate(%(end)s), %(timezone)s, %(bits)s, bucket, sum(digest),
           groupArrayIf(path, notEmpty(path)), groupArrayIf(many, notEmpty(path)),
           now64(3), toUInt64(%(version)s)
    FROM
    (
        SELECT tenant_id, bucket, path, count() AS many, sum(digest) AS digest
        FROM
        (
            SELECT tenant_id, bucket, person, sum(digest) AS digest,
                   arrayMap(
                       touch -> touch.3, arraySort(groupArrayIf((time_ms, event_key, name), stands))
                   ) AS path
            FROM
            (
                SELECT tenant_id, bucket, person, user_id, time_ms, event_key,
                       argMax(name, is_deleted) AS name,
                       max(is_deleted) %% 2 = 0 AND max(held) = 0 AND name != '(excluded)' AS stands,
                       sum(digest) AS digest
                FROM ({_ROWS.replace("[lot]", _OF_LOT)})
                WHERE bucket IN (SELECT bucket FROM lot)
                GROUP BY tenant_id, bucket, person, user_id, time_ms, event_key
            )
            GROUP BY tenant_id, bucket, person
        )
        GROUP BY tenant_id, bucket, path
    )
    GROUP BY tenant_id, bucket
    """,
)

# A bucket that nobody is in any more keeps its row and is not asked for.
PATHS_OF_BUCKETS = TenantStatement(
    "unconverted_paths",
    """
    SELECT CAST(path, 'Array(String)') AS way, sum(many)
    FROM
    (
        SELECT paths, journeys
        FROM unconverted_paths FINAL
        WHERE {tenant}
          AND first_day = toDate(%(first)s)
          AND end_day = toDate(%(end)s)
          AND timezone = %(timezone)s
          AND bits = %(bits)s
          AND bucket IN (SELECT bucket FROM lot)
    )
    ARRAY JOIN paths AS path, journeys AS many
    GROUP BY way
    """,
)


class Bucket(NamedTuple):
    """The touches of some persons: their digest, and about how many there are."""

    bucket: int
    digest: int
    touches: int


def buckets_of(storage: Storage, tenant_id: int, params: Mapping[str, Any], spans: External) -> list[Bucket]:
    """Every bucket of a period as it stands now. `params` are those of a question, with `bits`."""
    rows = storage.rows(BUCKETS, tenant_id=tenant_id, params=_with_width(params), external={"spans": spans}, task=_TASK)
    return [Bucket._make(row) for row in rows]


def kept_buckets(storage: Storage, tenant_id: int, params: Mapping[str, Any]) -> dict[int, int]:
    """Bucket -> the digest under which it was counted last."""
    return dict(storage.rows(KEPT_BUCKETS, tenant_id=tenant_id, params=params, task=_TASK))


def count_buckets(
    storage: Storage, tenant_id: int, params: Mapping[str, Any], spans: External, lot: Sequence[int], version: int
) -> None:
    """Count some buckets again, in ascending order, and keep what came out."""
    low, high = lot[0] * _width(params), (lot[-1] + 1) * _width(params) - 1
    storage.rows(
        COUNT_BUCKETS,
        tenant_id=tenant_id,
        params=_with_width(params) | {"low": str(low), "high": str(high), "version": version},
        external={"spans": spans, "lot": one_column("bucket", "UInt64", lot)},
        task=_TASK,
    )


def paths_of_buckets(
    storage: Storage, tenant_id: int, params: Mapping[str, Any], lot: Sequence[int]
) -> list[tuple[list[str], int]]:
    """The distinct paths of these buckets together, and how many journeys went each."""
    external = {"lot": one_column("bucket", "UInt64", lot)}
    return storage.rows(PATHS_OF_BUCKETS, tenant_id=tenant_id, params=params, external=external, task=_TASK)


def _width(params: Mapping[str, Any]) -> int:
    """Hashes a bucket."""
    return 1 << _HASH_BITS - int(params["bits"])


def _with_width(params: Mapping[str, Any]) -> dict[str, Any]:
    # As strings: the driver writes a number above 2**63 in a way that the server takes for a float.
    return {**params, "width": str(_width(params))}
