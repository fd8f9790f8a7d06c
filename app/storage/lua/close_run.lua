-- The run is over: its rollups are fresh. The sweep stores its row.
-- KEYS 1 run (hash), 2 run chunks (hash), 3 run open (set), 4 run days (set), 5 runs due (zset), 6 runs closed (set)
-- ARGV 1 run id, 2 state, 3 seconds that the record is kept
-- Returns 1 when this call closed it.
if redis.call('HGET', KEYS[1], 'state') ~= 'open' or redis.call('SCARD', KEYS[3]) > 0 then
    return 0
end
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'state', ARGV[2],
    'closed_ms', string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)))
redis.call('DEL', KEYS[2], KEYS[4])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('SADD', KEYS[6], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
