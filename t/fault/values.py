"""What is written: bytes that tell where they belong.

A value is described by a text that travels with it as user metadata, such as
"p:3.17:0:4096" or "m:3.18.1:0:1048576+3.18.2:0:77": plain or multipart, then
segments, each (stream, offset, length). A stream is an endless row of bytes
made from its name and the seed of the run. So whoever reads an object can say
what its bytes, its size and its ETag must be, and bytes of another write, of
another object or of nothing are found out wherever they are.
"""

import functools
import hashlib

SEED = 0


@functools.lru_cache(maxsize=48)
def _stream(name, length):
    return hashlib.shake_128(b"%d/%s" % (SEED, name.encode())).digest(length)


def segment(text):
    name, off, length = text.split(":")
    off, length = int(off), int(length)
    # always from the beginning: a prefix of a stream is the same bytes
    return _stream(name, off + length)[off:]


def data(v):
    return b"".join(segment(s) for s in v[2:].split("+"))


def size(v):
    return sum(int(s.split(":")[2]) for s in v[2:].split("+"))


@functools.lru_cache(maxsize=4096)
def etag(v):
    parts = v[2:].split("+")
    if v[0] == "p":
        return hashlib.md5(data(v)).hexdigest()
    digests = b"".join(hashlib.md5(segment(s)).digest() for s in parts)
    return "%s-%d" % (hashlib.md5(digests).hexdigest(), len(parts))


def plain(stream, length, off=0):
    return "p:%s:%d:%d" % (stream, off, length)


_CRC64 = []


def crc64(b):
    """CRC-64/XZ, for small values: this is slow."""
    if not _CRC64:
        for n in range(256):
            for _ in range(8):
                n = n >> 1 ^ (0xC96C5795D7870F42 if n & 1 else 0)
            _CRC64.append(n)
    crc = 0xFFFFFFFFFFFFFFFF
    for c in b:
        crc = crc >> 8 ^ _CRC64[(crc ^ c) & 255]
    return crc ^ 0xFFFFFFFFFFFFFFFF
