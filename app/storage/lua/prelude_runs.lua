-- Shared by acknowledge.lua and create_run.lua. Versions are microseconds of Redis' clock and only ever grow, so
-- that a run created after another one's data was stored also replaces what the other one computes.
local function create_run(run, chunks, open, due, clock, first, first_chunk)
    if redis.call('EXISTS', run) == 1 then
        return redis.call('HGET', run, 'version')
    end
    local now = redis.call('TIME')
    local now_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
    local version = now[1] .. string.format('%06d', tonumber(now[2]))
    local before = redis.call('GET', clock)
    if before and before >= version then
        version = string.format('%.0f', tonumber(before) + 1)
    end
    redis.call('SET', clock, version)
    redis.call('HSET', run, 'kind', ARGV[first + 1], 'state', 'open', 'version', version,
        'created_ms', string.format('%.0f', now_ms), 'chunks', #ARGV - first_chunk + 1, 'done', 0, 'failed', 0,
        'conversions', ARGV[first + 2], 'tenants', ARGV[first + 3])
    for i = first_chunk, #ARGV do
        redis.call('HSET', chunks, i - first_chunk, ARGV[i])
        redis.call('SADD', open, i - first_chunk)
    end
    redis.call('ZADD', due, now_ms + tonumber(ARGV[first + 4]), ARGV[first])
    return version
end
