# What is put comes back: sizes, ranges, conditions, stored headers, digests.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use Test::More;
use Cos;
use Cos::Sum qw(crc64xz checksum md5_b64 b64);

my $s = Cos->start;
my $b = $s->make_bucket('data-1250000000');

# Bytes that do not repeat with any power of two.
sub bytes {
    my ($n) = @_;
    my $unit = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 1021;
    return substr $unit x (1 + $n / length $unit), 0, $n;
}


# --- sizes ------------------------------------------------------------------------

for my $n (0, 1, 2, 4095, 4096, 4097, 16384, 131071, 131072, 131073, 262144, 1048577, 5242880) {
    my $data = bytes($n);
    for my $as (qw(s3 cos)) {
        my $r = $s->put("/$b/size-$n", $data, as => $as, payload => 'UNSIGNED-PAYLOAD');
        is_status $r, 200, "$as: PUT $n bytes";
        is $r->h('etag'), '"' . md5_hex($data) . '"', "$as: ETag of $n bytes";
        is $r->body, '', "$as: no body";
        is $r->h('x-cos-hash-crc64ecma'), crc64xz($data), "cos: CRC-64 of $n bytes"
            if $as eq 'cos' && $n < 300000;
        $r = $s->get("/$b/size-$n", as => $as);
        is_ok $r, "$as: GET $n bytes", $data;
        is $r->h('content-length'), $n, "$as: Content-Length $n";
        is $r->h('accept-ranges'), 'bytes', "$as: Accept-Ranges";
        is $r->h('content-type'), 'application/octet-stream', "$as: default type";
        $r = $s->head("/$b/size-$n", as => $as);
        is_status $r, 200, "$as: HEAD $n bytes";
        is $r->h('content-length'), $n, "$as: HEAD says $n";
        is $r->h('etag'), '"' . md5_hex($data) . '"', "$as: HEAD has the ETag";
    }
}

is_status $s->put("/$b/over", 'first'), 200, 'put';
is_status $s->put("/$b/over", 'second, longer'), 200, 'overwrite';
is_ok $s->get("/$b/over"), 'the later one', 'second, longer';
is_status $s->delete("/$b/over"), 204, 'delete';
is_error $s->get("/$b/over"), 404, 'NoSuchKey', 'gone';
is_status $s->head("/$b/over"), 404, 'gone for HEAD';
is_status $s->delete("/$b/over"), 204, 'delete again';


# --- ranges -------------------------------------------------------------------------

my $small = bytes(1000);
$s->put("/$b/r", $small);
$s->put("/$b/r-big", bytes(300000));
$s->put("/$b/r-none", '');

sub range_is {
    my ($spec, $from, $to) = @_;
    my $r = $s->get("/$b/r", headers => ['Range', $spec]);
    is_status $r, 206, "Range: $spec";
    ok $r->body eq substr($small, $from, $to - $from + 1), "Range: $spec: bytes";
    is $r->h('content-range'), "bytes $from-$to/1000", "Range: $spec: Content-Range";
    is $r->h('content-length'), $to - $from + 1, "Range: $spec: Content-Length";
}

range_is('bytes=0-0', 0, 0);
range_is('bytes=0-', 0, 999);
range_is('bytes=0-999', 0, 999);
range_is('bytes=0-1000', 0, 999);
range_is('bytes=0-99999999999999999999', 0, 999);
range_is('bytes=500-', 500, 999);
range_is('bytes=999-', 999, 999);
range_is('bytes=999-999', 999, 999);
range_is('bytes=10-19', 10, 19);
range_is('bytes=-1', 999, 999);
range_is('bytes=-1000', 0, 999);
range_is('bytes=-2000', 0, 999);

for my $spec ('bytes=1000-', 'bytes=1000-1001', 'bytes=99999-', 'bytes=-0') {
    my $r = $s->get("/$b/r", headers => ['Range', $spec]);
    is_error $r, 416, 'InvalidRange', "Range: $spec";
    is $r->h('content-range'), 'bytes */1000', "Range: $spec: Content-Range";
}
for my $spec ('bytes=5-2', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=0-1,4-5', 'bytes 0-1', 'lines=0-1',
    'bytes=0-1x', 'bytes=1', '0-1', 'bytes=--1', 'bytes=0x1-2')
{
    is_ok $s->get("/$b/r", headers => ['Range', $spec]), "Range: $spec: ignored", $small;
}
is_error $s->get("/$b/r-none", headers => ['Range', 'bytes=0-']), 416, 'InvalidRange',
    'a range of an empty object';
my $r = $s->head("/$b/r", headers => ['Range', 'bytes=1-2']);
is_status $r, 206, 'HEAD with a range';
is $r->h('content-length'), 2, 'HEAD with a range: length';
$r = $s->get("/$b/r-big", headers => ['Range', 'bytes=131000-231000']);
ok $r->status == 206 && $r->body eq substr(bytes(300000), 131000, 100001), 'a range of a large object';

