-- Takes back a tail. ARGV: version; the remembered lease; the tail. Nothing is done unless both are
-- as they were seen; a lease that is gone was handed back or forgotten meanwhile.
local row = redis.call('HMGET', KEYS[1], 'version', 'serial')
if row[1] ~= ARGV[1] or redis.call('ZREM', KEYS[3], ARGV[2]) == 0 then
    return ''
end
redis.call('ZADD', KEYS[2], 0, ARGV[3])
return count(row[2], '')
