-- Take or renew the lease of a shard.
-- KEYS 1 lease (string), 2 wake (string)   ARGV 1 token of the drain, 2 life (ms)
-- Returns 1 when the caller holds the lease.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[2])
return 1
