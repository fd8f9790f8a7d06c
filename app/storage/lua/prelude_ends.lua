-- Shared by finish_chunk.lua, close_run.lua and finish_run.lua.
local function finish_chunk(run, open, days, due, id, chunk, how, deadline_ms, attributed, touches, first_day)
    if redis.call('HGET', run, 'state') ~= 'open' then
        return -1
    end
    for i = first_day, #ARGV do
        redis.call('SADD', days, ARGV[i])
    end
    if redis.call('SREM', open, chunk) == 1 then
        redis.call('HINCRBY', run, how, 1)
        redis.call('HINCRBY', run, 'attributed', attributed)
        redis.call('HINCRBY', run, 'touches', touches)
        redis.call('HSET', run, 'attempts', 0)
        local now = redis.call('TIME')
        redis.call('ZADD', due, tonumber(now[1]) * 1000 + tonumber(deadline_ms), id)
    end
    return redis.call('SCARD', open)
end

-- From KEYS[first_rollup] on stand the rollups' tenants with stale days, from ARGV[first_prefix] on the prefixes of
-- their stale days.
local function close_run(run, chunks, open, days, due, closed, id, state, kept_s, first_rollup, first_prefix)
    if redis.call('HGET', run, 'state') ~= 'open' or redis.call('SCARD', open) > 0 then
        return 0
    end
    local now = redis.call('TIME')
    local now_ms = string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
    local touched = redis.call('SMEMBERS', days)
    for at = first_rollup, #KEYS do
        for _, mark in ipairs(touched) do
            local tenant, day = string.match(mark, '^(%d+):(.+)$')
            redis.call('HSET', ARGV[first_prefix + at - first_rollup] .. tenant, day, now[1] .. '.' .. now[2])
            redis.call('ZADD', KEYS[at], 'NX', now_ms, tenant)
        end
    end
    redis.call('HSET', run, 'state', state, 'closed_ms', now_ms)
    redis.call('DEL', chunks, days)
    redis.call('ZREM', due, id)
    redis.call('SADD', closed, id)
    redis.call('EXPIRE', run, kept_s)
    return 1
end
