-- Claim the runs whose time has come, so that only one sweep sends them again; each try waits twice as long.
-- KEYS 1 runs due (zset)   ARGV 1 deadline (ms), 2 most runs, 3 prefix of a run's key, 4 '1' where the try counts
-- Returns run id and number of tries so far, in pairs.
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, ARGV[2])) do
    local run = ARGV[3] .. id
    if redis.call('HGET', run, 'state') == 'open' then
        local tries = tonumber(redis.call('HINCRBY', run, 'attempts', ARGV[4]))
        redis.call('ZADD', KEYS[1], now_ms + tonumber(ARGV[1]) * 2 ^ math.min(tries, 6), id)
        table.insert(found, id)
        table.insert(found, tries)
    else
        redis.call('ZREM', KEYS[1], id)
    end
end
return found
