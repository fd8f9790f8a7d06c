-- Take one request in: the batch to its tenant's inbox, its bad events to the dead letters. All or nothing.
-- KEYS 1 inbox of the tenant (stream), 2 wake (string), 3 lease (string), 4 dead letters (stream),
--      5 waiting (hash of the shard)
-- ARGV 1 most entries in the shard's inboxes, 2 events in the batch, 3 the batch, 4 life of a wake-up (ms),
--      5 most dead letters, 6 tenant, 7.. the dead letters
-- Returns -1 when the shard is full and the tenant has its even share of it or more (nothing is written), 1 when the
-- caller should wake a drain, else 0.
local events = tonumber(ARGV[2])
if events > 0 then
    local room = tonumber(ARGV[1])
    if tonumber(redis.call('HGET', KEYS[5], 'all') or 0) >= room then
        -- 'all' is a field too: with the tenants that wait beside it, it stands for the one that asks.
        local own = redis.call('HGET', KEYS[5], ARGV[6])
        local tenants = redis.call('HLEN', KEYS[5]) - (own and 1 or 0)
        if tonumber(own or 0) * tenants >= room then
            return -1
        end
    end
    redis.call('XADD', KEYS[1], '*', 'n', ARGV[2], 'b', ARGV[3])
    redis.call('HINCRBY', KEYS[5], ARGV[6], 1)
    redis.call('HINCRBY', KEYS[5], 'all', 1)
end
for i = 7, #ARGV do
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', 'b', ARGV[i])
end
if events == 0 or redis.call('EXISTS', KEYS[3]) == 1 then
    return 0
end
return redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) and 1 or 0
