-- A lease that was decided elsewhere, on what may have changed meanwhile: then nothing is done.
-- ARGV: version; bound that was seen, '' if the ground is a tail; that tail; what is left of it or
-- ''; new bound; new next; the lease to remember or ''.
local row = redis.call('HMGET', KEYS[1], 'version', 'bound', 'serial')
if row[1] ~= ARGV[1] then
    return ''
end
if ARGV[2] ~= '' then
    if row[2] ~= ARGV[2] then
        return ''
    end
    redis.call('HSET', KEYS[1], 'bound', ARGV[5], 'next', ARGV[6])
elseif redis.call('ZREM', KEYS[2], ARGV[3]) == 0 then
    return ''
end
if ARGV[4] ~= '' then
    redis.call('ZADD', KEYS[2], 0, ARGV[4])
end
return count(row[3], ARGV[7])
