-- Remember what was looked up for the sealed block before its first insert; the first memo stands.
-- KEYS 1 sealed (hash)   ARGV 1 the seal, 2 the memo
-- Returns the memo in force, or false when the block is no longer the sealed one.
if redis.call('HGET', KEYS[1], 'last') ~= ARGV[1] then
    return false
end
redis.call('HSETNX', KEYS[1], 'memo', ARGV[2])
return redis.call('HGET', KEYS[1], 'memo')
