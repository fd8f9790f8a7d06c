-- How a tenant wants its channels assessed (app.advice.settings): JSON, the newest row counts.
CREATE TABLE IF NOT EXISTS saturation_settings
(
    tenant_id UInt32,
    settings String CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY tenant_id;

-- Published refits, one for each last complete day of data: a refit over the same days replaces the one before it.
CREATE TABLE IF NOT EXISTS saturation_runs
(
    tenant_id UInt32,
    data_until Date,
    run_id String,
    reason LowCardinality(String),
    model LowCardinality(String),
    compared_with LowCardinality(String),
    currency LowCardinality(String),
    margin Float64,
    channels UInt32,
    about String CODEC(ZSTD(1)),
    published_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, data_until)
SETTINGS non_replicated_deduplication_window = 10000;

-- What a refit said of each channel under a model; `answer` is JSON that is read whole. It counts once its run is
-- published.
CREATE TABLE IF NOT EXISTS saturation_assessments
(
    tenant_id UInt32,
    run_id String,
    model LowCardinality(String),
    channel LowCardinality(String),
    data_until Date,
    status LowCardinality(String),
    answer String CODEC(ZSTD(3)),
    created_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, run_id, model, channel)
TTL toDateTime(created_at) + INTERVAL 800 DAY
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- The draws of the response and the days behind it (app.advice.documents, in base64): what plans, pictures and the
-- scoring of new spend need, without a refit.
CREATE TABLE IF NOT EXISTS saturation_draws
(
    tenant_id UInt32,
    run_id String,
    model LowCardinality(String),
    channel LowCardinality(String),
    draws String CODEC(ZSTD(1)),
    created_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, run_id, model, channel)
TTL toDateTime(created_at) + INTERVAL 60 DAY
SETTINGS index_granularity = 64, non_replicated_deduplication_window = 10000;

-- Where a channel stands with the spend that has come in since its refit.
CREATE TABLE IF NOT EXISTS saturation_scores
(
    tenant_id UInt32,
    channel LowCardinality(String),
    run_id String,
    day Date,
    score String CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, channel)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

-- Plans as they were given, and what came of them (JSON).
CREATE TABLE IF NOT EXISTS saturation_plans
(
    tenant_id UInt32,
    plan_id String,
    data_until Date,
    state LowCardinality(String),
    plan String CODEC(ZSTD(1)),
    outcome String CODEC(ZSTD(1)),
    made_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, plan_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Results of tests that were made on channels (JSON); they enter every refit after their end.
CREATE TABLE IF NOT EXISTS saturation_experiments
(
    tenant_id UInt32,
    experiment_id String,
    is_deleted UInt8,
    experiment String CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, experiment_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- Whether the judge still kept its gates on simulated channels that it had not seen. No tenant's.
CREATE TABLE IF NOT EXISTS saturation_judge_checks
(
    judge_version String,
    checked_at DateTime64(3, 'UTC'),
    holds UInt8,
    figures String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (judge_version, checked_at)
TTL toDateTime(checked_at) + INTERVAL 800 DAY;
