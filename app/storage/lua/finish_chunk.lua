-- A chunk is done, or given up. Counts once however often it is said.
-- KEYS 1 run (hash), 2 run open (set), 3 run days (set), 4 runs due (zset)
-- ARGV 1 run id, 2 chunk, 3 'done' or 'failed', 4 deadline (ms from now), 5 attributed, 6 touches, 7.. days
-- Returns how many chunks are still open, or -1 when the run is closed or unknown.
return finish_chunk(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], 7)
