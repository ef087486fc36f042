-- Numbers here have 20 decimal digits, leading zeros included. A number of Lua is exact to 53 bits
-- only, so sums and comparisons go by two halves of 10 digits.
local function halves(number)
    return tonumber(string.sub(number, 1, 10)), tonumber(string.sub(number, 11))
end

local function sum(one, other)
    local high, low = halves(one)
    local more_high, more_low = halves(other)
    high, low = high + more_high, low + more_low
    if low >= 1e10 then
        high, low = high + 1, low - 1e10
    end
    return string.format('%010.0f%010.0f', high, low)
end

local function is_above(one, other)
    local high, low = halves(one)
    local other_high, other_low = halves(other)
    return high > other_high or (high == other_high and low > other_low)
end

-- A whole number below 2^53 in 20 digits.
local function digits(number)
    local high = math.floor(number / 1e10)
    return string.format('%010.0f%010.0f', high, number - high * 1e10)
end

local ONE = digits(1)

-- The score of a serial. Above 2^53 neighbours may share one, which only blurs what is forgotten.
local function score(serial)
    local high, low = halves(serial)
    return high * 1e10 + low
end

-- Writes the next serial and remembers the lease, unless nothing of it may come back.
local function count(serial, lease)
    local counted = sum(serial, ONE)
    redis.call('HSET', KEYS[1], 'serial', counted)
    if lease ~= '' then
        redis.call('ZADD', KEYS[3], score(counted), counted .. ' ' .. lease)
        redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', score(counted) - REMEMBERED)
    end
    return counted
end
