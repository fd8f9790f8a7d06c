-- What storing and merging a ledger row costs, once more: its strings are packed by LZ4 as its arrays are, no statistics
-- of columns are kept, which no query of ours reads, and a merge waits until it has more of the parts of one size: what
-- is written without a rest is merged less often, and there are some more parts to read.
ALTER TABLE ledger
    MODIFY COLUMN IF EXISTS order_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS message_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS person String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS run_id String CODEC(LZ4);

ALTER TABLE ledger_shadow
    MODIFY COLUMN IF EXISTS order_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS message_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS person String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS run_id String CODEC(LZ4);

ALTER TABLE ledger MODIFY SETTING auto_statistics_types = '', merge_selector_base = 8;

ALTER TABLE ledger_shadow MODIFY SETTING auto_statistics_types = '', merge_selector_base = 8;

-- Every chunk reads these of its conversions, and of their neighbours.
ALTER TABLE conversions
    MODIFY COLUMN IF EXISTS order_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS message_id String CODEC(LZ4),
    MODIFY COLUMN IF EXISTS user_id String CODEC(LZ4);
