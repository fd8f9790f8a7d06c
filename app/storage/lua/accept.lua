-- Take one request in: the batch to its shard's inbox, its bad events to the dead letters. All or nothing.
-- KEYS 1 inbox (stream), 2 wake (string), 3 lease (string), 4 dead letters (stream)
-- ARGV 1 most entries in the inbox, 2 events in the batch, 3 the batch, 4 life of a wake-up (ms),
--      5 most dead letters, 6.. the dead letters
-- Returns -1 when the inbox is full (nothing is written), 1 when the caller should wake a drain, else 0.
local events = tonumber(ARGV[2])
if events > 0 then
    if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
        return -1
    end
    redis.call('XADD', KEYS[1], '*', 'n', ARGV[2], 'b', ARGV[3])
end
for i = 6, #ARGV do
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[5], '*', 'b', ARGV[i])
end
if events == 0 or redis.call('EXISTS', KEYS[3]) == 1 then
    return 0
end
return redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[4]) and 1 or 0
