# Temporary credentials: asked for in the words of two clouds, used in two
# dialects, worth what their parent is worth or less.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cos;
use Digest::SHA qw(hmac_sha1_base64 hmac_sha256 hmac_sha256_hex sha256_hex);
use POSIX qw(strftime);
use Test::More;

my $s = Cos->start(workers => 2);
my $dir = $s->dir;

sub ctl { my $out = `$Cos::ROOT/build/cosctl --env $dir/env @_ 2>&1`; is $? >> 8, 0, "cosctl @_" or diag $out; return $out }
sub pair { my ($out) = @_; return [$out =~ /^access key +(\w+)/m, $out =~ /^secret key +(\w+)/m] }
sub esc { my ($t) = @_; $t =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ge; return $t }
sub form { my (%f) = @_; return join '&', map { esc($_) . '=' . esc($f{$_}) } sort keys %f }

# AWS: V4 for the service "sts".
sub aws {
    my ($who, %f) = @_;
    my $edit = delete $f{-edit};
    my $body = form(Version => '2011-06-15', %f);
    my $t = delete $f{-time} // time;
    my ($date, $day) = (strftime('%Y%m%dT%H%M%SZ', gmtime $t), strftime('%Y%m%d', gmtime $t));
    my $type = 'application/x-www-form-urlencoded; charset=utf-8';
    my @token = $who->[2] ? ("x-amz-security-token:$who->[2]\n", ';x-amz-security-token') : ('', '');
    my $names = "content-type;host;x-amz-date$token[1]";
    my $canon = "POST\n/\n\ncontent-type:$type\nhost:$s->{host}\nx-amz-date:$date\n$token[0]\n$names\n" . sha256_hex($body);
    my $key = 'AWS4' . $who->[1];
    $key = hmac_sha256($_, $key) for $day, 'us-east-1', 'sts', 'aws4_request';
    my $sig = hmac_sha256_hex("AWS4-HMAC-SHA256\n$date\n$day/us-east-1/sts/aws4_request\n" . sha256_hex($canon), $key);
    $body = $edit->($body) if $edit;
    return $s->post('/', $body, as => 'none', headers => ['Content-Type', $type, 'X-Amz-Date', $date,
        $who->[2] ? ('X-Amz-Security-Token', $who->[2]) : (), Authorization =>
        "AWS4-HMAC-SHA256 Credential=$who->[0]/$day/us-east-1/sts/aws4_request, SignedHeaders=$names, Signature=$sig"]);
}

# Tencent: a form that signs itself.
sub tencent {
    my ($who, %f) = @_;
    my $edit = delete $f{-edit};
    %f = (SecretId => $who->[0], Timestamp => time, Nonce => 12345, Version => '2018-08-13', Region => 'ap-beijing', %f);
    $f{Signature} = hmac_sha1_base64("POST$s->{host}/?" . join('&', map { "$_=$f{$_}" } sort keys %f), $who->[1]) . '=';
    $edit->(\%f) if $edit;
    return $s->post('/', form(%f), as => 'none', headers => ['Content-Type', 'application/x-www-form-urlencoded']);
}

# And one with JSON.
sub tc3 {
    my ($who, $action, $body) = @_;
    my ($t, $type) = (time, 'application/json');
    my $day = strftime('%Y-%m-%d', gmtime $t);
    my $canon = "POST\n/\n\ncontent-type:$type\nhost:$s->{host}\n\ncontent-type;host\n" . sha256_hex($body);
    my $key = 'TC3' . $who->[1];
    $key = hmac_sha256($_, $key) for $day, 'sts', 'tc3_request';
    my $sig = hmac_sha256_hex("TC3-HMAC-SHA256\n$t\n$day/sts/tc3_request\n" . sha256_hex($canon), $key);
    return $s->post('/', $body, as => 'none', headers => ['Content-Type', $type, 'X-TC-Action', $action,
        'X-TC-Timestamp', $t, 'X-TC-Version', '2018-08-13', Authorization =>
        "TC3-HMAC-SHA256 Credential=$who->[0]/$day/sts/tc3_request, SignedHeaders=content-type;host, Signature=$sig"]);
}

