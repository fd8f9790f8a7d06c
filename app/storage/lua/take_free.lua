-- Take those of some locks that nobody holds.
-- KEYS the locks (strings)   ARGV 1 token of the caller, 2 life (ms)
-- Returns the places of those that were taken, from 0 on; none where others hold all.
local taken = {}
for i, lock in ipairs(KEYS) do
    if redis.call('SET', lock, ARGV[1], 'NX', 'PX', ARGV[2]) then
        table.insert(taken, i - 1)
    end
end
return taken
