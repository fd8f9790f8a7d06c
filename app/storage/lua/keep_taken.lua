-- Renew locks that the caller holds. One that has expired may be somebody else's, and stays as it is.
-- KEYS the locks (strings)   ARGV 1 token of the caller, 2 life (ms)
for _, lock in ipairs(KEYS) do
    if redis.call('GET', lock) == ARGV[1] then
        redis.call('PEXPIRE', lock, ARGV[2])
    end
end
