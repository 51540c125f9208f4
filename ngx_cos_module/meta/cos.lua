#!lua name=cos
--
-- Every change of what is stored, and every listing, as functions inside
-- Redis: one call checks all conditions and then writes everything, so that
-- records, indexes, counters and weights never disagree. PROTOCOL.md has the
-- keys, arguments and replies.
--
-- Nothing is rolled back in Redis when a function fails half way. Therefore
-- each function reads and parses all it needs first and writes last; an error
-- (a malformed record, a wrong argument) is raised before the first write.
--
-- Sizes, offsets, ids and seqs are below 2^53, which a Lua number holds
-- exactly. Text is compared byte by byte, never with < or >, which would
-- follow the locale of the server.

-- Raised together with COS_LUA_VERSION (include/cos_lua_version.h).
local VERSION = 9

local RECORD_VERSION = 1
local WEIGHT_BASE = 256
local PARTS_MAX = 10000
local DONE_SECONDS = 604800       -- how long a completed upload is remembered
local BATCH = 1000                -- elements of one call's argument list
local PAGE = 32                   -- members of an index's page


-------------------------------------------------------------------------------
-- records
-------------------------------------------------------------------------------

local function fail(text)
    error({err = 'ERR cos: ' .. text})
end


-- A number as Redis writes it; tostring() would go to 1e+15.
local function digits(n)
    return string.format('%.0f', n)
end


local function number(text, what)
    if not text or not string.find(text, '^%d+$') or #text > 16 then
        fail('bad ' .. what)
    end
    return tonumber(text)
end


-- Head of an object's or a part's record: number of segments, seq, size, home.
local function head(rec)
    if not rec or #rec < 64 then
        fail('record too short')
    end
    local first, nsegs, _, seq, _, size, _, _, _, home =
        struct.unpack('<I4I2I2I8I8I8I8I8I8I6', rec)
    if first % 256 ~= RECORD_VERSION or #rec < 64 + 18 * nsegs then
        fail('record of another version or cut')
    end
    return nsegs, seq, size, home
end


-- The seq of a bucket, credential or upload record, which all begin alike.
local function front_seq(rec)
    if not rec or #rec < 32 or string.byte(rec, 1) ~= RECORD_VERSION then
        fail('record of another version or cut')
    end
    return (struct.unpack('<I8', rec, 9))
end


local function bucket_id(rec)
    local name, id = string.byte(rec, 3, 4)
    return string.sub(rec, 33 + name, 32 + name + id)
end


-- The ETag as clients write it, without quotes.
local function etag(rec)
    local hex = string.gsub(string.sub(rec, 33, 48), '.', function(c)
        return string.format('%02x', string.byte(c))
    end)
    local parts = struct.unpack('<I2', rec, 7)
    return parts == 0 and hex or hex .. '-' .. parts
end


-- TLVs of an object's record that matter here
local T_OWNER, T_SUM, T_BORN = 8, 9, 11

-- Flags of an object's record
local F_MARKER, F_NULL = 2, 4


local function has_flag(rec, flag)
    return math.floor(string.byte(rec, 2) / flag) % 2 == 1
end


-- Where a TLV's body begins, and its length.
local function tlv(rec, at)
    local len, unit = 0, 1
    repeat
        at = at + 1
        local b = string.byte(rec, at)
        if not b then
            fail('record cut')
        end
        len = len + b % 128 * unit
        unit = unit * 128
    until b < 128
    if at + len > #rec then
        fail('record cut')
    end
    return at + 1, len
end


local function varint(text)
    local n, unit = 0, 1
    for i = 1, #text do
        n = n + string.byte(text, i) % 128 * unit
        unit = unit * 128
    end
    return n
end


-- The seq that a version began with, or nil: see cos_object_born().
local function born_of(rec)
    local at = 65 + 18 * struct.unpack('<I2', rec, 5)
    while at <= #rec do
        local kind = string.byte(rec, at)
        if kind > T_BORN then
            return nil
        end
        local body, len = tlv(rec, at)
        if kind == T_BORN then
            return varint(string.sub(rec, body, body + len - 1))
        end
        at = body + len
    end
end


-- What orders the versions of a key, and the version's id: 0 is null.
local function order_of(rec)
    return born_of(rec) or (struct.unpack('<I8', rec, 9))
end


local function version_of(rec)
    return not has_flag(rec, F_NULL) and born_of(rec) or 0
end

-- What a listing shows of an object, as cos_facts.h lays it out. The record's
-- flags are below 0x20; 0x20 and 0x40 say what follows the fixed part.
local function facts(rec)
    if string.sub(rec, 23, 24) ~= '\0\0' or string.sub(rec, 31, 32) ~= '\0\0'
    then
        fail('number too large')
    end
    local flags = string.byte(rec, 2) % 32
    local at = 65 + 18 * struct.unpack('<I2', rec, 5)
    local sum, owner, born = '', '', ''
    while at <= #rec do
        local kind = string.byte(rec, at)
        if kind > T_BORN then
            break
        end
        local body, len = tlv(rec, at)
        if kind == T_SUM then
            sum, flags = string.sub(rec, body, body), flags + 32
        elseif kind == T_OWNER then
            owner, flags = string.sub(rec, body, body + len - 1), flags + 64
        elseif kind == T_BORN then
            born = string.sub(rec, body, body + len - 1)
        end
        at = body + len
    end
    return string.char(flags) .. string.sub(rec, 4, 4)
           .. string.sub(rec, 7, 8) .. string.sub(rec, 25, 30)
           .. string.sub(rec, 17, 22) .. string.sub(rec, 33, 48)
           .. sum .. owner .. born
end


-------------------------------------------------------------------------------
-- order of bytes
-------------------------------------------------------------------------------

-- In an index a key stands before other things, parted from them by a NUL. A
-- NUL inside the key becomes NUL 0xFF, which keeps members in the order of
-- keys.
local function escape(key)
    if string.find(key, '\0', 1, true) then
        return (string.gsub(key, '%z', '\0\255'))
    end
    return key
end


local function unescape(text)
    if string.find(text, '\0', 1, true) then
        return (string.gsub(text, '%z\255', '\0'))
    end
    return text
end


-- Whether a comes before b by bytes.
local function before(a, b)
    local n = math.min(#a, #b)
    for i = 1, n do
        local x, y = string.byte(a, i), string.byte(b, i)
        if x ~= y then
            return x < y
        end
    end
    return #a < #b
end


-- The least string that is above every string that begins with s; nil when
-- there is none.
local function successor(s)
    local last = string.byte(s, -1)
    if last and last < 255 then
        return string.sub(s, 1, -2) .. string.char(last + 1)
    end
    local rest = string.match(s, '^(.*[^\255])\255+$')
    return rest and successor(rest)
end


-------------------------------------------------------------------------------
-- paged indexes
-------------------------------------------------------------------------------

-- An index is a B+ tree of two levels made of sorted sets, all scores 0. Its
-- pages hold the members, at most PAGE of them, which Redis keeps in one piece
-- of memory: a listing reads some pages instead of a place in memory for each
-- member. To find one on its page Redis looks at all before it, which is why
-- pages are small. The directory holds for each page the text at which it starts; that
-- of the first page is ''. A hash holds the bytes of each page's objects.
--
-- A member is <id> NUL <facts>, one for each id. An id is such that no other
-- member lies between <id> NUL and <id> NUL 0xFF: facts begin with a byte below
-- 0x80, and a NUL inside of a key is followed by 0xFF.
--
-- An index is named by a table:
--   dir     key of the directory
--   page    what goes before a page's start to make its key
--   bytes   key of the hash
--   facts   function(member): where its facts begin

local OLD_INDEX = 'index of another version: run cosctl rebuild'


-- Where facts begin behind an id that is an escaped key.
local function key_end(member)
    local at = 0
    repeat
        at = string.find(member, '\0', at + 1, true)
        if not at then
            fail(OLD_INDEX)
        end
    until string.byte(member, at + 1) ~= 255
    return at + 1
end


local function key_of(member)
    return unescape(string.sub(member, 1, key_end(member) - 2))
end


local function objects_index(bid)
    local tag = '{' .. bid .. '}'
    return {dir = 'k' .. tag, page = 'K' .. tag, bytes = 'y' .. tag,
            facts = key_end}
end


-- Versions that are not current, and delete markers that are. Their ids are
-- <key> NUL <14 hex digits>, which put the newest first.
local CODE = 14

local function code(order)
    return string.format('%014x', 9007199254740991 - order)
end


local function versions_index(bid)
    local tag = '{' .. bid .. '}'
    return {dir = 'w' .. tag, page = 'W' .. tag, bytes = 'z' .. tag,
            facts = function(member)
                return key_end(member) + CODE + 1
            end}
end


local function code_of(member)
    local at = key_end(member)
    return string.sub(member, at, at + CODE - 1)
end


-- The start of the page that holds what begins with or follows text; nil when
-- the index has no page.
local function index_page(x, text)
    return redis.call('ZREVRANGEBYLEX', x.dir, '[' .. text, '-', 'LIMIT', '0',
                      '1')[1]
end


local function index_bytes(x, members, first, last)
    local sum = 0
    for i = first, last do
        sum = sum + struct.unpack('<I6', members[i], x.facts(members[i]) + 4)
    end
    return sum
end


-- Adds members to a page.
local function index_fill(page, members, first, last)
    local args, n = {}, 0
    for i = first, last do
        args[n + 1], args[n + 2] = '0', members[i]
        n = n + 2
    end
    redis.call('ZADD', page, unpack(args))
end


-- Splits a full page to make room for member, and returns the start of the page
-- it belongs to. What is behind the middle goes. But where keys ascend pages are
-- to be filled: what comes behind the last of all begins a page of its own, and
-- what comes behind all of another page takes the last few of it with it, so
-- that what follows, in whatever order, finds room there.
-- A page starts at the shortest text between its first member and the last one
-- before it: as ids are not prefixes of each other's members, that is above the
-- id of the one and not above that of the other.
local function index_split(x, start, member)
    local page = x.page .. start
    local members = redis.call('ZRANGE', page, '0', '-1')
    local n = #members
    local from = math.floor(n / 2) + 1
    if before(members[n], member) then
        from = n - 3
        if #redis.call('ZRANGEBYLEX', x.dir, '(' .. start, '+', 'LIMIT', '0',
                       '1') == 0
        then
            from = n + 1
            members[from] = member
        end
    end

    local a, b, same = members[from - 1], members[from], 1
    while same < #b and string.byte(a, same) == string.byte(b, same) do
        same = same + 1
    end
    local next = string.sub(b, 1, same)
    local moved = from <= n and index_bytes(x, members, from, n) or 0

    redis.call('ZADD', x.dir, '0', next)
    if from <= n then
        index_fill(x.page .. next, members, from, n)
        redis.call('ZREMRANGEBYRANK', page, digits(from - 1), '-1')
    end
    if moved ~= 0 then
        redis.call('HINCRBY', x.bytes, start, -moved)
        redis.call('HINCRBY', x.bytes, next, moved)
    end
    return before(member, next) and start or next
