-- The ledger: one row per conversion, arrays over its touches. A rerun replaces the row whole.
-- weights, micros (millionths of a conversion), gross and net are model-major: model k of touch i stands at
-- k * n + i, the models in the order of app.attribution.names.FIVE_MODELS. `net` is empty where it equals gross.
-- utc_day is the conversion's own day in UTC: a sort key that no setting can move.
CREATE TABLE IF NOT EXISTS ledger
(
    tenant_id UInt32,
    utc_day Date,
    conversion_key UInt64,
    conversion_type LowCardinality(String),
    order_id String CODEC(ZSTD(1)),
    message_id String CODEC(ZSTD(1)),
    ts DateTime64(3, 'UTC'),
    person String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    gross_minor Int64,
    net_minor Int64,
    retracted UInt8,
    duplicates UInt32,
    touches_left_out UInt32,
    touch_keys Array(UInt64) CODEC(ZSTD(1)),
    touch_times Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    touch_channels Array(LowCardinality(String)) CODEC(ZSTD(1)),
    touch_campaigns Array(LowCardinality(String)) CODEC(ZSTD(1)),
    weights Array(Float64) CODEC(ZSTD(1)),
    micros Array(Int32) CODEC(ZSTD(1)),
    gross Array(Int64) CODEC(ZSTD(1)),
    net Array(Int64) CODEC(ZSTD(1)),
    rules_version UInt32,
    run_id String CODEC(ZSTD(1)),
    version UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toStartOfQuarter(utc_day)
ORDER BY (tenant_id, utc_day, conversion_key)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Reports read this: the ledger summed by the tenant's own day. A key that vanished stays as a row of zeros.
CREATE TABLE IF NOT EXISTS attribution_daily
(
    tenant_id UInt32,
    day Date,
    model LowCardinality(String),
    conversion_type LowCardinality(String),
    currency LowCardinality(String),
    channel LowCardinality(String),
    campaign LowCardinality(String),
    micros Int64,
    net_micros Int64,
    gross_minor Int64,
    net_minor Int64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, model, conversion_type, currency, channel, campaign)
SETTINGS non_replicated_deduplication_window = 10000;

-- What was computed, when and how it ended.
CREATE TABLE IF NOT EXISTS runs
(
    run_id String,
    kind LowCardinality(String),
    tenants Array(UInt32),
    state LowCardinality(String),
    chunks UInt32,
    chunks_failed UInt32,
    conversions UInt64,
    touches UInt64,
    created_at DateTime64(3, 'UTC'),
    closed_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY run_id
TTL toDateTime(created_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;
