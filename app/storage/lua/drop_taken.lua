-- Give locks back. One that has expired meanwhile may be somebody else's, and stays.
-- KEYS the locks (strings)   ARGV 1 token of the caller
for _, lock in ipairs(KEYS) do
    if redis.call('GET', lock) == ARGV[1] then
        redis.call('DEL', lock)
    end
end
