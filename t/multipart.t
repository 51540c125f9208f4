# Multipart uploads: parts in any order, completed once, aborted, listed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5 md5_hex);
use MIME::Base64 qw(decode_base64);
use Test::More;
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(crc64xz checksum md5_b64);

my $s = Cos->start;
my $b = $s->make_bucket('mpu-1250000000');
my $MIB = 1048576;
my $big = join('', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 262144) x 6;   # 6 MiB

sub create { my ($t, %o) = @_; $s->post("$t?uploads", '', %o)->xml('UploadId') }
sub part {
    my ($t, $id, $n, $data, %o) = @_;
    return $s->put("$t?partNumber=$n&uploadId=" . enc($id), $data, payload => 'UNSIGNED-PAYLOAD', %o);
}
sub complete {
    my ($t, $id, $parts, %o) = @_;
    my $xml = join '', map {
        "<Part><PartNumber>$_->[0]</PartNumber><ETag>$_->[1]</ETag></Part>" } @$parts;
    return $s->post("$t?uploadId=" . enc($id),
        "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>", %o);
}


# --- the whole way, in each dialect --------------------------------------------------------

for my $as (qw(s3 cos)) {
    my $min = $as eq 's3' ? 5 * $MIB : $MIB;
    my @parts = (substr($big, 0, $min), substr($big, 3, $min), 'the last one');
    my $t = "/$b/whole-$as";
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my $r = $s->post("$t?uploads", '', as => $as,
        headers => ['Content-Type', 'text/x-parts', "$p-meta-who", 'me']);
    is_ok $r, "$as: create";
    is $r->xml('Bucket'), $b, "$as: create names the bucket";
    is $r->xml('Key'), "whole-$as", "$as: and the key";
    my $id = $r->xml('UploadId');
    ok length $id, "$as: an upload id";
    is_error $s->get($t, as => $as), 404, 'NoSuchKey', "$as: nothing to see yet";

    my @etags;
    for my $n (3, 1, 2) {
        my $r = part($t, $id, $n * 10, $parts[$n - 1], as => $as);
        is_status $r, 200, "$as: part " . $n * 10;
        is $r->h('etag'), '"' . md5_hex($parts[$n - 1]) . '"', "$as: its ETag";
        $etags[$n - 1] = [$n * 10, $r->h('etag')];
    }
    $r = $s->get("$t?uploadId=" . enc($id), as => $as);
    is_ok $r, "$as: list parts";
    is_deeply [$r->all('PartNumber')], [10, 20, 30], "$as: numbers in order";
    is_deeply [$r->all('Size')], [map { length } @parts], "$as: sizes";
    $r = $s->get("$t?max-parts=2&uploadId=" . enc($id), as => $as);
    is_deeply [$r->all('PartNumber')], [10, 20], "$as: a page of parts";
    is $r->xml('IsTruncated'), 'true', "$as: there are more";
    is $r->xml('NextPartNumberMarker'), 20, "$as: from there";
    $r = $s->get("$t?part-number-marker=20&uploadId=" . enc($id), as => $as);
    is_deeply [$r->all('PartNumber')], [30], "$as: the rest";

    $r = complete($t, $id, \@etags, as => $as);
    is_ok $r, "$as: complete";
    my $etag = md5_hex(join '', map { md5($_) } @parts) . '-3';
    is $r->xml('ETag'), "\"$etag\"", "$as: ETag of parts";
    like $r->xml('Location'), qr{^http://\S+/whole-$as$}, "$as: Location is a URL";
    $r = complete($t, $id, \@etags, as => $as);
    is_ok $r, "$as: complete again gives the same";
    is $r->xml('ETag'), "\"$etag\"", "$as: ETag again";

    my $all = join '', @parts;
    $r = $s->get($t, as => $as);
    is_ok $r, "$as: get", $all;
    is $r->etag, $etag, "$as: ETag of the object";
    is $r->h('content-type'), 'text/x-parts', "$as: type given at the beginning";
    is $r->h("$p-meta-who"), 'me', "$as: metadata given at the beginning";
    for my $range ([$min - 5, $min + 4], [$min - 1, $min], [0, length($all) - 1],
        [2 * $min - 3, 2 * $min + 5], [1, 2 * $min + 1])
    {
        my ($from, $to) = @$range;
        $r = $s->get($t, as => $as, headers => ['Range', "bytes=$from-$to"]);
        ok $r->status == 206 && $r->body eq substr($all, $from, $to - $from + 1),
            "$as: bytes $from-$to, across parts";
    }
    is_error part($t, $id, 1, 'x', as => $as), 404, 'NoSuchUpload', "$as: no part after completion";
    is_status $s->delete($t, as => $as), 204, "$as: delete";
    is_error $s->get($t, as => $as), 404, 'NoSuchKey', "$as: gone";
}


# --- replacing and leaving out parts ------------------------------------------------------------

my $t = "/$b/replace";
my $id = create($t);
my $old = part($t, $id, 1, 'x' x (5 * $MIB));
my $new = part($t, $id, 1, $big);
part($t, $id, 2, 'unused');
is_error complete($t, $id, [[1, $old->h('etag')]]), 400, 'InvalidPart', 'the ETag of a replaced part';
is_ok complete($t, $id, [[1, $new->h('etag')]]), 'complete with fewer parts than there are';
is_ok $s->get($t), 'only what was named', $big;

# ETags in every spelling that clients send; any order of children.
for my $form (['bare', '%s'], ['quoted', '"%s"'], ['as entities', '&quot;%s&quot;']) {
    my $id = create("/$b/form");
    my $e = part("/$b/form", $id, 1, 'data')->etag;
    is_ok complete("/$b/form", $id, [[1, sprintf $form->[1], $e]]), "ETag $form->[0]";
}
$id = create("/$b/form");
my $e = part("/$b/form", $id, 1, 'data')->h('etag');
is_ok $s->post("/$b/form?uploadId=" . enc($id), '<?xml version="1.0"?>' . "\n"
    . '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    . "<Part><ETag>$e</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"),
    'a namespace, a prolog and the ETag first';


# --- refusals -----------------------------------------------------------------------------------------

$t = "/$b/refuse";
$id = create($t);
my ($one, $two) = map { [$_, part($t, $id, $_, $big . $_)->h('etag')] } 1, 2;
my $tiny = [3, part($t, $id, 3, 'tiny')->h('etag')];
my $last = [4, part($t, $id, 4, 'end')->h('etag')];
is_error complete($t, $id, [$two, $one]), 400, 'InvalidPartOrder', 'descending';
is_error complete($t, $id, [$one, $one]), 400, 'InvalidPartOrder', 'the same twice';
is_error complete($t, $id, [$one, $tiny, $last]), 400, 'EntityTooSmall', 'a small part in the middle';
is_error complete($t, $id, [$one, [9, $two->[1]]]), 400, 'InvalidPart', 'a part that is not there';
is_error complete($t, $id, [$one, [2, $one->[1]]]), 400, 'InvalidPart', 'the ETag of another part';
is_error complete($t, $id, []), 400, 'MalformedXML', 'no part at all';
for my $n (0, 10001, -1, 'x', '') {
    is_error part($t, $id, $n, 'x'), 400, 'InvalidArgument', "part number '$n'";
}
is_error part($t, $id . 'x', 1, 'x'), 404, 'NoSuchUpload', 'an unknown upload';
is_error part($t, '../../etc', 1, 'x'), 404, 'NoSuchUpload', 'an upload id that is a path';
is_error part("/$b/other", $id, 1, 'x'), 404, 'NoSuchUpload', 'an upload of another key';
is_error complete($t, 'unknown', [$one]), 404, 'NoSuchUpload', 'complete of an unknown upload';
is_error $s->get("$t?uploadId=unknown"), 404, 'NoSuchUpload', 'list parts of an unknown upload';
is_error $s->delete("$t?uploadId=unknown"), 404, 'NoSuchUpload', 'abort of an unknown upload';
is_error part($t, $id, 5, 'x', headers => ['Content-MD5', md5_b64('y')]), 400, 'BadDigest',
    'a part with a wrong digest';
is_ok complete($t, $id, [$one, $two, $tiny]), 'after all refusals it completes';
is_ok $s->get($t), 'and holds', $big . 1 . $big . 2 . 'tiny';

$t = "/$b/forbid";
$s->put($t, 'first', as => 'cos');
$id = create($t, as => 'cos');
$e = part($t, $id, 1, 'second', as => 'cos')->h('etag');
is_error complete($t, $id, [[1, $e]], as => 'cos', headers => ['x-cos-forbid-overwrite', 'true']), 409,
    'FileAlreadyExists', 'forbid-overwrite at completion';
is_error complete($t, $id, [[1, $e]], headers => ['If-None-Match', '*']), 412, 'PreconditionFailed',
    'If-None-Match: * at completion';
is_ok $s->get($t), 'the first one stays', 'first';
is_status $s->delete("$t?uploadId=" . enc($id)), 204, 'abort';


# --- abort and listings of uploads -----------------------------------------------------------------------

my %open;
for my $key ('u/a', 'u/b', 'u/b', 'u/c/1', 'u/c/2', 'u/d e+') {
    my $id = create("/$b/" . enc($key, 1));
    push @{ $open{$key} }, $id;
}
my $r = $s->get("/$b?uploads&prefix=u%2F");
is_ok $r, 'list uploads';
is_deeply [$r->all('Key')], ['u/a', 'u/b', 'u/b', 'u/c/1', 'u/c/2', 'u/d e+'], 'every open upload';
$r = $s->get("/$b?uploads&prefix=u%2F&delimiter=%2F");
is_deeply [map { $_->xml('Key') } $r->parts('Upload')], ['u/a', 'u/b', 'u/b', 'u/d e+'],
    'uploads with a delimiter';
is_deeply [map { $_->xml('Prefix') } $r->parts('CommonPrefixes')], ['u/c/'], 'and their common prefix';
my (@seen, $km, $im);
for (1 .. 20) {
    my $q = "uploads&prefix=u%2F&max-uploads=2";
    $q .= '&key-marker=' . enc($km) . '&upload-id-marker=' . enc($im) if defined $km;
    $r = $s->get("/$b?$q");
    push @seen, map { $_->xml('Key') . ' ' . $_->xml('UploadId') } $r->parts('Upload');
    last if $r->xml('IsTruncated') ne 'true';
    ($km, $im) = ($r->xml('NextKeyMarker'), $r->xml('NextUploadIdMarker'));
}
is_deeply [sort @seen], [sort map { my $k = $_; map { "$k $_" } @{ $open{$k} } } keys %open],
    'page by page, each once';
is_error $s->delete("/$b"), 409, 'BucketNotEmpty', 'a bucket with open uploads is not empty';
for my $key (keys %open) {
    is_status $s->delete("/$b/" . enc($key, 1) . '?uploadId=' . enc($_)), 204, "abort $key"
        for @{ $open{$key} };
}
is scalar($s->get("/$b?uploads")->all('UploadId')), 0, 'none is left';


# --- checksums of S3 ------------------------------------------------------------------------------------

for my $sum (qw(crc32 crc32c crc64nvme sha256)) {
    my $t = "/$b/sum-$sum";
    my $up = uc $sum;
    my $r = $s->post("$t?uploads", '', headers => ['x-amz-checksum-algorithm', $up]);
    my $id = $r->xml('UploadId');
    my $value = checksum($sum, 'part one');
    $r = part($t, $id, 1, 'part one', headers => ["x-amz-checksum-$sum", $value]);
    is_status $r, 200, "$sum: part";
    is $r->h("x-amz-checksum-$sum"), $value, "$sum: of the part";
    is_error part($t, $id, 2, 'part two', headers => ["x-amz-checksum-$sum", $value]), 400, 'BadDigest',
        "$sum: a wrong one";
    my $e = $r->h('etag');
    my $doc = '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>'
        . "<ETag>$e</ETag><Checksum$up>$value</Checksum$up></Part></CompleteMultipartUpload>";
    my $done = "$t?uploadId=" . enc($id);
    my ($other) = grep { $_ ne $sum } qw(crc32 crc32c);
    is_error $s->post($done, $doc, headers => ['x-amz-mp-object-size', 7]), 400, 'InvalidRequest',
        "$sum: another size";
    is_error $s->post($done, $doc, headers => ["x-amz-checksum-$sum", checksum($sum, 'other')]), 400,
        'BadDigest', "$sum: another checksum of the whole";
    is_error $s->post($done, $doc, headers => ["x-amz-checksum-$other", checksum($other, 'part one')]), 400,
        'InvalidRequest', "$sum: one of another kind";
    # of the whole where there is one; else of the digests of the parts
    my $whole = $sum eq 'crc64nvme' ? $value : checksum($sum, decode_base64($value)) . '-1';
    $r = $s->post($done, $doc, headers => ['x-amz-mp-object-size', 8, "x-amz-checksum-$sum", $whole]);
    is_ok $r, "$sum: complete";
    ok length $r->xml("Checksum$up"), "$sum: in the answer";
}

$s->done;
