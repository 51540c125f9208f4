-- Records as include/cos_record.h lays them out, and the facts of an object
-- that a listing shows.

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


-- The owner of a bucket, or the account of a credential.
local function front_uid(rec)
    return digits((struct.unpack('<I8', rec, 25)))
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


-- Goes over the TLVs of an object's record that matter here: for each where
-- the next one begins, its kind, where its body begins, and its length.
local function next_tlv(rec, at)
    local kind = string.byte(rec, at)
    if kind and kind <= T_BORN then
        local body, len = tlv(rec, at)
        return body + len, kind, body, len
    end
end


local function tlvs(rec)
    return next_tlv, rec, 65 + 18 * struct.unpack('<I2', rec, 5)
end


-- The seq that a version began with, or nil: see cos_object_born().
local function born_of(rec)
    for _, kind, body, len in tlvs(rec) do
        if kind == T_BORN then
            return varint(string.sub(rec, body, body + len - 1))
        end
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
    local sum, owner, born = '', '', ''
    for _, kind, body, len in tlvs(rec) do
        if kind == T_SUM then
            sum, flags = string.sub(rec, body, body), flags + 32
        elseif kind == T_OWNER then
            owner, flags = string.sub(rec, body, body + len - 1), flags + 64
        elseif kind == T_BORN then
            born = string.sub(rec, body, body + len - 1)
        end
    end
    return string.char(flags) .. string.sub(rec, 4, 4)
           .. string.sub(rec, 7, 8) .. string.sub(rec, 25, 30)
           .. string.sub(rec, 17, 22) .. string.sub(rec, 33, 48)
           .. sum .. owner .. born
end
