-- The last open chunk of a run is done, and with it the run: finish_chunk.lua and close_run.lua in one step.
-- KEYS as of close_run.lua
-- ARGV 1 run id, 2 chunk, 3 state, 4 deadline (ms from now), 5 attributed, 6 touches, 7 seconds that the record is kept,
--      8.. of each rollup that is left stale, the prefix of a tenant's stale days (hash), and then days
-- Returns 1 when this call closed it; 0 where it is closed, or has other chunks that are open.
local first_day = 8 + #KEYS - 6
local left = finish_chunk(KEYS[1], KEYS[3], KEYS[4], KEYS[5], ARGV[1], ARGV[2], 'done', ARGV[4], ARGV[5], ARGV[6], first_day)
if left ~= 0 then
    return 0
end
return close_run(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[1], ARGV[3], ARGV[7], 7, 8)
