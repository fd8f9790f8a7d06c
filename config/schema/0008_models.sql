-- What Markov and Shapley gave a tenant's period (app.ledger.channel_models): one answer for each question, as JSON that
-- is read whole and never added up. It stands while `digest` is that of its inputs. No person is named.
CREATE TABLE IF NOT EXISTS channel_models
(
    tenant_id UInt32,
    first_day Date,
    end_day Date,
    timezone LowCardinality(String),
    conversion_type String,
    intervals UInt8,
    digest String,
    job_id String,
    computed_at DateTime64(3, 'UTC'),
    answer String CODEC(ZSTD(3)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, first_day, end_day, timezone, conversion_type, intervals)
TTL toDateTime(computed_at) + INTERVAL 400 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- The journeys of a period that did not convert, counted by path (app.attribution.path_bytes, in base64): one count
-- serves every conversion type. It stands while `digest` is that of the touches, persons and journeys it came from.
CREATE TABLE IF NOT EXISTS path_counts
(
    tenant_id UInt32,
    first_day Date,
    end_day Date,
    timezone LowCardinality(String),
    digest String,
    counted_at DateTime64(3, 'UTC'),
    counts String CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, first_day, end_day, timezone)
TTL toDateTime(counted_at) + INTERVAL 60 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;
