#!/bin/sh
#
# library.sh: writes the Redis function library, the files of meta/lua in the
# order of their names, to standard output. Redis names the line of an error
# in all of it; the comment in front of each file says what to subtract.

set -eu
export LC_ALL=C

awk '
    FNR == 1 && NR > 1 {
        name = FILENAME
        sub(/.*\//, "", name)
        printf "-- %s: numbers of lines are higher by %d\n", name, NR + marks++
    }
    { print }' "${0%/*}"/../ngx_cos_module/meta/lua/*.lua
