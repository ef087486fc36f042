-- A change by hand, which gives up tails and remembered leases. ARGV: version that was seen, ''
-- for no row; new version; first, increment, offset, end, order, deleted; new bound, '' to keep it;
-- new next; where it was moved, '' for nowhere. Nothing is done if the version is another one or the
-- new bound would be lower.
local row = redis.call('HMGET', KEYS[1], 'version', 'bound')
if (row[1] or '') ~= ARGV[1] then
    return ''
end
if row[2] and ARGV[9] ~= '' and is_above(row[2], ARGV[9]) then
    return ''
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'first', ARGV[3], 'increment', ARGV[4], 'offset',
    ARGV[5], 'end', ARGV[6], 'order', ARGV[7], 'deleted', ARGV[8], 'next', ARGV[10],
    'moved', ARGV[11])
if ARGV[9] ~= '' then
    redis.call('HSET', KEYS[1], 'bound', ARGV[9])
end
redis.call('HSETNX', KEYS[1], 'serial', digits(0))
redis.call('DEL', KEYS[2], KEYS[3])
return 'done'
