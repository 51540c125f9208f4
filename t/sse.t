# Encryption at rest: what lies on the disk, whose key opens what, copies in all
# directions, and what answers say of it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(checksum);
use Digest::MD5 qw(md5 md5_hex);
use MIME::Base64 qw(encode_base64);
use Test::More;

my $s = Cos->start(workers => 2, http => 'cos_pack_max 64k;');
my $B = '/sse-1250000000';
$s->make_bucket('sse-1250000000');

my $MARK = 'a marker that must not be found on the disk ';
my $n = 0;

# Bytes that are easily found again.
sub text { my ($len) = @_; $n++; return substr "$n: $MARK" . $MARK x ($len / length($MARK) + 1), 0, $len }

sub on_disk {
    my $found = 0;
    for my $file (keys %{ $s->data_files }) {
        $found += () = Cos::slurp($file) =~ /that must not be found/g;
    }
    return $found;
}

my @AES = ('x-amz-server-side-encryption', 'AES256');
my @KMS = ('x-amz-server-side-encryption', 'aws:kms');

sub customer {
    my ($key, %o) = @_;
    my $p = 'x-' . ($o{prefix} // 'amz') . '-' . ($o{copy} ? 'copy-source-' : '')
        . 'server-side-encryption-customer-';
    return ("${p}algorithm", 'AES256', "${p}key", encode_base64($key, ''),
        "${p}key-MD5", encode_base64(md5($key), ''));
}

my $K1 = 'k' x 32;
my $K2 = 'another key of thirty-two bytes.';
my @C1 = customer($K1);
my @C2 = customer($K2);

sub told {
    my ($r, $what, $name) = @_;
    my %want = (
        plain => [undef, undef, undef], AES256 => ['AES256', undef, undef],
        kms => ['aws:kms', 'default', undef], other => ['aws:kms', 'other', undef],
        c1 => [undef, undef, encode_base64(md5($K1), '')],
        c2 => [undef, undef, encode_base64(md5($K2), '')]);
    is_deeply [map { scalar $r->h("x-amz-server-side-encryption$_") }
        '', '-aws-kms-key-id', '-customer-key-md5'], $want{$what}, $name;
    is $r->h('x-amz-server-side-encryption-customer-algorithm'),
        $what =~ /^c/ ? 'AES256' : undef, "$name: algorithm";
    return;
}

# How to write and how to read each kind.
my %kind = (
    plain => [[], []], AES256 => [\@AES, []], kms => [\@KMS, []],
    other => [[@KMS, 'x-amz-server-side-encryption-aws-kms-key-id', 'other'], []],
    c1 => [\@C1, \@C1], c2 => [\@C2, \@C2]);


subtest 'every kind, every size' => sub {
    for my $k (sort grep { $_ ne 'plain' } keys %kind) {
        my ($put, $get) = @{ $kind{$k} };
        for my $size (0, 1, 15, 16, 17, 4096, 65535, 65536, 65537, 300_000, 1_200_000) {
            my $text = text($size);
            my $r = $s->put("$B/$k-$size", $text, headers => $put);
            is_status($r, 200, "PUT $k $size");
            is $r->h('etag'), '"' . md5_hex($text) . '"', 'the ETag is the MD5';
            told($r, $k, 'PUT');
            $r = $s->get("$B/$k-$size", headers => $get);
            is_ok($r, "GET $k $size", $text);
            told($r, $k, 'GET');
            $r = $s->head("$B/$k-$size", headers => $get);
            is_status($r, 200, 'HEAD');
            is $r->h('content-length'), $size, 'length';
            told($r, $k, 'HEAD');
        }
    }
    is on_disk(), 0, 'nothing of it can be read on the disk';
    is_status($s->put("$B/plain", text(100_000)), 200, 'plain');
    # files move when they are settled
    ok $s->wait_for(sub { on_disk() }), 'what is not encrypted can';
    is_status($s->delete("$B/plain"), 204, 'and goes');
    ok $s->wait_for(sub { !on_disk() }), 'with its container';
};

subtest 'ranges' => sub {
    my $size = 1_200_000;
    my $text = join '', map { sprintf '%07d;', $_ } 0 .. $size / 8 - 1;
    is_status($s->put("$B/ranges", $text, headers => \@AES), 200, 'PUT');
    my @at = (0, 1, 15, 16, 17, 4095, 4096, 65536, 262_143, 262_144, 262_145,
        524_287, 524_288, 786_432, $size - 17, $size - 1);
    for my $from (@at) {
        for my $to (grep { $_ >= $from } @at) {
            my $r = $s->get("$B/ranges", headers => ['Range', "bytes=$from-$to"]);
            is $r->status, 206, "$from-$to";
            ok $r->body eq substr($text, $from, $to - $from + 1), 'bytes';
            is $r->h('content-range'), "bytes $from-$to/$size", 'Content-Range';
        }
    }
    my $r = $s->get("$B/ranges", headers => ['Range', 'bytes=-100']);
    ok $r->body eq substr($text, -100), 'suffix';
    is_error($s->get("$B/ranges", headers => ['Range', "bytes=$size-"]), 416, 'InvalidRange',
        'behind the end');
    $r = $s->get("$B/ranges", headers => ['If-None-Match', '"' . md5_hex($text) . '"']);
    is $r->status, 304, 'conditions hold for what is encrypted, too';
};

subtest 'the same bytes twice do not look the same' => sub {
    my $text = text(100_000);
    my $before = $s->data_files;
    is_status($s->put("$B/twice-$_", $text, headers => \@AES), 200, "PUT $_") for 1, 2;
    my @new;
    $s->wait_for(sub {
        my $files = $s->data_files;
        @new = grep { !exists $before->{$_} && !m{/open/} && $files->{$_} > 100_000
            && $files->{$_} < 120_000 } keys %$files;
        return @new == 2;
    });
    is @new, 2, 'a container each';
    my ($x, $y) = map { substr Cos::slurp($_), 4096, 100_000 } @new;
    isnt md5_hex($x), md5_hex($y), 'with other bytes in it';
};

subtest 'multipart' => sub {
    my @parts = (text(5 * 1024 * 1024), text(5 * 1024 * 1024 + 3), text(7));
    for my $k (sort grep { $_ ne 'plain' } keys %kind) {
        my ($put, $get) = @{ $kind{$k} };
        my $key = "$B/mpu-$k";
        my $r = $s->post("$key?uploads", '', headers => $put);
        is_status($r, 200, "create $k");
        told($r, $k, 'create');
        my $id = enc($r->xml('UploadId'));
        my $xml = '';
        for my $i (1 .. 3) {
            # the first is sent twice: never two things under one key stream
            for my $try ($i == 1 ? ('x' x 5_242_880) : (), $parts[$i - 1]) {
                $r = $s->put("$key?partNumber=$i&uploadId=$id", $try, headers => $get);
                is_status($r, 200, "part $i");
            }
            told($r, $k, 'part');
            $xml .= "<Part><PartNumber>$i</PartNumber><ETag>" . $r->h('etag') . '</ETag></Part>';
        }
        if ($k eq 'c1') {
            is_error($s->put("$key?partNumber=4&uploadId=$id", 'x'), 400, 'InvalidRequest',
                'a part without the key');
            is_error($s->put("$key?partNumber=4&uploadId=$id", 'x', headers => \@C2), 400,
                'InvalidArgument', 'a part with another key');
        }
        if ($k eq 'AES256') {
            is_error($s->put("$key?partNumber=4&uploadId=$id", 'x', headers => \@C2), 400,
                'InvalidRequest', 'a part with a key that does not apply');
            is_error($s->put("$key?partNumber=4&uploadId=$id", 'x', headers => \@AES), 400,
                'InvalidArgument', 'S3 parts do not ask for encryption');
            is_status($s->put("$key?partNumber=4&uploadId=$id", 'x', as => 'cos',
                headers => ['x-cos-server-side-encryption', 'AES256']), 200,
                'COS parts may repeat it');
        }
        $r = $s->post("$key?uploadId=$id",
            "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>");
        is_status($r, 200, 'complete');
        told($r, $k =~ /^c/ ? 'plain' : $k, 'complete');
        my $all = join '', @parts;
        is_ok($s->get($key, headers => $get), "GET $k", $all);
        for my $from (0, 5_242_879, 5_242_880, 10_485_762, 10_485_763) {
            my $to = $from + 9;
            $r = $s->get($key, headers => [@$get, 'Range', "bytes=$from-$to"]);
            ok $r->body eq substr($all, $from, 10), "over the border at $from";
        }
    }
    is on_disk(), 0, 'nothing of it can be read on the disk';
};

subtest 'copies' => sub {
    my %source;
    for my $k (sort keys %kind) {
        for my $size (0, 1000, 200_000) {
            $source{$k}{$size} = text($size);
            is_status($s->put("$B/from-$k-$size", $source{$k}{$size},
                headers => $kind{$k}[0]), 200, "from $k");
        }
    }
    for my $from (sort keys %kind) {
        my @open = $from =~ /^c/ ? customer($from eq 'c1' ? $K1 : $K2, copy => 1) : ();
        for my $to (sort keys %kind) {
            for my $size (sort keys %{ $source{$from} }) {
                my $r = $s->put("$B/to-$from-$to-$size", undef, headers => [
                    'x-amz-copy-source', "$B/from-$from-$size", @open, @{ $kind{$to}[0] }]);
                is_status($r, 200, "$from to $to, $size");
                like $r->body, qr/<ETag>/, 'a result';
                told($r, $to, 'copy');
                $r = $s->get("$B/to-$from-$to-$size", headers => $kind{$to}[1]);
                is_ok($r, 'GET', $source{$from}{$size});
                told($r, $to, 'GET');
            }
        }
    }
    my @from = ('x-amz-copy-source', "$B/from-c1-1000");
    is_error($s->put("$B/x", undef, headers => \@from), 400, 'InvalidRequest',
        'no key for the source');
    is_error($s->put("$B/x", undef, headers => [@from, customer($K2, copy => 1)]), 403,
        'AccessDenied', 'another key for the source');
    is_error($s->put("$B/x", undef, headers => ['x-amz-copy-source', "$B/from-AES256-1000",
        customer($K2, copy => 1)]), 400, 'InvalidRequest', 'a key for what needs none');
    is_status($s->head("$B/x"), 404, 'nothing came of it');

    my $big = join '', map { text(5 * 1024 * 1024) } 1 .. 2;
    my $r = $s->multipart("$B/big", [unpack 'a5242880 a*', $big], headers => \@AES);
    is_status($r, 200, 'a multipart object');
    my $files = keys %{ $s->data_files };
    $r = $s->put("$B/big-copy", undef, headers => ['x-amz-copy-source', "$B/big", @AES]);
    is_status($r, 200, 'copied under the same keys');
    like $r->body, qr/-2&quot;/, 'as it lies there';
    is_ok($s->get("$B/big-copy"), 'GET', $big);
    $r = $s->put("$B/big-c1", undef, headers => ['x-amz-copy-source', "$B/big", @C1]);
    is_status($r, 200, 'copied under another');
    my $md5 = md5_hex($big);
    like $r->body, qr/$md5/, 'and is one piece then';
    is_ok($s->get("$B/big-c1", headers => \@C1), 'GET', $big);

    $r = $s->put("$B/big", undef, headers => ['x-amz-copy-source', "$B/big", @C2]);
    is_status($r, 200, 'an object onto itself with another encryption');
    is_ok($s->get("$B/big", headers => \@C2), 'GET', $big);

    $r = $s->post("$B/ranged?uploads", '', headers => \@KMS);
    my $id = enc($r->xml('UploadId'));
    my $xml = '';
    my @range = ('0-5242880', '3-5242882', '100-100');
    my $want = '';
    for my $i (1 .. 3) {
        my ($a, $b) = split /-/, $range[$i - 1];
        $want .= substr $big, $a, $b - $a + 1;
        $r = $s->put("$B/ranged?partNumber=$i&uploadId=$id", undef, headers => [
            'x-amz-copy-source', "$B/big-c1", 'x-amz-copy-source-range', "bytes=$range[$i - 1]",
            customer($K1, copy => 1)]);
        is_status($r, 200, "part $i copied from $range[$i - 1]");
        told($r, 'kms', 'part');
        $xml .= "<Part><PartNumber>$i</PartNumber><ETag>" . $r->xml('ETag') . '</ETag></Part>';
    }
    is_status($s->post("$B/ranged?uploadId=$id",
        "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>"), 200, 'complete');
    is_ok($s->get("$B/ranged"), 'GET', $want);
    $s->delete("$B/$_") for map { ("from-plain-$_", map { my $k = $_; map { "to-$k-plain-$_" }
        0, 1000, 200_000 } keys %kind) } 0, 1000, 200_000;
};

subtest 'metadata changes keep the keys' => sub {
    my $text = text(70_000);
    is_status($s->put("$B/meta", $text, headers => \@AES), 200, 'PUT');
    is_status($s->put("$B/meta?acl", '', headers => ['x-amz-acl', 'public-read']), 200, 'ACL');
    is_ok($s->get("$B/meta"), 'GET', $text);
    is_error($s->get("$B/meta", as => 'none'), 403, 'AccessDenied',
        'what is encrypted is not for the anonymous');
    my $r = $s->put("$B/meta", undef, headers => ['x-amz-copy-source', "$B/meta", @AES,
        'x-amz-metadata-directive', 'REPLACE', 'x-amz-meta-a', 'b']);
    is_status($r, 200, 'REPLACE');
    $r = $s->get("$B/meta");
    is_ok($r, 'GET', $text);
    is $r->h('x-amz-meta-a'), 'b', 'metadata';
};

subtest 'refusals' => sub {
    my $text = text(100);
    is_status($s->put("$B/c", $text, headers => \@C1), 200, 'PUT');
    is_status($s->put("$B/p", $text), 200, 'PUT');
    is_error($s->get("$B/c"), 400, 'InvalidRequest', 'no key');
    is_error($s->get("$B/c", headers => \@C2), 403, 'AccessDenied', 'another key');
    is_status($s->head("$B/c"), 400, 'HEAD, no key');
    is_status($s->head("$B/c", headers => \@C2), 403, 'HEAD, another key');
    is_error($s->get("$B/c", as => 'cos'), 400, 'SsecDecryptHeaderInvalid', 'COS: no key');
    is_error($s->get("$B/c", as => 'cos', headers => [customer($K2, prefix => 'cos')]), 400,
        'SsecDecryptHeaderInvalid', 'COS: another key');
    is_ok($s->get("$B/c", as => 'cos', headers => [customer($K1, prefix => 'cos')]), 'COS', $text);
    is_error($s->get("$B/p", headers => \@C1), 400, 'InvalidRequest', 'a key for a plain object');
    is_error($s->get("$B/p", headers => \@AES), 400, 'InvalidArgument', 'AES256 on GET');
    is_error($s->get("$B/p", as => 'cos', headers => ['x-cos-server-side-encryption', 'AES256']),
        400, 'SSEHeaderNotAllowed', 'COS: AES256 on GET');
    is_status($s->delete("$B/$_"), 204, "DELETE $_") for qw(c p);

    my $files = $s->data_files;
    my $p = 'x-amz-server-side-encryption';
    my @bad = (
        [400, 'InvalidEncryptionAlgorithmError', 'an unknown kind', [$p, 'AES128']],
        [501, 'NotImplemented', 'two layers', [$p, 'aws:kms:dsse']],
        [501, 'NotImplemented', 'an unknown header', ["$p-new", 'x']],
        [400, 'KMS.NotFoundException', 'an unknown key', [@KMS, "$p-aws-kms-key-id", 'none']],
        [400, 'KMS.NotFoundException', 'a path', [@KMS, "$p-aws-kms-key-id", '../sse.keys']],
        [400, 'InvalidArgument', 'an id without KMS', [@AES, "$p-aws-kms-key-id", 'default']],
        [400, 'InvalidArgument', 'a context that is none', [@KMS, "$p-context", 'e30']],
        [400, 'InvalidArgument', 'both', [@AES, @C1]],
        [400, 'InvalidArgument', 'no algorithm', [@C1[2 .. 5]]],
        [400, 'InvalidArgument', 'no key', [@C1[0, 1, 4, 5]]],
        [400, 'InvalidArgument', 'no MD5', [@C1[0 .. 3]]],
        [400, 'InvalidArgument', 'the MD5 of another', [@C1[0 .. 3], @C2[4, 5]]],
        [400, 'InvalidArgument', 'a short key', [customer('short')]],
        [400, 'InvalidEncryptionAlgorithmError', 'an unknown algorithm',
            ["$p-customer-algorithm", 'AES128', @C1[2 .. 5]]],
    );
    for my $b (@bad) {
        my ($status, $code, $what, $headers) = @$b;
        is_error($s->put("$B/bad", $text, headers => $headers), $status, $code, $what);
        is_error($s->post("$B/bad?uploads", '', headers => $headers), $status, $code,
            "$what: upload");
    }
    is_error($s->put("$B/bad", $text, as => 'cos', headers => ['x-cos-server-side-encryption',
        'cos/kms', 'x-cos-server-side-encryption-cos-kms-key-id', 'none']), 400,
        'KmsKeyNotExist', 'COS: an unknown key');
    is_status($s->head("$B/bad"), 404, 'nothing came of it');
    is_deeply $s->data_files, $files, 'nothing lies on the disk';
};

subtest 'dialects and forms' => sub {
    my $text = text(50);
    my $r = $s->put("$B/cos", $text, as => 'cos',
        headers => ['x-cos-server-side-encryption', 'cos/kms']);
    is_status($r, 200, 'COS, KMS');
    is $r->h('x-cos-server-side-encryption'), 'cos/kms', 'kind';
    is $r->h('x-cos-server-side-encryption-cos-kms-key-id'), 'default', 'key';
    $r = $s->get("$B/cos");
    is_ok($r, 'read as S3', $text);
    told($r, 'kms', 'S3');
    $r = $s->put("$B/ctx", $text, headers => [@KMS,
        'x-amz-server-side-encryption-context', encode_base64('{"a":"b"}', ''),
        'x-amz-server-side-encryption-bucket-key-enabled', 'true',
        'x-amz-server-side-encryption-aws-kms-key-id', 'arn:aws:kms:r:1:key/other']);
    is_status($r, 200, 'context, bucket key, ARN');
    told($r, 'other', 'ARN');
    is $r->h('x-amz-server-side-encryption-bucket-key-enabled'), 'true', 'bucket key';
    is_ok($s->get("$B/ctx"), 'GET', $text);
    $r = $s->put("$B/bce", $text, as => 'bce', headers => ['x-bce-server-side-encryption', 'AES256']);
    is_status($r, 200, 'BCE');
    is $r->h('x-bce-server-side-encryption'), 'AES256', 'kind';
    $text = text(300_000);
    my @sum = ['x-amz-checksum-crc32', checksum('crc32', $text)];
    for my $st ({ signed => 1, size => 65_536 }, { trailers => [@sum] }) {
        is_status($s->put("$B/chunked", $text, headers => \@AES, stream => $st), 200,
            'aws-chunked');
        $r = $s->get("$B/chunked", headers => ['x-amz-checksum-mode', 'ENABLED']);
        is_ok($r, 'GET', $text);
        is $r->h('x-amz-checksum-crc32'), $st->{trailers} && $sum[0][1],
            'the checksum is of what the client sent';
    }
    is_status($s->put("$B/te", $text, headers => \@AES, as => 'cos', chunked => 1000), 200,
        'without a length');
    is_ok($s->get("$B/te"), 'GET', $text);
    is_error($s->put("$B/te2", $text, headers => [@AES, 'Content-MD5', encode_base64(md5('x'), '')]),
        400, 'BadDigest', 'digests are of what the client sent');
};

subtest 'the default of a bucket' => sub {
    my $D = '/ssedef-1250000000';
    $s->make_bucket('ssedef-1250000000');
    my $doc = sub { '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>'
        . "$_[0]</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>" };
    my $r = $s->put("$D?encryption", $doc->('<SSEAlgorithm>AES256</SSEAlgorithm>'));
    plan skip_all => 'no default encryption' if $r->status == 501;
    is_status($r, 200, 'AES256');
    my $text = text(5000);
    told($s->put("$D/a", $text), 'AES256', 'PUT');
    is_ok($s->get("$D/a"), 'GET', $text);
    told($s->put("$D/k", $text, headers => \@KMS), 'kms', 'headers win');
    told($s->put("$D/c", undef, headers => ['x-amz-copy-source', "$B/cos"]), 'AES256', 'copy');
    is_ok($s->get("$D/c"), 'GET', $s->get("$B/cos")->body);
    $r = $s->multipart("$D/m", [text(5_300_000), text(10)]);
    told($r, 'AES256', 'multipart');
    is_status($s->put("$D?encryption", $doc->('<SSEAlgorithm>aws:kms</SSEAlgorithm>'
        . '<KMSMasterKeyID>other</KMSMasterKeyID>')), 200, 'KMS');
    told($s->put("$D/a", $text), 'other', 'PUT');
    is_status($s->delete("$D?encryption"), 204, 'none');
    told($s->put("$D/a", $text), 'plain', 'PUT');
    is_ok($s->get("$D/a"), 'GET', $text);
    $s->delete("$D/a");
};

subtest 'appended, and by part number' => sub {
    for (['AES256', \@AES, []], ['c1', \@C1, \@C1]) {
        my ($k, $put, $get) = @$_;
        my $all = '';
        for my $piece (text(1000), text(100_000), text(17)) {
            my $at = length $all;
            my $r = $s->post("$B/app-$k?append&position=$at", $piece,
                headers => $at ? $get : $put);
            is_status($r, 200, "$k, append at $at");
            told($r, $k, 'append');
            $all .= $piece;
        }
        is_ok($s->get("$B/app-$k", headers => $get), 'GET', $all);
        for my $from (0, 995, 1000, 100_995, 101_000) {
            my $r = $s->get("$B/app-$k", headers => [@$get, 'Range', "bytes=$from-" . ($from + 9)]);
            ok $r->body eq substr($all, $from, 10), "at $from";
        }
    }
    my @parts = (text(5_242_880), text(100));
    is_status($s->multipart("$B/numbers", \@parts, headers => \@KMS), 200, 'in parts');
    for my $i (1, 2) {
        my $r = $s->get("$B/numbers?partNumber=$i");
        is $r->status, 206, "part $i";
        ok $r->body eq $parts[$i - 1], 'its bytes';
    }
};

subtest 'presigned URLs of COS' => sub {
    my @cos = (as => 'cos', presign => 600);
    my $text = text(1000);
    my $try = sub {
        my ($method, $key, $signed, $unsigned, @body) = @_;
        my $r = $s->build($method, "$B/$key", @cos, headers => $signed);
        my @h = map { (shift @$_, shift @$_) } map { [@$_] } grep { lc $_->[0] ne 'host' } @{ $r->{headers} };
        return $s->req($method, $r->{target}, as => 'none', headers => [@h, @$unsigned], @body);
    };
    my @aes = ('x-cos-server-side-encryption', 'AES256');
    my @key = customer($K1, prefix => 'cos');
    for (\@aes, \@key, ['x-cos-server-side-encryption', 'cos/kms']) {
        is_error($try->('PUT', 'url', [], $_, body => $text), 403, 'AccessDenied',
            "nobody adds $_->[0] to a URL");
    }
    is_error($s->get("$B/url"), 404, 'NoSuchKey', 'nothing was written');
    my $r = $try->('PUT', 'url', \@aes, [], body => $text);
    is_status($r, 200, 'who signs the URL does');
    is $r->h('x-cos-server-side-encryption'), 'AES256', 'and it is so';
    is_status($s->put("$B/url", $text, headers => \@C1), 200, 'a customer\'s key');
    is_ok($try->('GET', 'url', [], \@key), 'to read, the key need not be signed', $text);
    is_error($try->('GET', 'url', [], []), 400, 'SsecDecryptHeaderInvalid', 'but it is needed');
};

subtest 'compaction' => sub {
    my $t = Cos->start(workers => 1, http => 'cos_pack_max 64k; cos_container_size 4m;');
    my $C = '/packed-1250000000';
    $t->make_bucket('packed-1250000000');
    my %text = map { $_ => text(40_000 + $_) } 1 .. 200;
    is_status($t->put("$C/$_", $text{$_}, headers => $_ % 2 ? \@AES : \@C1), 200, "PUT $_")
        for 1 .. 200;
    is_status($t->delete("$C/$_"), 204, "DELETE $_") for grep { $_ % 5 } 1 .. 200;
    my $before = $t->data_files;
    my $out = `$Cos::ROOT/build/cosctl --env @{[$t->dir]}/env compact 2>&1`;
    is $? >> 8, 0, 'compact' or diag $out;
    isnt join(' ', sort keys %{ $t->data_files }), join(' ', sort keys %$before), 'bytes moved';
    for my $i (grep { $_ % 5 == 0 } 1 .. 200) {
        is_ok($t->get("$C/$i", headers => $i % 2 ? [] : \@C1), "GET $i", $text{$i});
    }
    $out = `$Cos::ROOT/build/cosctl --env @{[$t->dir]}/env verify 2>&1`;
    is $? >> 8, 0, 'verify is clean' or diag $out;
    $t->down;
};

# Drops what the page cache has of those parts.
sub forget {
    my $files = $s->data_files;
    my @parts = grep { $files->{$_} > 1_040_000 && $files->{$_} < 1_060_000 } keys %$files;
    system('sh', '-c', 'for f; do dd "if=$f" iflag=nocache count=0 status=none; done', 'sh', @parts);
    return;
}

subtest 'more parts than are open at once; what is not in memory' => sub {
    my @parts = map { text(1024 * 1024 + $_) } 1 .. 70;
    my $all = join '', @parts;
    my $key = "$B/many";
    my @as = (as => 'cos');
    my $r = $s->post("$key?uploads", '', @as, headers => ['x-cos-server-side-encryption', 'AES256']);
    my $id = enc($r->xml('UploadId'));
    my $xml = '';
    for my $i (1 .. 70) {
        $r = $s->put("$key?partNumber=$i&uploadId=$id", $parts[$i - 1], @as);
        $xml .= "<Part><PartNumber>$i</PartNumber><ETag>" . $r->h('etag') . '</ETag></Part>';
    }
    is_status($s->post("$key?uploadId=$id",
        "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>", @as), 200, '70 parts');
    my $some = sub { my ($from, $n) = @_; return ['Range', "bytes=$from-" . ($from + $n - 1)] };
    for my $how ('in memory', 'not in memory', 'partly in memory') {
        for my $from (0, 1_000_000, 63 * 1024 * 1024) {
            forget() if $how ne 'in memory';
            $s->get($key, headers => $some->($from + 1_500_000, 300_000)) if $how =~ /partly/;
            my $r = $s->get($key, headers => $some->($from, 3_000_000));
            ok $r->body eq substr($all, $from, 3_000_000), "from $from, $how";
        }
    }
    forget();
    my $url = $s->build('GET', $key, presign => 600)->{target};
    ok $s->curl("http://$s->{host}$url") eq $all, 'all of it';
    forget();
    my $c = $s->connect(timeout => 60);
    my $req = $s->build('GET', $key, headers => ['Connection', 'close', @{ $some->(0, 9_000_000) }]);
    $c->send($req->{head});
    select undef, undef, undef, 0.5;
    ok $c->recv('GET')->body eq substr($all, 0, 9_000_000), 'for a slow reader, too';
    forget();
    for (1 .. 10) {
        $c = $s->connect(timeout => 30);
        $c->send($req->{head});
        select undef, undef, undef, 0.01 * ($_ % 3);
        $c->close;
    }
    is_status($s->delete($key), 204, 'DELETE');
};

subtest 'a reader that is slow, one that leaves' => sub {
    my $text = text(3_000_000);
    is_status($s->put("$B/slow", $text, headers => \@AES), 200, 'PUT');
    my $c = $s->connect(timeout => 30);
    my $req = $s->build('GET', "$B/slow", headers => ['Connection', 'close']);
    $c->send($req->{head});
    select undef, undef, undef, 0.5;
    my $r = $c->recv('GET');
    ok $r->body eq $text, 'all of it';
    for (1 .. 20) {
        $c = $s->connect(timeout => 30);
        $c->send($req->{head});
        select undef, undef, undef, 0.01 * ($_ % 4);
        $c->close;
    }
    is_ok($s->get("$B/slow"), 'the next one gets it', $text);
};

subtest 'TLS, HTTP/2, rates' => sub {
    my $t = Cos->start(tls => 1, http => 'cos_pack_max 64k;', conf => 'cos_sse_c_plain off;
        location /h2-1250000000/limited { limit_rate 2m; }');
    $t->make_bucket('h2-1250000000');
    my $text = text(2_500_000);
    is_error($t->put('/h2-1250000000/c', $text, headers => \@C1), 400, 'InvalidRequest',
        'no customers\' keys without TLS');
    is_status($t->put("/h2-1250000000/$_", $text, headers => \@AES), 200, 'PUT')
        for qw(a limited);
    for my $v ('--http2', '--http1.1') {
        for my $range ('0-2499999', '262143-262144', '1-2000000', '2499999-2499999') {
            my $url = $t->build('GET', '/h2-1250000000/a', presign => 600,
                host => "127.0.0.1:$t->{tls_port}")->{target};
            my $got = $t->curl($v, '-r', $range, "https://127.0.0.1:$t->{tls_port}$url");
            my ($from, $to) = split /-/, $range;
            ok $got eq substr($text, $from, $to - $from + 1), "$v $range";
        }
    }
    my $url = $t->build('PUT', '/h2-1250000000/c', presign => 600,
        host => "127.0.0.1:$t->{tls_port}", headers => \@C1);
    open my $f, '>', $t->dir . '/in/body' or die;
    print $f $text;
    close $f;
    my @h = map { ('-H', "$_->[0]: $_->[1]") } grep { $_->[0] =~ /^x-amz/ } @{ $url->{headers} };
    my $at = "https://127.0.0.1:$t->{tls_port}";
    is $t->curl('--http2', '-o', '/dev/null', '-w', '%{http_code}', '-T', $t->dir . '/in/body', @h,
        $at . $url->{target}), 200, 'PUT with a customer\'s key';
    $url = $t->build('GET', '/h2-1250000000/c', presign => 600, headers => \@C1,
        host => "127.0.0.1:$t->{tls_port}");
    ok $t->curl('--http2', @h, $at . $url->{target}) eq $text, 'GET';
    my $began = time;
    is_ok($t->get('/h2-1250000000/limited'), 'GET, limited', $text);
    cmp_ok time - $began, '>=', 1, 'at that rate';
    $t->down;
};

subtest 'files of keys' => sub {
    my $dir = $s->dir;
    my $conf = Cos::slurp("$dir/conf/nginx.conf");
    my $nginx = $ENV{COSDEV_NGINX} || 'nginx';
    my $i = 0;
    my $try = sub {
        my ($name, $like, $edit, $text, $mode) = @_;
        my $file = "$dir/in/keys-" . $i++;
        mkdir "$file.d";
        for my $f ($file, "$file.d/" . ($name =~ /file name/ ? 'a key' : 'k')) {
            open my $o, '>', $f or die "$f: $!";
            print $o $text;
            close $o;
            chmod $mode // 0600, $f;
        }
        my $c = $edit->($file, $conf);
        open my $o, '>', "$dir/in/nginx.conf" or die $!;
        print $o $c;
        close $o;
        my $got = `$nginx -t -c $dir/in/nginx.conf 2>&1`;
        like $got, $like, $name;
        unlike $got, qr/abcdef12/, 'and no key is shown';
    };
    my $edit = sub { my ($with) = @_; return sub {
        my ($file, $c) = @_;
        $c =~ s{cos_sse_keys "[^"]*";}{cos_sse_keys "$file";} if $with eq 'sse';
        $c =~ s{cos_kms_dir "[^"]*";}{cos_kms_dir "$file.d";} if $with eq 'kms';
        $c =~ s{cos_kms_default \w+;}{cos_kms_default k;} if $with eq 'kms';
        $c =~ s{cos_kms_default \w+;}{cos_kms_default none;} if $with eq 'default';
        return $c;
    } };
    my $hex = 'abcdef12' x 8;
    $try->('a good one', qr/test is successful/, $edit->('sse'), "1 $hex\n");
    $try->('a good key', qr/test is successful/, $edit->('kms'), "$hex\n");
    $try->('no id', qr/line 1: expected "ID KEY"/, $edit->('sse'), "$hex\n");
    $try->('a short key', qr/line 2: expected/, $edit->('sse'), "1 $hex\n2 abcdef12\n");
    $try->('an id twice', qr/line 3: expected/, $edit->('sse'), "1 $hex\n\n1 $hex\n");
    $try->('an empty file', qr/expected "ID KEY"/, $edit->('sse'), '');
    $try->('for all to read', qr/holds secrets/, $edit->('sse'), "1 $hex\n", 0644);
    $try->('a named key that is short', qr/must hold 32 bytes/, $edit->('kms'), "abcdef12\n");
    $try->('a file name that is no id', qr/cannot be the id of a key/, $edit->('kms'), "$hex\n");
    $try->('no such default', qr/there is no such key/, $edit->('default'), '');
};

subtest 'keys that change' => sub {
    my $t = Cos->start(workers => 1);
    my $R = '/rotated-1250000000';
    $t->make_bucket('rotated-1250000000');
    my $keys = $t->env('SSE_KEYS');
    my $old = Cos::slurp($keys);
    my $write = sub {
        open my $f, '>', $keys or die "$keys: $!";
        print $f @_;
        close $f;
        my $was = join ' ', $t->worker_pids;
        $t->signal('HUP');
        $t->wait_for(sub { my $now = join ' ', $t->worker_pids; $now && $now ne $was
            && $now !~ / / }) or die 'no new worker';
        $t->wait_for(sub { $t->head($R)->status == 200 });
    };
    my %text = map { $_ => text(2 ** $_) } 8, 18;
    is_status($t->put("$R/$_", $text{$_}, headers => \@AES), 200, 'PUT') for sort keys %text;
    is_status($t->put("$R/left", 'left behind', headers => \@AES), 200, 'PUT');
    my $new = '2 ' . 'ab' x 32 . "\n";
    $write->($new, $old);
    for my $k (sort keys %text) {
        is_ok($t->get("$R/$k"), 'GET under the old key', $text{$k});
        is_status($t->put("$R/$k", undef, headers => ['x-amz-copy-source', "$R/$k", @AES]), 200,
            'copied onto itself');
    }
    $write->($new);
    is_ok($t->get("$R/$_"), 'GET under the new key', $text{$_}) for sort keys %text;
    is_error($t->get("$R/left"), 500, 'InternalError', 'what was not copied needs the old one');
    $write->($old);
    is_ok($t->get("$R/left"), 'which still opens it', 'left behind');
    $t->down;
};

subtest 'what the logs hold' => sub {
    my $b64 = encode_base64($K1, '');
    for my $file (glob $s->dir . '/logs/*') {
        ok index(Cos::slurp($file), $b64) < 0, "no key in $file";
    }
    ok index(Cos::slurp($_), $K1) < 0, 'nor on the disk' for keys %{ $s->data_files };
};

subtest 'verified and rebuilt' => sub {
    my $ctl = "$Cos::ROOT/build/cosctl";
    my $out = `$ctl --env @{[$s->dir]}/env verify 2>&1`;
    is $? >> 8, 0, 'verify is clean' or diag $out;
    my %want = map { $_ => $s->get("$B/$_->[0]", headers => $_->[1])->body }
        my @some = (['AES256-4096', []], ['kms-300000', []], ['c1-65536', \@C1], ['mpu-kms', []],
            ['mpu-c2', \@C2], ['to-kms-c1-1000', \@C1], ['to-AES256-AES256-200000', []], ['ranged', []]);
    $s->redis('FLUSHALL');
    $out = `$ctl --env @{[$s->dir]}/env rebuild 2>&1`;
    is $? >> 8, 0, 'rebuild' or diag $out;
    for my $k (@some) {
        my $r = $s->wait_for(sub { my $r = $s->get("$B/$k->[0]", headers => $k->[1]);
            $r->status != 503 && $r }, 20);
        is_ok($r, "GET $k->[0] after the rebuild", $want{$k});
    }
    $out = `$ctl --env @{[$s->dir]}/env verify 2>&1`;
    is $? >> 8, 0, 'verify is clean' or diag $out;
};

$s->done;
