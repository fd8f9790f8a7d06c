-- What 0070 and 0071 did for the ledger, for the history of its changes: after a change of the rules every conversion writes a
-- row of it too. It is packed by LZ4, no statistics of columns are kept, and it is merged less often. Rows that are there
-- are packed anew when they are merged next. Takes 1.3 times the disk, and more
-- where the same conversions change again and again.
ALTER TABLE ledger_changes
    MODIFY COLUMN IF EXISTS run_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS channels_before Array(LowCardinality(String)) CODEC(LZ4),
    MODIFY COLUMN IF EXISTS channels_after Array(LowCardinality(String)) CODEC(LZ4),
    MODIFY COLUMN IF EXISTS micros_before Array(Int32) CODEC(LZ4),
    MODIFY COLUMN IF EXISTS micros_after Array(Int32) CODEC(LZ4),
    MODIFY COLUMN IF EXISTS credit_before Array(Int64) CODEC(LZ4),
    MODIFY COLUMN IF EXISTS credit_after Array(Int64) CODEC(LZ4);

ALTER TABLE ledger_changes MODIFY SETTING auto_statistics_types = '', merge_selector_base = 8;
