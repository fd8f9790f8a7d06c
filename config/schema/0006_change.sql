-- What re-attribution changed: a conversion's credit before and after, by model and channel. A row is written where a
-- run leaves another credit than stood before it; the first credit of a conversion and an equal one are no changes.
-- Amounts are model-major over the channels of their side: model k of channel i stands at k * channels + i, the models
-- in the order of app.attribution.names.FIVE_MODELS. A digest of 0 means that no credit stood. No person is named.
CREATE TABLE IF NOT EXISTS ledger_changes
(
    tenant_id UInt32,
    conversion_key UInt64,
    version UInt64,
    run_id String CODEC(ZSTD(1)),
    reason LowCardinality(String),
    changed_at DateTime64(3, 'UTC'),
    rules_before UInt32,
    rules_after UInt32,
    digest_before UInt64,
    digest_after UInt64,
    time_before DateTime64(3, 'UTC'),
    time_after DateTime64(3, 'UTC'),
    currency_before LowCardinality(String),
    currency_after LowCardinality(String),
    gross_before Int64,
    gross_after Int64,
    net_before Int64,
    net_after Int64,
    retracted_before UInt8,
    retracted_after UInt8,
    touches_before UInt32,
    touches_after UInt32,
    channels_before Array(LowCardinality(String)) CODEC(ZSTD(1)),
    channels_after Array(LowCardinality(String)) CODEC(ZSTD(1)),
    micros_before Array(Int32) CODEC(ZSTD(1)),
    micros_after Array(Int32) CODEC(ZSTD(1)),
    credit_before Array(Int64) CODEC(ZSTD(1)),
    credit_after Array(Int64) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, conversion_key, version, digest_before)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Meetings that do not count: two ids that were joined by mistake (unmerge), or one of a person that is being erased.
-- Like a meeting, a cut stands twice, once under each of its ids; it holds for meetings of any time. `undone` = 1 takes
-- it back; the newest row stands.
CREATE TABLE IF NOT EXISTS identity_cuts
(
    tenant_id UInt32,
    id String CODEC(ZSTD(1)),
    id_hash UInt64 MATERIALIZED xxHash64(id),
    met String CODEC(ZSTD(1)),
    undone UInt8,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, id_hash, id, met)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Ids of erased persons, as two hashes each: what was received of them up to erased_at is not stored when it comes out of the
-- inbox or the dead letters. An anonymousId that others use too is erased for its person's times alone.
CREATE TABLE IF NOT EXISTS erased_ids
(
    tenant_id UInt32,
    id_hash UInt64,
    id_check UInt64,
    from_ms Int64,
    until_ms Int64,
    erased_ms Int64
)
ENGINE = ReplacingMergeTree(erased_ms)
ORDER BY (tenant_id, id_hash, id_check, from_ms, until_ms)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- messageIds of erased events, as two hashes each: sent again, they are repeats still.
CREATE TABLE IF NOT EXISTS erased_messages
(
    tenant_id UInt32,
    event_key UInt64,
    message_check UInt64,
    erased_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, event_key, message_check)
TTL toDateTime(erased_at) + INTERVAL 400 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Erasures and their proof. `work` (JSON) names the person and what is to be deleted while that is under way; the row
-- that closes an erasure has none, and the rows before it are deleted with the rest.
CREATE TABLE IF NOT EXISTS erasures
(
    tenant_id UInt32,
    erasure_id String,
    state LowCardinality(String),
    mode LowCardinality(String),
    run_id String,
    requested_at DateTime64(3, 'UTC'),
    closed_at DateTime64(3, 'UTC'),
    work String CODEC(ZSTD(3)),
    proof String CODEC(ZSTD(3)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, erasure_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Where a tenant wants to be told of closed runs. The secret signs what is sent, so it is kept as it is.
CREATE TABLE IF NOT EXISTS webhooks
(
    tenant_id UInt32,
    webhook_id String,
    url String,
    secret String,
    kinds Array(String),
    state Enum8('active' = 1, 'deleted' = 2),
    created_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, webhook_id);
