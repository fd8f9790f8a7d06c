-- A chunk is done, or given up. Counts once however often it is said.
-- KEYS 1 run (hash), 2 run open (set), 3 run days (set), 4 runs due (zset)
-- ARGV 1 run id, 2 chunk, 3 'done' or 'failed', 4 deadline (ms from now), 5 attributed, 6 touches, 7.. days
-- Returns how many chunks are still open, or -1 when the run is closed or unknown.
if redis.call('HGET', KEYS[1], 'state') ~= 'open' then
    return -1
end
for i = 7, #ARGV do
    redis.call('SADD', KEYS[3], ARGV[i])
end
if redis.call('SREM', KEYS[2], ARGV[2]) == 1 then
    redis.call('HINCRBY', KEYS[1], ARGV[3], 1)
    redis.call('HINCRBY', KEYS[1], 'attributed', ARGV[5])
    redis.call('HINCRBY', KEYS[1], 'touches', ARGV[6])
    redis.call('HSET', KEYS[1], 'attempts', 0)
    local now = redis.call('TIME')
    redis.call('ZADD', KEYS[4], tonumber(now[1]) * 1000 + tonumber(ARGV[4]), ARGV[1])
end
return redis.call('SCARD', KEYS[2])
