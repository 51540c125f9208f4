# Attributes of objects, parts by their number, and checksums of uploads, as S3 has them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5 md5_hex);
use MIME::Base64 qw(decode_base64);
use Test::More;
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(checksum);

my $s = Cos->start;
my %o = (as => 's3');
my $b = $s->make_bucket('attributes-1250000000', %o);
my $MIB = 1048576;
my @part = map { my $n = $_; join '', map { pack 'N', $_ * 2654435761 + $n & 0xffffffff } 1 .. 5 * $MIB / 4 } 1, 2;
push @part, 'the last part';
my $all = join '', @part;

sub create {
    my ($t, %p) = @_;
    return $s->post("$t?uploads", '', %o, headers => [%p]);
}
sub part {
    my ($t, $id, $n, $data, @h) = @_;
    return $s->put("$t?partNumber=$n&uploadId=" . enc($id), $data, %o, payload => 'UNSIGNED-PAYLOAD', headers => \@h);
}
sub complete {
    my ($t, $id, $parts, @h) = @_;
    my $xml = join '', map {
        my ($n, $etag, $sum, $value) = @$_;
        "<Part><PartNumber>$n</PartNumber><ETag>$etag</ETag>"
            . ($sum ? "<Checksum$sum>$value</Checksum$sum>" : '') . '</Part>' } @$parts;
    return $s->post("$t?uploadId=" . enc($id), "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>", %o,
        headers => \@h);
}
sub attributes {
    my ($t, $what, @h) = @_;
    return $s->get("$t?attributes", %o, headers => ['x-amz-object-attributes', $what, @h]);
}
my $every = 'ETag,Checksum,ObjectParts,StorageClass,ObjectSize';


# --- a plain object --------------------------------------------------------------------------

is_status $s->put("/$b/plain", 'plain', %o, headers => ['x-amz-checksum-sha1', checksum('sha1', 'plain'),
    'x-amz-storage-class', 'STANDARD_IA']), 200, 'a plain object';
my $r = attributes("/$b/plain", $every);
is_ok $r, 'its attributes';
is $r->xml('ETag'), md5_hex('plain'), 'ETag without quotes';
is $r->xml('ChecksumSHA1'), checksum('sha1', 'plain'), 'checksum';
is $r->xml('ChecksumType'), 'FULL_OBJECT', 'its type';
is $r->xml('ObjectSize'), 5, 'size';
is $r->xml('StorageClass'), 'STANDARD_IA', 'class';
unlike $r->body, qr/ObjectParts/, 'no parts';
ok $r->h('last-modified'), 'Last-Modified';
$r = attributes("/$b/plain", 'ObjectSize');
unlike $r->body, qr/ETag|Checksum|StorageClass/, 'only what is asked for';
$r = attributes("/$b/plain", 'ETag', 'x-amz-object-attributes', 'ObjectSize');
ok $r->xml('ETag') && $r->xml('ObjectSize'), 'the header twice';
is_error attributes("/$b/plain", 'Etag'), 400, 'InvalidArgument', 'an unknown attribute';
is_error attributes("/$b/plain", 'ETag,'), 400, 'InvalidArgument', 'an empty one';
is_error $s->get("/$b/plain?attributes", %o), 400, 'InvalidArgument', 'none';
is_error attributes("/$b/none", 'ETag'), 404, 'NoSuchKey', 'no object';
is_error $s->get("/$b/plain?attributes", as => 'none', headers => ['x-amz-object-attributes', 'ETag']), 403,
    'AccessDenied', 'somebody else';

