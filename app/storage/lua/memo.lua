-- Remember what was looked up for the sealed block before its first insert; the first memo stands. Renews the lease.
-- KEYS 1 sealed (hash), 2 lease (string)   ARGV 1 the seal, 2 the memo, 3 token of the drain, 4 life of the lease (ms)
-- Returns the memo in force, or false when the block is no longer the sealed one.
if redis.call('HGET', KEYS[1], 'last') ~= ARGV[1] then
    return false
end
local holder = redis.call('GET', KEYS[2])
if not holder or holder == ARGV[3] then
    redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
end
redis.call('HSETNX', KEYS[1], 'memo', ARGV[2])
return redis.call('HGET', KEYS[1], 'memo')
