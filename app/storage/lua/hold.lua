-- Take or renew the lease of a shard, and look what there is to do in it. Whoever asks has been woken: no wake-up is
-- under way any more, for this one is used up even where another drain holds the lease. Left standing it would keep
-- that one from waking the next, and everybody else until it expires.
-- KEYS 1 lease (string), 2 wake (string), 3 sealed (hash), 4 waiting (hash)
-- ARGV 1 token of the drain, 2 life (ms), 3 the name of an inbox (stream) with '*' for its tenant
-- Returns false where another drain holds the lease; else the seal and the memo of the block that is being stored (each
-- false where there is none), when the oldest entry that waits came (ms, '' where none does), and then the tenants of
-- which some wait.
redis.call('DEL', KEYS[2])
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
    return false
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local block = redis.call('HMGET', KEYS[3], 'last', 'memo')
local answer = {block[1], block[2], ''}
local oldest
for _, tenant in ipairs(redis.call('HKEYS', KEYS[4])) do
    if tenant ~= 'all' then
        local first = redis.call('XRANGE', (string.gsub(ARGV[3], '%*', tenant)), '-', '+', 'COUNT', 1)[1]
        local ms = first and tonumber(string.match(first[1], '^%d+'))
        if ms and (not oldest or ms < oldest) then
            oldest = ms
            answer[3] = string.match(first[1], '^%d+')
        end
        answer[#answer + 1] = tenant
    end
end
return answer
