-- What reports of long ranges read: sums of the rollups that are there, by fewer keys, refreshed with them and for the
-- same days. As in those a key that vanished stays as a row of zeros, and a sum is kept as it wraps, with its wraps.

-- attribution_daily without campaigns.
CREATE TABLE IF NOT EXISTS channels_daily
(
    tenant_id UInt32,
    day Date,
    model LowCardinality(String),
    conversion_type LowCardinality(String),
    currency LowCardinality(String),
    channel LowCardinality(String),
    micros Int64,
    net_micros Int64,
    gross_minor Int64,
    net_minor Int64,
    gross_wraps Int32,
    net_wraps Int32,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, model, conversion_type, currency, channel)
SETTINGS non_replicated_deduplication_window = 10000;

-- All of the journeys report but its paths: conversions by what their paths have in common. `part` says what the key is:
-- 'length' (`number` touches), 'ends' (`began` and `ended` channels), 'present' (`began` is in the path, once however
-- often), 'alone' (`began` is the path's only channel), 'lag' (`number` is the place in app.storage.journeys.LAGS; counts
-- alone).
CREATE TABLE IF NOT EXISTS journey_parts_daily
(
    tenant_id UInt32,
    day Date,
    conversion_type LowCardinality(String),
    currency LowCardinality(String),
    part LowCardinality(String),
    began LowCardinality(String),
    ended LowCardinality(String),
    number UInt32,
    conversions UInt64,
    net_conversions UInt64,
    gross_minor Int64,
    net_minor Int64,
    gross_wraps Int32,
    net_wraps Int32,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, conversion_type, currency, part, began, ended, number)
SETTINGS non_replicated_deduplication_window = 10000;

-- The same of what a shadow rule set credits.
CREATE TABLE IF NOT EXISTS channels_daily_shadow AS channels_daily
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, model, conversion_type, currency, channel)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS journeys_daily_shadow AS journeys_daily
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, conversion_type, currency, path_hash)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS journey_parts_daily_shadow AS journey_parts_daily
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, conversion_type, currency, part, began, ended, number)
SETTINGS non_replicated_deduplication_window = 10000;
