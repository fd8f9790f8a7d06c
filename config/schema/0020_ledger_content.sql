-- A number over a credit (app.ledger.rows): a run that finds the same one standing has changed nothing, and need not
-- read the arrays to know. 0 in rows written before the column came: those are read and compared.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS content UInt64 AFTER net;

ALTER TABLE ledger_shadow ADD COLUMN IF NOT EXISTS content UInt64 AFTER net;
