-- Take a run to attribute, and along with a block's run the small ones of other blocks that wait too.
-- KEYS 1 runs due (zset)
-- ARGV 1 run id, 2 its chunk, 3 life of a claim (ms), 4 most conversions, 5 most runs, and with '*' for a run's id the
--      names of 6 a run (hash), 7 its chunks (hash), 8 its open chunks (set)
-- Returns of each the id, its hash, and its chunk (false where that is done), the one asked for first; of the others
-- chunk 0, the only one. Nothing where the run is closed, or another one has taken it.
local now = redis.call('TIME')
local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
local function named(at, id)
    return (string.gsub(ARGV[at], '%*', id))
end
local function is_free(run)
    local found = redis.call('HMGET', run, 'state', 'taken_until')
    return found[1] == 'open' and tonumber(found[2] or 0) < now_ms
end
local taken, conversions = {}, 0
local function take(id, chunk)
    local run = named(6, id)
    redis.call('HSET', run, 'taken_until', string.format('%.0f', now_ms + tonumber(ARGV[3])))
    conversions = conversions + tonumber(redis.call('HGET', run, 'conversions'))
    local is_open = redis.call('SISMEMBER', named(8, id), chunk) == 1
    table.insert(taken, {id, redis.call('HGETALL', run), is_open and redis.call('HGET', named(7, id), chunk)})
end
if not is_free(named(6, ARGV[1])) then
    return taken
end
take(ARGV[1], ARGV[2])
if redis.call('HGET', named(6, ARGV[1]), 'kind') ~= 'block' then
    return taken
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
    local run = named(6, id)
    local found = redis.call('HMGET', run, 'kind', 'chunks', 'conversions')
    local is_small = found[1] == 'block' and found[2] == '1'
    if is_small and conversions + tonumber(found[3]) <= tonumber(ARGV[4]) and is_free(run) then
        take(id, '0')
    end
end
return taken
