#!/bin/sh
#
# embed.sh INPUT OUTPUT SYMBOL: writes a C header that holds INPUT, byte for
# byte, as "static const char SYMBOL[]" (its length: sizeof(SYMBOL) - 1).
# Every byte goes through od, so that no shell or awk sees binary data.

set -eu

if [ $# -ne 3 ]; then
    echo "usage: embed.sh INPUT OUTPUT SYMBOL" >&2
    exit 2
fi

tmp=$2.$$
trap 'rm -f "$tmp"' EXIT

{
    printf '/* Generated from %s: do not edit. */\n\n' "${1##*/}"
    printf 'static const char %s[] =' "$3"
    od -An -v -tu1 "$1" | awk '
        BEGIN {
            for (i = 0; i < 256; i++) {
                printable = i >= 32 && i <= 126
                text[i] = sprintf(printable ? "%c" : "\\%03o", i)
            }
            text[10] = "\\n"; text[34] = "\\\""
            text[92] = "\\\\"
            text[63] = "\\?"                    # no trigraphs
            begin = 1
        }
        {
            for (f = 1; f <= NF; f++) {
                if (begin) {
                    printf "\n    \""
                    begin = 0
                    width = 0
                }
                printf "%s", text[$f + 0]
                if ($f == 10 || ++width >= 500) {
                    printf "\""
                    begin = 1
                }
            }
        }
        END {
            if (!begin) {
                printf "\""
            } else if (NR == 0) {
                printf " \"\""
            }
            print ";"
        }'
} >"$tmp"

mv "$tmp" "$2"
