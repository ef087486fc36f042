-- A lease of ARGV[1] ids above ARGV[2]: grants fresh ground at once, else changes nothing and shows
-- the row, the lowest tail above ARGV[2] and how long the key is to live, for a decision elsewhere.
-- Changes nothing, and is refused by a replica, whose numbers may be old.
redis.call('HDEL', KEYS[1], '')
local row = redis.call('HMGET', KEYS[1], 'version', 'first', 'increment', 'offset', 'end', 'order',
    'deleted', 'bound', 'next', 'serial', 'moved')
local ttl = redis.call('PTTL', KEYS[1])
-- A tail begins with its 20 digits and a blank, which lies below the tilde.
local lowest = '(' .. ARGV[2] .. '~'
local tail = redis.call('ZRANGEBYLEX', KEYS[2], lowest, '+', 'LIMIT', 0, 1)[1] or false
local shown = {'shown', row, tail, ttl}

local increment, last_id, order, deleted = row[3], row[5], row[6], row[7]
local next_id, serial = row[9], row[10]
if not row[1] or deleted ~= '0' or ttl >= 0 or next_id == '' then
    return shown
end
if tail and order == 'leased' then
    return shown
end
local len = tonumber(ARGV[1])
local span = (len - 1) * tonumber(increment)
if len < 1 or len > 4294967296 or span > 4503599627370496 or not is_above(next_id, ARGV[2]) then
    return shown
end
local bound = sum(next_id, digits(span))
if is_above(bound, last_id) then
    return shown
end
local following = sum(bound, increment)
if is_above(following, last_id) then
    following = ''
end
redis.call('HSET', KEYS[1], 'bound', bound, 'next', following)
local lease = ''
if order == 'leased' then
    lease = next_id .. ' ' .. increment .. ' ' .. digits(len)
end
return {'granted', next_id, increment, count(serial, lease)}
