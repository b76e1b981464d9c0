//! The scripts that Redis runs. Each is one step for everybody else.

/// Compare and set, with the lifetime of the value.
pub(super) const REPLACE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then \
     redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1 else return 0 end";

/// Compare and delete.
pub(super) const DELETE_OWN: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/// Adds a member and returns the number of members. Never shortens the lifetime of the set.
pub(super) const INDEX: &str = "redis.call('SADD', KEYS[1], ARGV[1]) \
     if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end \
     return #redis.call('SMEMBERS', KEYS[1])";

/// Removes the members whose values do not exist.
pub(super) const UNINDEX_STALE: &str = "for i = 2, #KEYS do \
     if not redis.call('GET', KEYS[i]) then redis.call('SREM', KEYS[1], ARGV[i - 1]) end end return 1";

/// Increments a counter that expires after its first increment.
pub(super) const COUNT: &str = "local n = redis.call('INCR', KEYS[1]) \
     if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n";

/// Adds to counters, which then live for the time of the first argument.
pub(super) const ADD: &str = "for i = 1, #KEYS do \
     local n = (tonumber(redis.call('GET', KEYS[i]) or '') or 0) + (tonumber(ARGV[i + 1]) or 0) \
     redis.call('SET', KEYS[i], string.format('%.0f', n), 'PX', ARGV[1]) end return 1";

/// Draws units of a quota (`draw.rs`). `KEYS`: the counter, the answer to this draw, the mark. The lifetime of the mark says
/// how old it is. Renewing it leaves it old enough. While the replicas tell what they know, only the greatest of that is
/// taken: what one adds to less than another one knows would be lost. An answer to a draw that adds something is known as
/// long as the counter, so that it is never added twice.
pub(super) const DRAW: &str = "\
    local answer = redis.call('GET', KEYS[2]) \
    if answer then return answer end \
    local function given(i) return tonumber(ARGV[i]) or 0 end \
    local drawn, back = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$') \
    drawn = math.max(tonumber(drawn or 0), given(3)) \
    back = math.max(tonumber(back or 0), given(4)) \
    local life, rest = 2592000000, redis.call('PTTL', KEYS[3]) \
    if rest < 0 then redis.call('SET', KEYS[3], ARGV[9] or '', 'PX', life) rest = life end \
    local wait, granted = math.max(0, given(8) - (life - rest)), 0 \
    if wait == 0 then \
      drawn, back = drawn + given(5), back + given(6) \
      granted = math.max(0, math.min(given(1), given(2) - (drawn - back))) \
      drawn = drawn + granted \
      if rest < life / 2 then redis.call('PEXPIRE', KEYS[3], life - given(8)) end \
    end \
    answer = string.format('%.0f %.0f %.0f %.0f', granted, drawn, back, wait) \
    redis.call('SET', KEYS[1], string.format('%.0f %.0f', drawn, back), 'PX', ARGV[7]) \
    redis.call('SET', KEYS[2], answer, 'PX', given(5) > 0 and ARGV[7] or 60000) \
    return answer";
