# The access log of conf/cos_log.conf: the 30 fields, what they hold, and that
# no client can write lines of its own into it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use JSON::PP ();
use POSIX ();
use Test::More;
use Cos;

my @fields = qw(eventVersion bucketName qcsRegion eventTime eventSource eventName
    remoteIp userSecretKeyId reqBytesSent deltaDataSize reqPath reqMethod userAgent
    resHttpCode resErrorCode resErrorMsg resBytesSent resTotalTime logSourceType
    storageClass accountId requester requestId objectSize versionId
    targetStorageClass referer requestUri resTurnAroundTime vpcId);

my $dir = File::Temp::tempdir('cos-t.XXXXXX', DIR => $ENV{COS_TEST_DIR} || File::Spec->tmpdir);
my $file = "$dir/logs/cos_access.log";
my $plain = "$dir/logs/plain_access.log";
my $s = Cos->start(dir => $dir, tls => 1, http => <<"END", conf => <<'END');
include "$Cos::ROOT/conf/cos_log.conf";
access_log "$file" cos_access if=\$cos_request_id;
log_format plain '\$cos_request_id [\$cos_dialect] [\$cos_requester] [\$cos_key] [\$cos_referer]';
access_log "$plain" plain;
END
location = /-/plain { cos off; return 200 "$cos_request_id/$cos_key/$cos_error_code"; }
location = /-/jump { cos off; rewrite ^ /-/landed last; }
location = /-/landed { cos off; return 200 landed; }
error_page 418 = /-/landed;
location = /-/teapot { cos off; return 418; }
END

my $at = 0;
my $json = JSON::PP->new;

# What was logged since the last time, when it is as many lines as expected.
sub logged {
    my ($n) = @_;
    my @lines;
    $s->wait_for(sub {
        @lines = split /\n/, substr Cos::slurp($file), $at;
        @lines >= $n;
    });
    $at += length join '', map { "$_\n" } @lines;
    is scalar @lines, $n, "$n line" . ($n == 1 ? '' : 's');
    return map { $json->decode($_) } @lines;
}

my $b = 'log-1250000000';
logged(scalar(() = Cos::slurp($file) =~ /\n/g));
$s->make_bucket($b);
my ($e) = logged(1);

# --- form -------------------------------------------------------------------------

