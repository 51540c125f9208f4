-- Uploads in parts.

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
        local dead = change(bid, m, key, okey, p, t, {u = -1})
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
