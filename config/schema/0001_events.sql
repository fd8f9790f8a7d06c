-- Every event that was accepted, once: the register by which a repeated messageId is recognised.
-- `owner` is the row that the event became elsewhere: a touch's user_id, a conversion's key in decimal, else ''.
-- `body` holds the event itself where it is neither a touch nor a conversion.
CREATE TABLE IF NOT EXISTS events
(
    tenant_id UInt32,
    message_id String CODEC(ZSTD(1)),
    event_key UInt64 MATERIALIZED sipHash64(message_id),
    ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_type LowCardinality(String),
    name LowCardinality(String),
    role Enum8('other' = 0, 'touch' = 1, 'conversion' = 2),
    owner String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    anonymous_id String CODEC(ZSTD(1)),
    body String CODEC(ZSTD(3)),
    retention_days UInt16
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (tenant_id, event_key)
TTL toDateTime(received_at) + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Touches, by the raw id that made them: rows never move when persons merge.
-- A row with is_deleted = 1 cancels its twin (the same event was sent again with an earlier time).
CREATE TABLE IF NOT EXISTS touchpoints
(
    tenant_id UInt32 CODEC(LZ4),
    user_id String CODEC(ZSTD(1)),
    user_hash UInt64 MATERIALIZED xxHash64(user_id) CODEC(LZ4),
    ts DateTime64(3, 'UTC') CODEC(LZ4),
    message_id String CODEC(ZSTD(1)),
    event_key UInt64 MATERIALIZED sipHash64(message_id) CODEC(LZ4),
    kind Enum8('click' = 0, 'view' = 1) CODEC(LZ4),
    channel LowCardinality(String) CODEC(LZ4),
    campaign LowCardinality(String) CODEC(LZ4),
    source LowCardinality(String) CODEC(ZSTD(1)),
    medium LowCardinality(String) CODEC(ZSTD(1)),
    term String CODEC(ZSTD(1)),
    content String CODEC(ZSTD(1)),
    click_id LowCardinality(String) CODEC(ZSTD(1)),
    url String CODEC(ZSTD(1)),
    referrer String CODEC(ZSTD(1)),
    cost String CODEC(ZSTD(1)),
    rules_version UInt32 CODEC(ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    retention_days UInt16 CODEC(ZSTD(1)),
    is_deleted UInt8 CODEC(LZ4)
)
ENGINE = ReplacingMergeTree(is_deleted)
PARTITION BY toStartOfQuarter(ts)
ORDER BY (tenant_id, user_hash, ts, event_key)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 4096,
         non_replicated_deduplication_window = 10000;

-- Conversion events by order. The conversion itself is the earliest row of its key by (ts, message_id);
-- later rows of the key are duplicates of the order.
CREATE TABLE IF NOT EXISTS conversions
(
    tenant_id UInt32,
    conversion_type LowCardinality(String),
    order_id String CODEC(ZSTD(1)),
    conversion_key UInt64,
    order_key UInt64 MATERIALIZED sipHash64(order_id),
    ts DateTime64(3, 'UTC') CODEC(LZ4),
    message_id String CODEC(ZSTD(1)),
    user_id String CODEC(ZSTD(1)),
    user_hash UInt64 MATERIALIZED xxHash64(user_id),
    anonymous_id String CODEC(ZSTD(1)),
    value_minor Int64,
    currency LowCardinality(String),
    rules_version UInt32,
    received_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    retention_days UInt16,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(is_deleted)
PARTITION BY toStartOfQuarter(ts)
ORDER BY (tenant_id, conversion_key, ts, message_id)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- The same conversion events by the id that made them: which conversions does a late touch belong to?
CREATE TABLE IF NOT EXISTS conversions_by_user
(
    tenant_id UInt32,
    user_id String CODEC(ZSTD(1)),
    user_hash UInt64 MATERIALIZED xxHash64(user_id),
    ts DateTime64(3, 'UTC') CODEC(LZ4),
    conversion_key UInt64,
    retention_days UInt16
)
ENGINE = ReplacingMergeTree
PARTITION BY toStartOfQuarter(ts)
ORDER BY (tenant_id, user_hash, ts, conversion_key)
TTL toDateTime(ts) + toIntervalDay(retention_days)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Which conversions carry an order id? (Adjustments and explain name the order alone.)
CREATE TABLE IF NOT EXISTS conversions_by_order
(
    tenant_id UInt32,
    order_id String CODEC(ZSTD(1)),
    order_key UInt64 MATERIALIZED sipHash64(order_id),
    conversion_key UInt64,
    conversion_type LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, order_key, conversion_key)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Refunds and corrections, entries of their own. The earliest row of an adjustment_id is the one that counts.
-- `value` is the decimal string as sent; `currency` may be empty: the conversion's.
CREATE TABLE IF NOT EXISTS adjustments
(
    tenant_id UInt32,
    adjustment_id String CODEC(ZSTD(1)),
    order_id String CODEC(ZSTD(1)),
    order_key UInt64 MATERIALIZED sipHash64(order_id),
    conversion_type LowCardinality(String),
    action Enum8('restate' = 1, 'retract' = 2),
    value String CODEC(ZSTD(1)),
    currency LowCardinality(String),
    at DateTime64(3, 'UTC'),
    received_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, order_key, adjustment_id, at)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Cost per tenant, day, channel, campaign and currency; the newest row wins (upsert).
CREATE TABLE IF NOT EXISTS spend
(
    tenant_id UInt32,
    day Date,
    channel LowCardinality(String),
    campaign LowCardinality(String),
    currency LowCardinality(String),
    amount_minor Int64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(day)
ORDER BY (tenant_id, day, channel, campaign, currency)
SETTINGS non_replicated_deduplication_window = 10000;

-- Who is who: an id ('u:' a userId, 'a:' an anonymousId) met another at first_ts. Every meeting stands twice,
-- once under each of its ids. u-u joins users; a-u says whose the anonymousId is from then on.
CREATE TABLE IF NOT EXISTS identity_aliases
(
    tenant_id UInt32,
    id String CODEC(ZSTD(1)),
    id_hash UInt64 MATERIALIZED xxHash64(id),
    met String CODEC(ZSTD(1)),
    first_ts SimpleAggregateFunction(min, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (tenant_id, id_hash, id, met)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;
