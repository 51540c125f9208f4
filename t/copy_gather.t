# Copies of what lies scattered in packs: written anew in one piece, they have
# the ETag, the checksums and the parts of their source, in all encryptions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Cos;
use CosFail;
use Cos::Sign qw(enc);
use Cos::Sum qw(checksum crc64xz);

# parts of 5 MiB lie in packs
my $s = Cos->start(http => 'cos_pack_max 8m; cos_container_size 32m;');
my %o = (as => 's3');
my $b = $s->make_bucket('gather-1250000000', %o);
my $B = "/$b";
my $MARK = 'bytes that must not lie on the disk as they are ';
my @part = map { substr "part $_: " . $MARK x 120_000, 0, 5 * 1048576 + $_ } 1, 2;
push @part, "part 3: $MARK";
my $all = join '', @part;

my @AES = ('x-amz-server-side-encryption', 'AES256');
sub customer {
    my ($key, $copy) = @_;
    my $p = 'x-amz-' . ($copy ? 'copy-source-' : '') . 'server-side-encryption-customer-';
    return ("${p}algorithm", 'AES256', "${p}key", encode_base64($key, ''),
        "${p}key-MD5", encode_base64(md5($key), ''));
}
my ($k1, $k2) = ('k' x 32, 'l' x 32);
my %key = (plain => [[], [], []], aes => [\@AES, [], []],
    c1 => [[customer($k1)], [customer($k1)], [customer($k1, 1)]],
    c2 => [[customer($k2)], [customer($k2)], [customer($k2, 1)]]);

sub source {
    my ($t, $kind) = @_;
    my ($put, $with) = @{ $key{$kind} };
    my $r = $s->post("$t?uploads", '', %o, headers => ['x-amz-checksum-algorithm', 'SHA256', @$put]);
    my $id = enc($r->xml('UploadId'));
    my ($n, $xml) = (0, '');
    for my $p (@part) {
        $n++;
        my $sum = checksum('sha256', $p);
        $r = $s->put("$t?partNumber=$n&uploadId=$id", $p, %o, payload => 'UNSIGNED-PAYLOAD',
            headers => ['x-amz-checksum-sha256', $sum, @$with]);
        is_status $r, 200, "part $n of $t";
        $xml .= "<Part><PartNumber>$n</PartNumber><ETag>" . $r->h('etag')
            . "</ETag><ChecksumSHA256>$sum</ChecksumSHA256></Part>";
    }
    $r = $s->post("$t?uploadId=$id", "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>", %o,
        headers => $with);
    is_status $r, 200, "$t, of parts";
}

# What is said of an object, its parts and its bytes.
sub as_it_was {
    my ($t, $kind, $etag, $when) = @_;
    my $with = $key{$kind}[1];
    my $r = $s->get($t, %o, headers => ['x-amz-checksum-mode', 'ENABLED', @$with]);
    is_ok $r, "$when: bytes", $all;
    is $r->etag, $etag, "$when: ETag";
    is $r->h('x-amz-server-side-encryption'), $kind eq 'aes' ? 'AES256' : undef, "$when: encryption";
    my $at = 0;
    for my $n (1 .. 3) {
        $r = $s->get("$t?partNumber=$n", %o, headers => ['x-amz-checksum-mode', 'ENABLED', @$with]);
        is_status $r, 206, "$when: part $n";
        ok $r->body eq $part[$n - 1], "$when: its bytes";
        is $r->h('x-amz-mp-parts-count'), 3, "$when: of 3";
        is $r->h('content-range'), sprintf('bytes %d-%d/%d', $at, $at + length($part[$n - 1]) - 1, length $all),
            "$when: where it lies";
        is $r->h('x-amz-checksum-sha256'), checksum('sha256', $part[$n - 1]), "$when: its checksum";
        $at += length $part[$n - 1];
    }
    is_error $s->get("$t?partNumber=4", %o, headers => $with), 416, 'InvalidPartNumber', "$when: no part 4";
    $r = $s->get("$t?attributes", %o, headers => ['x-amz-object-attributes', 'ObjectParts,Checksum', @$with]);
    is join(' ', $r->all('PartNumber')), '1 2 3', "$when: attributes of parts";
    is join(' ', $r->all('Size')), join(' ', map { length } @part), "$when: their sizes";
    for my $from (0, 5 * 1048576 - 5, 10 * 1048576 - 5, length($all) - 10) {
        $r = $s->get($t, %o, headers => ['Range', "bytes=$from-" . ($from + 9), @$with]);
        ok $r->body eq substr($all, $from, 10), "$when: at $from";
    }
}

