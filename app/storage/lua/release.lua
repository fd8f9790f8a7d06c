-- Give a shard's lease back.
-- KEYS 1 lease (string), 2 wake (string), 3 waiting (hash), 4 wake-ups that no worker has taken yet (list)
-- ARGV 1 token of the drain, 2 life of a wake-up (ms)
-- Returns 1 when batches still wait and the caller should wake another drain, else 0; and how many wake-ups wait.
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
if redis.call('EXISTS', KEYS[3]) == 0 then
    return {0, redis.call('LLEN', KEYS[4])}
end
return {redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[2]) and 1 or 0, redis.call('LLEN', KEYS[4])}
