-- Registration.

-- What frees space, or finishes what was begun, runs also when memory is full.
-- Bucket and credential records live outside of the bucket's slot.
local functions = {
    {'cos_version', cos_version, {'no-writes'}},
    {'cos_put', cos_put, {}},
    {'cos_mark', cos_mark, {'allow-oom'}},
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
    {'cos_stats', cos_stats, {'no-writes', 'allow-cross-slot-keys'}},
    {'cos_find', cos_find, {'no-writes'}},
    {'cos_versions', cos_versions, {'no-writes'}},
    {'cos_keys', cos_keys, {'no-writes'}},
    {'cos_load', cos_load, {}},
    {'cos_uploads', cos_uploads, {'no-writes'}},
    {'cos_bucket_put', cos_bucket_put, {'allow-cross-slot-keys'}},
    {'cos_bucket_del', cos_bucket_del, {'allow-oom', 'allow-cross-slot-keys'}},
    {'cos_cred_put', cos_cred_put, {'allow-cross-slot-keys'}},
    {'cos_user_load', cos_user_load, {'allow-cross-slot-keys'}},
    {'cos_users', cos_users, {'no-writes', 'allow-cross-slot-keys'}},
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