sub copy {
    my ($from, $was, $to, $kind) = @_;
    return $s->put($to, '', %o, headers => ['x-amz-copy-source', $from, @{ $key{$was}[2] }, @{ $key{$kind}[0] }]);
}

sub on_disk {
    my $found = 0;
    for my $file (keys %{ $s->data_files }) {
        $found++ if Cos::slurp($file) =~ /that must not lie/;
    }
    return $found;
}

# secrets first: nothing of them is on the disk until there is a plain copy
source("$B/source-$_", $_) for qw(aes c1);
my %etag = map { $_ => $s->head("$B/source-$_", %o, headers => $key{$_}[1])->etag } qw(aes c1);
is settled_solos($s), 0, 'all of it lies in packs';
my @made;
for my $way ([qw(aes aes)], [qw(aes c1)], [qw(c1 c1)], [qw(c1 c2)], [qw(c1 aes)]) {
    my ($was, $is) = @$way;
    my $t = "$B/$was-to-$is";
    my $r = copy("$B/source-$was", $was, $t, $is);
    is_status $r, 200, "copy, $was to $is";
    as_it_was($t, $is, $etag{$was}, "$was to $is");
    push @made, [$t, $is, $etag{$was}];
}
is on_disk(), 0, 'no plain bytes on the disk';
is_error $s->get("$B/c1-to-c2", %o, headers => $key{c1}[1]), 403, 'AccessDenied', 'the old key does not open it';
is_error copy("$B/source-c1", 'c2', "$B/none", 'aes'), 403, 'AccessDenied', 'nor another one the source';
ok $s->wait_for(sub { settled_solos($s) == @made }), 'each copy is one container';

source("$B/source-plain", 'plain');
$etag{plain} = $s->head("$B/source-plain", %o)->etag;
for my $way ([qw(plain plain)], [qw(plain aes)], [qw(aes plain)]) {
    my ($was, $is) = @$way;
    my $t = "$B/$was-to-$is";
    is_status copy("$B/source-$was", $was, $t, $is), 200, "copy, $was to $is";
    as_it_was($t, $is, $etag{$was}, "$was to $is");
    push @made, [$t, $is, $etag{$was}];
}

# what is done to a copy leaves its parts alone
is_status copy("$B/plain-to-plain", 'plain', "$B/again", 'plain'), 200, 'a copy of a copy';
push @made, ["$B/again", 'plain', $etag{plain}];
as_it_was("$B/again", 'plain', $etag{plain}, 'a copy of a copy');
is_status $s->put("$B/again?acl", '', %o, headers => ['x-amz-acl', 'public-read']), 200, 'ACL';
as_it_was("$B/again", 'plain', $etag{plain}, 'with another ACL');
is_status copy("$B/plain-to-plain", 'plain', "$B/sealed", 'aes'), 200, 'encrypted anew in one piece';
is_ok $s->get("$B/sealed", %o), 'its bytes', $all;
my $r = $s->get("$B/sealed?partNumber=1", %o);
ok $r->body eq $all, 'it is one part';
is $r->h('x-amz-mp-parts-count'), undef, 'of none';

sub ctl {
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' @_ 2>&1`;
    is $?, 0, "cosctl @_" or diag $out;
}
ctl('verify');
$s->redis('FLUSHALL');
ctl('rebuild');
ok $s->in_service("$B/again", %o), 'in service again';
as_it_was(@$_, "rebuilt $_->[0]") for @made;
ctl('verify');

$s->done;