for my $m (qw(get head)) {
    $r = $s->$m("/$b/plain?partNumber=1", %o);
    is_status $r, 206, "$m: part 1 of a plain object";
    is $r->h('content-range'), 'bytes 0-4/5', "$m: is all of it";
    is $r->h('x-amz-mp-parts-count'), undef, "$m: which has no parts";
    is_status $s->$m("/$b/plain?partNumber=2", %o), 416, "$m: there is no second";
}
is_error $s->get("/$b/plain?partNumber=2", %o), 416, 'InvalidPartNumber', 'says why';
is_error $s->get("/$b/plain?partNumber=$_", %o), 400, 'InvalidArgument', "partNumber=$_" for 0, 10001, 'x', '';
is_error $s->get("/$b/plain?partNumber=1", %o, headers => ['Range', 'bytes=0-1']), 400, 'InvalidRequest',
    'a part and a range';
$s->put("/$b/empty", '', %o);
$r = $s->get("/$b/empty?partNumber=1", %o);
is_ok $r, 'part 1 of nothing', '';


# --- uploads with each checksum ------------------------------------------------------------------

for my $case (['crc32', 'COMPOSITE'], ['crc32', 'FULL_OBJECT'], ['crc32c', 'COMPOSITE'], ['crc32c', 'FULL_OBJECT'],
    ['crc64nvme', 'FULL_OBJECT'], ['sha1', 'COMPOSITE'], ['sha256', 'COMPOSITE'])
{
    my ($alg, $type) = @$case;
    my ($t, $up, $h) = ("/$b/$alg-$type", uc $alg, "x-amz-checksum-$alg");
    my $name = "$alg, $type";
    $r = create($t, 'x-amz-checksum-algorithm' => $up, 'x-amz-checksum-type' => $type);
    is $r->h('x-amz-checksum-algorithm'), $up, "$name: create tells the algorithm";
    is $r->h('x-amz-checksum-type'), $type, "$name: and the type";
    my $id = $r->xml('UploadId');
    my (@done, @sum);
    for my $n (1 .. 3) {
        push @sum, checksum($alg, $part[$n - 1]);
        $r = part($t, $id, $n * 7, $part[$n - 1], $h, $sum[-1]);
        is $r->h($h), $sum[-1], "$name: part $n";
        push @done, [$n * 7, $r->h('etag'), $up, $sum[-1]];
    }
    my $other = $alg eq 'crc32' ? 'sha1' : 'crc32';
    is_error part($t, $id, 9, 'x', "x-amz-checksum-$other", checksum($other, 'x')), 400, 'InvalidRequest',
        "$name: a part with another checksum";
    $r = $s->get("$t?uploadId=" . enc($id), %o);
    is $r->xml('ChecksumAlgorithm'), $up, "$name: ListParts tells the algorithm";
    is $r->xml('ChecksumType'), $type, "$name: and the type";
    is_deeply [$r->all("Checksum$up")], \@sum, "$name: and those of the parts";
    $r = $s->get("/$b?uploads", %o);
    is $r->xml('ChecksumAlgorithm'), $up, "$name: ListMultipartUploads too";

    my $want = $type eq 'COMPOSITE' ? checksum($alg, join '', map { decode_base64($_) } @sum) : checksum($alg, $all);
    my $shown = $want . ($type eq 'COMPOSITE' ? '-3' : '');
    if ($type eq 'COMPOSITE') {
        is_error complete($t, $id, [map { [@$_[0, 1]] } @done]), 400, 'InvalidRequest', "$name: without those of the parts";
    }
    is_error complete($t, $id, [[7, $done[0][1], $up, $sum[1]], @done[1, 2]]), 400, 'InvalidPart', "$name: a wrong one";
    is_error complete($t, $id, \@done, $h, checksum($alg, 'x')), 400, 'BadDigest', "$name: a wrong one of the object";
    is_error complete($t, $id, \@done, 'x-amz-mp-object-size', 5), 400, 'InvalidRequest', "$name: a wrong size";
    is_error complete($t, $id, \@done, 'x-amz-checksum-type', $type eq 'COMPOSITE' ? 'FULL_OBJECT' : 'COMPOSITE'), 400,
        'InvalidRequest', "$name: another type";
    is_error complete($t, $id, \@done, "x-amz-checksum-$other", checksum($other, 'x')), 400, 'InvalidRequest',
        "$name: another algorithm";
    for my $again ('', ' again') {
        $r = complete($t, $id, \@done, $h, $shown, 'x-amz-mp-object-size', length $all, 'x-amz-checksum-type', $type);
        is_ok $r, "$name: complete$again";
        is $r->xml("Checksum$up"), $shown, "$name: its checksum$again";
        is $r->xml('ChecksumType'), $type, "$name: and its type$again";
    }

    $r = $s->head($t, %o, headers => ['x-amz-checksum-mode', 'ENABLED']);
    is $r->h($h), $shown, "$name: HEAD";
    is $r->h('x-amz-checksum-type'), $type, "$name: HEAD tells the type";
    $r = attributes($t, $every);
    is $r->xml("Checksum$up"), $shown, "$name: attributes";
    is $r->xml('ChecksumType'), $type, "$name: with the type";
    is $r->xml('PartsCount'), 3, "$name: number of parts";
    my @p = $r->parts('Part');
    is_deeply [map { [$_->xml('PartNumber'), $_->xml('Size'), $_->xml("Checksum$up")] } @p],
        [map { [$_ + 1, length $part[$_], $sum[$_]] } 0 .. 2], "$name: the parts";

    $r = $s->put("$t-copy", '', %o, headers => ['x-amz-copy-source', $t]);
    is $r->xml("Checksum$up"), $shown, "$name: of a copy";
    is scalar(attributes("$t-copy", $every)->parts('Part')), 3, "$name: with its parts";
}

