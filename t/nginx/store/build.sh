#!/bin/bash
# Builds the test module of t/store_nginx.t: build.sh DIR [asan]. DIR holds
# nothing else. configure runs again only when the list of files changes.
set -e

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
src=${NGX_SRC:-/usr/share/nginx/src}

mkdir -p "$1"
dir=$(cd "$1" && pwd)

cc="-g -O2 -fPIC -Wextra -fstack-protector-strong -D_FORTIFY_SOURCE=2"
cc="$cc -Wno-unused-parameter"
ld="-Wl,-z,relro -Wl,-z,now"

if [ "$2" = asan ]; then
    cc="-g -O1 -fPIC -Wextra -Wno-unused-parameter -U_FORTIFY_SOURCE"
    cc="$cc -fsanitize=address -fno-omit-frame-pointer"
    ld="-fsanitize=address"
fi

list="$cc $(ls "$root"/ngx_cos_module/{core,meta,store}/*.c "$root"/include/*.h)"
list="$list $(cat "$here/config")"

cd "$src"

if [ ! -f "$dir/Makefile" ] || [ "$list" != "$(cat "$dir/list" 2>/dev/null)" ]
then
    . ./conf_flags
    ./configure "${NGX_CONF_FLAGS[@]}" --with-cc-opt="$cc" \
        --with-ld-opt="$ld" --builddir="$dir" \
        --add-dynamic-module="$here" >"$dir/configure.log" 2>&1
    printf '%s' "$list" >"$dir/list"
fi

make -s -j2 -f "$dir/Makefile" modules