my $line = (split /\n/, Cos::slurp($file))[-1];
is join(' ', $line =~ /"(\w+)":"/g), "@fields", 'the 30 fields in their order';
is scalar(keys %$e), 30, 'each once';
is scalar(grep { ref || $_ eq '' } values %$e), 0, 'every one has a value';
is $e->{eventName}, 'PutBucket', 'PutBucket';
is $e->{accountId}, 100000000001, 'PutBucket: owner';

# --- an object ----------------------------------------------------------------------

my $r = $s->put("/$b/dir/a%20b.txt", 'hello', headers => ['User-Agent', 'test "1"', 'Referer', 'http://x/?a=b']);
is_status $r, 200, 'put';
($e) = logged(1);
my $id = $r->h('x-amz-request-id');
like delete $e->{eventTime}, qr/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'put: eventTime';
like delete $e->{$_}, qr/^\d+$/, "put: $_" for qw(resTotalTime resTurnAroundTime);
is_deeply $e, {
    eventVersion => '1.0', bucketName => $b, qcsRegion => 'ap-local', eventSource => '127.0.0.1',
    eventName => 'PutObject', remoteIp => '127.0.0.1', userSecretKeyId => $s->env('ACCESS_KEY'),
    reqBytesSent => 5, deltaDataSize => 5, reqPath => '/dir/a%20b.txt', reqMethod => 'PUT',
    userAgent => 'test "1"', resHttpCode => 200, resErrorCode => '-', resErrorMsg => '-',
    resBytesSent => 0, logSourceType => 'USER', storageClass => 'STANDARD',
    accountId => 100000000001, requester => '100000000001:100000000001', requestId => $id,
    objectSize => 5, versionId => '-', targetStorageClass => '-', referer => 'http://x/?a=b',
    requestUri => "PUT /$b/dir/a%20b.txt HTTP/1.1", vpcId => 0,
}, 'put: all else';

is_ok $s->get("/$b/dir/a%20b.txt"), 'get', 'hello';
($e) = logged(1);
is "$e->{eventName} $e->{resBytesSent} $e->{objectSize} $e->{storageClass} $e->{deltaDataSize} $e->{reqBytesSent}",
    'GetObject 5 5 STANDARD 0 0', 'get';

is_status $s->get("/$b/none", as => 'cos', host => "$b.cos.ap-local.localhost:" . $s->port), 404, 'no such key';
($e) = logged(1);
is "$e->{resHttpCode} $e->{resErrorCode} $e->{resErrorMsg}",
    '404 NoSuchKey The specified key does not exist.', 'no such key: error';
is "$e->{eventSource} $e->{objectSize} $e->{storageClass}", "$b.cos.ap-local.localhost - -", 'no such key: host';
isnt $e->{resBytesSent}, 0, 'no such key: the document';

is_status $s->get("/$b/dir/a%20b.txt", as => 'none'), 403, 'anonymous';
($e) = logged(1);
is "$e->{requester} $e->{userSecretKeyId} $e->{accountId} $e->{resErrorCode}", '- - 100000000001 AccessDenied', 'anonymous';

is_status $s->get("/$b/dir/a%20b.txt", who => 'alt'), 403, 'another account';
($e) = logged(1);
is "$e->{requester} $e->{accountId}", '100000000002:100000000002 100000000001', 'another account';

# --- multipart -----------------------------------------------------------------------

is_status $s->multipart("/$b/big", ['a' x 1_048_576, 'tail'], as => 'cos'), 200, 'multipart';
my @e = logged(4);
is join(' ', map { "$_->{eventName}:$_->{deltaDataSize}:$_->{objectSize}" } @e),
    'CreateMultipartUpload:0:- UploadPart:1048576:- UploadPart:4:- CompleteMultipartUpload:0:1048580', 'multipart';

is_status $s->delete("/$b/big"), 204, 'delete';
($e) = logged(1);
is "$e->{eventName} $e->{resHttpCode} $e->{deltaDataSize}", 'DeleteObject 204 -1048580', 'delete';

# --- nothing leaks ---------------------------------------------------------------------

for my $as (qw(s3 cos bce)) {
    is_status $s->get("/$b/dir/a%20b.txt?versionId=null", as => $as, presign => 600), 200, "$as: presigned";
    ($e) = logged(1);
    my $all = join ' ', values %$e;
    is scalar($e->{requestUri} =~ /=\*\*\*/g), 1, "$as: the signature is masked";
    is $e->{versionId}, 'null', "$as: versionId";
    like $e->{requestUri}, qr{^GET /\Q$b\E/dir/a%20b\.txt\?versionId=null&\S+ HTTP/1\.1$}, "$as: the rest is there";
    unlike $all, qr/[0-9a-f]{40}/, "$as: nothing like a signature";
    is $e->{userSecretKeyId}, $s->env('ACCESS_KEY'), "$as: access key";
}
unlike Cos::slurp($file) . Cos::slurp($plain), qr/\Q@{[$s->env('SECRET_KEY')]}\E/, 'no secret';

# --- nothing is forged -------------------------------------------------------------------

my $lines = () = Cos::slurp($plain) =~ /\n/g;
my $nasty = "a\nb\r\"\\,{}\x01\x7f\xff] [\xc3\xa4";
my $path = '/' . $b . '/' . Cos::enc($nasty, 1);
is_status $s->put($path, 'x'), 200, 'a key of all kinds';
($e) = logged(1);
is $e->{reqPath}, '/' . Cos::enc($nasty, 1), 'percent-encoded';

is_status $s->get("/$b/k", headers => ['User-Agent', "a\xff\x01\"}\\x", 'Referer', "\xe4] [\t\x7f"]), 404, 'headers of all kinds';
($e) = logged(1);
is $e->{userAgent}, 'a%FF%01"}\\x', 'user agent';
is $e->{referer}, '%E4] [%09%7F', 'referer';

for my $head ("GET /\xff\xfe\"/k HTTP/1.1", "GET /a%00b%0a/k HTTP/1.1", "GET /%zz?a=%zz&Signature=s HTTP/1.1") {
    my $c = $s->connect;
    $c->send("$head\r\nHost: x\r\nAuthorization: q-sign-algorithm=sha1&q-ak=a\xff\"&q-sign-time=1;2\r\nConnection: close\r\n\r\n");
    my $r = $c->recv('GET');
    $c->close;     # or nginx lingers, and logs afterwards
    cmp_ok $r->status, '>=', 400, 'refused';
    ($e) = logged(1);
    is scalar(keys %$e), 30, 'a whole line';
    is scalar(grep { /[^ -~]/ } values %$e), 0, 'of printable characters';
    unlike $e->{requestUri}, qr/Signature=s/, 'no query that could not be read';
}
is scalar(() = Cos::slurp($plain) =~ /\n/g) - $lines, 5, 'as many lines as requests';

# --- without us -----------------------------------------------------------------------------

is_ok $s->get('/-/plain', as => 'none'), 'outside of "cos on"', '//';
is_ok $s->get('/-/jump', as => 'none'), 'after an internal redirect', 'landed';
is_ok $s->get('/-/teapot', as => 'none'), 'after error_page', 'landed';
logged(0);
like((split /\n/, Cos::slurp($plain))[-1], qr/^- \[-\] \[-\] \[-\] \[-\]$/, 'plain: no values');

# nginx refuses these before we see them
my $c = $s->connect;
$c->send("GET /$b/k HTTP/1.1\r\nConnection: close\r\n\r\n");
is_status $c->recv('GET'), 400, 'no Host';
($e) = logged(1);
is "$e->{resHttpCode} $e->{resErrorCode}", '400 InvalidRequest', 'no Host';

my $tls = $s->env('TLS_ENDPOINT');
$s->curl('--http2', "$tls/$b/k");
($e) = logged(1);
is $e->{requestUri}, "GET /$b/k HTTP/2.0", 'HTTP/2';

like Cos::slurp($plain), qr{^\w+ \[s3\] \[qcs::cam::uin/100000000001:uin/100000000001\] \[dir/a%20b\.txt\] \[-\]$}m,
    'requester in COS\' form';

$s->done;