$r = $s->get("/$b/r", headers => ['Range', 'bytes=0-1', 'If-Range', '"' . md5_hex($small) . '"']);
is_status $r, 206, 'If-Range that matches';
$r = $s->get("/$b/r", headers => ['Range', 'bytes=0-1', 'If-Range', '"other"']);
is_ok $r, 'If-Range that does not', $small;


# --- conditions --------------------------------------------------------------------------

my $etag = '"' . md5_hex($small) . '"';
$r = $s->head("/$b/r");
my $modified = $r->h('last-modified');
my ($past, $future) = ('Sun, 06 Nov 1994 08:49:37 GMT', 'Fri, 01 Jan 2100 00:00:00 GMT');

for (
    [200, 'If-Match', $etag], [200, 'If-Match', '*'], [200, 'If-Match', "\"x\", $etag"],
    [200, 'If-Match', md5_hex($small)],
    [412, 'If-Match', '"x"'], [412, 'If-Match', '"x", "y"'],
    [304, 'If-None-Match', $etag], [304, 'If-None-Match', '*'], [304, 'If-None-Match', "\"x\",$etag"],
    [304, 'If-None-Match', "W/$etag"],
    [200, 'If-None-Match', '"x"'],
    [304, 'If-Modified-Since', $modified], [304, 'If-Modified-Since', $future],
    [200, 'If-Modified-Since', $past], [200, 'If-Modified-Since', 'rubbish'],
    [200, 'If-Unmodified-Since', $modified], [200, 'If-Unmodified-Since', $future],
    [412, 'If-Unmodified-Since', $past],
    [200, 'If-Match', $etag, 'If-Unmodified-Since', $past],
    [412, 'If-Match', '"x"', 'If-Unmodified-Since', $future],
    [304, 'If-None-Match', $etag, 'If-Modified-Since', $past],
    [200, 'If-None-Match', '"x"', 'If-Modified-Since', $future],
    [412, 'If-Match', '"x"', 'If-None-Match', $etag],
) {
    my ($status, @h) = @$_;
    my $name = join ' ', @h;
    for my $method (qw(GET HEAD)) {
        my $r = $s->req($method, "/$b/r", headers => [@h]);
        is_status $r, $status, "$method $name";
        is $r->h('etag'), $etag, "$method $name: ETag of the 304" if $status == 304;
        is length $r->body, 0, "$method $name: no body in the 304" if $status == 304;
        is $r->code, 'PreconditionFailed', "$method $name: code"
            if $status == 412 && $method eq 'GET';
    }
}
is_error $s->get("/$b/none", headers => ['If-Match', '*']), 404, 'NoSuchKey',
    'a condition on nothing';

# Writes: S3's conditions and COS' forbid-overwrite.
is_error $s->put("/$b/r", 'x', headers => ['If-None-Match', '*']), 412, 'PreconditionFailed',
    'PUT If-None-Match: * onto something';
is_status $s->put("/$b/fresh", 'x', headers => ['If-None-Match', '*']), 200,
    'PUT If-None-Match: * onto nothing';
is_status $s->put("/$b/fresh", 'y', headers => ['If-Match', '"' . md5_hex('x') . '"']), 200,
    'PUT If-Match that holds';
is_error $s->put("/$b/fresh", 'z', headers => ['If-Match', '"' . md5_hex('x') . '"']), 412,
    'PreconditionFailed', 'PUT If-Match that no longer holds';
is_error $s->put("/$b/nothing", 'z', headers => ['If-Match', '"x"']), 404, 'NoSuchKey',
    'PUT If-Match onto nothing';
is_error $s->put("/$b/r", 'x', as => 'cos', headers => ['x-cos-forbid-overwrite', 'true']), 409,
    'FileAlreadyExists', 'forbid-overwrite onto something';
is_status $s->put("/$b/fresh2", 'x', as => 'cos', headers => ['x-cos-forbid-overwrite', 'true']), 200,
    'forbid-overwrite onto nothing';
is_status $s->put("/$b/fresh2", 'y', as => 'cos', headers => ['x-cos-forbid-overwrite', 'false']), 200,
    'forbid-overwrite: false';
is_ok $s->get("/$b/r"), 'refused writes changed nothing', $small;
is_ok $s->get("/$b/fresh"), 'nor did the other', 'y';


# --- stored headers ----------------------------------------------------------------------------

