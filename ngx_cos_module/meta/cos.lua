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
local VERSION = 4

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


-- TLVs of an object's record that facts() looks for
local T_OWNER, T_SUM = 8, 9

-- What a listing shows of an object, as cos_facts.h lays it out. The record's
-- flags are below 0x20; 0x20 and 0x40 say what follows the fixed part.
local function facts(rec)
    if string.sub(rec, 23, 24) ~= '\0\0' or string.sub(rec, 31, 32) ~= '\0\0'
    then
        fail('number too large')
    end
    local flags = string.byte(rec, 2) % 32
    local at = 65 + 18 * struct.unpack('<I2', rec, 5)
    local sum, owner = '', ''
    while at <= #rec do
        local kind = string.byte(rec, at)
        if kind > T_SUM then
            break
        end
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
        if kind == T_SUM then
            sum, flags = string.sub(rec, at + 1, at + 1), flags + 32
        elseif kind == T_OWNER then
            owner, flags = string.sub(rec, at + 1, at + len), flags + 64
        end
        at = at + 1 + len
    end
    return string.char(flags) .. string.sub(rec, 4, 4)
           .. string.sub(rec, 7, 8) .. string.sub(rec, 25, 30)
           .. string.sub(rec, 17, 22) .. string.sub(rec, 33, 48)
           .. sum .. owner
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
-- pages are small. The directory holds for each page the text at which it
-- starts; that of the first page is ''. A hash holds the bytes of each page's
-- objects.
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

-- Counters of a bucket, or the refusal of a change to it.
local function open_bucket(bid, inc)
    local m = redis.call('HMGET', 'm{' .. bid .. '}', 'n', 's', 'u')
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


-- Writes an object and what names and counts it. m: counters read before, with
-- the change of open uploads in du; old may be false.
local function store(bid, key, okey, rec, size, old, old_size, m, du)
    index_put(objects_index(bid), escape(key), facts(rec),
              old and facts(old), m[1] == '0',
              size - old_size)
    redis.call('SET', okey, rec)
    local mkey = 'm{' .. bid .. '}'
    local bytes = tonumber(m[2]) + size - old_size
    if not old then
        if du == 0 then
            redis.call('HSET', mkey, 'n', m[1] + 1, 's', bytes)
        else
            redis.call('HSET', mkey, 'n', m[1] + 1, 's', bytes,
                       'u', m[3] + du)
        end
    elseif du ~= 0 then
        redis.call('HSET', mkey, 's', bytes, 'u', m[3] + du)
    elseif size ~= old_size then
        redis.call('HSET', mkey, 's', bytes)
    end
end


-------------------------------------------------------------------------------
-- objects
-------------------------------------------------------------------------------

-- KEYS o{bid}<key>  ARGV bid key inc record cond [arg]
local function cos_put(keys, args)
    local okey, bid, key, rec = keys[1], args[1], args[2], args[4]
    local m, no = open_bucket(bid, args[3])
    if no then
        return no
    end

    local nsegs, seq, size, home = head(rec)
    local old = redis.call('GET', okey)
    local old_nsegs, old_seq, old_size, old_home = 0, 0, 0, 0
    if old then
        old_nsegs, old_seq, old_size, old_home = head(old)
    end
    no = refuse(bid, key, args[5], args[6], old, old_seq, seq, rec)
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


-- KEYS o{bid}<key>  ARGV bid key inc seq cond [arg]
local function cos_del(keys, args)
    local okey, bid, key = keys[1], args[1], args[2]
    local m, no = open_bucket(bid, args[3])
    if no then
        return no
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
    redis.call('HSET', 'm{' .. bid .. '}', 'n', m[1] - 1,
               's', tonumber(m[2]) - old_size)
    return {'OK', 1, shift_all(bid, t, {})}
end


-- Puts the same content at another place, unless it changed meanwhile.
-- KEYS o{bid}<key>  ARGV bid key seq rev record
local function cos_move(keys, args)
    local bid, rec = args[1], args[5]
    local old = redis.call('GET', keys[1])
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
    redis.call('SET', keys[1], rec)
    return {'OK', shift_all(bid, t, {})}
end


-- An object of a rebuild, whose counters and weights are written when all is
-- there.
-- KEYS o{bid}<key>  ARGV bid key record
local function cos_load(keys, args)
    local bid, key, rec = args[1], args[2], args[3]
    local _, _, size = head(rec)
    if redis.call('EXISTS', keys[1]) == 1 then
        fail('object is there')
    end
    index_put(objects_index(bid), escape(key), facts(rec), nil, true, size)
    redis.call('SET', keys[1], rec)
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
    redis.call('HSET', 'm{' .. bid .. '}', 'u', m[3] + 1)
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


