-- The source of each touch that has credit, beside its channel and campaign. Rows from before have an empty array: nobody
-- noted the sources of their touches, which are said to be '(unknown)' until they are attributed again.
ALTER TABLE ledger
    ADD COLUMN IF NOT EXISTS touch_sources Array(LowCardinality(String)) CODEC(ZSTD(1)) AFTER touch_campaigns;

ALTER TABLE ledger_shadow
    ADD COLUMN IF NOT EXISTS touch_sources Array(LowCardinality(String)) CODEC(ZSTD(1)) AFTER touch_campaigns;

-- Every chunk reads the sources of its touches now: packed as channels and campaigns are.
ALTER TABLE touchpoints MODIFY COLUMN IF EXISTS source LowCardinality(String) CODEC(LZ4);

-- A further key of the rollup, '' where a touch has no source; of conversions without touches it is unknown.
ALTER TABLE attribution_daily
    ADD COLUMN IF NOT EXISTS source LowCardinality(String),
    MODIFY ORDER BY (tenant_id, day, model, conversion_type, currency, channel, campaign, source);

ALTER TABLE attribution_daily_shadow
    ADD COLUMN IF NOT EXISTS source LowCardinality(String),
    MODIFY ORDER BY (tenant_id, day, model, conversion_type, currency, channel, campaign, source);

-- What the rollup has moves from no source to the unknown one: a row each that has it, and a row of zeros in its place.
-- Under the versions that are there: the refreshes to come go before them. Where this was cut off the rest is moved, and
-- what was moved is found as zeros.
INSERT INTO attribution_daily
(
    tenant_id, day, model, conversion_type, currency, channel, campaign, source, micros, net_micros, gross_minor,
    net_minor, gross_wraps, net_wraps, version
)
SELECT
    tenant_id, day, model, conversion_type, currency, channel, campaign, moved.1, moved.2, moved.3, moved.4, moved.5,
    moved.6, moved.7, version
FROM attribution_daily FINAL
ARRAY JOIN
    [
        ('(unknown)', micros, net_micros, gross_minor, net_minor, gross_wraps, net_wraps),
        ('', toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt32(0), toInt32(0))
    ] AS moved
WHERE source = ''
    AND (micros != 0 OR net_micros != 0 OR gross_minor != 0 OR net_minor != 0 OR gross_wraps != 0 OR net_wraps != 0);

INSERT INTO attribution_daily_shadow
(
    tenant_id, day, model, conversion_type, currency, channel, campaign, source, micros, net_micros, gross_minor,
    net_minor, gross_wraps, net_wraps, version
)
SELECT
    tenant_id, day, model, conversion_type, currency, channel, campaign, moved.1, moved.2, moved.3, moved.4, moved.5,
    moved.6, moved.7, version
FROM attribution_daily_shadow FINAL
ARRAY JOIN
    [
        ('(unknown)', micros, net_micros, gross_minor, net_minor, gross_wraps, net_wraps),
        ('', toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt32(0), toInt32(0))
    ] AS moved
WHERE source = ''
    AND (micros != 0 OR net_micros != 0 OR gross_minor != 0 OR net_minor != 0 OR gross_wraps != 0 OR net_wraps != 0);
