-- What stands in the field ARGV[1] of an id space, or all of it for '', and how long the key is to
-- live.
-- Changes nothing, and is refused by a replica, whose records may be old.
redis.call('HDEL', KEYS[1], '')
local ttl = redis.call('PTTL', KEYS[1])
if ARGV[1] == '' then
    return {ttl, redis.call('HGETALL', KEYS[1])}
end
return {ttl, redis.call('HGET', KEYS[1], ARGV[1])}
