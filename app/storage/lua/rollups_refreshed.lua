-- A rollup's days are fresh. A day that was touched again meanwhile has another mark, and stays; its tenant is next
-- after those who are due now.
-- KEYS 1 tenants with stale days (zset)
-- ARGV 1 prefix of a tenant's stale days (hash), then for each day 2.. its tenant, the day, the mark that it had
local now = redis.call('TIME')
local now_ms = string.format('%.0f', tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000))
for at = 2, #ARGV, 3 do
    local tenant, days = ARGV[at], ARGV[1] .. ARGV[at]
    if redis.call('HGET', days, ARGV[at + 1]) == ARGV[at + 2] then
        redis.call('HDEL', days, ARGV[at + 1])
    end
    if redis.call('EXISTS', days) == 0 then
        redis.call('ZREM', KEYS[1], tenant)
    else
        redis.call('ZADD', KEYS[1], 'XX', now_ms, tenant)
    end
end
