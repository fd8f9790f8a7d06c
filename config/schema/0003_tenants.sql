-- Tenants; keys are stored as SHA-256 only. The newest row of a tenant wins.
CREATE TABLE IF NOT EXISTS tenants
(
    tenant_id UInt32,
    slug String,
    name String,
    timezone LowCardinality(String),
    currency LowCardinality(String),
    retention_days UInt16,
    hosts Array(String),
    write_key_sha256 FixedString(64),
    secret_key_sha256 FixedString(64),
    state Enum8('active' = 1, 'closed' = 2),
    created_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY tenant_id;

-- A tenant's rules, every version kept; `rules` is JSON that app.tenants.rules reads and writes.
CREATE TABLE IF NOT EXISTS rules
(
    tenant_id UInt32,
    rules_version UInt32,
    rules String CODEC(ZSTD(3)),
    created_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (tenant_id, rules_version);

-- Names for campaigns as they are reported.
CREATE TABLE IF NOT EXISTS campaigns
(
    tenant_id UInt32,
    campaign String,
    label String,
    channel LowCardinality(String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, campaign);

-- Units of a currency in another, by day (decimal string: exact).
CREATE TABLE IF NOT EXISTS fx_rates
(
    tenant_id UInt32,
    day Date,
    currency LowCardinality(String),
    into LowCardinality(String),
    rate String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (tenant_id, day, currency, into);
