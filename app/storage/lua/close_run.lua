-- The run is over: its credit is in the ledger. The days whose rollups it leaves stale are marked; the sweep stores its
-- row.
-- KEYS 1 run (hash), 2 run chunks (hash), 3 run open (set), 4 run days (set), 5 runs due (zset), 6 runs closed (set),
--      7.. of each rollup that is left stale, its tenants with stale days (zset)
-- ARGV 1 run id, 2 state, 3 seconds that the record is kept, 4.. of each such rollup, the prefix of a tenant's stale
--      days (hash)
-- Returns 1 when this call closed it.
return close_run(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[1], ARGV[2], ARGV[3], 7, 4)
