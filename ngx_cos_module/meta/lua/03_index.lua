-- Paged indexes: which key is where, in the order of bytes.


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


-- Where a page starts whose first member is b when a is the last one before it:
-- above the id of the one and not above that of the other. Where a folder ends
-- between them that is where a listing by folders goes on behind it, which so
-- finds the page at once; else it is the shortest text. (Ids are not prefixes
-- of each other's members.)
local function index_border(a, b)
    local same = 1
    while same < #b and string.byte(a, same) == string.byte(b, same) do
        same = same + 1
    end
    local slash = string.find(a, '/', same, true)
    if slash and slash < string.find(a, '\0', same, true) then
        return successor(string.sub(a, 1, slash))
    end
    return string.sub(b, 1, same)
end


-- Splits a full page to make room for member, and returns the start of the page
-- it belongs to. What is behind the middle goes. But where keys ascend pages
-- are to be filled: what comes behind the last of all begins a page of its own,
-- and what comes behind all of another page takes the last few of it with it,
-- so that what follows, in whatever order, finds room there.
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

    local next = index_border(members[from - 1], members[from])
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
