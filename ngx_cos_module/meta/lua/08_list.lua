-- Listings of objects and of versions.

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


-- The common prefix of a member (of p{bid}, too) with others, as it stands in
-- the index, or nil. from: where the delimiter is looked for, behind the prefix
-- of the listing. A match that ends before the first NUL is one in the key, too.
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
-- goes on to the next one, leave() behind all that begins with text, up being
-- its successor. What reaches beyond the members at hand is left by a seek, and
-- what comes there is tried with two members; as index_list does.
local function reader(x, lo, hi, size)
    local batch, at, start = {}, 1, index_page(x, string.sub(lo, 2))
    local count, cut = size, false
    local r = {}
    function r.peek()
        while start and at > #batch do
            batch = redis.call('ZRANGEBYLEX', x.page .. start, lo, hi,
                               'LIMIT', '0', size_text(count))
            at = 1
            cut, count = #batch == count, size
            if cut then
                lo = '(' .. batch[#batch]
            else
                start = index_ahead(x, start, hi, '1')[1]
            end
        end
        return batch[at]
    end
    function r.skip()
        at = at + 1
    end
    function r.leave(text, up)
        local first = at
        while batch[at] and string.find(batch[at], text, 1, true) == 1 do
            at = at + 1
        end
        if not start or batch[at] then
            return
        end
        lo = '[' .. up
        if cut and first == 1 or string.sub(start, 1, #text) == text then
            start, count = index_page(x, up), 2
        end
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
            k.leave(common, up)
            w.leave(common, up)
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
