-- Versions of a key.

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


-- m: as of open_bucket(); empty in a rebuild, which counts for owners at its
-- end.
local function write_counts(bid, m, sums)
    local mkey = 'm{' .. bid .. '}'
    for field, delta in pairs(sums) do
        if delta ~= 0 then
            redis.call('HINCRBY', mkey, field, digits(delta))
        end
    end
    count_owner(m, (sums.n or 0) + (sums.vn or 0),
                (sums.s or 0) + (sums.vs or 0))
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
    no = over_quota(bid, m, gone and 0 or 1,
                    size_of(rec) - (gone and size_of(gone) or 0))
    if no then
        return nil, no
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
