//! What lies in Redis, and the scripts that change it.
//!
//! Under the prefix: `r:ID` a record (a hash of version, end, index keys and sealed bytes, which expires at its end); `i:KEY`
//! the ids an index key finds, `all` those of every record (sorted sets without scores, so in the order of their names);
//! `ends` each id with its index keys, by end, so that what has expired is taken out of the sets it is in; `passing` the ids of
//! what anybody can cause, by end, since they are counted; `l:ID` a lease, `fence` the number of the last one. Ids and keys are raw bytes.

use countersign_core::session::RecordKey;
use redis::{Cmd, Script, ScriptInvocation};

/// What every script begins with. Writing scripts may not fail in the middle: the first write is the one that is refused
/// where memory is short, and nothing is done then.
const COMMON: &str = r"
local prefix = KEYS[1]
local all, ends_set, passing = prefix .. 'all', prefix .. 'ends', prefix .. 'passing'
local function record(id) return prefix .. 'r:' .. id end
local function index(key) return prefix .. 'i:' .. key end
local function refused(reply) return type(reply) == 'table' and reply['err'] ~= nil end
-- The error of a write that was refused, its code first: before Redis 7 the place in the script stands there.
local function why(reply)
  return { err = string.match(reply['err'], '^@user_script: *%d+: *%-(.+)$') or reply['err'] }
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function each(keys, work)
  for at = 1, #keys, 32 do work(string.sub(keys, at, at + 31)) end
end
local function holds(keys, wanted)
  local found = false
  each(keys, function(key) found = found or key == wanted end)
  return found
end
local function drop(id, keys)
  redis.call('DEL', record(id))
  redis.call('ZREM', all, id)
  redis.call('ZREM', ends_set, id .. keys)
  if keys == '' then redis.call('ZREM', passing, id) end
  each(keys, function(key) redis.call('ZREM', index(key), id) end)
end
local function last_as_long(set, ends, time)
  local left = redis.call('PTTL', set)
  if left < 0 or time + left < tonumber(ends) then redis.call('PEXPIREAT', set, ends) end
end
local function list(id, keys, ends, time)
  redis.call('PEXPIREAT', record(id), ends)
  redis.call('ZADD', ends_set, ends, id .. keys)
  redis.call('ZADD', all, 0, id)
  last_as_long(ends_set, ends, time)
  last_as_long(all, ends, time)
  each(keys, function(key)
    redis.call('ZADD', index(key), 0, id)
    last_as_long(index(key), ends, time)
  end)
end
local function sweep(time)
  local due = redis.call('ZRANGEBYSCORE', ends_set, '-inf', string.format('%.0f', time), 'LIMIT', 0, 16)
  for _, name in ipairs(due) do
    local id, keys = string.sub(name, 1, 32), string.sub(name, 33)
    local found = redis.call('HMGET', record(id), 'e', 'i')
    if found[1] and tonumber(found[1]) > time then
      -- The name was given again since.
      redis.call('ZREM', ends_set, name)
      each(keys, function(key)
        if not holds(found[2], key) then redis.call('ZREM', index(key), id) end
      end)
    else
      drop(id, keys)
    end
  end
end
";

/// `id, sealed, ends, keys`: whether it was made.
const CREATE: &str = r"
local id, sealed, ends, keys = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', record(id)) == 1 then return 0 end
local made = redis.pcall('HSET', record(id), 'v', 1, 'e', ends, 'i', keys, 's', sealed)
if refused(made) then return why(made) end
local time = now()
list(id, keys, ends, time)
sweep(time)
return 1
";

/// `id, sealed, ends, how many there may be`: whether it was made, or 2 where there are as many.
const CREATE_PASSING: &str = r"
local id, sealed, ends = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', record(id)) == 1 then return 0 end
local time = now()
redis.call('ZREMRANGEBYSCORE', passing, '-inf', string.format('%.0f', time))
if redis.call('ZCARD', passing) >= tonumber(ARGV[4]) then return 2 end
local made = redis.pcall('HSET', record(id), 'v', 1, 'e', ends, 'i', '', 's', sealed)
if refused(made) then return made end
redis.call('ZADD', passing, ends, id)
last_as_long(passing, ends, time)
list(id, '', ends, time)
sweep(time)
return 1
";

/// `id, sealed, ends, old version, new version`: whether it was written.
const REPLACE: &str = r"
local id, sealed, ends = ARGV[1], ARGV[2], ARGV[3]
local found = redis.call('HMGET', record(id), 'v', 'i')
if found[1] ~= ARGV[4] then return 0 end
local written = redis.pcall('HSET', record(id), 'v', ARGV[5], 'e', ends, 's', sealed)
if refused(written) then return why(written) end
list(id, found[2], ends, now())
return 1
";

/// `id, ends, now`: whether there was one.
const TOUCH: &str = r"
local id, ends = ARGV[1], ARGV[2]
local found = redis.call('HMGET', record(id), 'e', 'i')
if not found[1] or tonumber(ARGV[3]) >= tonumber(found[1]) then return 0 end
local moved = redis.pcall('HSET', record(id), 'e', ends)
if refused(moved) then return why(moved) end
list(id, found[2], ends, now())
return 1
";

