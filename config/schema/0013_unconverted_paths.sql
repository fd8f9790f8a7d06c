-- The journeys of a period that did not convert, by buckets of persons (app.ledger.unconverted): each bucket's distinct
-- paths and how many went each. A bucket stands while `digest` is that of the touches that it came from, so a change
-- makes only the buckets of the persons concerned be counted again. No person is named.
CREATE TABLE IF NOT EXISTS unconverted_paths
(
    tenant_id UInt32,
    first_day Date,
    end_day Date,
    timezone LowCardinality(String),
    bits UInt8,
    bucket UInt64,
    digest UInt64,
    paths Array(Array(LowCardinality(String))) CODEC(ZSTD(1)),
    journeys Array(UInt64) CODEC(ZSTD(1)),
    counted_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, first_day, end_day, timezone, bits, bucket)
TTL toDateTime(counted_at) + INTERVAL 60 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- What it takes the place of: counts of whole periods, which one change made worthless. They are counted anew.
DROP TABLE IF EXISTS path_counts;
