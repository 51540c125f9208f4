-- Objects: writing, deleting, moving, loading.

-- What the settings of a bucket without versions refuse. A change of metadata
-- destroys nothing.
local function limit(bid, m, old, size, old_size, cond)
    if old and cond ~= 'seq' and retained(m, old) then
        return {'RETAINED'}
    end
    return over_quota(bid, m, old and 0 or 1, size - old_size)
end


-- Carries out a plan. t: weights that change besides; sums: counters.
local function change(bid, m, key, okey, p, t, sums)
    local nsegs, _, _, home = head(p.rec)
    weigh(t, p.rec, nsegs, home, 1)
    if p.gone then
        nsegs, _, _, home = head(p.gone)
        weigh(t, p.gone, nsegs, home, -1)
    end
    apply(bid, key, okey, p, sums)
    write_counts(bid, m, sums)
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
        return {'OK', p.cur and 1 or 0, change(bid, m, key, okey, p, {}, {})}
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
    write_counts(bid, m, sums)
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
    count_owner(m, -1, -old_size)
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
    write_counts(bid, {}, sums)
    tally('m{' .. bid .. '}', rec, 1)
    return {'OK'}
end