/// `id, now`: the sealed bytes, or nothing.
const TAKE: &str = r"
local found = redis.call('HMGET', record(ARGV[1]), 'e', 'i', 's')
if not found[1] or tonumber(ARGV[2]) >= tonumber(found[1]) then return false end
drop(ARGV[1], found[2])
return found[3]
";

/// `id`: whether there was one.
const REMOVE: &str = r"
local keys = redis.call('HGET', record(ARGV[1]), 'i')
if not keys then return 0 end
drop(ARGV[1], keys)
return 1
";

/// `key`: how many there were.
const REMOVE_ALL: &str = r"
local removed = 0
for _, id in ipairs(redis.call('ZRANGE', index(ARGV[1]), 0, -1)) do
  local keys = redis.call('HGET', record(id), 'i')
  if keys and holds(keys, ARGV[1]) then
    drop(id, keys)
    removed = removed + 1
  end
end
redis.call('DEL', index(ARGV[1]))
return removed
";

/// `key or nothing, after or nothing, how many`: the ids, each with its version and end. Those whose record has expired, or was
/// made anew under other keys, are passed over.
const LIST: &str = r"
local set, limit = all, tonumber(ARGV[3])
if ARGV[1] ~= '' then set = index(ARGV[1]) end
local from = '-'
if ARGV[2] ~= '' then from = '(' .. ARGV[2] end
local found, count = {}, 0
while count < limit do
  local ids = redis.call('ZRANGEBYLEX', set, from, '+', 'LIMIT', 0, 100)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    local kept = count < limit and redis.call('HMGET', record(id), 'i', 'v', 'e')
    if kept and kept[1] and (set == all or holds(kept[1], ARGV[1])) then
      count = count + 1
      found[count] = { id, kept[2], kept[3] }
    end
  end
  from = '(' .. ids[#ids]
end
return found
";

/// `id, holder, how long`: the fence, or nothing. It is never behind the clock, so that it rises even where Redis has
/// forgotten the last one.
const LEASE: &str = r"
local name, fence = prefix .. 'l:' .. ARGV[1], prefix .. 'fence'
local holder = redis.call('GET', name)
if holder and holder ~= ARGV[2] then return false end
local held = redis.pcall('SET', name, ARGV[2], 'PX', ARGV[3])
if refused(held) then return why(held) end
local number, time = redis.call('INCR', fence), now()
if number < time then
  number = time
  redis.call('SET', fence, string.format('%.0f', number))
end
return number
";

/// The scripts, each with the prefix it works under.
#[derive(Debug)]
pub(super) struct Scripts {
    prefix: String,
    create: Script,
    create_passing: Script,
    replace: Script,
    touch: Script,
    take: Script,
    remove: Script,
    remove_all: Script,
    list: Script,
    lease: Script,
}

impl Scripts {
    pub(super) fn new(prefix: &str) -> Self {
        let script = |text: &str| Script::new(&format!("{COMMON}{text}"));
        Self {
            prefix: prefix.to_owned(),
            create: script(CREATE),
            create_passing: script(CREATE_PASSING),
            replace: script(REPLACE),
            touch: script(TOUCH),
            take: script(TAKE),
            remove: script(REMOVE),
            remove_all: script(REMOVE_ALL),
            list: script(LIST),
            lease: script(LEASE),
        }
    }

    fn call<'a>(&self, script: &'a Script) -> ScriptInvocation<'a> {
        script.key(self.prefix.as_str())
    }

    pub(super) fn create(&self) -> ScriptInvocation<'_> {
        self.call(&self.create)
    }

    pub(super) fn create_passing(&self) -> ScriptInvocation<'_> {
        self.call(&self.create_passing)
    }

    pub(super) fn replace(&self) -> ScriptInvocation<'_> {
        self.call(&self.replace)
    }

    pub(super) fn touch(&self) -> ScriptInvocation<'_> {
        self.call(&self.touch)
    }

    pub(super) fn take(&self) -> ScriptInvocation<'_> {
        self.call(&self.take)
    }

    pub(super) fn remove(&self) -> ScriptInvocation<'_> {
        self.call(&self.remove)
    }

    pub(super) fn remove_all(&self) -> ScriptInvocation<'_> {
        self.call(&self.remove_all)
    }

    pub(super) fn list(&self) -> ScriptInvocation<'_> {
        self.call(&self.list)
    }

    pub(super) fn lease(&self) -> ScriptInvocation<'_> {
        self.call(&self.lease)
    }

    /// Version, end and sealed bytes of a record: one command, and read at once.
    pub(super) fn load(&self, id: &RecordKey) -> Cmd {
        let name = [self.prefix.as_bytes(), b"r:", &id.0].concat();
        let mut load = redis::cmd("HMGET");
        load.arg(name).arg("v").arg("e").arg("s");
        load
    }
}
