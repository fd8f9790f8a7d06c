-- A second rule set beside the first, at most one a tenant; every version kept, `rules` is '' where it was taken away.
-- It holds for conversions from applies_from on; those before it are credited as the rules in force say.
CREATE TABLE IF NOT EXISTS shadow_rules
(
    tenant_id UInt32,
    shadow_version UInt32,
    rules String CODEC(ZSTD(3)),
    applies_from DateTime64(3, 'UTC'),
    created_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(created_at)
ORDER BY (tenant_id, shadow_version);

-- What the conversions of tenants with a shadow are credited under it. Tables of their own: the ledger, its rollup and
-- what reads them are as they would be without. Columns as in `ledger` and `attribution_daily`.
CREATE TABLE IF NOT EXISTS ledger_shadow AS ledger
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toStartOfQuarter(utc_day)
ORDER BY (tenant_id, utc_day, conversion_key)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS attribution_daily_shadow AS attribution_daily
ENGINE = ReplacingMergeTree(version)
PARTITION BY toStartOfQuarter(day)
ORDER BY (tenant_id, day, model, conversion_type, currency, channel, campaign)
SETTINGS non_replicated_deduplication_window = 10000;
