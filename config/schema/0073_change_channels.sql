-- The channels of a change are plain strings: to merge an array of LowCardinality the engine makes a dictionary for each
-- row, which was nearly half of what merging the history took. Rows that are there are written over. And it is merged
-- less often again: few look into it.
ALTER TABLE ledger_changes
    MODIFY COLUMN IF EXISTS channels_before Array(String) CODEC(LZ4),
    MODIFY COLUMN IF EXISTS channels_after Array(String) CODEC(LZ4);

ALTER TABLE ledger_changes MODIFY SETTING merge_selector_base = 16;
