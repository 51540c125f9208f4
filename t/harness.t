# The harness itself: signers against published vectors, checksums against
# their check values. Runs without a server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos::Sign;
use Cos::Sum;

my @cos = (ak => 'AKIDEXAMPLE00000000000000000000000001',
    sk => 'ExampleSecretKeyForDocsOnly00001', start => 1700000000, end => 1700003600);
my $host = 'examplebucket-1250000000.cos.ap-beijing.myqcloud.com';

sub cos_sig {
    my $req = Cos::Sign::cos({ @cos, @_ });
    my $text = $req->{headers}[-1][1];
    return $text =~ /q-header-list=(.*?)&q-url-param-list=(.*?)&q-signature=(\w+)/
        ? "$1|$2|$3" : $text;
}

is cos_sig(method => 'GET', target => '/', headers => [[Host => $host]]),
    'host||b3f33a8667b18fe8bccba517d6e85ec153995fe4', 'COS V1';
is cos_sig(method => 'PUT',
    target => '/dir/%E8%85%BE%E8%AE%AF%20%281%29%2B%27%21%2A~.txt',
    headers => [[Host => $host], ['User-Agent', 'x'], ['Content-Type', 'text/plain'],
        ['Content-Length', 5], ['Content-MD5', 'XUFAKrxLKna5cZ2REBfFkg=='],
        ['x-cos-acl', 'private'], ['x-cos-meta-Author', 'Li Lei']]),
    'content-length;content-md5;content-type;host;x-cos-acl;x-cos-meta-author||'
    . 'afc0d8c342d5230543e03472b71d640eb95fef2b', 'COS V2';
is cos_sig(method => 'GET', target => '/a/b.txt?response-content-disposition='
    . 'attachment%3B%20filename%3D%22a%20b.txt%22&versionId=MTg0NDUx&acl',
    headers => [[Host => $host], ['Range', 'bytes=0-3'], ['If-None-Match', '"0123"']]),
    'host;if-none-match;range|acl;response-content-disposition;versionid|'
    . 'b1c0f80665c81b3c53dbabc3d29cc0e0bfaf91ea', 'COS V3';
is cos_sig(method => 'POST', target => '/?delete',
    headers => [[Host => $host], ['Content-Type', 'application/xml'],
        ['Content-MD5', 'cNbEobPBx/v+FDaxTIIiuQ=='], ['Content-Length', 133]]),
    'content-length;content-md5;content-type;host|delete|'
    . 'b736ddfad3088f824c6a9d75e62f9a7bbe2a4bea', 'COS V4';
is cos_sig(method => 'GET', target => '/x', headers => []),
    '||85184f9f0c67c5bd3e9a7f2c865206b6a5c330cd', 'COS V6: nothing signed';

sub bce_sig {
    my $req = Cos::Sign::bce({ ak => 'bceAccessKeyExample0000000000000',
        sk => 'bceSecretKeyExample0000000000000', @_ });
    return $req->{headers}[-1][1] =~ m{/([0-9a-f]{64})$} ? $1 : $req->{headers}[-1][1];
}

is bce_sig(method => 'PUT', time => 1430123029, target => '/v1/examplebucket/dir/a%20b.txt'
    . '?uploadId=a44cc9bab11cbd156984767aad637851&partNumber=9',
    headers => [[Host => 'bj.bcebos.com'], ['Content-Type', 'text/plain'],
        ['Content-Length', 8], ['Content-Md5', 'NFzcPqhviddjRNnSOGo4rw==']]),
    '015613c80210813241526215f03b8f3cbea5e6c8c515b5f26d9db6b52d27948e', 'BCE B1';
is bce_sig(method => 'GET', time => 1700000000, target => '/v1/examplebucket?acl',
    headers => [[Host => 'bj.bcebos.com']]),
    '9412d1d8e78cd71c6cef47eae9ac9b5aa8258790822013acc6786291674d0265', 'BCE B2';
is bce_sig(method => 'GET', time => 1700000000, life => 300, host_only => 1,
    target => '/v1/examplebucket/o', headers => [[Host => 'bj.bcebos.com']]),
    'dd4f7caf4da674bd0b37e887c8bb91d4aa4faa43f444a64042828066f4ca4a83', 'BCE B3';

# The examples of the S3 API reference, "Authenticating Requests".
my @aws = (ak => 'AKIAIOSFODNN7EXAMPLE', sk => 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    region => 'us-east-1', time => 1369353600);

sub v4_sig {
    my $req = Cos::Sign::v4({ @aws, @_ });
    return $req->{v4}{sig};
}

is v4_sig(method => 'GET', target => '/test.txt', headers =>
    [[Host => 'examplebucket.s3.amazonaws.com'], [Range => 'bytes=0-9']]),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41', 'V4 GET';
is v4_sig(method => 'GET', target => '/?max-keys=2&prefix=J', headers =>
    [[Host => 'examplebucket.s3.amazonaws.com']]),
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7', 'V4 list';
is v4_sig(method => 'GET', target => '/test.txt', presign => 86400, headers =>
    [[Host => 'examplebucket.s3.amazonaws.com']]),
    'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404', 'V4 presigned';

# "Signature Calculations: Transferring Payload in Multiple Chunks".
my $req = Cos::Sign::v4({ @aws, method => 'PUT', target => '/examplebucket/chunkObject.txt',
    payload => 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', headers => [
        [Host => 's3.amazonaws.com'], ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
        ['x-amz-decoded-content-length', 66560]] });
my $body = Cos::Sign::aws_chunked('a' x 66560, signed => 1, v4 => { %{ $req->{v4} },
    sig => '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9' });
is_deeply [$body =~ /chunk-signature=(\w+)/g], [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9'],
    'V4 chunk signatures';

is Cos::Sum::crc64xz('123456789'), '11051210869376104954', 'CRC-64/XZ';
is Cos::Sum::crc64xz('hello'), '11177612005948864433', 'CRC-64/XZ of hello';
is sprintf('%x', Cos::Sum::crc64nvme('123456789')), 'ae8b14860a799888', 'CRC-64/NVME';
is sprintf('%x', Cos::Sum::crc32('123456789')), 'cbf43926', 'CRC-32';
is sprintf('%x', Cos::Sum::crc32c('123456789')), 'e3069283', 'CRC-32C';

done_testing;
