-- The listing of open uploads.

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


-- Walks the open uploads from lo, at most want items: members, and common
-- prefixes (true in the second list). Returns items, which of them are
-- prefixes, and where to go on (nil at the end).
local function walk_uploads(zkey, lo, hi, prefix, delimiter, want)
    local items, common, n = {}, {}, 0
    local from = #escape(prefix) + 1
    local odd = string.find(delimiter, '\0', 1, true)
    local size = delimiter == '' and math.min(want, BATCH)
                 or math.min(want, 16)
    while lo and n < want do
        local batch = redis.call('ZRANGEBYLEX', zkey, lo, hi, 'LIMIT', '0',
                                 size_text(size))
        local got, had, inside = #batch, n, nil
        for i = 1, got do
            local member = batch[i]
            if not inside or string.find(member, inside, 1, true) ~= 1 then
                if n == want then
                    return items, common, lo
                end
                n = n + 1
                inside = delimiter ~= ''
                         and common_prefix(member, prefix, delimiter, from, odd)
                if inside then
                    items[n], common[n] = unescape(inside), true
                    local up = successor(inside)
                    lo = up and '[' .. up
                else
                    items[n] = member
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
