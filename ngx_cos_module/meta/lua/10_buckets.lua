-- Buckets, credentials, the store.

-- Settings that the commits of objects heed: pairs of a name and a number.
local settings = {v = true, w = true, qb = true, qo = true}

-- The domains that a bucket is served under, parted by spaces, are a setting
-- as well, `d`: d:<domain> names the bucket, and only one.
local function domains_put(name, bid, list)
    local m = 'm{' .. bid .. '}'
    local old = redis.call('HGET', m, 'd') or ''
    if old == list then
        return
    end
    for domain in string.gmatch(old, '%S+') do
        if redis.call('GET', 'd:' .. domain) == name then
            redis.call('DEL', 'd:' .. domain)
        end
    end
    for domain in string.gmatch(list, '%S+') do
        redis.call('SET', 'd:' .. domain, name)
    end
    if list == '' then
        redis.call('HDEL', m, 'd')
    else
        redis.call('HSET', m, 'd', list)
    end
end


-- Whether another bucket has one of the domains in the settings.
local function domains_taken(name, args, from)
    for i = from, #args, 2 do
        if args[i] == 'd' then
            for domain in string.gmatch(args[i + 1] or '', '%S+') do
                local holder = redis.call('GET', 'd:' .. domain)
                if holder and holder ~= name then
                    return true
                end
            end
        end
    end
    return false
end


local function bucket_settings(name, bid, args, from)
    for i = from, #args, 2 do
        if args[i] == 'd' then
            domains_put(name, bid, args[i + 1] or '')
        elseif settings[args[i]] then
            redis.call('HSET', 'm{' .. bid .. '}', args[i],
                       digits(number(args[i + 1], 'setting')))
        else
            fail('unknown setting')
        end
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
        if domains_taken(name, args, 5) then
            return {'TAKEN'}
        end
        redis.call('SET', keys[1], rec)
        redis.call('ZADD', 'B', 0, name)
        redis.call('HSET', m, 'n', 0, 's', 0, 'u', 0, 'name', name)
        bucket_settings(name, bid, args, 5)
        if redis.call('HEXISTS', 'Q:' .. front_uid(rec), 'n') == 1 then
            redis.call('HSET', m, 'o', front_uid(rec))
        end
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
    if domains_taken(name, args, 6) then
        return {'TAKEN'}
    end
    redis.call('SET', keys[1], rec)
    bucket_settings(name, bid, args, 6)
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
    domains_put(name, bid, '')
    redis.call('DEL', keys[1], 'm' .. tag, 'p' .. tag, 'x' .. tag, 't' .. tag,
               'N' .. tag)
    redis.call('ZREM', 'B', name)
    return {'OK'}
end


-- Each bucket with its owner: function(bid, uid).
local function each_bucket(look)
    local names = redis.call('ZRANGE', 'B', '0', '-1')
    for i = 1, #names do
        local rec = redis.call('GET', 'b:' .. names[i])
        if rec then
            look(bucket_id(rec), front_uid(rec))
        end
    end
end


-- Objects and bytes of a bucket, versions counted.
local function holds(bid)
    local m = redis.call('HMGET', 'm{' .. bid .. '}', 'n', 'vn', 's', 'vs')
    return (m[1] or 0) + (m[2] or 0), (m[3] or 0) + (m[4] or 0)
end


-- Limits what a user has in all of his buckets, 0: not at all. Only buckets
-- whose owner is limited name him, so that others' changes cost nothing. seq
-- says which of the user's credentials carries the limits on the disk.
local function limit_user(uid, bytes, objects, seq)
    local limited = bytes ~= 0 or objects ~= 0
    local q, bids, n, s = 'Q:' .. uid, {}, 0, 0
    each_bucket(function(bid, owner)
        if owner == uid then
            local more, size = holds(bid)
            bids[#bids + 1], n, s = bid, n + more, s + size
        end
    end)
    for i = 1, #bids do
        if limited then
            redis.call('HSET', 'm{' .. bids[i] .. '}', 'o', uid)
        else
            redis.call('HDEL', 'm{' .. bids[i] .. '}', 'o')
        end
    end
    redis.call('HSET', q, 'qb', digits(bytes), 'qo', digits(objects), 'seq',
               digits(seq))
    if limited then
        redis.call('HSET', q, 'n', digits(n), 's', digits(s))
    else
        redis.call('HDEL', q, 'n', 's')
    end
end


-- Accounts by the ids that clients know them by: the S3 id, and the first half
-- of it, which is the one in BOS.
local function remember_account(id, uid)
    if not id:match('^%x+$') or #id ~= 64 then
        fail('account id')
    end
    redis.call('HSET', 'I', id, uid, id:sub(1, 32), uid)
end

-- When its last credential is gone.
local function forget_account(uid)
    local creds = redis.call('ZRANGE', 'C', 0, -1)
    for i = 1, #creds do
        local rec = redis.call('GET', 'u:' .. creds[i])
        if rec and front_uid(rec) == uid then
            return
        end
    end
    local ids = redis.call('HGETALL', 'I')
    for i = 1, #ids, 2 do
        if ids[i + 1] == uid then
            redis.call('HDEL', 'I', ids[i])
        end
    end
end


-- KEYS u:<ak>  ARGV ak record bytes objects "set" | "same" id
-- The record's document on the disk names the user's limits: those that are
-- there, or those to be set by it. The user's document of the highest seq is
-- believed by a rebuild, so the order must be that of the seqs.
local function cos_cred_put(keys, args)
    local seq, uid = front_seq(args[2]), front_uid(args[2])
    local bytes = number(args[3], 'bytes')
    local objects = number(args[4], 'objects')
    local old = redis.call('GET', keys[1])
    local q = redis.call('HMGET', 'Q:' .. uid, 'qb', 'qo', 'seq')
    local last = math.max(old and front_seq(old) or 0, tonumber(q[3] or '0'))
    if seq <= last then
        return {'STALE', digits(last)}
    end
    if args[5] == 'set' then
        limit_user(uid, bytes, objects, seq)
    elseif tonumber(q[1] or '0') ~= bytes or tonumber(q[2] or '0') ~= objects
    then
        return {'CONFLICT'}
    elseif q[3] then
        redis.call('HSET', 'Q:' .. uid, 'seq', digits(seq))
    end
    remember_account(args[6], uid)
    redis.call('SET', keys[1], args[2])
    if not old then
        redis.call('ZADD', 'C', 0, args[1])
    end
    return {'OK', old and 1 or 0}
end


-- The limits of a user in a rebuild, when all else is there.
-- ARGV uid bytes objects seq
local function cos_user_load(_, args)
    limit_user(digits(number(args[1], 'uid')), number(args[2], 'bytes'),
               number(args[3], 'objects'), number(args[4], 'seq'))
    return {'OK'}
end


-- What users have in all of their buckets: objects, bytes, the limits of both,
-- and the same two as counted for the limits (-1: there are none).
-- ARGV uid ...
local function cos_users(_, args)
    local n, s, found = {}, {}, {'OK'}
    each_bucket(function(bid, owner)
        local more, size = holds(bid)
        n[owner], s[owner] = (n[owner] or 0) + more, (s[owner] or 0) + size
    end)
    for i = 1, #args do
        local uid = args[i]
        local q = redis.call('HMGET', 'Q:' .. uid, 'qo', 'qb', 'n', 's')
        found[i + 1] = {n[uid] or 0, s[uid] or 0, tonumber(q[1] or '0'),
                        tonumber(q[2] or '0'), tonumber(q[3] or '-1'),
                        tonumber(q[4] or '-1')}
    end
    return found
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
        forget_account(front_uid(old))
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
