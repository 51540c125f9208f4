#!/bin/bash
# Builds ngx_http_cosmeta_test_module.so against the distribution's nginx.
#
#     t/nginx/build.sh [asan]        prints the path of the module
#
set -e
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
src=${NGX_SRC:-/usr/share/nginx/src}
cc="-g -O2 -fPIC -Wextra -Wno-unused-parameter -fstack-protector-strong"
cc="$cc -Wformat -Werror=format-security"
ld="-Wl,-z,relro -Wl,-z,now"
out=$root/build/t-meta

if [ "$1" = asan ]; then
    out=$out-asan
    cc="$cc -O1 -fsanitize=address -fno-omit-frame-pointer -U_FORTIFY_SOURCE"
    ld="$ld -fsanitize=address"
else
    cc="$cc -D_FORTIFY_SOURCE=2"
fi

mkdir -p "$out/gen"
exec 9>"$out/.lock"
flock 9

sh "$root/tools/library.sh" >"$out/gen/cos.lua"
sh "$root/tools/embed.sh" "$out/gen/cos.lua" "$out/gen/cos_lua.h.new" cos_lua
cmp -s "$out/gen/cos_lua.h.new" "$out/gen/cos_lua.h" \
    || mv "$out/gen/cos_lua.h.new" "$out/gen/cos_lua.h"

stamp=$(echo "$cc $ld"; cat "$here/config"; ls "$root"/ngx_cos_module/meta/ngx_*.c)

if [ ! -f "$out/Makefile" ] || [ "$stamp" != "$(cat "$out/stamp" 2>/dev/null)" ]
then
    (
        cd "$src"
        . ./conf_flags
        ./configure "${NGX_CONF_FLAGS[@]}" --with-cc-opt="$cc" \
            --with-ld-opt="$ld" --builddir="$out" \
            --add-dynamic-module="$here" >"$out/configure.log" 2>&1
    ) || { tail -n 20 "$out/configure.log" >&2; exit 1; }
    echo "$stamp" >"$out/stamp"
fi

make -C "$src" -f "$out/Makefile" modules >"$out/make.log" 2>&1 \
    || { tail -n 40 "$out/make.log" >&2; exit 1; }
echo "$out/ngx_http_cosmeta_test_module.so"
