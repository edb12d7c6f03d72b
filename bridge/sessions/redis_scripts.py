"""What Redis does in one go: each script reads, decides and writes before it listens to anybody else.

A script may be sent twice, where the connection broke before its answer came: the second time it finds its own work and
answers as it did the first time.
"""

from __future__ import annotations

from typing import Final

from bridge.sessions.rows import FAILED

SESSION: Final = "bridge:session:"
"""Begins the names of agents' sessions; their ids follow."""
BY_KEY: Final = "bridge:by:"
"""Begins the names of the sets of session ids, one a keyed hash."""

_INDEX: Final = f"""
local function note(hash, id, seconds)
  local name = '{BY_KEY}' .. hash
  redis.call('SADD', name, id)
  -- Sessions that merely ran out leave their ids here: each newcomer looks at three, so that they stay few.
  for _, other in ipairs(redis.call('SRANDMEMBER', name, 3)) do
    if redis.call('EXISTS', '{SESSION}' .. other) == 0 then redis.call('SREM', name, other) end
  end
  if redis.call('TTL', name) < seconds then redis.call('EXPIRE', name, seconds) end
end
local function forget(hash, id)
  redis.call('SREM', '{BY_KEY}' .. hash, id)
end
"""
_LIVING: Final = """
local function lives(row)
  return redis.call('EXISTS', row) == 1 and (redis.call('HGET', row, 'ended_at') or '') == ''
end
"""

ADD: Final = (
    _INDEX
    + """
redis.call('HSET', KEYS[1], unpack(ARGV, 6))
redis.call('EXPIRE', KEYS[1], ARGV[2])
for place = 3, 5 do
  if ARGV[place] ~= '' then note(ARGV[place], ARGV[1], tonumber(ARGV[2])) end
end
"""
)
"""Keys: the row. Arguments: its id, seconds to keep it, three hashes, its fields and their values."""

TOUCH: Final = (
    _LIVING
    + """
if lives(KEYS[1]) then redis.call('HSET', KEYS[1], 'seen_at', ARGV[1]) end
"""
)
"""Keys: the row. Arguments: the moment."""

CLAIM: Final = (
    _LIVING
    + f"""
if not lives(KEYS[1]) then return 0 end
local lock = redis.call('HMGET', KEYS[1], 'lock_owner', 'lock_until')
local owner, until_ = lock[1] or '', tonumber(lock[2] or '') or 0
if owner ~= ARGV[1] then
  if until_ >= tonumber(ARGV[2]) and until_ <= tonumber(ARGV[3]) then return 0 end
  if ARGV[5] == '1' and string.sub(owner, 1, {len(FAILED)}) == '{FAILED}' then return 0 end
end
redis.call('HSET', KEYS[1], 'lock_owner', ARGV[1], 'lock_until', ARGV[4])
return 1
"""
)
"""Keys: the row. Arguments: the owner, now, beyond which no honest claim reaches, until when, whether they waited."""

RELEASE: Final = """
if redis.call('HGET', KEYS[1], 'lock_owner') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'lock_owner', ARGV[2], 'lock_until', '0')
end
"""
"""Keys: the row. Arguments: the owner, what is left in their place."""

COUNT: Final = """
local total, sample = redis.call('SCARD', KEYS[1]), tonumber(ARGV[4])
if total == 0 then return 0 end
local ids
if total <= sample then ids = redis.call('SMEMBERS', KEYS[1]) else ids = redis.call('SRANDMEMBER', KEYS[1], sample) end
local alive = 0
for _, id in ipairs(ids) do
  local row = redis.call('HMGET', ARGV[1] .. id, 'ended_at', 'expires_at', 'seen_at')
  local expires, seen = tonumber(row[2] or '') or 0, tonumber(row[3] or '') or 0
  if (row[1] or '') == '' and expires > tonumber(ARGV[2]) and seen > tonumber(ARGV[3]) then alive = alive + 1 end
end
return math.floor(alive * total / #ids + 0.5)
"""
"""Keys: a set of session ids. Arguments: how names of rows begin, now, since when, how many to look at."""

