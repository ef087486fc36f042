-- Replaces a record of an id space if it is the text that was seen. ARGV: its field; that text, ''
-- for none; the new one. A key that is to expire is not written, and its time is told.
redis.call('HDEL', KEYS[1], '')
local ttl = redis.call('PTTL', KEYS[1])
local found = redis.call('HGET', KEYS[1], ARGV[1])
if ttl >= 0 or (found or '') ~= ARGV[2] then
    return {ttl, found}
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return {'done'}
