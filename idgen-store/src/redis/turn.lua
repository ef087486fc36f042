-- The next serial, read back as text since a reply of INCR is a number of Lua here, and the clock.
redis.call('INCR', KEYS[1])
local now = redis.call('TIME')
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]), now[1], now[2]}
