-- The row, how long the key is to live, and the tails (ARGV[1] is 'tails') or the lease that is
-- remembered under the serial ARGV[1].
-- Changes nothing, and is refused by a replica, whose numbers may be old.
redis.call('HDEL', KEYS[1], '')
local row = redis.call('HMGET', KEYS[1], 'version', 'first', 'increment', 'offset', 'end', 'order',
    'deleted', 'bound', 'next', 'serial', 'moved')
local found
if ARGV[1] == 'tails' then
    found = redis.call('ZRANGE', KEYS[2], 0, -1)
else
    local at = string.format('%.17g', score(ARGV[1]))
    found = redis.call('ZRANGEBYSCORE', KEYS[3], at, at)
end
return {row, redis.call('PTTL', KEYS[1]), found}
