-- Take a run to attribute, and along with a block's run the small ones of other blocks that wait too.
-- KEYS 1 runs due (zset)   ARGV 1 run id, 2 prefix of a run's key, 3 life of a claim (ms), 4 most conversions, 5 most runs
-- Returns the ids, the one asked for first; none where it is closed, or another one has taken it.
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local function is_free(run)
    local found = redis.call('HMGET', run, 'state', 'taken_until')
    return found[1] == 'open' and tonumber(found[2] or 0) < now_ms
end
local function take(run)
    redis.call('HSET', run, 'taken_until', string.format('%.0f', now_ms + tonumber(ARGV[3])))
    return tonumber(redis.call('HGET', run, 'conversions'))
end
if not is_free(ARGV[2] .. ARGV[1]) then
    return {}
end
local taken, conversions = {ARGV[1]}, take(ARGV[2] .. ARGV[1])
if redis.call('HGET', ARGV[2] .. ARGV[1], 'kind') ~= 'block' then
    return taken
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
    local run = ARGV[2] .. id
    local found = redis.call('HMGET', run, 'kind', 'chunks', 'conversions')
    local is_small = found[1] == 'block' and found[2] == '1'
    if is_small and conversions + tonumber(found[3]) <= tonumber(ARGV[4]) and is_free(run) then
        conversions = conversions + take(run)
        table.insert(taken, id)
    end
end
return taken
