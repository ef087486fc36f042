-- Replaces what stands in an adopted counter's key. ARGV: the text that was seen; the new one.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return ''
end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 'done'