REWRITE: Final = (
    _LIVING
    + """
if not lives(KEYS[1]) then return 0 end
local row = redis.call('HMGET', KEYS[1], 'lock_owner', 'generation', 'sealed')
if row[1] ~= ARGV[1] then return 0 end
if row[2] ~= ARGV[2] and not (row[2] == ARGV[5] and row[3] == ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], 'format', ARGV[3], 'sealed', ARGV[4], 'generation', ARGV[5], 'lock_until', ARGV[6])
return 1
"""
)
"""Keys: the row. Arguments: the owner, the generation, the new format, content and generation, until when."""

BURY: Final = (
    _INDEX
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local row = redis.call('HMGET', KEYS[1], 'ended_at', 'ended_by', 'sub_key', 'sid_key', 'connection_key')
if (row[1] or '') ~= '' then return row[2] == ARGV[4] and 1 or 0 end
-- What frees memory comes first: after it Redis takes the rest also when it is full, so that logout always works.
redis.call('HDEL', KEYS[1], 'sealed', 'about', 'lock_owner', 'lock_until')
redis.call('HSET', KEYS[1], 'ended_at', ARGV[2], 'ended_code', ARGV[3], 'ended_by', ARGV[4])
for place = 3, 5 do
  if (row[place] or '') ~= '' then forget(row[place], ARGV[1]) end
end
return 1
"""
)
"""Keys: the row. Arguments: its id, the moment, the code, a word of who ends it now."""

RESEAL: Final = (
    _INDEX
    + """
local row = redis.call('HMGET', KEYS[1], 'sealed', 'about', 'sub_key', 'sid_key', 'connection_key')
if row[1] == ARGV[4] and row[2] == ARGV[5] then return 1 end
if row[1] ~= ARGV[2] or (row[2] or '') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[4], 'about', ARGV[5],
           'sub_key', ARGV[6], 'sid_key', ARGV[7], 'connection_key', ARGV[8])
local seconds = redis.call('TTL', KEYS[1])
for place = 3, 5 do
  local before, after = row[place] or '', ARGV[place + 3]
  if before ~= after then
    if before ~= '' then forget(before, ARGV[1]) end
    if after ~= '' then note(after, ARGV[1], seconds) end
  end
end
return 1
"""
)
"""Keys: the row. Arguments: its id, its content and what is told of it, the same two anew, three new hashes."""

PUT_BLOB: Final = """
redis.call('HSET', KEYS[1], 'sealed', ARGV[1], 'expires_at', ARGV[2], 'agent_session', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
"""Keys: the blob. Arguments: its content, until when it is good, seconds to keep it, the agent session it names."""

FIELDS: Final = (
    *("format", "generation", "expires_at", "seen_at", "ended_at", "lock_until"),
    *("sealed", "about", "sub_key", "sid_key", "connection_key", "ended_code", "lock_owner"),
)
"""What a row is read by, in the order in which `GET_BOTH` returns it."""

GET_BOTH: Final = f"""
local blob = redis.call('HMGET', KEYS[1], 'sealed', 'expires_at', 'agent_session')
local id = blob[3] or ''
if id == '' then return {{blob[1], blob[2], '', {{}}}} end
return {{blob[1], blob[2], id, redis.call('HMGET', '{SESSION}' .. id, {", ".join(f"'{name}'" for name in FIELDS)})}}
"""
"""Keys: the blob.

Returns the blob's content, until when it is good, the agent session it names, the values of that one's fields.
"""

RESEAL_BLOB: Final = """
local sealed = redis.call('HGET', KEYS[1], 'sealed')
if sealed == ARGV[2] then return 1 end
if sealed ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'sealed', ARGV[2])
return 1
"""
"""Keys: the blob. Arguments: its content, the new content."""

USE: Final = """
local used = redis.call('HMGET', KEYS[1], 'by', 'until')
if used[1] == ARGV[1] then return 1 end
if used[2] and tonumber(used[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'by', ARGV[1], 'until', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""
"""Keys: the mark. Arguments: a word of who uses it now, now, until when it is remembered, seconds to keep it."""