local function upload_close(bid, id, member)
    redis.call('DEL', 'U{' .. bid .. '}' .. id, 'P{' .. bid .. '}' .. id)
    redis.call('ZREM', 'p{' .. bid .. '}', member)
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
    local old = redis.call('GET', okey)
    local old_seq, old_size = 0, 0
    weigh(t, rec, nsegs, home, 1)
    if old then
        local old_nsegs, old_home
        old_nsegs, old_seq, old_size, old_home = head(old)
        weigh(t, old, old_nsegs, old_home, -1)
    end
    no = refuse(bid, key, args[6], args[7], old, old_seq, seq)
    if no then
        return no
    end

    store(bid, key, okey, rec, size, old, old_size, m, -1)
    upload_close(bid, id, member)
    redis.call('SET', 'D{' .. bid .. '}' .. id, key .. '\0' .. digits(seq),
               'EX', DONE_SECONDS)
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
    redis.call('HSET', 'm{' .. bid .. '}', 'u', m[3] - 1)
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


-- A page of the index is not empty. Where it and the next one start with the
-- same common prefix, its first member need not be read to know of that: any
-- will do, such as its start.
local function shared_prefix(start, next, prefix, delimiter, from)
    local member = start .. '\0'
    local common = common_prefix(member, prefix, delimiter, from, false)
    if common and string.sub(next, 1, #common) == common then
        return {member}
    end
end


-- The first of the starts, from the one at, that does not begin with a common
-- prefix; those that do come first.
local function pass(starts, at, inside)
    local len, behind = #inside, #starts + 1
    while at < behind do
        local mid = math.floor((at + behind) / 2)
        if string.sub(starts[mid], 1, len) == inside then
            at = mid + 1
        else
            behind = mid
        end
    end
    return at
end


-- One page of a listing of a paged index, whose ids begin with an escaped key:
-- members, common prefixes, the last member or prefix (that it is one), and 1
-- when there is more. A common prefix is left as soon as the batch at hand holds
-- nothing behind it: through the starts of the pages ahead, of which the next
-- few cost less than one from far away, or, once that has failed, by a look into
-- the directory.
local function index_list(x, lo, hi, prefix, delimiter, max)
    local found, prefixes, nf, np = {}, {}, 0, 0
    local start = index_page(x, lo == '-' and '' or string.sub(lo, 2))
    local from = #escape(prefix) + 1
    local odd = string.find(delimiter, '\0', 1, true)
    local size = math.min(max + 1, delimiter == '' and PAGE + 1 or 16)
    local ahead, at, inside, inside_len, last, is_prefix = {}, 1, nil, 0
    local hops, far = 0, false
    while start do
        local batch
        if ahead[at] and delimiter ~= '' then
            batch = shared_prefix(start, ahead[at], prefix, delimiter, from)
        end
        batch = batch or redis.call('ZRANGEBYLEX', x.page .. start, lo, hi,
                                    'LIMIT', '0', size_text(size))
        local got, had = #batch, nf + np
        for i = 1, got do
            local member = batch[i]
            if not inside or string.sub(member, 1, inside_len) ~= inside then
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

        if inside and got > 0 then
            local up = successor(inside)
            if not up then
                break
            end
            lo, size = '[' .. up, 2
            local here = start
            local to = pass(ahead, at, inside)
            if to > #ahead and not far and 16 * hops >= #ahead then
                start = ahead[#ahead] or start
                ahead = index_ahead(x, start, hi, #ahead == 0 and '16' or '64')
                at, hops, to = 1, 0, pass(ahead, 1, inside)
            end
            if to <= #ahead or #ahead == 0 and not far then
                hops = hops + 1
                if to > at then
                    start = ahead[to - 1]
                elseif start == here then
                    size = PAGE + 1
                end
                at = to
            else
                start, ahead, at, far = index_page(x, up), {}, 1, true
            end
        elseif got == size then
            lo = '(' .. batch[got]
        else
            if not ahead[at] then
                ahead, at = index_ahead(x, start, hi, far and '2'), 1
            end
            start = ahead[at]
            at = at + 1
        end
        local left = max + 1 - nf - np
        if delimiter == '' then
            size = PAGE + 1
        elseif not inside then
            size = 2 * size
        end
        size = math.min(size, left, PAGE + 1)
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


-- A page of the index, for those who read all of it. from: '', then the start
-- of the next page, which is told with each.
-- KEYS k{bid}  ARGV bid from
local function cos_keys(keys, args)
    local bid, from = args[1], args[2]
    local x = objects_index(bid)
    local start = index_page(x, from)
    if not start then
        check_index(x, bid)
        return {'OK', '', '', '0', {}}
    end
    local members = redis.call('ZRANGEBYLEX', x.page .. start,
                               '[' .. from, '+')
    local next = index_ahead(x, start, '+')[1]
    return {'OK', start, next or '',
            redis.call('HGET', x.bytes, start) or '0', members}
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

-- KEYS b:<name>  ARGV name bid record "create" | "replace" seq
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
    local m = redis.call('HMGET', 'm' .. tag, 'n', 'u')
    if m[1] ~= '0' or m[2] ~= '0' then
        return {'NOTEMPTY'}
    end
    index_drop(objects_index(bid))
    redis.call('DEL', keys[1], 'm' .. tag, 'p' .. tag, 'x' .. tag, 't' .. tag)
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
