-- What reports of long ranges read: sums of the rollups that are there, by fewer keys, refreshed with them and for the
-- same days. As in those a key that vanished stays as a row of zeros, and a sum is kept as it wraps, with its wraps.
-- What is there already is summed up as the tables are made, under the versions that it has: the refreshes to come go
-- before it, and a file that was cut off can begin anew.

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

INSERT INTO channels_daily
(
    tenant_id, day, model, conversion_type, currency, channel, micros, net_micros, gross_minor, net_minor,
    gross_wraps, net_wraps, version
)
SELECT
    tenant_id, day, model, conversion_type, currency, channel,
    sum(micros), sum(net_micros), sum(gross_minor) AS gross_sum, sum(net_minor) AS net_sum,
    toInt32(round(
        (sum(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps) - gross_sum) / 18446744073709551616.)),
    toInt32(round((sum(toFloat64(net_minor) + 18446744073709551616. * net_wraps) - net_sum) / 18446744073709551616.)),
    max(version)
FROM attribution_daily FINAL
GROUP BY tenant_id, day, model, conversion_type, currency, channel;

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

INSERT INTO journey_parts_daily
(
    tenant_id, day, conversion_type, currency, part, began, ended, number, conversions, net_conversions,
    gross_minor, net_minor, gross_wraps, net_wraps, version
)
SELECT
    tenant_id, day, conversion_type, currency, key.1, key.2, key.3, key.4, sum(key.5), sum(key.6),
    sum(gross) AS gross_sum, sum(net) AS net_sum,
    toInt32(round((sum(gross_about) - gross_sum) / 18446744073709551616.)),
    toInt32(round((sum(net_about) - net_sum) / 18446744073709551616.)),
    max(version)
FROM
(
    SELECT
        tenant_id, day, conversion_type, currency, version, gross_minor AS gross, net_minor AS net,
        toFloat64(gross_minor) + 18446744073709551616. * gross_wraps AS gross_about,
        toFloat64(net_minor) + 18446744073709551616. * net_wraps AS net_about,
        arrayConcat(
            [('length', '', '', touches, conversions, net_conversions)],
            if(touches = 0, [], [('ends', toString(first_channel), toString(last_channel), toUInt32(0),
                                  conversions, net_conversions)]),
            if(length(channels) != 1, [], [('alone', toString(first_channel), '', toUInt32(0),
                                            conversions, net_conversions)]),
            arrayMap(name -> ('present', toString(name), '', toUInt32(0), conversions, net_conversions), channels)
        ) AS keys
    FROM journeys_daily FINAL
    WHERE conversions != 0
    UNION ALL
    SELECT
        tenant_id, day, conversion_type, currency, version, 0, 0, 0, 0,
        arrayMap((count, place) -> ('lag', '', '', toUInt32(place - 1), count, toUInt64(0)), lags, arrayEnumerate(lags))
    FROM journeys_daily FINAL
    WHERE conversions != 0
)
ARRAY JOIN keys AS key
GROUP BY tenant_id, day, conversion_type, currency, key.1, key.2, key.3, key.4;

-- The same of what a shadow rule set credits.
CREATE TABLE IF NOT EXISTS channels_daily_shadow
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

INSERT INTO channels_daily_shadow
(
    tenant_id, day, model, conversion_type, currency, channel, micros, net_micros, gross_minor, net_minor,
    gross_wraps, net_wraps, version
)
SELECT
    tenant_id, day, model, conversion_type, currency, channel,
    sum(micros), sum(net_micros), sum(gross_minor) AS gross_sum, sum(net_minor) AS net_sum,
    toInt32(round(
        (sum(toFloat64(gross_minor) + 18446744073709551616. * gross_wraps) - gross_sum) / 18446744073709551616.)),
    toInt32(round((sum(toFloat64(net_minor) + 18446744073709551616. * net_wraps) - net_sum) / 18446744073709551616.)),
    max(version)
FROM attribution_daily_shadow FINAL
GROUP BY tenant_id, day, model, conversion_type, currency, channel;

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

-- Spend keeps what it was sent with, which says which row it is, and gets its names beside it: those of the tenant's
-- aliases and channel rules, as touches have them. `channel` is '' where source and medium say it.
--
-- `version` is the ms of receipt in the upper bits and the number of times that the row was named again in the lower 16,
-- so that naming it again never goes before a newer amount. Rows from before have the ms alone, which is less.
ALTER TABLE spend
    ADD COLUMN IF NOT EXISTS source LowCardinality(String),
    ADD COLUMN IF NOT EXISTS medium LowCardinality(String),
    ADD COLUMN IF NOT EXISTS named_channel LowCardinality(String) DEFAULT channel,
    ADD COLUMN IF NOT EXISTS named_campaign LowCardinality(String) DEFAULT campaign,
    MODIFY ORDER BY (tenant_id, day, channel, campaign, currency, source, medium);