end


-- Removes the member of an id and tells whether there was one. By its facts
-- that is a comparison of bytes for each member of the page; a range, which is
-- ten times as dear, finds it also if they differ.
local function index_cut(page, id, text)
    return redis.call('ZREM', page, id .. '\0' .. text) == 1
           or redis.call('ZREMRANGEBYLEX', page, '[' .. id .. '\0',
                         '(' .. id .. '\0\255') ~= 0
end


-- Adds an id, or gives it other facts. had: the facts it has, or nil; first:
-- whether it may be that the index is empty; bytes: the difference that it
-- makes. Reads before it writes.
local function index_put(x, id, text, had, first, bytes)
    local start = index_page(x, id)
    local member = id .. '\0' .. text
    if not start then
        if had or not first then
            fail(OLD_INDEX)
        end
        start = ''
        redis.call('ZADD', x.dir, '0', start)
    elseif had then
        index_cut(x.page .. start, id, had)
    elseif redis.call('ZCARD', x.page .. start) >= PAGE then
        start = index_split(x, start, member)
    end
    redis.call('ZADD', x.page .. start, '0', member)
    if bytes ~= 0 then
        redis.call('HINCRBY', x.bytes, start, bytes)
    end
end


-- Removes an id that is there. A page that becomes empty goes, but the first; a
-- small one joins the one before it, if that has room to spare. Reads before
-- it writes: left counts what there is when the id is gone.
local function index_del(x, id, had, bytes)
    local start = index_page(x, id)
    if not start then
        fail(OLD_INDEX)
    end
    local page, to = x.page .. start, nil
    local left = redis.call('ZCARD', page) - 1
    if left > 0 and left <= PAGE / 8 and start ~= '' then
        to = redis.call('ZREVRANGEBYLEX', x.dir, '(' .. start, '-', 'LIMIT',
                        '0', '1')[1]
        if not to or redis.call('ZCARD', x.page .. to) + left > PAGE / 2 then
            to = nil
        end
    end

    if not index_cut(page, id, had) then
        return
    end
    if to then
        local members = redis.call('ZRANGE', page, '0', '-1')
        local rest = index_bytes(x, members, 1, left)
        index_fill(x.page .. to, members, 1, left)
        redis.call('DEL', page)
        if rest ~= 0 then
            redis.call('HINCRBY', x.bytes, to, rest)
        end
    elseif left == 0 and start == '' then
        redis.call('HDEL', x.bytes, start)
    elseif left > 0 then
        if bytes ~= 0 then
            redis.call('HINCRBY', x.bytes, start, -bytes)
        end
    end
    if start ~= '' and (to or left == 0) then
        redis.call('ZREM', x.dir, start)
        redis.call('HDEL', x.bytes, start)
    end
end


-- The first member between lo and hi, as for ZRANGEBYLEX, or nil.
local function index_first(x, lo, hi)
    local start = index_page(x, string.sub(lo, 2))
    while start do
        local found = redis.call('ZRANGEBYLEX', x.page .. start, lo, hi,
                                 'LIMIT', '0', '1')[1]
        if found then
            return found
        end
        start = redis.call('ZRANGEBYLEX', x.dir, '(' .. start, hi, 'LIMIT',
                           '0', '1')[1]
    end
end


-- Starts of pages behind the one at start, at most so many (as text); hi: as
-- for ranges of members, '+' or '(' and text.
local function index_ahead(x, start, hi, count)
    return redis.call('ZRANGEBYLEX', x.dir, '(' .. start, hi, 'LIMIT', '0',
                      count or '16')
end


-- Removes a whole index.
local function index_drop(x)
    local starts = redis.call('ZRANGE', x.dir, '0', '-1')
    for i = 1, #starts do
        redis.call('DEL', x.page .. starts[i])
    end
    redis.call('DEL', x.dir, x.bytes)
end


-------------------------------------------------------------------------------
-- weights
-------------------------------------------------------------------------------

-- Adds sign times what a record weighs in each container to the table t.
local function weigh(t, rec, nsegs, home, sign)
    if home ~= 0 then
        t[home] = (t[home] or 0) + sign * WEIGHT_BASE
    end
    for at = 65, 47 + 18 * nsegs, 18 do
        local cid, _, len = struct.unpack('<I6I6I6', rec, at)
        t[cid] = (t[cid] or 0) + sign * (len + WEIGHT_BASE)
    end
end


