-- Moves an adopted counter up. ARGV: the value that was seen, '' for any; by how much; how far it
-- may go at most; the value it must have reached before. Sends nothing that could pass the third;
-- else changes nothing, and shows the value and how long the key is to live.
-- Changes nothing, and is refused by a replica, whose value may be old.
redis.call('SETRANGE', KEYS[1], 0, '')
local old = redis.call('GET', KEYS[1])
local ttl = redis.call('PTTL', KEYS[1])
local shown = {'shown', old, ttl}
if not old or ttl >= 0 or #old > 19 or not string.find(old, '^%d+$') then
    return shown
end
local function padded(number)
    return string.rep('0', 20 - #number) .. number
end
if ARGV[1] ~= '' and ARGV[1] ~= old then
    return shown
end
if is_above(padded(ARGV[4]), padded(old)) or is_above(sum(padded(old), padded(ARGV[2])), ARGV[3]) then
    return shown
end
redis.call('INCRBY', KEYS[1], ARGV[2])
return {'moved', old, redis.call('GET', KEYS[1])}
