# Copies: of objects and of parts, with conditions, directives and rights.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use Test::More;
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(crc64xz);

my $s = Cos->start;
my $b = $s->make_bucket('copy-1250000000');
my $d = $s->make_bucket('dest-1250000000');
my $port = $s->port;
my %data = (small => 'small object', none => '', big => join('', map { pack 'N', $_ * 2654435761
    & 0xffffffff } 1 .. 131072));
for my $k (sort keys %data) {
    $s->put("/$b/$k", $data{$k}, headers => ['Content-Type', "text/$k", 'x-amz-meta-from', $k,
        'Cache-Control', 'max-age=1', 'x-amz-acl', 'public-read']);
}
$s->put("/$b/" . enc('odd key+%/', 1), 'odd');

for my $as (qw(s3 cos bce)) {
    my $p = { s3 => 'x-amz', cos => 'x-cos', bce => 'x-bce' }->{$as};
    my $replace = { s3 => 'REPLACE', cos => 'Replaced', bce => 'replace' }->{$as};
    for my $k (sort keys %data) {
        my $t = "/$d/$as-$k";
        my $r = $s->put($t, '', as => $as, headers => ["$p-copy-source", "/$b/$k"]);
        is_ok $r, "$as: copy of $k";
        ok length $r->body, "$as: the answer has a body";
        is $r->xml('ETag'), '"' . md5_hex($data{$k}) . '"', "$as: ETag in it" if $as ne 'bce';
        is $r->xml('CRC64'), crc64xz($data{$k}), "$as: CRC64 in it" if $as eq 'cos';
        $r = $s->get($t);
        is_ok $r, "$as: the copy of $k", $data{$k};
        is $r->h('content-type'), "text/$k", "$as: type is copied";
        is $r->h('x-amz-meta-from'), $k, "$as: metadata is copied";
        is $r->h('cache-control'), 'max-age=1', "$as: stored headers are copied";
        is $s->get($t, as => 'none')->status, 403, "$as: the ACL is not";

        $r = $s->put($t, '', as => $as, headers => ["$p-copy-source", "/$b/$k",
            "$p-metadata-directive", $replace, 'Content-Type', 'a/new', "$p-meta-new", 'yes']);
        is_ok $r, "$as: copy of $k with replaced metadata";
        $r = $s->get($t);
        is_ok $r, "$as: replaced", $data{$k};
        is $r->h('content-type'), 'a/new', "$as: the new type";
        is $r->h('x-amz-meta-from'), undef, "$as: not the old metadata";
        is $r->h('x-amz-meta-new'), 'yes', "$as: but the new";
        is $r->h('cache-control'), undef, "$as: nor the old stored headers";
    }

    # the forms of a source
    for my $source ("$b/small", "/$b/small", "$b/%73mall",
        ($as eq 'cos' ? "$b.cos.ap-local.localhost/small" : ()))
    {
        is_ok $s->put("/$d/form", '', as => $as, headers => ["$p-copy-source", $source]),
            "$as: source $source";
    }
    is_ok $s->put("/$d/odd", '', as => $as, headers => ["$p-copy-source", "/$b/" . enc('odd key+%/', 1)]),
        "$as: an odd source key";
    is_ok $s->get("/$d/odd"), "$as: copied", 'odd';

    # onto itself
    my $r = $s->put("/$b/small", '', as => $as, headers => ["$p-copy-source", "/$b/small",
        "$p-metadata-directive", $replace, "$p-meta-from", 'small', "$p-meta-again", $as,
        'Content-Type', 'text/small', 'Cache-Control', 'max-age=1', "$p-acl", 'public-read']);
    is_ok $r, "$as: onto itself with new metadata";
    is_ok $s->get("/$b/small"), "$as: the same bytes", $data{small};
    is $s->head("/$b/small")->h('x-amz-meta-again'), $as, "$as: the new metadata";

    # conditions on the source
    my $etag = '"' . md5_hex($data{small}) . '"';
    my ($past, $future) = ('Sun, 06 Nov 1994 08:49:37 GMT', 'Fri, 01 Jan 2100 00:00:00 GMT');
    for ([200, 'if-match', $etag], [412, 'if-match', '"x"'], [412, 'if-none-match', $etag],
        [200, 'if-none-match', '"x"'], [200, 'if-modified-since', $past],
        [200, 'if-unmodified-since', $future], [412, 'if-unmodified-since', $past])
    {
        my ($status, $name, $value) = @$_;
        my $r = $s->put("/$d/cond", '', as => $as,
            headers => ["$p-copy-source", "/$b/small", "$p-copy-source-$name", $value]);
        is_status $r, $status, "$as: copy-source-$name $value";
        is $r->code, 'PreconditionFailed', "$as: its code" if $status == 412;
    }

    # refusals
    for (["/$b/missing", 404, qr/NoSuchKey|NoSuchCopySource/], ['/nowhere-1250000000/x', 404,
        qr/NoSuchBucket/], ['nothing', 400, qr/InvalidCopySource|InvalidArgument/],
        ['', 400, qr/InvalidCopySource|InvalidArgument|MissingSecurity/],
        ["/$b/", 400, qr/InvalidCopySource|InvalidArgument/],
        ["/$b/%zz", 400, qr/InvalidCopySource|InvalidArgument|InvalidURI/])
    {
        my ($source, $status, $code) = @$_;
        next if $source eq '' && $as ne 's3';
        my $r = $s->put("/$d/no", '', as => $as, headers => ["$p-copy-source", $source]);
        like $r->status . ' ' . ($r->code // ''), qr/^$status $code$/, "$as: source '$source'";
    }
    is_error $s->get("/$d/no"), 404, 'NoSuchKey', "$as: refused copies leave nothing";
}
is_error $s->put("/$b/small", '', headers => ['x-amz-copy-source', "/$b/small"]), 400, 'InvalidRequest',
    's3: onto itself without any change';

# Rights: what one may not read one may not copy.
is_status $s->req('PUT', '/theirs-1250000000', who => 'alt', body => ''), 200, "somebody else's bucket";
$s->put("/$b/secret", 'secret');
is_error $s->put('/theirs-1250000000/x', '', who => 'alt', headers => ['x-amz-copy-source', "/$b/secret"]),
    403, 'AccessDenied', 'a source that one may not read';
is_ok $s->put('/theirs-1250000000/x', '', who => 'alt', headers => ['x-amz-copy-source', "/$b/small"]),
    'a source that all may read';
is_error $s->put("/$d/x", '', who => 'alt', headers => ['x-amz-copy-source', "/$b/small"]), 403,
    'AccessDenied', 'a destination that one may not write';

# The source goes, the copy stays; large ones share their bytes.
is_ok $s->put("/$d/kept", '', headers => ['x-amz-copy-source', "/$b/big"]), 'copy of a large object';
is_status $s->delete("/$b/big"), 204, 'its source is deleted';
is_ok $s->get("/$d/kept"), 'the copy stays', $data{big};
is_ok $s->put("/$d/kept2", '', headers => ['x-amz-copy-source', "/$d/kept"]), 'a copy of the copy';
is_status $s->delete("/$d/kept"), 204, 'the first copy is deleted';
is_ok $s->get("/$d/kept2"), 'the second stays', $data{big};

# Parts from copies.
my $MIB = 1048576;
my $src = $data{big} x 12;
$s->put("/$d/src", $src, payload => 'UNSIGNED-PAYLOAD');
my $t = "/$d/mpu";
my $id = enc($s->post("$t?uploads", '')->xml('UploadId'));
my @parts = ([0, 5 * $MIB - 1], [5 * $MIB, length($src) - 1]);
my ($xml, $n) = ('', 0);
for my $p (@parts) {
    $n++;
    my $r = $s->put("$t?partNumber=$n&uploadId=$id", '', headers => ['x-amz-copy-source', "/$d/src",
        'x-amz-copy-source-range', "bytes=$p->[0]-$p->[1]"]);
    is_ok $r, "part $n from a copy";
    is $r->xml('ETag'), '"' . md5_hex(substr $src, $p->[0], $p->[1] - $p->[0] + 1) . '"', 'its ETag';
    $xml .= "<Part><PartNumber>$n</PartNumber><ETag>" . $r->xml('ETag') . '</ETag></Part>';
}
my $r = $s->put("$t?partNumber=3&uploadId=$id", '', headers => ['x-amz-copy-source', "/$b/small"]);
is_ok $r, 'a whole object as a part';
for my $range ('bytes=0-', 'bytes=5-2', 'bytes=' . length($src) . '-' . (length($src) + 5), '0-5', 'bytes=-5') {
    my $r = $s->put("$t?partNumber=4&uploadId=$id", '', headers => ['x-amz-copy-source', "/$d/src",
        'x-amz-copy-source-range', $range]);
    like $r->status . ' ' . ($r->code // ''), qr/^(416 InvalidRange|400 InvalidArgument)$/,
        "copy-source-range $range";
}
is_status $s->delete("/$d/src"), 204, 'the source of the parts is deleted';
is_ok $s->post("$t?uploadId=$id", "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>"), 'complete';
is_ok $s->get($t), 'put together from copies', $src;

$s->done;