my $t = "/$b/crc32-FULL_OBJECT";
$r = attributes($t, 'ObjectParts', 'x-amz-max-parts', 2);
is_deeply [map { $_->xml('PartNumber') } $r->parts('Part')], [1, 2], 'a page of parts';
is $r->xml('IsTruncated'), 'true', 'there are more';
is $r->xml('NextPartNumberMarker'), 2, 'behind that';
$r = attributes($t, 'ObjectParts', 'x-amz-max-parts', 2, 'x-amz-part-number-marker', 2);
is_deeply [map { $_->xml('PartNumber') } $r->parts('Part')], [3], 'the rest';
is $r->xml('IsTruncated'), 'false', 'is the rest';
is scalar(attributes($t, 'ObjectParts', 'x-amz-part-number-marker', 99)->parts('Part')), 0, 'behind the end';
is_error attributes($t, 'ObjectParts', 'x-amz-max-parts', 'x'), 400, 'InvalidArgument', 'max-parts';

for my $as (qw(s3 cos)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my $at = 0;
    for my $n (1 .. 3) {
        my $range = sprintf 'bytes %d-%d/%d', $at, $at + length($part[$n - 1]) - 1, length $all;
        $at += length $part[$n - 1];
        $r = $s->get("$t?partNumber=$n", as => $as, headers => ['x-amz-checksum-mode', 'ENABLED']);
        ok $r->status == 206 && $r->body eq $part[$n - 1], "$as: part $n";
        is $r->h('content-range'), $range, "$as: its range";
        is $r->h("$p-mp-parts-count"), 3, "$as: of how many";
        is $r->h('x-amz-checksum-crc32'), checksum('crc32', $part[$n - 1]), "$as: its checksum" if $as eq 's3';
        $r = $s->head("$t?partNumber=$n", as => $as);
        is_status $r, 206, "$as: HEAD of part $n";
        is $r->h('content-range'), $range, "$as: its range";
        is $r->h('content-length'), length $part[$n - 1], "$as: its length";
    }
    is_error $s->get("$t?partNumber=4", as => $as), 416, 'InvalidPartNumber', "$as: no fourth";
}
is_status $s->get("$t?partNumber=1", %o, headers => ['If-None-Match', '*']), 304, 'conditions count';


