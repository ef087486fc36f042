function isAtMost(one, other) {
    return one.length < other.length || (one.length === other.length && one <= other);
}
var held = sdb.call('get', KEYS[0]);
if (held === undefined || held === null) {
    return ['missing'];
}
if (!/^(0|[1-9][0-9]*)$/.test(held) || ARGV[2] === '' || !isAtMost(held, ARGV[2]) ||
    (ARGV[0] !== '' && ARGV[0] !== held) || !isAtMost(ARGV[3], held)) {
    return ['shown', held];
}
sdb.call('incrby', KEYS[0], ARGV[1]);
return ['moved', held, sdb.call('get', KEYS[0])];