for my $as (qw(s3 cos bce)) {
    my $p = { s3 => 'x-amz', cos => 'x-cos', bce => 'x-bce' }->{$as};
    my @h = ('Content-Type', 'text/x-thing; charset=utf-8', 'Cache-Control', 'max-age=3, public',
        'Content-Disposition', 'attachment; filename="a b.txt"', 'Content-Language', 'de',
        'Content-Encoding', 'br', 'Expires', 'Thu, 01 Dec 2094 16:00:00 GMT',
        "$p-meta-one", 'first value', "$p-meta-Two-Words", '%E8%85%BE', "$p-meta-empty", '');
    is_status $s->put("/$b/h-$as", 'x', as => $as, headers => [@h]), 200, "$as: put with headers";
    for my $reader (qw(s3 cos bce)) {
        my $q = { s3 => 'x-amz', cos => 'x-cos', bce => 'x-bce' }->{$reader};
        my $r = $s->head("/$b/h-$as", as => $reader);
        is $r->h('content-type'), 'text/x-thing; charset=utf-8', "$as to $reader: type";
        is $r->h('cache-control'), 'max-age=3, public', "$as to $reader: cache";
        is $r->h('content-disposition'), 'attachment; filename="a b.txt"', "$as to $reader: disposition";
        is $r->h('content-language'), 'de', "$as to $reader: language";
        is $r->h('content-encoding'), 'br', "$as to $reader: encoding";
        is $r->h('expires'), 'Thu, 01 Dec 2094 16:00:00 GMT', "$as to $reader: expires";
        is $r->h("$q-meta-one"), 'first value', "$as to $reader: metadata";
        is $r->h("$q-meta-two-words"), '%E8%85%BE', "$as to $reader: metadata of two words";
        is $r->count('content-type'), 1, "$as to $reader: one Content-Type";
    }
}
is_status $s->put("/$b/ct", 'x', as => 'cos', headers => ['Cache-Control', '', 'Content-Type', '']), 200,
    'headers without a value';
is $s->head("/$b/ct")->h('cache-control'), undef, 'an empty header is not stored';
is_error $s->put("/$b/m", 'x', headers => ['x-amz-meta-big', 'v' x 3000]), 400, 'MetadataTooLarge',
    'more metadata than allowed';

# Overrides, for signed requests only.
my $over = join '&', 'response-content-type=a%2Fb', 'response-cache-control=no-cache',
    'response-content-disposition=attachment%3B%20filename%3D%22x%22', 'response-content-language=en',
    'response-content-encoding=identity', 'response-expires=0';
for my $as (qw(s3 cos)) {
    my $r = $s->get("/$b/h-s3?$over", as => $as);
    is_ok $r, "$as: overrides";
    is $r->h('content-type'), 'a/b', "$as: override of type";
    is $r->h('cache-control'), 'no-cache', "$as: override of cache";
    is $r->h('content-disposition'), 'attachment; filename="x"', "$as: override of disposition";
    is $r->h('content-language'), 'en', "$as: override of language";
    is $r->h('content-encoding'), 'identity', "$as: override of encoding";
    is $r->h('expires'), '0', "$as: override of expires";
    is $r->count('cache-control'), 1, "$as: one Cache-Control";
}
$s->put("/$b/public", 'x', headers => ['x-amz-acl', 'public-read']);
is_ok $s->get("/$b/public", as => 'none'), 'public object', 'x';
is $s->get("/$b/public?$over", as => 'none')->status, 400, 'overrides without a signature';


# --- digests -----------------------------------------------------------------------------------

is_status $s->put("/$b/d", 'body', headers => ['Content-MD5', md5_b64('body')]), 200, 'right Content-MD5';
is_error $s->put("/$b/d", 'other', headers => ['Content-MD5', md5_b64('body')]), 400, 'BadDigest',
    'wrong Content-MD5';
is_error $s->put("/$b/d", 'other', headers => ['Content-MD5', 'rubbish']), 400, 'InvalidDigest',
    'malformed Content-MD5';
is_error $s->put("/$b/d", 'other', headers => ['Content-MD5', b64('short')]), 400, 'InvalidDigest',
    'short Content-MD5';
is_ok $s->get("/$b/d"), 'the right one is there', 'body';

for my $sum (qw(crc32 crc32c crc64nvme sha1 sha256)) {
    my $value = checksum($sum, 'body');
    my $h = "x-amz-checksum-$sum";
    my $r = $s->put("/$b/sum-$sum", 'body', headers => [$h, $value]);
    is_status $r, 200, "right $sum";
    is $r->h($h), $value, "$sum comes back";
    is_error $s->put("/$b/sum-$sum", 'bodY', headers => [$h, $value]), 400, 'BadDigest', "wrong $sum";
    is_error $s->put("/$b/sum-$sum", 'body', headers => [$h, 'rubbish']), 400, 'InvalidRequest',
        "malformed $sum";
    $r = $s->get("/$b/sum-$sum", headers => ['x-amz-checksum-mode', 'ENABLED']);
    is_ok $r, "$sum: still the right one", 'body';
    is $r->h($h), $value, "$sum on GET with checksum-mode";
    is $s->get("/$b/sum-$sum")->h($h), undef, "no $sum without it";
    # clients hold the header against the bytes of this very answer
    $r = $s->get("/$b/sum-$sum", headers => ['x-amz-checksum-mode', 'ENABLED', 'Range', 'bytes=0-1']);
    is_status $r, 206, "$sum: a range with checksum-mode";
    is $r->h($h), undef, "$sum: not on a part of the object";
    $r = $s->get("/$b/sum-$sum", headers => ['x-amz-checksum-mode', 'ENABLED', 'If-None-Match', '*']);
    is_status $r, 304, "$sum: not modified with checksum-mode";
    is $r->h($h), undef, "$sum: not on 304";
}

$s->done;
