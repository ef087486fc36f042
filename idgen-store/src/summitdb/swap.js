var held = sdb.call('get', KEYS[0]);
var version = held === undefined || held === null ? '' : held.substr(0, 16);
if (version !== ARGV[0]) {
    return ['stale', held];
}
sdb.call('set', KEYS[0], ARGV[1]);
return ['done'];
