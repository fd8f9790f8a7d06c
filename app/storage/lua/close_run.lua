-- The run is over: its credit is in the ledger. The days whose rollups it leaves stale are marked; the sweep stores its
-- row.
-- KEYS 1 run (hash), 2 run chunks (hash), 3 run open (set), 4 run days (set), 5 runs due (zset), 6 runs closed (set),
--      7.. of each rollup that is left stale, its tenants with stale days (zset)
-- ARGV 1 run id, 2 state, 3 seconds that the record is kept, 4.. of each such rollup, the prefix of a tenant's stale
--      days (hash)
-- Returns 1 when this call closed it.
if redis.call('HGET', KEYS[1], 'state') ~= 'open' or redis.call('SCARD', KEYS[3]) > 0 then
    return 0
end
local now = redis.call('TIME')
local now_ms = string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
for at = 7, #KEYS do
    for _, touched in ipairs(redis.call('SMEMBERS', KEYS[4])) do
        local tenant, day = string.match(touched, '^(%d+):(.+)$')
        redis.call('HSET', ARGV[at - 3] .. tenant, day, now[1] .. '.' .. now[2])
        redis.call('ZADD', KEYS[at], 'NX', now_ms, tenant)
    end
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'closed_ms', now_ms)
redis.call('DEL', KEYS[2], KEYS[4])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('SADD', KEYS[6], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
