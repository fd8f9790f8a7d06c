-- The block is stored: cut it off the inbox and record the run that its conversions need, in one step.
-- KEYS 1 sealed (hash), 2 inbox (stream), 3 run (hash), 4 run chunks (hash), 5 run open (set),
--      6 runs due (zset), 7 run clock (string)
-- ARGV 1 last entry id of the block, 2 the first id after it, 3 run id, 4 run kind, 5 conversions,
--      6 tenants, 7 deadline (ms from now), 8.. chunks
-- Returns false when the block was acknowledged before, else the run's version ('0' when there is no chunk).
if redis.call('HGET', KEYS[1], 'last') ~= ARGV[1] then
    return false
end
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
redis.call('DEL', KEYS[1])
if #ARGV < 8 then
    return '0'
end
return create_run(KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], 3, 8)
