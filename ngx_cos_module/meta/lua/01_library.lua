#!lua name=cos
--
-- Every change of what is stored, and every listing, as functions inside
-- Redis: one call checks all conditions and then writes everything, so that
-- records, indexes, counters and weights never disagree. PROTOCOL.md has the
-- keys, arguments and replies.
--
-- Nothing is rolled back in Redis when a function fails half way. Therefore
-- each function reads and parses all it needs first and writes last; an error
-- (a malformed record, a wrong argument) is raised before the first write.
--
-- Sizes, offsets, ids and seqs are below 2^53, which a Lua number holds
-- exactly. Text is compared byte by byte, never with < or >, which would
-- follow the locale of the server.
--
-- The files of this folder become one library, one behind the other in the
-- order of their names (tools/library.sh): what is local to one is seen by
-- those that follow. Lua allows 200 such locals.

-- Raised together with COS_LUA_VERSION (include/cos_lua_version.h).
local VERSION = 14

local RECORD_VERSION = 1
local WEIGHT_BASE = 256
local PARTS_MAX = 10000
local DONE_SECONDS = 604800       -- how long a completed upload is remembered
local BATCH = 1000                -- elements of one call's argument list
local PAGE = 32                   -- members of an index's page
