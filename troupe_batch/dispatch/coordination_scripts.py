"""Lua run by Redis for coordination: each is one atomic step of a shard's life.

All scripts of a run get the same KEYS, in the order of `RunKeys`, and read the server's clock, so that the clocks
of workers never matter. Times are milliseconds. Each script refreshes the lifetime of what it wrote.
"""

_PREAMBLE = """
local meta, done, leases, owners, attempts, quarantine = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local resting, failures, live, totals, hints, delivered = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local shard = ARGV[1]
local function keep(...)
    for _, key in ipairs({...}) do redis.call('PEXPIRE', key, ARGV[2]) end
end
local function owned_by(attempt)
    local owner = redis.call('HGET', owners, shard)
    return owner and string.match(owner, '^%S+') == attempt
end
local function let_go()
    redis.call('ZREM', leases, shard)
    redis.call('HDEL', owners, shard)
    redis.call('HDEL', live, shard)
end
"""

# ARGV: shard, lifetime, attempt, owner ("attempt worker process"), lease ms, attempt cap
CLAIM = (
    _PREAMBLE
    + """
local attempt, owner, lease, cap = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local sent = tonumber(redis.call('ZSCORE', hints, shard)) or 0
if sent > (tonumber(redis.call('GET', delivered)) or 0) then
    redis.call('SET', delivered, string.format('%.0f', sent), 'PX', ARGV[2])
end
redis.call('ZREM', hints, shard)
if redis.call('GETBIT', done, shard) == 1 then return {'done', ''} end
if redis.call('HEXISTS', meta, 'stop') == 1 then return {'stopped', ''} end
local reason = redis.call('HGET', quarantine, shard)
if reason then return {'quarantined', reason} end
local ends = redis.call('ZSCORE', leases, shard)
if ends and tonumber(ends) > now then return {'leased', redis.call('HGET', owners, shard) or ''} end
if (tonumber(redis.call('HGET', attempts, shard)) or 0) >= cap then
    reason = redis.call('HGET', failures, shard) or 'the worker died in every attempt, without a word (out of memory?)'
    reason = 'tried ' .. cap .. ' times; last: ' .. reason
    redis.call('HSET', quarantine, shard, reason)
    let_go()
    keep(quarantine)
    return {'quarantined', reason}
end
redis.call('HINCRBY', attempts, shard, 1)
redis.call('ZADD', leases, now + lease, shard)
redis.call('HSET', owners, shard, owner)
redis.call('HDEL', live, shard)
redis.call('ZREM', resting, shard)
redis.call('HSET', meta, 'claimed_at', now)
keep(meta, leases, owners, attempts)
return {'claimed', ''}
"""
)

# ARGV: shard, lifetime, attempt, owner, lease ms, progress ("" when unchanged)
# A lease that Redis forgot (restart without its last second) is taken up again: nobody else holds it.
RENEW = (
    _PREAMBLE
    + """
local attempt, owner, lease, progress = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
if redis.call('GETBIT', done, shard) == 1 then return 'lost' end
if redis.call('HEXISTS', owners, shard) == 1 and not owned_by(attempt) then return 'lost' end
redis.call('ZADD', leases, now + lease, shard)
redis.call('HSET', owners, shard, owner)
if progress ~= '' then
    redis.call('HSET', live, shard, progress)
    keep(live)
end
keep(leases, owners)
if redis.call('HEXISTS', meta, 'stop') == 1 then return 'stopped' end
return 'mine'
"""
)

# ARGV: shard, lifetime, attempt, 1 when the attempt counts, rest ms, reason ("" for none)
RELEASE = (
    _PREAMBLE
    + """
local attempt, counts, rest, reason = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
if not owned_by(attempt) then return 0 end
let_go()
if counts == '0' then redis.call('HINCRBY', attempts, shard, -1) end
if rest > 0 then
    redis.call('ZADD', resting, now + rest, shard)
    keep(resting)
end
if reason ~= '' then
    redis.call('HSET', failures, shard, reason)
    keep(failures)
end
return 1
"""
)

# ARGV: shard, lifetime, attempt, final progress
# The caller has placed or seen the mark, so this is never refused; a second time changes nothing.
# "last" when no shard is waiting any more.
COMMIT = (
    _PREAMBLE
    + """
local attempt, progress = ARGV[3], ARGV[4]
redis.call('ZREM', hints, shard)
let_go()
for _, key in ipairs({attempts, failures, quarantine}) do redis.call('HDEL', key, shard) end
redis.call('ZREM', resting, shard)
if redis.call('SETBIT', done, shard, 1) == 1 then return 0 end
local names = {'units', 'answers', 'calls', 'cache_hits', 'prompt_tokens', 'completion_tokens', 'cost_usd',
    'unanswered'}
local at = 1
for count in string.gmatch(progress, '%S+') do
    redis.call('HINCRBYFLOAT', totals, names[at], count)
    at = at + 1
end
keep(done, totals, meta)
local total = tonumber(redis.call('HGET', meta, 'shards')) or -1
return redis.call('BITCOUNT', done) + redis.call('HLEN', quarantine) == total and 1 or 0
"""
)

# KEYS: lock. ARGV: holder, lease ms. Taken when free or already ours.
HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

# KEYS: lock. ARGV: holder.
DROP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
