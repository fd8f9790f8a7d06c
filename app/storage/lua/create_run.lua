-- Record a run with its chunks.
-- KEYS 1 run (hash), 2 run chunks (hash), 3 run open (set), 4 runs due (zset), 5 run clock (string)
-- ARGV 1 run id, 2 run kind, 3 conversions, 4 tenants, 5 deadline (ms from now), 6.. chunks
-- Returns the run's version.
return create_run(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], 1, 6)
