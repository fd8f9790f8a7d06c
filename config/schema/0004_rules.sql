-- From which conversion time on a version of the rules holds. The newest version whose applies_from is not after a
-- conversion is the one in force for it; 0 is: for all of history.
ALTER TABLE rules ADD COLUMN IF NOT EXISTS applies_from DateTime64(3, 'UTC') DEFAULT toDateTime64(0, 3, 'UTC');

-- What a touch was sent with, so that it can be classified again: `said` is the channel that it named outright ('?' for
-- rows from before this column), sent_source and sent_campaign are the words before aliases, event_name is that of a
-- track event ('' for pages and screens).
--
-- `is_deleted` counts revisions from now on: 0 is the row as it came in, 2, 4, … are the same touch classified again, an
-- odd number says that the touch is cancelled. The engine keeps the greatest, and so does the journey query, which
-- reads no column more than before. A cancellation is written as 255, and stands above every revision.
ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS said LowCardinality(String) DEFAULT '?' CODEC(ZSTD(1));
ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS sent_source LowCardinality(String) DEFAULT source CODEC(ZSTD(1));
ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS sent_campaign LowCardinality(String) DEFAULT campaign CODEC(ZSTD(1));
ALTER TABLE touchpoints ADD COLUMN IF NOT EXISTS event_name LowCardinality(String) DEFAULT '' CODEC(ZSTD(1));
