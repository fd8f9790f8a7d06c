-- Fix what the block is: of each of its tenants all entries up to one. Once sealed, a block never changes.
-- KEYS 1 lease (string), 2 sealed (hash)   ARGV 1 token, 2 the seal (the last entry id of each tenant)
-- Returns the seal in force, or false when the lease is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return false
end
redis.call('HSETNX', KEYS[2], 'last', ARGV[2])
return redis.call('HGET', KEYS[2], 'last')
