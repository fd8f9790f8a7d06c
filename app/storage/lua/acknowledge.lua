-- The block is stored: cut it off its tenants' inboxes and record the run that its conversions need, in one step.
-- KEYS 1 sealed (hash), 2 waiting (hash), 3 run (hash), 4 run chunks (hash), 5 run open (set),
--      6 runs due (zset), 7 run clock (string), 8.. the inboxes (streams) that the block has entries of
-- ARGV 1 the seal, for each of these inboxes 2.. its tenant and the first id after the block; then: run id,
--      run kind, conversions, tenants, deadline (ms from now), chunks ..; nothing of that where there is no chunk
-- Returns false when the block was acknowledged before, else the run's version ('0' when there is no chunk).
if redis.call('HGET', KEYS[1], 'last') ~= ARGV[1] then
    return false
end
local at = 2
for i = 8, #KEYS do
    local gone = redis.call('XTRIM', KEYS[i], 'MINID', ARGV[at + 1])
    for _, field in ipairs({ARGV[at], 'all'}) do
        if redis.call('HINCRBY', KEYS[2], field, -gone) <= 0 then
            redis.call('HDEL', KEYS[2], field)
        end
    end
    at = at + 2
end
redis.call('DEL', KEYS[1])
if #ARGV < at then
    return '0'
end
return create_run(KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], at, at + 5)