# --- what is refused, and copies ---------------------------------------------------------------------

is_error create("/$b/x", 'x-amz-checksum-algorithm' => 'SHA1', 'x-amz-checksum-type' => 'FULL_OBJECT'), 400,
    'InvalidRequest', 'SHA1 of all';
is_error create("/$b/x", 'x-amz-checksum-algorithm' => 'CRC64NVME', 'x-amz-checksum-type' => 'COMPOSITE'), 400,
    'InvalidRequest', 'CRC64NVME of parts';
is_error create("/$b/x", 'x-amz-checksum-type' => 'COMPOSITE'), 400, 'InvalidRequest', 'a type without algorithm';
is_error create("/$b/x", 'x-amz-checksum-algorithm' => 'CRC32', 'x-amz-checksum-type' => 'x'), 400, 'InvalidRequest',
    'an unknown type';
is_error create("/$b/x", 'x-amz-checksum-algorithm' => 'MD4'), 400, 'InvalidRequest', 'an unknown algorithm';

for my $from (qw(plain sha1-COMPOSITE crc32-COMPOSITE)) {
    my $bytes = $from eq 'plain' ? 'plain' : $all;
    $r = $s->put("/$b/summed", '', %o, headers => ['x-amz-copy-source', "/$b/$from", 'x-amz-checksum-algorithm', 'CRC32']);
    is_ok $r, "a copy of $from with another checksum";
    is $r->xml('ChecksumCRC32'), checksum('crc32', $bytes), 'has it';
    is $r->xml('ChecksumType'), 'FULL_OBJECT', 'of everything';
    ok $s->get("/$b/summed", %o)->body eq $bytes, 'and the bytes';
}
is_error $s->put("/$b/summed", '', %o, headers => ['x-amz-copy-source', "/$b/plain", 'x-amz-checksum-algorithm', 'x']),
    400, 'InvalidRequest', 'a copy with an unknown checksum';

# an upload without checksums has parts all the same
my $id = create("/$b/none")->xml('UploadId');
my @e = map { [$_, part("/$b/none", $id, $_, $part[$_ - 1])->h('etag')] } 1 .. 3;
is_ok complete("/$b/none", $id, \@e), 'an upload without checksums';
$r = attributes("/$b/none", $every);
is $r->xml('PartsCount'), 3, 'the number of its parts';
is scalar($r->parts('Part')), 0, 'but no parts';
unlike $r->body, qr/Checksum/, 'and no checksum';
is $s->get("/$b/none?partNumber=3", %o)->body, 'the last part', 'parts by number';

# versions
my $v = $s->make_bucket('attributesv-1250000000', %o);
$s->put("/$v?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>', %o);
my $v1 = $s->put("/$v/k", 'one', %o)->h('x-amz-version-id');
my $v2 = $s->put("/$v/k", 'second', %o)->h('x-amz-version-id');
$r = $s->get("/$v/k?attributes&versionId=$v1", %o, headers => ['x-amz-object-attributes', 'ObjectSize']);
is $r->xml('ObjectSize'), 3, 'attributes of a version';
is $r->h('x-amz-version-id'), $v1, 'which is named';
is attributes("/$v/k", 'ObjectSize')->h('x-amz-version-id'), $v2, 'the current one too';
$s->delete("/$v/k", %o);
is_error attributes("/$v/k", 'ObjectSize'), 404, 'NoSuchKey', 'behind a delete marker';

# the disk tells the same
sub ctl {
    my (@args) = @_;
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' @args 2>&1`;
    is $?, 0, "cosctl @args" or diag $out;
}
my $before = attributes("/$b/sha256-COMPOSITE", $every)->body;
ctl('verify');
$s->redis('FLUSHALL');
ctl('rebuild');
ok $s->in_service("/$b/plain", %o), 'in service again';
is attributes("/$b/sha256-COMPOSITE", $every)->body, $before, 'attributes after a rebuild';

$s->done;
