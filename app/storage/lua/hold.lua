-- What is there to do in a shard?
-- KEYS 1 sealed (hash), 2 waiting (hash)   ARGV 1 the name of an inbox (stream) with '*' for its tenant
-- Returns the seal and the memo of the block that is being stored (each false where there is none), when the oldest
-- entry that waits came (ms, '' where none does), and then the tenants of which some wait.
local block = redis.call('HMGET', KEYS[1], 'last', 'memo')
local answer = {block[1], block[2], ''}
local oldest
for _, tenant in ipairs(redis.call('HKEYS', KEYS[2])) do
    if tenant ~= 'all' then
        local first = redis.call('XRANGE', (string.gsub(ARGV[1], '%*', tenant)), '-', '+', 'COUNT', 1)[1]
        local ms = first and tonumber(string.match(first[1], '^%d+'))
        if ms and (not oldest or ms < oldest) then
            oldest = ms
            answer[3] = string.match(first[1], '^%d+')
        end
        answer[#answer + 1] = tenant
    end
end
return answer