-- Moves one container's weight; an id whose last weight went joins dead. An id
-- that gains its first weight leaves d{bid}, so that the set and the hash
-- never name the same container.
local function shift(bid, cid, delta, dead)
    local c, d = 'c{' .. bid .. '}', 'd{' .. bid .. '}'
    local weight = redis.call('HINCRBY', c, cid, delta)
    if weight == 0 then
        redis.call('HDEL', c, cid)
        redis.call('SADD', d, cid)
        dead[#dead + 1] = digits(cid)
    elseif weight == delta then
        redis.call('SREM', d, cid)
    end
end


local function shift_all(bid, t, dead)
    for cid, delta in pairs(t) do
        if delta ~= 0 then
            shift(bid, cid, delta, dead)
        end
    end
    return dead
end


-- What replacing the record old (false: none) by new does to the weights.
local function reweigh(old, new)
    local t = {}
    if old then
        local nsegs, _, _, home = head(old)
        weigh(t, old, nsegs, home, -1)
    end
    local nsegs, _, _, home = head(new)
    weigh(t, new, nsegs, home, 1)
    return t
end


-------------------------------------------------------------------------------
-- what changes have in common
-------------------------------------------------------------------------------

-- Counters and settings of a bucket, or the refusal of a change to it.
local N, S, U, V, DAYS, MAX_BYTES, MAX_OBJECTS = 1, 2, 3, 4, 5, 6, 7

local function open_bucket(bid, inc)
    local m = redis.call('HMGET', 'm{' .. bid .. '}', 'n', 's', 'u', 'v', 'w',
                         'qb', 'qo')
    if not m[1] then
        return nil, {'NOBUCKET'}
    end
    if redis.call('SISMEMBER', 'x{' .. bid .. '}', inc) == 1 then
        return nil, {'FENCED'}
    end
    return m
end


-- Where an object's or a part's bytes are: its segments as they are stored.
local function places(rec)
    return string.sub(rec, 65, 64 + 18 * struct.unpack('<I2', rec, 5))
end


-- nil, or the refusal; old is the current record or false; rec the new one,
-- nil for a deletion. A change of metadata names the bytes where its reader
-- saw them: compaction may have moved them since, under the same seq.
local function check(cond, arg, old, old_seq, rec)
    if cond == 'any' then
        return nil
    end
    if cond == 'absent' then
        return old and {'EXISTS'} or nil
    end
    if cond == 'match' then
        if not old then
            return {'NOKEY'}
        end
        return arg ~= '*' and arg ~= etag(old) and {'NOMATCH'} or nil
    end
    if cond == 'seq' then
        if not old then
            return {'NOKEY'}
        end
        if number(arg, 'seq') ~= old_seq
            or rec and places(rec) ~= places(old)
        then
            return {'CONFLICT'}
        end
        return nil
    end
    if cond == 'grow' then
        if not old then
            return {'NOKEY'}
        end
        -- more bytes behind those that its reader saw
        local before = places(old)
        if number(arg, 'seq') ~= old_seq
            or string.sub(places(rec), 1, #before) ~= before
        then
            return {'CONFLICT'}
        end
        return nil
    end
    fail('unknown condition')
end


-- Seqs order the changes of a key also when the key is gone: a change that
-- took its seq before a deletion did but arrives after it must not come back
-- under the lower number, because a rebuild would let the deletion win. The
-- highest seq of deletions is kept in 256 slots by key; two keys in one slot
-- cost a needless STALE, which is repeated with a higher seq.
local function deleted_seq(bid, key)
    local slot = string.sub(redis.sha1hex(key), 1, 2)
    local seq = redis.call('HGET', 't{' .. bid .. '}', slot)
    return seq and tonumber(seq) or 0, slot
end


-- Conditions, then the order of seqs. old may be false.
local function refuse(bid, key, cond, arg, old, old_seq, seq, rec)
    local no = check(cond, arg, old, old_seq, rec)
    if no then
        return no
    end
    local last = old_seq
    if not old then
        last = deleted_seq(bid, key)
    end
    if seq <= last then
        return {'STALE', digits(last)}
    end
end


-- Whether the bucket keeps what would be destroyed: its retention counts days
-- from the last change of the bytes.
local function retained(m, rec)
    local days = tonumber(m[DAYS] or '0')
    if days == 0 or not rec or has_flag(rec, F_MARKER) then
        return false
    end
    local now = redis.call('TIME')
    return struct.unpack('<I8', rec, 17) + days * 86400000
           > tonumber(now[1]) * 1000
end


-- Whether the bucket may grow so much. Counts of versions are read only when
-- there is a limit.
local function over_quota(bid, m, objects, bytes)
    local max_bytes = tonumber(m[MAX_BYTES] or '0')
    local max_objects = tonumber(m[MAX_OBJECTS] or '0')
    if max_bytes == 0 and max_objects == 0 then
        return false
    end
    local more = redis.call('HMGET', 'm{' .. bid .. '}', 'vn', 'vs')
    return max_bytes > 0 and bytes > 0
           and m[S] + (more[2] or 0) + bytes > max_bytes
           or max_objects > 0 and objects > 0
           and m[N] + (more[1] or 0) + objects > max_objects
end


-- What is stored in other classes than the standard one is counted by class,
-- all versions together.
local function tally(mkey, rec, sign)
    local class = string.byte(rec, 4)
    if class ~= 0 and not has_flag(rec, F_MARKER) then
        redis.call('HINCRBY', mkey, 'n' .. class, sign)
        local size = struct.unpack('<I8', rec, 25)
        if size ~= 0 then             -- Lua's -0 is no number to Redis
            redis.call('HINCRBY', mkey, 's' .. class, digits(sign * size))
        end
    end
end


-- Writes an object of a bucket without versions, and what names and counts it.
-- m: counters read before, with the change of open uploads in du; old may be
-- false.
local function store(bid, key, okey, rec, size, old, old_size, m, du)
    index_put(objects_index(bid), escape(key), facts(rec),
              old and facts(old), m[N] == '0',
              size - old_size)
    redis.call('SET', okey, rec)
    local mkey = 'm{' .. bid .. '}'
    local bytes = tonumber(m[S]) + size - old_size
    if not old then
        if du == 0 then
            redis.call('HSET', mkey, 'n', m[N] + 1, 's', bytes)
        else
            redis.call('HSET', mkey, 'n', m[N] + 1, 's', bytes,
                       'u', m[U] + du)
        end
    elseif du ~= 0 then
        redis.call('HSET', mkey, 's', bytes, 'u', m[U] + du)
    elseif size ~= old_size then
        redis.call('HSET', mkey, 's', bytes)
    end
    tally(mkey, rec, 1)
    if old then
        tally(mkey, old, -1)
    end
end


-------------------------------------------------------------------------------
-- versions
-------------------------------------------------------------------------------

-- The current version of a key is at o{bid}<key>, also when it is a delete
-- marker; every other one at v{bid}<key> NUL <code>. A null version that is not
-- current is found through N{bid}.
local function version_key(bid, key, hex)
    return 'v{' .. bid .. '}' .. key .. '\0' .. hex
end


-- The record of a version and, when it is not current, its code; false when
-- there is none.
local function find_version(bid, key, cur, version)
    if cur and version_of(cur) == version then
        return cur, nil
    end
    local hex
    if version == 0 then
        hex = redis.call('HGET', 'N{' .. bid .. '}', key)
    else
        hex = code(version)
    end
    return hex and redis.call('GET', version_key(bid, key, hex)) or false, hex
end


-- Changes of counters, written at the end.
local function count(sums, rec, current, sign)
    local size = struct.unpack('<I8', rec, 25)
    local live = current and not has_flag(rec, F_MARKER)
    local n, s = live and 'n' or 'vn', live and 's' or 'vs'
    sums[n] = (sums[n] or 0) + sign
    sums[s] = (sums[s] or 0) + sign * size
end


local function write_counts(bid, sums)
    local mkey = 'm{' .. bid .. '}'
    for field, delta in pairs(sums) do
        if delta ~= 0 then
            redis.call('HINCRBY', mkey, field, digits(delta))
        end
    end
end


local function size_of(rec)
    return (struct.unpack('<I8', rec, 25))
end


-- Makes the current version one that is not current any more.
local function displace(bid, key, cur, sums)
    local hex = code(order_of(cur))
    redis.call('SET', version_key(bid, key, hex), cur)
    if version_of(cur) == 0 then
        redis.call('HSET', 'N{' .. bid .. '}', key, hex)
    end
    if not has_flag(cur, F_MARKER) then
        index_put(versions_index(bid), escape(key) .. '\0' .. hex, facts(cur),
                  nil, true, size_of(cur))
    end
    count(sums, cur, true, -1)
    count(sums, cur, false, 1)
end


-- Writes the record that becomes current. was: what the index of objects names
-- under the key, or nil.
local function make_current(bid, key, okey, rec, was, sums)
    local id = escape(key)
    if has_flag(rec, F_MARKER) then
        if was then
            index_del(objects_index(bid), id, facts(was), size_of(was))
        end
        index_put(versions_index(bid), id .. '\0' .. code(order_of(rec)),
                  facts(rec), nil, true, 0)
    else
        index_put(objects_index(bid), id, facts(rec), was and facts(was), true,
                  size_of(rec) - (was and size_of(was) or 0))
    end
    redis.call('SET', okey, rec)
    count(sums, rec, true, 1)
end


-- Removes a version that is not current.
local function drop_version(bid, key, hex, rec, sums)
    redis.call('DEL', version_key(bid, key, hex))
    index_del(versions_index(bid), escape(key) .. '\0' .. hex, facts(rec),
              size_of(rec))
    if version_of(rec) == 0 then
        redis.call('HDEL', 'N{' .. bid .. '}', key)
    end
    count(sums, rec, false, -1)
end


-- What a new record does to the versions of its key, found out by reading
-- alone: a plan for apply(), or nil and the refusal. A record that began before
-- its seq replaces that of the same version where it stands, one that began
-- with it is a new version, and one that does not say is the new null version.
local function plan(bid, key, okey, rec, m, cond, arg)
    local _, seq = head(rec)
    local born = born_of(rec)
    local cur = redis.call('GET', okey)
    local p = {rec = rec, cur = cur}
    local visible = cur and not has_flag(cur, F_MARKER) and cur or false
    local last, no = 0, nil

    if born and born ~= seq then
        p.old, p.hex = find_version(bid, key, cur, version_of(rec))
        local _, old_seq = nil, 0
        if p.old then
            _, old_seq = head(p.old)
        end
        no = check(cond, arg, p.old, old_seq, rec)
        last = old_seq
        p.amends = true
        if not no and not p.old then
            no = {'NOKEY'}
        end
        if not no and order_of(p.old) ~= born then
            no = {'CONFLICT'}
        end
    else
        local old_seq = 0
        if cur then
            _, last = head(cur)
        end
        if visible then
            old_seq = last
        end
        if cond == 'grow'
            or not born and (m[V] == '1' or cond == 'seq' and m[V] == '2')
        then
            return nil, {'VERSIONING'}
        end
        no = check(cond, arg, visible, old_seq, rec)
        if not born then
            p.null, p.hex = find_version(bid, key, cur, 0)
            local other = 0
            if p.null then
                _, other = head(p.null)
            else
                other = deleted_seq(bid, key)
            end
            last = math.max(last, other)
        end
    end

    if no then
        return nil, no
    end
    if seq <= last then
        return nil, {'STALE', digits(last)}
    end
    if p.null and retained(m, p.null) then
        return nil, {'RETAINED'}
    end
    local gone = p.old or p.null
    if over_quota(bid, m, gone and 0 or 1,
                  size_of(rec) - (gone and size_of(gone) or 0)) then
        return nil, {'QUOTA'}
    end
    p.gone = gone
    return p
end


-- Replaces the record of a version.
local function amend(bid, key, okey, p, sums)
    local x, id = objects_index(bid), escape(key)
    if p.hex or has_flag(p.rec, F_MARKER) then
        x, id = versions_index(bid), id .. '\0' .. code(order_of(p.rec))
    end
    index_put(x, id, facts(p.rec), facts(p.old), false,
              size_of(p.rec) - size_of(p.old))
    redis.call('SET', p.hex and version_key(bid, key, p.hex) or okey, p.rec)
    count(sums, p.old, not p.hex, -1)
    count(sums, p.rec, not p.hex, 1)
end


local function apply(bid, key, okey, p, sums)
    local mkey = 'm{' .. bid .. '}'
    tally(mkey, p.rec, 1)
    if p.gone then
        tally(mkey, p.gone, -1)
    end
    if p.amends then
        return amend(bid, key, okey, p, sums)
    end

    local cur = p.cur
    local was = cur and not has_flag(cur, F_MARKER) and cur or nil
    if p.null and p.hex then
        drop_version(bid, key, p.hex, p.null, sums)
    elseif p.null then
        -- the current version is the null version, which goes
        if not was then
            index_del(versions_index(bid),
                      escape(key) .. '\0' .. code(order_of(cur)), facts(cur),
                      0)
        end
        count(sums, cur, true, -1)
        cur = false
    end
    if cur then
        displace(bid, key, cur, sums)
    end
    make_current(bid, key, okey, p.rec, was, sums)
end


-- The newest version behind the current one, or nil: code and record.
local function next_version(bid, key, cur)
    local id = escape(key)
    local lo = '[' .. id .. '\0'
    if has_flag(cur, F_MARKER) then
        lo = lo .. code(order_of(cur)) .. '\0\255'
    end
    local member = index_first(versions_index(bid), lo, '(' .. id .. '\0\255')
    if not member then
        return nil
    end
    local hex = code_of(member)
    local rec = redis.call('GET', version_key(bid, key, hex))
    if not rec then
        fail('a version without its record')
    end
    return hex, rec
end


-- Removes the current version; the one before it becomes current.
local function uncover(bid, key, okey, cur, sums)
    local x, id = versions_index(bid), escape(key)
    local hex, rec = next_version(bid, key, cur)
    local was = not has_flag(cur, F_MARKER) and cur or nil
    if not was then
        index_del(x, id .. '\0' .. code(order_of(cur)), facts(cur), 0)
    end
    count(sums, cur, true, -1)

    if not hex then
        if was then
            index_del(objects_index(bid), id, facts(cur), size_of(cur))
        end
        redis.call('DEL', okey)
        return
    end

    redis.call('DEL', version_key(bid, key, hex))
    if version_of(rec) == 0 then
        redis.call('HDEL', 'N{' .. bid .. '}', key)
    end
    count(sums, rec, false, -1)
    if has_flag(rec, F_MARKER) then
        -- which stays where it is in the index of versions
        if was then
            index_del(objects_index(bid), id, facts(was), size_of(was))
        end
        redis.call('SET', okey, rec)
        count(sums, rec, true, 1)
    else
        index_del(x, id .. '\0' .. hex, facts(rec), size_of(rec))
        make_current(bid, key, okey, rec, was, sums)
    end
end


-- What one call looks at when it looks for holders: so many versions, or
-- records of so many bytes.
local LOOK_VERSIONS, LOOK_BYTES = 100, 262144

-- Those versions of a key that refer to a container, newest first, from the one
-- behind the code from: where to go on, or '', and their records.
local function find_holders(bid, key, cur, holder, from)
    local x, id = versions_index(bid), escape(key)
    local found, n, bytes, last = {'OK', ''}, 0, 0, nil
    local function look(rec)
        local nsegs, _, _, home = head(rec)
        local t = {}
        weigh(t, rec, nsegs, home, 1)
        if t[holder] then
            found[#found + 1] = rec
        end
        bytes = bytes + #rec
    end
    if cur and from == '' then
        look(cur)
    end
    local hi = '(' .. id .. '\0\255'
    local member = index_first(x, '[' .. id .. '\0'
                               .. (from == '' and '' or from .. '\0\255'), hi)
    while member do
        if last and (n >= LOOK_VERSIONS or bytes >= LOOK_BYTES) then
            found[2] = last
            break
        end
        n, last = n + 1, code_of(member)
        local rec = redis.call('GET', version_key(bid, key, last))
        if rec then
            look(rec)
        end
        member = index_first(x, '(' .. member, hi)
    end
    return found
end


-- KEYS o{bid}<key>  ARGV bid key version [holder from]
-- The record of a version. With a holder a page of those that refer to that
-- container.
local function cos_find(keys, args)
    local bid, key = args[1], args[2]
    local cur = redis.call('GET', keys[1])
    if not args[4] then
        return {'OK', (find_version(bid, key, cur,
                                    number(args[3], 'version')))
                      or nil}
    end
    local from = args[5] or ''
    if from ~= '' and (#from ~= CODE or string.find(from, '%X')) then
        fail('bad place to go on')
    end
    return find_holders(bid, key, cur, number(args[4], 'container'), from)
end


-------------------------------------------------------------------------------
-- objects
-------------------------------------------------------------------------------

-- What the settings of a bucket without versions refuse. A change of metadata
-- destroys nothing.
local function limit(bid, m, old, size, old_size, cond)
    if old and cond ~= 'seq' and retained(m, old) then
        return {'RETAINED'}
    end
    if over_quota(bid, m, old and 0 or 1, size - old_size) then
        return {'QUOTA'}
    end
end


-- Carries out a plan. t: weights that change besides; sums: counters.
local function change(bid, key, okey, p, t, sums)
    local nsegs, _, _, home = head(p.rec)
    weigh(t, p.rec, nsegs, home, 1)
    if p.gone then
        nsegs, _, _, home = head(p.gone)
        weigh(t, p.gone, nsegs, home, -1)
    end
    apply(bid, key, okey, p, sums)
    write_counts(bid, sums)
    return shift_all(bid, t, {})
end


-- KEYS o{bid}<key>  ARGV bid key inc record cond [arg]
local function cos_put(keys, args)
    local okey, bid, key, rec = keys[1], args[1], args[2], args[4]
    local m, no = open_bucket(bid, args[3])
    if no then
        return no
    end

    local nsegs, seq, size, home = head(rec)
    if m[V] and m[V] ~= '0' then
        local p
        p, no = plan(bid, key, okey, rec, m, args[5], args[6])
        if no then
            return no
        end
        return {'OK', p.cur and 1 or 0, change(bid, key, okey, p, {}, {})}
    end

    local old = redis.call('GET', okey)
    local old_nsegs, old_seq, old_size, old_home = 0, 0, 0, 0
    if old then
        old_nsegs, old_seq, old_size, old_home = head(old)
    end
    no = refuse(bid, key, args[5], args[6], old, old_seq, seq, rec)
         or limit(bid, m, old, size, old_size, args[5])
    if no then
        return no
    end

    local dead = {}
    if nsegs == 1 and home == 0 and not old then
        -- a new object in one piece, the most frequent change
        local cid, _, len = struct.unpack('<I6I6I6', rec, 65)
        store(bid, key, okey, rec, size, old, 0, m, 0)
        shift(bid, cid, len + WEIGHT_BASE, dead)
        return {'OK', 0, dead}
    end

    local t = {}
    weigh(t, rec, nsegs, home, 1)
    if old then
        weigh(t, old, old_nsegs, old_home, -1)
    end
    store(bid, key, okey, rec, size, old, old_size, m, 0)
    return {'OK', old and 1 or 0, shift_all(bid, t, dead)}
end


-- The same for a delete marker, which frees memory of listings at least: it is
-- made also when memory is full.
local function cos_mark(keys, args)
    if not has_flag(args[4], F_MARKER) then
        fail('not a delete marker')
    end
    return cos_put(keys, args)
end


-- Removes one version; what is current without it follows.
local function del_version(bid, key, okey, m, args)
    local seq, version = number(args[4], 'seq'), number(args[7], 'version')
    local cur = redis.call('GET', okey)
    local old, hex = find_version(bid, key, cur, version)
    local nsegs, old_seq, home, _ = 0, 0, 0, nil
    if old then
        nsegs, old_seq, _, home = head(old)
    end
    local no = check(args[5], args[6], old, old_seq)
    if no then
        return no
    end
    if old and seq <= old_seq then
        return {'STALE', digits(old_seq)}
    end
    if old and retained(m, old) then
        return {'RETAINED'}
    end

    if version == 0 then
        local last, slot = deleted_seq(bid, key)
        if seq > last then
            redis.call('HSET', 't{' .. bid .. '}', slot, seq)
        end
    end
    if not old then
        return {'OK', 0, {}}
    end
    local t, sums = {}, {}
    weigh(t, old, nsegs, home, -1)
    tally('m{' .. bid .. '}', old, -1)
    if hex then
        drop_version(bid, key, hex, old, sums)
    else
        uncover(bid, key, okey, old, sums)
    end
    write_counts(bid, sums)
    return {'OK', 1, shift_all(bid, t, {})}
end


-- KEYS o{bid}<key>  ARGV bid key inc seq cond arg [version]
local function cos_del(keys, args)
    local okey, bid, key = keys[1], args[1], args[2]
    local m, no = open_bucket(bid, args[3])
    if no then
        return no
    end

    if args[7] then
        return del_version(bid, key, okey, m, args)
    end
    if m[V] and m[V] ~= '0' then
        return {'VERSIONING'}
    end

    local seq = number(args[4], 'seq')
    local old = redis.call('GET', okey)
    local t, old_seq, old_size = {}, 0, 0
    if old then
        local nsegs, home
        nsegs, old_seq, old_size, home = head(old)
        weigh(t, old, nsegs, home, -1)
    end
    no = check(args[5], args[6], old, old_seq)
    if no then
        return no
    end
    if old and seq <= old_seq then
        return {'STALE', digits(old_seq)}
    end
    if retained(m, old) then
        return {'RETAINED'}
    end

    local last, slot = deleted_seq(bid, key)
    if old then
        index_del(objects_index(bid), escape(key), facts(old), old_size)
    end
    if seq > last then
        redis.call('HSET', 't{' .. bid .. '}', slot, seq)
    end
    if not old then
        return {'OK', 0, {}}
    end
    redis.call('DEL', okey)
    redis.call('HSET', 'm{' .. bid .. '}', 'n', m[N] - 1,
               's', tonumber(m[S]) - old_size)
    tally('m{' .. bid .. '}', old, -1)
    return {'OK', 1, shift_all(bid, t, {})}
end


-- Puts the same content at another place, unless it changed meanwhile.
-- KEYS o{bid}<key>  ARGV bid key seq rev record
local function cos_move(keys, args)
    local bid, key, rec = args[1], args[2], args[5]
    local old, hex = find_version(bid, key, redis.call('GET', keys[1]),
                                  version_of(rec))
    if not old then
        return {'GONE'}
    end
    local _, seq = head(old)
    if seq ~= number(args[3], 'seq')
       or struct.unpack('<I2', old, 63) ~= number(args[4], 'rev') then
        return {'GONE'}
    end
    local t = reweigh(old, rec)
    local shown = facts(rec)
    if shown ~= facts(old) then
        fail('a move that changes the object')
    end
    redis.call('SET', hex and version_key(bid, key, hex) or keys[1], rec)
    return {'OK', shift_all(bid, t, {})}
end


-- A version of an object of a rebuild. Versions come in any order; weights are
-- written when all is there.
-- KEYS o{bid}<key>  ARGV bid key record
local function cos_load(keys, args)
    local okey, bid, key, rec = keys[1], args[1], args[2], args[3]
    local cur, sums = redis.call('GET', okey), {}
    head(rec)
    if cur and find_version(bid, key, cur, version_of(rec)) then
        fail('version is there')
    end
    if not cur then
        make_current(bid, key, okey, rec, nil, sums)
    elseif order_of(rec) > order_of(cur) then
        displace(bid, key, cur, sums)
        make_current(bid, key, okey, rec,
                     not has_flag(cur, F_MARKER) and cur or nil, sums)
    else
        local hex = code(order_of(rec))
        redis.call('SET', version_key(bid, key, hex), rec)
        if version_of(rec) == 0 then
            redis.call('HSET', 'N{' .. bid .. '}', key, hex)
        end
        index_put(versions_index(bid), escape(key) .. '\0' .. hex, facts(rec),
                  nil, true, size_of(rec))
        count(sums, rec, false, 1)
    end
    write_counts(bid, sums)
    tally('m{' .. bid .. '}', rec, 1)
    return {'OK'}
end


-------------------------------------------------------------------------------
-- uploads
-------------------------------------------------------------------------------

-- A member of p{bid} is <key> NUL <id>, the key escaped; ids are letters and
-- digits.
local function upload_member(key, id)
    return escape(key) .. '\0' .. id
end


-- The key and the id of a member of p{bid}.
local function upload_parse(member)
    local key, id = string.match(member, '^(.*)%z([^%z]*)$')
    return unescape(key), id
end


local function upload_id(member)
    return string.match(member, '[^%z]*$')
end


-- KEYS U{bid}<id>  ARGV bid key id inc record
local function cos_mpu_init(keys, args)
    local bid, rec = args[1], args[5]
    local m, no = open_bucket(bid, args[4])
    if no then
        return no
    end
    front_seq(rec)
    if redis.call('EXISTS', keys[1]) == 1 then
        return {'EXISTS'}
    end
    redis.call('SET', keys[1], rec)
    redis.call('ZADD', 'p{' .. bid .. '}', 0, upload_member(args[2], args[3]))
    redis.call('HSET', 'm{' .. bid .. '}', 'u', m[U] + 1)
    return {'OK'}
end


-- KEYS U{bid}<id>  ARGV bid id inc n record
local function cos_mpu_part(keys, args)
    local bid, id, n, rec = args[1], args[2], args[4], args[5]
    if redis.call('EXISTS', keys[1]) == 0 then
        return {'NOUPLOAD'}
    end
    if redis.call('SISMEMBER', 'x{' .. bid .. '}', args[3]) == 1 then
        return {'FENCED'}
    end
    n = number(n, 'part number')
    if n < 1 or n > PARTS_MAX then
        fail('bad part number')
    end
    local pkey = 'P{' .. bid .. '}' .. id
    local old = redis.call('HGET', pkey, n)
    local _, seq = head(rec)
    if old then
        local _, old_seq = head(old)
        if seq <= old_seq then
            return {'STALE', digits(old_seq)}
        end
    end
    local t = reweigh(old, rec)
    redis.call('HSET', pkey, n, rec)
    return {'OK', shift_all(bid, t, {})}
end


-- All parts of an upload by number (as text), their weights taken from t.
local function parts_of(bid, id, t)
    local flat = redis.call('HGETALL', 'P{' .. bid .. '}' .. id)
    local parts = {}
    for i = 1, #flat, 2 do
        local rec = flat[i + 1]
        local nsegs, _, _, home = head(rec)
        weigh(t, rec, nsegs, home, -1)
        parts[flat[i]] = rec
    end
    return parts
end


-- The answer when there is no such upload: it may have been completed before.
local function upload_done(bid, key, id)
    local done = redis.call('GET', 'D{' .. bid .. '}' .. id)
    if done and string.match(done, '^(.*)%z%d+$') == key then
        return {'DONE', done}
    end
    return {'NOUPLOAD'}
end


-- done: what is remembered of an upload that was completed, or nil
local function upload_close(bid, id, member, done)
    redis.call('DEL', 'U{' .. bid .. '}' .. id, 'P{' .. bid .. '}' .. id)
    redis.call('ZREM', 'p{' .. bid .. '}', member)
    if done then
        redis.call('SET', 'D{' .. bid .. '}' .. id, done, 'EX', DONE_SECONDS)
    end
end


-- KEYS o{bid}<key>
-- ARGV bid key id inc record cond arg count {n seq} * count
local function cos_mpu_complete(keys, args)
    local okey, bid, key, id, rec = keys[1], args[1], args[2], args[3], args[5]
    local m, no = open_bucket(bid, args[4])
    if no then
        return no
    end
    local member = upload_member(key, id)
    if not redis.call('ZSCORE', 'p{' .. bid .. '}', member) then
        return upload_done(bid, key, id)
    end

    local t = {}
    local parts = parts_of(bid, id, t)
    local at = 65
    for i = 9, 7 + 2 * number(args[8], 'count'), 2 do
        local part = parts[args[i]]
        if not part then
            return {'PART', number(args[i], 'part number')}
        end
        local _, seq = head(part)
        if seq ~= number(args[i + 1], 'seq') then
            return {'PART', number(args[i], 'part number')}
        end
        local place = places(part)
        if string.sub(rec, at, at + #place - 1) ~= place then
            return {'MOVED'}
        end
        at = at + #place
    end

    local nsegs, seq, size, home = head(rec)
    local done = key .. '\0' .. digits(seq)
    if m[V] and m[V] ~= '0' then
        local p
        p, no = plan(bid, key, okey, rec, m, args[6], args[7])
        if no then
            return no
        end
        local dead = change(bid, key, okey, p, t, {u = -1})
        upload_close(bid, id, member, done)
        return {'OK', p.cur and 1 or 0, dead}
    end

    local old = redis.call('GET', okey)
    local old_seq, old_size = 0, 0
    weigh(t, rec, nsegs, home, 1)
    if old then
        local old_nsegs, old_home
        old_nsegs, old_seq, old_size, old_home = head(old)
        weigh(t, old, old_nsegs, old_home, -1)
    end
    no = refuse(bid, key, args[6], args[7], old, old_seq, seq)
         or limit(bid, m, old, size, old_size, args[6])
    if no then
        return no
    end

    store(bid, key, okey, rec, size, old, old_size, m, -1)
    upload_close(bid, id, member, done)
    return {'OK', old and 1 or 0, shift_all(bid, t, {})}
end


-- KEYS U{bid}<id>  ARGV bid key id inc
local function cos_mpu_abort(keys, args)
    local bid, id = args[1], args[3]
    local member = upload_member(args[2], id)
    if not redis.call('ZSCORE', 'p{' .. bid .. '}', member) then
        return {'NOUPLOAD'}
    end
    local m, no = open_bucket(bid, args[4])
    if no then
        return no
    end
    local t = {}
    parts_of(bid, id, t)
    upload_close(bid, id, member)
    redis.call('HSET', 'm{' .. bid .. '}', 'u', m[U] - 1)
    return {'OK', shift_all(bid, t, {})}
end


-- KEYS P{bid}<id>  ARGV bid id n seq rev record
local function cos_move_part(keys, args)
    local bid, n, rec = args[1], args[3], args[6]
    local old = redis.call('HGET', keys[1], n)
    if not old then
        return {'GONE'}
    end
    local _, seq = head(old)
    if seq ~= number(args[4], 'seq')
       or struct.unpack('<I2', old, 63) ~= number(args[5], 'rev') then
        return {'GONE'}
    end
    local t = reweigh(old, rec)
    redis.call('HSET', keys[1], n, rec)
    return {'OK', shift_all(bid, t, {})}
end


-- Parts are fields of a hash: they are asked for by number, in windows, so
-- that a page needs neither all records nor a sort.
-- KEYS P{bid}<id>  ARGV bid id marker max
local function cos_parts(keys, args)
    local upload = redis.call('GET', 'U{' .. args[1] .. '}' .. args[2])
    if not upload then
        return {'NOUPLOAD'}
    end
    local n, max = number(args[3], 'marker') + 1, number(args[4], 'max')
    local reply, found = {'OK', upload, 0}, 0
    while max > 0 and n <= PARTS_MAX do
        local window = {}
        local last = math.min(PARTS_MAX, n + BATCH - 1, n + max - found)
        for i = n, last do
            window[#window + 1] = i
        end
        local recs = redis.call('HMGET', keys[1], unpack(window))
        for i = 1, #window do
            if recs[i] then
                if found == max then
                    reply[3] = 1
                    return reply
                end
                found = found + 1
                reply[#reply + 1] = window[i]
                reply[#reply + 1] = recs[i]
            end
        end
        n = last + 1
    end
    return reply
end


-------------------------------------------------------------------------------
-- listings
-------------------------------------------------------------------------------

-- Where a listing begins and ends: bounds for ZRANGEBYLEX, nil when empty. id:
-- of the upload marker; '': behind all that begins with the marker as its key.
local function bounds(prefix, delimiter, marker, id)
    local lo, hi = '-', '+'
    if prefix ~= '' then
        local up = successor(escape(prefix))
        lo = '[' .. escape(prefix)
        hi = up and '(' .. up or '+'
    end
    if marker == '' then
        return lo, hi
    end
    if before(marker, prefix) then
        return lo, hi
    end

    -- a marker within a common prefix that was returned (or is the common
    -- prefix) is behind all of it
    if delimiter ~= '' and string.sub(marker, 1, #prefix) == prefix then
        local _, last = string.find(marker, delimiter, #prefix + 1, true)
        if last then
            local up = successor(escape(string.sub(marker, 1, last)))
            return up and '[' .. up, hi
        end
    end
    if id == '' then
        return '[' .. escape(marker) .. '\0\255', hi
    end
    return '(' .. upload_member(marker, id), hi
end


-- Batch sizes as text: Redis prints a Lua number with 17 digits of a double,
-- which costs as much as finding the member.
local sizes = {}
local function size_text(n)
    local text = sizes[n]
    if not text then
        text = digits(n)
        sizes[n] = text
    end
    return text
end


-- How much to read next where a common prefix may hide what follows: as much as
-- was of use of the last batch.
local function resize(size, used, left)
    if 4 * used >= 3 * size then
        size = math.min(2 * size, BATCH)
    elseif 2 * used < size then
        size = math.max(2, 2 * used)
    end
    return math.min(size, math.max(2, left))
end


-- The common prefix of a member with others, as it stands in the index, or nil.
-- from: where the delimiter is looked for, behind the prefix of the listing. A
-- match that ends before the first NUL is one in the key, too.
local function common_prefix(member, prefix, delimiter, from, odd)
    local _, last = string.find(member, delimiter, from, true)
    if not last and not odd then
        return nil
    end
    local nul = string.find(member, '\0', from, true)
    if last and last < nul then
        return string.sub(member, 1, last)
    end
    if string.byte(member, nul + 1) ~= 255 then
        return nil
    end
    local key = key_of(member)
    _, last = string.find(key, delimiter, #prefix + 1, true)
    return last and escape(string.sub(key, 1, last))
end


-- One page of a listing of a paged index, whose ids begin with an escaped key:
-- members, common prefixes, the last member or prefix (that it is one), and 1
-- when there is more. Pages are read one after the other as long as common
-- prefixes end in them; one that reaches into the next page is left by a seek
-- to its successor, and what comes there is tried with two members.
local function index_list(x, lo, hi, prefix, delimiter, max)
    local found, prefixes, nf, np = {}, {}, 0, 0
    local start = index_page(x, string.sub(lo, 2))
    local from = #escape(prefix) + 1
    local odd = string.find(delimiter, '\0', 1, true)
    local whole = math.min(max + 1, PAGE + 1)
    local ahead, at, probe, seek = {}, 1, false, false
    local inside, inside_len, last, is_prefix = nil, 0
    while start do
        local size = probe and 2 or whole
        local batch = redis.call('ZRANGEBYLEX', x.page .. start, lo, hi,
                                 'LIMIT', '0', size_text(size))
        local got, had = #batch, nf + np
        for i = 1, got do
            local member = batch[i]
            if not inside or string.find(member, inside, 1, true) ~= 1 then
                if nf + np == max then
                    return found, prefixes, last, is_prefix, 1
                end
                inside = delimiter ~= ''
                         and common_prefix(member, prefix, delimiter, from, odd)
                if inside then
                    inside_len = #inside
                    np = np + 1
                    last, is_prefix = unescape(inside), true
                    prefixes[np] = last
                else
                    nf = nf + 1
                    found[nf], last, is_prefix = member, member, false
                end
            end
        end

        local up
        if inside and got > 0 then
            up = successor(inside)
            if not up then
                break
            end
            lo = '[' .. up
        elseif got == size then
            lo = '(' .. batch[got]
        end
        if got < size then
            if not ahead[at] then
                ahead, at = index_ahead(x, start, hi, probe and '1' or '16'), 1
            end
            start, at = ahead[at], at + 1
            seek = up and start and string.sub(start, 1, inside_len) == inside
            probe = seek or probe and got == 0
        else
            seek = up and probe and nf + np == had + 1
            probe = seek
        end
        if seek then
            start, ahead, at = index_page(x, up), {}, 1
        end
    end
    return found, prefixes, last, is_prefix, 0
end


-- The index of a bucket that holds objects has pages.
local function check_index(x, bid)
    local n = redis.call('HGET', 'm{' .. bid .. '}', 'n')
    if n and n ~= '0' and redis.call('EXISTS', x.dir) == 0 then
        fail(OLD_INDEX)
    end
end


-- KEYS k{bid}  ARGV bid prefix delimiter marker max
local function cos_list(keys, args)
    local bid, prefix, delimiter, marker = args[1], args[2], args[3], args[4]
    if redis.call('EXISTS', 'm{' .. bid .. '}') == 0 then
        return {'NOBUCKET'}
    end
    local max = number(args[5], 'max')
    if max == 0 then
        return {'OK', 0, '', {}, {}}
    end

    local x = objects_index(bid)
    local lo, hi = bounds(prefix, delimiter, marker, '')
    if not lo then
        return {'OK', 0, '', {}, {}}
    end
    local found, prefixes, last, is_prefix, more
        = index_list(x, lo, hi, prefix, delimiter, max)
    if not last then
        check_index(x, bid)
        last = ''
    elseif not is_prefix then
        last = key_of(last)
    end
    return {'OK', more, last, found, prefixes}
end


-- How many objects begin with the prefix, and their bytes. Pages that are so
-- as a whole are counted by their numbers; only those at both ends are read.
-- KEYS k{bid}  ARGV bid prefix
local function cos_du(keys, args)
    local bid, prefix = args[1], args[2]
    local m = redis.call('HMGET', 'm{' .. bid .. '}', 'n', 's')
    if not m[1] then
        return {'NOBUCKET'}
    end
    if prefix == '' then
        return {'OK', number(m[1], 'n'), number(m[2], 's')}
    end

    local x = objects_index(bid)
    check_index(x, bid)
    local lo, hi = bounds(prefix, '', '', '')
    local start = index_page(x, string.sub(lo, 2))
    local n, bytes, whole = 0, 0, false
    local ahead, at = {}, 1
    while start do
        if not ahead[at] then
            ahead, at = index_ahead(x, start, hi), 1
        end
        if whole and ahead[at] then
            n = n + redis.call('ZCARD', x.page .. start)
            bytes = bytes + (redis.call('HGET', x.bytes, start) or 0)
        else
            local some = redis.call('ZRANGEBYLEX', x.page .. start, lo, hi)
            n, bytes = n + #some, bytes + index_bytes(x, some, 1, #some)
        end
        whole = true
        start, at = ahead[at], at + 1
    end
    return {'OK', n, bytes}
end


-- A page of an index, for those who read all of it. from: '', then the start
-- of the next page, which is told with each.
-- KEYS k{bid}  ARGV bid from ["versions"]
local function cos_keys(keys, args)
    local bid, from = args[1], args[2]
    local versions = args[3] == 'versions'
    local x = versions and versions_index(bid) or objects_index(bid)
    local start = index_page(x, from)
    if not start then
        if not versions then
            check_index(x, bid)
        end
        return {'OK', '', '', '0', {}}
    end
    local members = redis.call('ZRANGEBYLEX', x.page .. start,
                               '[' .. from, '+')
    local next = index_ahead(x, start, '+')[1]
    return {'OK', start, next or '',
            redis.call('HGET', x.bytes, start) or '0', members}
end


-- Reads an index from lo to hi: peek() is the member at hand, or nil; skip()
-- goes on to the next one, seek() to another place ahead.
local function reader(x, lo, hi, size)
    local batch, at, start = {}, 1, index_page(x, string.sub(lo, 2))
    local r = {}
    function r.peek()
        while start and at > #batch do
            batch = redis.call('ZRANGEBYLEX', x.page .. start, lo, hi,
                               'LIMIT', '0', size_text(size))
            at = 1
            if #batch == size then
                lo = '(' .. batch[size]
            else
                start = index_ahead(x, start, hi, '1')[1]
            end
        end
        return batch[at]
    end
    function r.skip()
        at = at + 1
    end
    function r.seek(to)
        lo, batch, at, start = to, {}, 1, index_page(x, string.sub(to, 2))
    end
    return r
end


-- Where a listing of versions goes on behind one version of the marker's key:
-- lower bounds in both indexes. The current version comes before all others.
local function resume(bid, marker, version)
    local id = escape(marker)
    local cur = redis.call('GET', 'o{' .. bid .. '}' .. marker)
    local behind = '[' .. id .. '\0\255'
    if cur and not has_flag(cur, F_MARKER) and version_of(cur) == version then
        return behind, '[' .. id .. '\0'
    end
    local _, hex = find_version(bid, marker, cur, version)
    if not hex and cur and version_of(cur) == version then
        hex = code(order_of(cur))
    end
    return behind, hex and '[' .. id .. '\0' .. hex .. '\0\255' or behind
end


-- KEYS k{bid}  ARGV bid prefix delimiter key-marker version-marker max
local function cos_versions(keys, args)
    local bid, prefix, delimiter, marker = args[1], args[2], args[3], args[4]
    if redis.call('EXISTS', 'm{' .. bid .. '}') == 0 then
        return {'NOBUCKET'}
    end
    local max = number(args[6], 'max')
    local lo, hi = bounds(prefix, delimiter, marker, '')
    local found, prefixes, n, np, last = {}, {}, 0, 0, ''
    if max == 0 or not lo then
        return {'OK', 0, '', found, prefixes}
    end
    local klo, wlo, resumed = lo, lo, nil
    if args[5] ~= '' and not before(marker, prefix)
       and lo == '[' .. escape(marker) .. '\0\255'
    then
        klo, wlo = resume(bid, marker, number(args[5], 'version'))
        resumed = escape(marker)
    end

    local size = math.min(max + 1, PAGE + 1)
    local k = reader(objects_index(bid), klo, hi, size)
    local w = reader(versions_index(bid), wlo, hi, size)
    local from = #escape(prefix) + 1
    local odd = string.find(delimiter, '\0', 1, true)
    local shown = resumed             -- key whose latest version was given
    while true do
        local km, wm = k.peek(), w.peek()
        if not km and not wm then
            return {'OK', 0, last, found, prefixes}
        end
        if n + np == max then
            return {'OK', 1, last, found, prefixes}
        end
        local kk = km and string.sub(km, 1, key_end(km) - 2)
        local wk = wm and string.sub(wm, 1, key_end(wm) - 2)
        local older = wk and kk ~= wk and not (kk and before(kk, wk))
        local member, id = older and wm or km or wm, older and wk or kk or wk
        local common = delimiter ~= ''
                       and common_prefix(member, prefix, delimiter, from, odd)
        if common then
            np = np + 1
            last = unescape(common)
            prefixes[np] = last
            local up = successor(common)
            if not up then
                return {'OK', 0, last, found, prefixes}
            end
            k.seek('[' .. up)
            w.seek('[' .. up)
        else
            n, last = n + 1, ''
            found[2 * n - 1] = not older and 'current'
                               or id ~= shown and 'marker' or 'older'
            found[2 * n] = member
            shown = id
            if older then
                w.skip()
            else
                k.skip()
            end
        end
    end
end


-- Values of many string keys, in order.
local function fetch(names)
    if #names <= BATCH then
        return #names > 0 and redis.call('MGET', unpack(names)) or {}
    end
    local values = {}
    for at = 1, #names, BATCH do
        local last = math.min(#names, at + BATCH - 1)
        local some = redis.call('MGET', unpack(names, at, last))
        for i = 1, #some do
            values[at + i - 1] = some[i]
        end
    end
    return values
end


-- Walks the open uploads from lo, at most want items: members, and common
-- prefixes (true in the second list). Returns items, which of them are
-- prefixes, and where to go on (nil at the end).
local function walk_uploads(zkey, lo, hi, prefix, delimiter, want)
    local items, common, n = {}, {}, 0
    local from = #prefix + 1
    local size = delimiter == '' and math.min(want, BATCH)
                 or math.min(want, 16)
    while lo and n < want do
        local batch = redis.call('ZRANGEBYLEX', zkey, lo, hi, 'LIMIT', '0',
                                 size_text(size))
        local got, had, inside, inside_len = #batch, n, nil, 0
        for i = 1, got do
            local member = batch[i]
            if not inside or string.sub(member, 1, inside_len) ~= inside then
                if n == want then
                    return items, common, lo
                end
                local key = upload_parse(member)
                local _, last
                if delimiter ~= '' then
                    _, last = string.find(key, delimiter, from, true)
                end
                n = n + 1
                if last then
                    items[n], common[n] = string.sub(key, 1, last), true
                    inside = escape(items[n])
                    inside_len = #inside
                    local up = successor(inside)
                    lo = up and '[' .. up
                else
                    items[n], inside = member, nil
                    lo = '(' .. member
                end
            end
        end
        if got < size then
            return items, common, nil
        end
        size = resize(size, n - had, want - n)
    end
    return items, common, lo
end


-- One page: up to max items, their records (false: a common prefix), how many
-- there are, and 1 when there is more. A member whose record is missing is
-- passed over.
local function page_uploads(bid, lo, hi, prefix, delimiter, max)
    local zkey, name = 'p{' .. bid .. '}', 'U{' .. bid .. '}'
    local items, recs, count = {}, {}, 0
    while lo and count <= max do
        local some, common
        some, common, lo = walk_uploads(zkey, lo, hi, prefix, delimiter,
                                        max + 1 - count)
        local names, n = {}, 0
        for i = 1, #some do
            if not common[i] then
                n = n + 1
                names[n] = name .. upload_id(some[i])
            end
        end
        local found = fetch(names)
        n = 0
        for i = 1, #some do
            local rec = false
            if not common[i] then
                n = n + 1
                rec = found[n]
            end
            if rec or common[i] then
                if count == max then
                    return items, recs, count, 1
                end
                count = count + 1
                items[count], recs[count] = some[i], rec
            end
        end
    end
    return items, recs, count, 0
end


-- KEYS p{bid}  ARGV bid prefix delimiter keymarker idmarker max
local function cos_uploads(keys, args)
    local bid, prefix, delimiter, marker = args[1], args[2], args[3], args[4]
    if redis.call('EXISTS', 'm{' .. bid .. '}') == 0 then
        return {'NOBUCKET'}
    end
    local max = number(args[6], 'max')
    local found, prefixes, last, last_id = {}, {}, '', ''
    if max == 0 then
        return {'OK', 0, last, last_id, found, prefixes}
    end

    local lo, hi = bounds(prefix, delimiter, marker, args[5])
    local items, recs, count, more
        = page_uploads(bid, lo, hi, prefix, delimiter, max)
    for i = 1, count do
        if recs[i] then
            last, last_id = upload_parse(items[i])
            found[#found + 1] = last
            found[#found + 1] = last_id
            found[#found + 1] = recs[i]
        else
            last, last_id = items[i], ''
            prefixes[#prefixes + 1] = last
        end
    end
    return {'OK', more, last, last_id, found, prefixes}
end


-------------------------------------------------------------------------------
-- buckets, credentials, the store
-------------------------------------------------------------------------------

-- Settings that the commits of objects heed: pairs of a name and a number.
local settings = {v = true, w = true, qb = true, qo = true}

local function bucket_settings(bid, args, from)
    for i = from, #args, 2 do
        if not settings[args[i]] then
            fail('unknown setting')
        end
        redis.call('HSET', 'm{' .. bid .. '}', args[i],
                   digits(number(args[i + 1], 'setting')))
    end
end


-- KEYS b:<name>  ARGV name bid record "create" | "replace" seq, then settings
local function cos_bucket_put(keys, args)
    local name, bid, rec, mode = args[1], args[2], args[3], args[4]
    local seq = front_seq(rec)
    local old = redis.call('GET', keys[1])
    if mode == 'create' then
        if old then
            return {'EXISTS', old}
        end
        local m = 'm{' .. bid .. '}'
        if redis.call('EXISTS', m) == 1 then
            fail('bucket id in use')
        end
        redis.call('SET', keys[1], rec)
        redis.call('ZADD', 'B', 0, name)
        redis.call('HSET', m, 'n', 0, 's', 0, 'u', 0, 'name', name)
        bucket_settings(bid, args, 5)
        return {'OK'}
    end
    if mode ~= 'replace' then
        fail('unknown mode')
    end
    if not old or bucket_id(old) ~= bid then
        return {'NOBUCKET'}
    end
    local old_seq = front_seq(old)
    if old_seq ~= number(args[5], 'seq') then
        return {'CONFLICT'}
    end
    if seq <= old_seq then
        return {'STALE', digits(old_seq)}
    end
    redis.call('SET', keys[1], rec)
    bucket_settings(bid, args, 6)
    return {'OK'}
end


-- The dead containers of the bucket stay in d{bid} until their files are gone.
-- KEYS b:<name>  ARGV name bid
local function cos_bucket_del(keys, args)
    local name, bid = args[1], args[2]
    local old = redis.call('GET', keys[1])
    if not old or bucket_id(old) ~= bid then
        return {'NOBUCKET'}
    end
    local tag = '{' .. bid .. '}'
    local m = redis.call('HMGET', 'm' .. tag, 'n', 'u', 'vn')
    if m[1] ~= '0' or m[2] ~= '0' or m[3] and m[3] ~= '0' then
        return {'NOTEMPTY'}
    end
    index_drop(objects_index(bid))
    index_drop(versions_index(bid))
    redis.call('DEL', keys[1], 'm' .. tag, 'p' .. tag, 'x' .. tag, 't' .. tag,
               'N' .. tag)
    redis.call('ZREM', 'B', name)
    return {'OK'}
end


-- KEYS u:<ak>  ARGV ak record
local function cos_cred_put(keys, args)
    local seq = front_seq(args[2])
    local old = redis.call('GET', keys[1])
    if old and seq <= front_seq(old) then
        return {'STALE', digits(front_seq(old))}
    end
    redis.call('SET', keys[1], args[2])
    if not old then
        redis.call('ZADD', 'C', 0, args[1])
    end
    return {'OK', old and 1 or 0}
end


-- KEYS u:<ak>  ARGV ak seq
local function cos_cred_del(keys, args)
    local seq = number(args[2], 'seq')
    local old = redis.call('GET', keys[1])
    if old and seq <= front_seq(old) then
        return {'STALE', digits(front_seq(old))}
    end
    if old then
        redis.call('DEL', keys[1])
        redis.call('ZREM', 'C', args[1])
    end
    return {'OK', old and 1 or 0}
end


-- From here on inc commits nothing to the bucket. A bucket that is gone
-- refuses anyway and must not get a set of its own again.
-- KEYS x{bid}  ARGV bid inc
local function cos_fence(keys, args)
    if redis.call('EXISTS', 'm{' .. args[1] .. '}') == 1 then
        redis.call('SADD', keys[1], args[2])
    end
    return {'OK'}
end


-- KEYS g  ARGV value
local function cos_hi(keys, args)
    local value = number(args[1], 'value')
    local hi = tonumber(redis.call('HGET', keys[1], 'hi') or '0')
    if value > hi then
        redis.call('HSET', keys[1], 'hi', value)
        hi = value
    end
    return {'OK', hi}
end


-- A new incarnation. Not a plain HINCRBY: a worker that starts while memory is
-- full must still read, list and delete.
-- KEYS g
local function cos_inc(keys)
    return {'OK', redis.call('HINCRBY', keys[1], 'inc', 1)}
end


-- What buckets hold, the first so many by name: name, n, s, u, vn, vs, then n
-- and s of each class but the first.
-- ARGV buckets classes
local function cos_stats(_, args)
    local fields = {'n', 's', 'u', 'vn', 'vs'}
    for class = 1, number(args[2], 'classes') do
        fields[#fields + 1] = 'n' .. class
        fields[#fields + 1] = 's' .. class
    end
    local names = redis.call('ZRANGE', 'B', '0',
                             digits(number(args[1], 'buckets') - 1))
    local found = {}
    for i = 1, #names do
        local rec = redis.call('GET', 'b:' .. names[i])
        if rec then
            found[#found + 1] = redis.call('HMGET',
                                           'm{' .. bucket_id(rec) .. '}',
                                           unpack(fields))
            table.insert(found[#found], 1, names[i])
        end
    end
    return {'OK', found}
end


local function cos_version()
    return {'OK', VERSION}
end


-------------------------------------------------------------------------------
-- registration
-------------------------------------------------------------------------------

-- What frees space, or finishes what was begun, runs also when memory is full.
-- Bucket and credential records live outside of the bucket's slot.
local functions = {
    {'cos_version', cos_version, {'no-writes'}},
    {'cos_put', cos_put, {}},
    {'cos_mark', cos_mark, {'allow-oom'}},
    {'cos_del', cos_del, {'allow-oom'}},
    {'cos_move', cos_move, {'allow-oom'}},
    {'cos_mpu_init', cos_mpu_init, {}},
    {'cos_mpu_part', cos_mpu_part, {}},
    {'cos_mpu_complete', cos_mpu_complete, {}},
    {'cos_mpu_abort', cos_mpu_abort, {'allow-oom'}},
    {'cos_move_part', cos_move_part, {'allow-oom'}},
    {'cos_parts', cos_parts, {'no-writes'}},
    {'cos_list', cos_list, {'no-writes'}},
    {'cos_du', cos_du, {'no-writes'}},
    {'cos_stats', cos_stats, {'no-writes', 'allow-cross-slot-keys'}},
    {'cos_find', cos_find, {'no-writes'}},
    {'cos_versions', cos_versions, {'no-writes'}},
    {'cos_keys', cos_keys, {'no-writes'}},
    {'cos_load', cos_load, {}},
    {'cos_uploads', cos_uploads, {'no-writes'}},
    {'cos_bucket_put', cos_bucket_put, {'allow-cross-slot-keys'}},
    {'cos_bucket_del', cos_bucket_del, {'allow-oom', 'allow-cross-slot-keys'}},
    {'cos_cred_put', cos_cred_put, {'allow-cross-slot-keys'}},
    {'cos_cred_del', cos_cred_del, {'allow-oom', 'allow-cross-slot-keys'}},
    {'cos_fence', cos_fence, {'allow-oom'}},
    {'cos_hi', cos_hi, {'allow-oom'}},
    {'cos_inc', cos_inc, {'allow-oom'}},
}

for i = 1, #functions do
    local f = functions[i]
    redis.register_function{function_name = f[1], callback = f[2],
                            flags = f[3]}
end
