-- The rollups of journeys of some days are fresh. A day that was touched again meanwhile has another mark, and stays.
-- KEYS 1 tenants with stale journeys (zset)
-- ARGV 1 prefix of a tenant's stale days (hash), then for each day 2.. its tenant, the day, the mark that it had
for at = 2, #ARGV, 3 do
    local tenant, days = ARGV[at], ARGV[1] .. ARGV[at]
    if redis.call('HGET', days, ARGV[at + 1]) == ARGV[at + 2] then
        redis.call('HDEL', days, ARGV[at + 1])
    end
    if redis.call('EXISTS', days) == 0 then
        redis.call('ZREM', KEYS[1], tenant)
    end
end