sub of_xml { my ($r) = @_; return [map { $r->body =~ /<$_>([^<]+)</ ? $1 : '' } qw(AccessKeyId SecretAccessKey SessionToken)] }
sub of_json { my ($r) = @_; return [map { $r->body =~ /"$_":"([^"]+)"/ ? $1 : '' } qw(TmpSecretId TmpSecretKey Token)] }
sub xml_error { my ($r, $status, $code, $name) = @_; is $r->status, $status, $name; like $r->body, qr/<ErrorResponse.*<Code>$code</s, "$name: $code"; return }
sub json_error { my ($r, $code, $name) = @_; is $r->status, 200, $name; like $r->body, qr/^\{"Response":\{"Error":\{"Code":"$code"/, "$name: $code"; return }

# A request with temporary credentials.
sub as {
    my ($tmp, $dialect, $method, $target, $body) = @_;
    my $h = $dialect eq 's3' ? 'x-amz-security-token' : 'x-cos-security-token';
    return $s->req($method, $target, (defined $body ? (body => $body) : ()), who => $tmp, as => $dialect, headers => [$h, $tmp->[2]]);
}

my $alice = pair(ctl('user', 'add', 'alice'));
my $bob = pair(ctl('user', 'add', 'bob', '--account', 'alice'));
my $B = '/' . $s->make_bucket('docs-1250000000', who => $alice);
is_status $s->put("$B/$_", "text $_", who => $alice), 200, "put $_" for 'a/1', 'b/1';
my $only_a = '{"version":"2.0","statement":[{"action":["name/cos:GetObject"],"effect":"allow","principal":{"qcs":"*"},'
    . '"resource":"qcs::cos::uid/1250000000:prefix//1250000000/docs/a/*"}]}';
my $only_a3 = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::docs-1250000000/a/*"}]}';

subtest 'what the policy allows' => sub {
    my %tmp = (
        AssumeRole => of_xml(aws($alice, Action => 'AssumeRole', RoleArn => 'arn:aws:iam::1:role/any', RoleSessionName => 'me', Policy => $only_a3)),
        GetFederationToken => of_xml(aws($alice, Action => 'GetFederationToken', Name => 'me', Policy => $only_a3)),
        form => of_json(tencent($alice, Action => 'GetFederationToken', Name => 'me', Policy => esc($only_a))),
        json => of_json(tc3($alice, 'GetFederationToken', '{"Name":"me","DurationSeconds":1800,"Policy":"' . esc($only_a) . '"}')),
    );
    for my $how (sort keys %tmp) {
        for my $dialect ('cos', 's3') {
            is_status as($tmp{$how}, $dialect, 'GET', "$B/a/1"), 200, "$how, $dialect: allowed" or diag explain $tmp{$how};
            is_error as($tmp{$how}, $dialect, 'GET', "$B/b/1"), 403, 'AccessDenied', "$how, $dialect: elsewhere";
            is_error as($tmp{$how}, $dialect, 'PUT', "$B/a/1", 'x'), 403, 'AccessDenied', "$how, $dialect: another action";
            is_error as($tmp{$how}, $dialect, 'DELETE', $B), 403, 'AccessDenied', "$how, $dialect: the bucket";
        }
    }
};

# What qcloud-cos-sts and the SDKs of COS do: the policy names a folder, and an
# upload in parts looks for what it has begun before.
subtest 'uploads of a folder' => sub {
    my $folder = $only_a =~ s/GetObject/ListMultipartUploads/r;
    my $tmp = of_json(tencent($alice, Action => 'GetFederationToken', Name => 'me', Policy => esc($folder)));
    is_status as($tmp, 'cos', 'GET', "$B?uploads&prefix=a%2F1"), 200, 'listed by prefix';
    is_error as($tmp, 'cos', 'GET', "$B?uploads&prefix=$_"), 403, 'AccessDenied', "not those of '$_'" for 'b%2F', 'a', '';
    is_error as($tmp, 'cos', 'GET', "$B?uploads"), 403, 'AccessDenied', 'not all';
    is_error as($tmp, 'cos', 'GET', "$B?uploads&prefix=b&prefix=a%2F1"), 403, 'AccessDenied', 'not with two prefixes';
    is_error as($tmp, 'cos', 'GET', "$B?prefix=a%2F1"), 403, 'AccessDenied', 'not objects';
    my $s3 = $only_a3 =~ s/GetObject/ListBucketMultipartUploads/r;
    xml_error aws($alice, Action => 'AssumeRole', RoleSessionName => 'me', Policy => $s3), 400, 'MalformedPolicyDocument', 'S3: a bucket is meant';
};

subtest 'without a policy' => sub {
    my $all = of_xml(aws($alice, Action => 'GetSessionToken'));
    is_status as($all, $_, 'GET', "$B/b/1"), 200, "$_: what the account may" for 'cos', 's3';
    is_status as($all, 's3', 'PUT', "$B/c", 'x'), 200, 'write, too';
    my $none = of_xml(aws($alice, Action => 'GetFederationToken', Name => 'me'));
    is_error as($none, 's3', 'GET', "$B/a/1"), 403, 'AccessDenied', 'a federation token is for nothing';
};

subtest 'never more than the parent' => sub {
    my $all = '{"version":"2.0","statement":[{"effect":"allow","action":"cos:*","resource":"*"}]}';
    my $tmp = of_json(tencent($bob, Action => 'GetFederationToken', Name => 'me', Policy => $all));
    is_error as($tmp, 'cos', 'GET', "$B/a/1"), 403, 'AccessDenied', 'the user has no rights';
    ctl('user', 'policy', 'bob', 'attach', 'QcloudCOSReadOnlyAccess');
    is_status as($tmp, 'cos', 'GET', "$B/a/1"), 200, 'what the user gets the token gets';
    is_error as($tmp, 'cos', 'PUT', "$B/a/1", 'x'), 403, 'AccessDenied', 'and no more';
    ctl('user', 'disable', 'bob');
    is_error as($tmp, 'cos', 'GET', "$B/a/1"), 403, 'InvalidAccessKeyId', 'goes with the user';
    ctl('user', 'enable', 'bob');
    is_status as($tmp, 'cos', 'GET', "$B/a/1"), 200, 'and comes back';
    ctl('token', 'revoke', '--user', 'bob');
    is_error as($tmp, 'cos', 'GET', "$B/a/1"), 400, 'InvalidToken', 'revoked' for 1 .. 8;
    is_status $s->get("$B/a/1", who => $bob), 200, 'the key is not';
    sleep 1;
    my $new = of_xml(aws($bob, Action => 'GetSessionToken'));
    is_status as($new, 's3', 'GET', "$B/a/1"), 200, 'a new one';
    ctl('key', 'disable', $$bob[0]);
    is_error as($new, 's3', 'GET', "$B/a/1"), 403, 'InvalidAccessKeyId', 'goes with its key';
    ctl('key', 'enable', $$bob[0]);
    my $account = of_xml(aws($alice, Action => 'GetSessionToken'));
    ctl('token', 'revoke', '--user', 'alice');
    is_error as($account, 's3', 'GET', "$B/a/1"), 400, 'InvalidToken', 'of an account';
    sleep 1;
};

subtest 'tokens' => sub {
    my $tmp = of_xml(aws($alice, Action => 'GetSessionToken'));
    my $other = of_xml(aws($alice, Action => 'GetSessionToken'));
    my ($id, $secret, $token) = @$tmp;
    for my $dialect ('cos', 's3') {
        is_error as([$id, $secret, $$other[2]], $dialect, 'GET', "$B/a/1"), 400, 'InvalidToken', "$dialect: of another key";
        is_error as([$id, $secret, $token . 'A'], $dialect, 'GET', "$B/a/1"), 400, 'InvalidToken', "$dialect: longer";
        is_error as([$id, $$other[1], $token], $dialect, 'GET', "$B/a/1"), 403, 'SignatureDoesNotMatch', "$dialect: another secret";
        is_error as([@$alice, $token], $dialect, 'GET', "$B/a/1"), 400, 'InvalidToken', "$dialect: with a lasting key";
        is_error $s->get("$B/a/1", who => $tmp, as => $dialect), 403, 'InvalidAccessKeyId', "$dialect: without the token";
    }
    my $short = of_json(tencent($alice, Action => 'GetFederationToken', Name => 'me', DurationSeconds => 1, Policy => $only_a));
    sleep 2;
    is_error as($short, $_, 'GET', "$B/a/1"), 400, 'ExpiredToken', "$_: expired" for 'cos', 's3';
    xml_error aws($tmp, Action => 'GetSessionToken'), 403, 'AccessDenied', 'not from a temporary key';
};

subtest 'refusals' => sub {
    xml_error aws([$$alice[0], 'wrong'], Action => 'GetSessionToken'), 403, 'SignatureDoesNotMatch', 'wrong secret';
    xml_error aws(['AKIDNONE', 'x'], Action => 'GetSessionToken'), 403, 'InvalidClientTokenId', 'unknown key';
    xml_error aws($alice, Action => 'GetSessionToken', -edit => sub { "$_[0]&DurationSeconds=900" }), 403, 'SignatureDoesNotMatch', 'another body';
    xml_error aws($alice, Action => 'GetSessionToken', DurationSeconds => 899), 400, 'ValidationError', 'too short';
    xml_error aws($alice, Action => 'AssumeRole', RoleSessionName => 'me', DurationSeconds => 43201), 400, 'ValidationError', 'too long';
    xml_error aws($alice, Action => 'AssumeRole', RoleSessionName => 'm e'), 400, 'ValidationError', 'a bad name';
    xml_error aws($alice, Action => 'AssumeRole'), 400, 'ValidationError', 'no name';
    xml_error aws($alice, Action => 'AssumeRole', RoleSessionName => 'me', Policy => '{}'), 400, 'MalformedPolicyDocument', 'no policy';
    xml_error aws($alice, Action => 'AssumeRole', RoleSessionName => 'me', SerialNumber => 'x'), 501, 'ValidationError', 'what is not honoured';
    xml_error aws($alice, Action => 'DecodeAuthorizationMessage'), 501, 'ValidationError', 'another action';
    xml_error $s->post('/', 'Action=GetSessionToken', as => 'none'), 403, 'AccessDenied', 'unsigned';
    json_error tencent([$$alice[0], 'wrong'], Action => 'GetFederationToken', Name => 'me', Policy => $only_a), 'AuthFailure.SignatureFailure', 'wrong secret';
    json_error tencent(['AKIDNONE', 'x'], Action => 'GetFederationToken', Name => 'me', Policy => $only_a), 'AuthFailure.SecretIdNotFound', 'unknown key';
    json_error tencent($alice, Action => 'GetFederationToken', Name => 'me'), 'InvalidParameter.ParamError', 'no policy';
    json_error tencent($alice, Action => 'GetFederationToken', Name => 'me', Policy => '{}'), 'InvalidParameter.StrategyFormatError', 'a bad policy';
    json_error tencent($alice, Action => 'GetFederationToken', Name => 'me', Policy => $only_a, DurationSeconds => 7201), 'InvalidParameter.ParamError', 'too long';
    json_error tencent($alice, Action => 'GetFederationToken', Name => 'me', Policy => $only_a, Timestamp => time - 1000), 'AuthFailure.SignatureExpire', 'an old one';
    json_error tencent($alice, Action => 'GetFederationToken', Name => 'me', Policy => $only_a, -edit => sub { $_[0]{DurationSeconds} = 60 }), 'AuthFailure.SignatureFailure', 'another field';
    json_error tencent($alice, Action => 'GetSessionToken', Name => 'me'), 'UnsupportedOperation', 'an action of the other API';
};

$s->done;
