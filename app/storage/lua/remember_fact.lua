-- Remember of a tenant what storage said, unless there may be some by now.
-- KEYS 1 fact (hash)   ARGV 1 tenant, 2 what is said, 3 what says 'some', which stays
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[3] then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
