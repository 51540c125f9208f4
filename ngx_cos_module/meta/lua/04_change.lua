-- What changes have in common: weights, conditions, limits, counters.


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
local N, S, U, V, DAYS, MAX_BYTES, MAX_OBJECTS, OWNER = 1, 2, 3, 4, 5, 6, 7, 8

local function open_bucket(bid, inc)
    local m = redis.call('HMGET', 'm{' .. bid .. '}', 'n', 's', 'u', 'v', 'w',
                         'qb', 'qo', 'o')
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


-- Whether limits (0: none) let that grow which is so much by now.
local function too_much(max_bytes, max_objects, now_bytes, now_objects, bytes,
                        objects)
    return max_bytes > 0 and bytes > 0 and now_bytes + bytes > max_bytes
           or max_objects > 0 and objects > 0
           and now_objects + objects > max_objects
end


-- The refusal when the bucket, or what its owner has in all of his, may not
-- grow so much. Counts of versions are read only when there is a limit.
local function over_quota(bid, m, objects, bytes)
    local max_bytes = tonumber(m[MAX_BYTES] or '0')
    local max_objects = tonumber(m[MAX_OBJECTS] or '0')
    if max_bytes ~= 0 or max_objects ~= 0 then
        local more = redis.call('HMGET', 'm{' .. bid .. '}', 'vn', 'vs')
        if too_much(max_bytes, max_objects, m[S] + (more[2] or 0),
                    m[N] + (more[1] or 0), bytes, objects)
        then
            return {'QUOTA'}
        end
    end
    if m[OWNER] and (objects > 0 or bytes > 0) then
        local q = redis.call('HMGET', 'Q:' .. m[OWNER], 'qb', 'qo', 's', 'n')
        if too_much(tonumber(q[1]), tonumber(q[2]), q[3], q[4], bytes, objects)
        then
            return {'OWNERQUOTA'}
        end
    end
end


-- Counts for the owner's quota, if he has one.
local function count_owner(m, objects, bytes)
    if m[OWNER] and objects ~= 0 then
        redis.call('HINCRBY', 'Q:' .. m[OWNER], 'n', digits(objects))
    end
    if m[OWNER] and bytes ~= 0 then
        redis.call('HINCRBY', 'Q:' .. m[OWNER], 's', digits(bytes))
    end
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
    count_owner(m, old and 0 or 1, size - old_size)
    tally(mkey, rec, 1)
    if old then
        tally(mkey, old, -1)
    end
end
