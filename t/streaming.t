# aws-chunked bodies: signed and not, with trailers and without, right and wrong.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sum qw(checksum);

my $s = Cos->start;
my $b = $s->make_bucket('stream-1250000000');
my $data = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 65536;   # 256 KiB

for my $n (0, 1, 65535, 65536, 65537, length $data) {
    my $body = substr $data, 0, $n;
    my $sum = ['x-amz-checksum-crc32', checksum('crc32', $body)];
    for (['signed', signed => 1], ['signed with trailer', signed => 1, trailers => [$sum]],
        ['unsigned with trailer', trailers => [$sum]],
        ['signed in chunks of 8 KiB', signed => 1, size => 8192])
    {
        my ($name, %st) = @$_;
        is_status $s->put("/$b/k", $body, stream => \%st), 200, "$name: $n bytes";
        my $r = $s->get("/$b/k", headers => ['x-amz-checksum-mode', 'ENABLED']);
        is_ok $r, "$name: $n bytes back", $body;
        is $r->h('content-encoding'), undef, "$name: aws-chunked is not stored";
        is $r->h('x-amz-checksum-crc32'), $sum->[1], "$name: the trailer's checksum is" if $st{trailers};
    }
}
is_status $s->put("/$b/te", $data, stream => { trailers =>
    [['x-amz-checksum-crc32', checksum('crc32', $data)]] }, chunked => 5000), 200,
    'chunks within chunks (SDKs over http)';
is_ok $s->get("/$b/te"), 'both taken away', $data;
is_status $s->put("/$b/enc", 'x', stream => { signed => 1 }, encoding => 'aws-chunked,gzip'), 200,
    'another coding beside aws-chunked';
is $s->head("/$b/enc")->h('content-encoding'), 'gzip', 'is stored alone';
for my $sum (qw(crc32c crc64nvme sha1 sha256)) {
    is_status $s->put("/$b/$sum", 'abc', stream => { signed => 1, trailers =>
        [["x-amz-checksum-$sum", checksum($sum, 'abc')]] }), 200, "trailer with $sum";
    is_error $s->put("/$b/no", 'abc', stream => { signed => 1, trailers =>
        [["x-amz-checksum-$sum", checksum($sum, 'abd')]] }), 400, 'BadDigest', "trailer with a wrong $sum";
}
is_status $s->put("/$b/part?x-id=PutObject", 'abc', stream => { signed => 1 }, headers =>
    ['Content-Type', 'a/b']), 200, 'with other signed headers';

my @crc = (trailers => [['x-amz-checksum-crc32', checksum('crc32', $data)]]);
for (
    [403, 'SignatureDoesNotMatch', 'first chunk signature', { signed => 1, bad_chunk => 0 }],
    [403, 'SignatureDoesNotMatch', 'a middle chunk signature', { signed => 1, bad_chunk => 2 }],
    [403, 'SignatureDoesNotMatch', 'last chunk signature', { signed => 1, bad_chunk => 4 }],
    [403, 'SignatureDoesNotMatch', 'trailer signature', { signed => 1, bad_trailer => 1, @crc }],
    [400, 'MalformedTrailerError', 'a trailer that was not announced', { signed => 1, unannounced => 1, @crc }],
) {
    my ($status, $code, $name, $st) = @$_;
    is_error $s->put("/$b/no", $data, stream => $st), $status, $code, $name;
}

# Framing broken in ways no client would.
for (
    ['no final chunk', sub { $_[0] =~ s/0;chunk-signature=\w+\r\n\r\n\z//r }],
    ['a size that is not hex', sub { $_[0] =~ s/\A[0-9a-f]+/xyz/r }],
    ['a huge size', sub { $_[0] =~ s/\A[0-9a-f]+/fffffffffffffffff/r }],
    ['a negative size', sub { $_[0] =~ s/\A[0-9a-f]+/-1/r }],
    ['no signature', sub { $_[0] =~ s/;chunk-signature=\w+//r }],
    ['a short signature', sub { $_[0] =~ s/(chunk-signature=\w{10})\w+/$1/r }],
    ['no CRLF after the data', sub { $_[0] =~ s/\r\n0;/0;/r }],
    ['bytes after the end', sub { "$_[0]extra" }],
    ['a very long chunk header', sub { $_[0] =~ s/\A[0-9a-f]+/'a' x 5000/er }],
    ['LF for CRLF', sub { $_[0] =~ s/\r\n/\n/gr }],
    ['nothing at all', sub { '' }],
) {
    my ($name, $break) = @$_;
    my $r = $s->put("/$b/no", 'some data', stream => { signed => 1 }, edit => sub {
        my $q = shift;
        $q->{wire} = $break->($q->{wire});
        for (@{ $q->{headers} }) { $_->[1] = length $q->{wire} if $_->[0] eq 'Content-Length' }
    });
    like $r->status . ' ' . ($r->code // ''),
        qr/^(400 (InvalidRequest|IncompleteBody|InvalidChunkSizeError|MissingContentLength)|403 SignatureDoesNotMatch|411 .*)$/, $name;
}
my $r = $s->put("/$b/no", 'some data', stream => { signed => 1 }, headers => ['x-amz-decoded-content-length', '5'],
    edit => sub { my $q = shift; my $n = 0;
        @{ $q->{headers} } = grep { lc $_->[0] ne 'x-amz-decoded-content-length' || !$n++ } @{ $q->{headers} } });
is $r->status =~ /^4/, 1, 'a decoded length that is not the length';
is_error $s->get("/$b/no"), 404, 'NoSuchKey', 'nothing of all this was stored';

# Parts too.
my $id = $s->post("/$b/mpu?uploads", '')->xml('UploadId');
$r = $s->put("/$b/mpu?partNumber=1&uploadId=$id", $data, stream => { signed => 1 });
is_status $r, 200, 'a part';
is_error $s->put("/$b/mpu?partNumber=2&uploadId=$id", $data, stream => { signed => 1, bad_chunk => 1 }), 403,
    'SignatureDoesNotMatch', 'a part with a bad chunk';
is_ok $s->post("/$b/mpu?uploadId=$id", '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>'
    . $r->h('etag') . '</ETag></Part></CompleteMultipartUpload>'), 'complete';
is_ok $s->get("/$b/mpu"), 'and back', $data;

$s->done;
