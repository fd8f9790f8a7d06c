-- Sums outgrow 64 bits long before amounts do: 9,224 conversions of 10**15 minor units are enough. A sum is kept as
-- it wraps, beside the number of its wraps: the true one is gross_minor + gross_wraps * 2**64.
ALTER TABLE attribution_daily
    ADD COLUMN IF NOT EXISTS gross_wraps Int32 AFTER net_minor,
    ADD COLUMN IF NOT EXISTS net_wraps Int32 AFTER gross_wraps;

-- The journeys report reads this: conversions by the tenant's own day and by their path, channel after channel
-- (no touches: the empty path). `lags` counts conversions by the time since their first touch, in the buckets of
-- app.storage.journeys; `channels` are those of the path, each once. A path that vanished stays as a row of zeros.
CREATE TABLE IF NOT EXISTS journeys_daily
(
    tenant_id UInt32,
    day Date,
    conversion_type LowCardinality(String),
    currency LowCardinality(String),
    path_hash UInt64,
    path Array(LowCardinality(String)) CODEC(ZSTD(1)),
    touches UInt32,
    first_channel LowCardinality(String),
    last_channel LowCardinality(String),
    channels Array(LowCardinality(String)) CODEC(ZSTD(1)),
    conversions UInt64,
    net_conversions UInt64,
    gross_minor Int64,
    net_minor Int64,
    gross_wraps Int32,
    net_wraps Int32,
    lags Array(UInt64) CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, conversion_type, currency, path_hash)
SETTINGS non_replicated_deduplication_window = 10000;
