# AWS Signature Version 2: what it signs, what it does not, and that it is off
# unless it is asked for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Digest::MD5 qw(md5_base64);
use Cos;
use Cos::Form;
use Cos::Sign qw(enc);

my $s = Cos->start;
my $b = 'old-1250000000';
my $port = $s->port;
$s->make_bucket($b);
my @host = (host => "$b.localhost:$port", v2_bucket => $b);

# --- what works ---------------------------------------------------------------------------

for my $date (0, 1) {
    my @as = (as => 'v2', plain_date => $date);
    my $name = $date ? 'Date' : 'x-amz-date';
    is_status $s->put("/new$date-1250000000", '', @as), 200, "$name: a bucket";
    is_status $s->put("/old$date-1250000000/", '', @as), 200, "$name: with a slash";
    is_status $s->put("/$b/a%20b/%E8%85%BE", 'hello', @as, headers => ['Content-Type', 'text/plain',
        'Content-MD5', md5_base64('hello') . '==', 'x-amz-meta-b', '2', 'x-amz-meta-a', '1',
        'x-amz-acl', 'public-read']), 200, "$name: an object with headers";
    my $r = $s->get("/$b/a%20b/%E8%85%BE", @as);
    is_ok $r, "$name: and back", 'hello';
    is $r->h('x-amz-meta-a'), '1', "$name: metadata";
    ok $r->h('x-amz-request-id'), "$name: it is of the S3 dialect";
    is_ok $s->get('/a%20b/%E8%85%BE', @as, @host), "$name: the bucket in the host", 'hello';
    is_ok $s->get("/$b/a%20b/%E8%85%BE", as => 'none'), "$name: its ACL was taken", 'hello';
    like $s->get("/$b?prefix=a", @as)->body, qr/<Key>a b\//, "$name: a listing";
    like $s->get("/$b/?list-type=2&prefix=a", @as)->body, qr/<KeyCount>1</, "$name: version 2";
    like $s->get('/?list-type=2&prefix=a', @as, @host)->body, qr/<KeyCount>1</, "$name: in the host";
    like $s->get('/', @as)->body, qr/<Name>$b</, "$name: all buckets";
    is_status $s->get("/$b?acl", @as), 200, "$name: a sub-resource";
    is_status $s->get("/$b?acl=", @as), 200, "$name: with an empty value";
    is_status $s->get("/$b", @as, v2_path => "/$b/"), 200, "$name: signed with a slash";
    is_status $s->get("/$b/", @as, v2_path => "/$b"), 200, "$name: signed without";
    is_status $s->delete("/$b/a%20b/%E8%85%BE", @as), 204, "$name: deleted";
    my $many = $s->multipart("/$b/many", ['x' x 5_242_880, 'y'], %{ { @as } });
    is_status $many, 200, "$name: a multipart upload";
}

{
    my @as = (as => 'v2', presign => 60);
    is_status $s->put("/$b/p", 'by URL', @as), 200, 'a URL to write';
    is_ok $s->get("/$b/p", @as), 'a URL to read', 'by URL';
    is_ok $s->get('/p', @as, @host), 'with the bucket in the host', 'by URL';
    my $r = $s->get("/$b/p?response-content-type=text%2Fcsv", @as);
    is_ok $r, 'with an override', 'by URL';
    is $r->h('content-type'), 'text/csv', 'that is heard';
    my $link = $s->build('GET', "/$b/p", @as)->{target};
    is_ok $s->get($link =~ s/%2B/+/gr, as => 'none'), 'a plus as it is', 'by URL';
}


# --- what it does not -------------------------------------------------------------------------

{
    my @as = (as => 'v2');
    my $now = time;
    is_error $s->get("/$b/p", @as, time => $now - 1000), 403, 'RequestTimeTooSkewed', 'an old date';
    is_error $s->get("/$b/p", @as, time => $now + 1000), 403, 'RequestTimeTooSkewed', 'a new one';
    is_error $s->get("/$b/p", @as, presign => 10, time => $now - 11), 403, 'AccessDenied', 'expired';
    is_error $s->get("/$b/p", @as, who => [$s->{main}[0], 'x']), 403, 'SignatureDoesNotMatch',
        'a wrong secret';
    is_error $s->get("/$b/p", @as, who => ['AKnobody', 'x']), 403, 'InvalidAccessKeyId', 'nobody';
    is_error $s->get("/$b/p", @as, who => $s->{alt}), 403, 'AccessDenied', 'another account';
    is_error $s->get("/$b/p", @as, late => ['x-amz-acl', 'public-read']), 403,
        'SignatureDoesNotMatch', 'an x-amz- header added';
    is_error $s->put("/$b/q", 'x', @as, late => ['x-cos-acl', 'public-read']), 403, 'AccessDenied',
        'a header of another dialect';
    is_error $s->put("/$b/q", 'x', @as, late => ['Content-Type', 'a/b']), 403,
        'SignatureDoesNotMatch', 'a type added';
    is_error $s->get("/$b/p", @as, headers => ['x-amz-security-token', 't']), 400, 'InvalidToken',
        'a token';
    is_error $s->get("/$b/p", @as, presign => 60, edit => sub { $_[0]{target} =~ s/\/p/\/q/ }), 403,
        'SignatureDoesNotMatch', 'another key';
    my $with = sub { my $add = shift; sub { $_[0]{target} .= $add } };
    is_error $s->get("/$b/p", @as, presign => 60, edit => $with->('&acl')), 403,
        'SignatureDoesNotMatch', 'an operation added';
    is_error $s->get("/$b", @as, presign => 60, edit => $with->('&quota')), 403, 'AccessDenied',
        'one that is not signed';
    is_error $s->get("/$b/p", @as, presign => 60, edit => $with->('&Signature=x')), 400,
        'InvalidArgument', 'two signatures';
    is_error $s->get("/$b/p", @as, presign => 60, edit => $with->('&versionid=null')), 403,
        'AccessDenied', 'a version added in other case';
    # values are signed decoded: an '&' in one could begin a parameter, or not
    my $t = "/$b/p?response-content-type=text%2Fcsv";
    for my $form ([presign => 60], []) {
        my @o = (@as, @$form);
        my $name = @$form ? 'a URL' : 'headers';
        for my $add ('versionId=null', 'tagging', 'response-expires=1') {
            my $as_value = '%26' . $add =~ s/&/%26/gr =~ s/=/%3D/gr;
            is_error $s->get("$t&$add", @o, edit => sub {
                $_[0]{target} =~ s/csv&\Q$add\E/csv$as_value/ or die }), 403,
                'SignatureDoesNotMatch', "$name: $add moved into a value";
            is_error $s->get("$t$as_value", @o), 403, 'SignatureDoesNotMatch',
                "$name: nor was it there from the first";
        }
        is_ok $s->get("$t%3B%20a%26b%3Dc%26acls", @o), "$name: an & that begins no parameter",
            'by URL';
    }
    is_error $s->get("/$b/p", as => 'none', late => ['Authorization', 'AWS x']), 400,
        'InvalidArgument', 'malformed';
    is_error $s->get("/$b/p?AWSAccessKeyId=a&Signature=b", as => 'none'), 403, 'AccessDenied',
        'without Expires';
    is_error $s->get("/$b/p", as => 'none', late => ['Authorization', "AWS a:" . 'x' x 28]), 403,
        'AccessDenied', 'without a date';
}
{
    my $r = $s->put("/$b/framed", 'hello', as => 'v2', stream => { trailers =>
        [['x-amz-checksum-crc32', 'NhCmhg==']] }, payload => 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        headers => ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER']);
    is_status $r, 200, 'a framed body';
    is_ok $s->get("/$b/framed"), 'is unwrapped', 'hello';
    is_error $s->put("/$b/framed", 'hello', as => 'v2', headers => ['x-amz-content-sha256',
        '0' x 64]), 400, 'XAmzContentSHA256Mismatch', 'a wrong hash of the body';
    is_error $s->put("/$b/framed", 'hello', as => 'v2', headers => ['x-amz-content-sha256',
        'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']), 400, 'InvalidArgument', 'signed chunks';
}
is_ok $s->get("/$b/p"), 'nothing was changed', 'by URL';
$s->done(more => 1);


# --- off ------------------------------------------------------------------------------------------

$s = Cos->start(conf => 'cos_signature_v2 off;');
$s->make_bucket($b);
is_status $s->put("/$b/p", 'x', headers => ['x-amz-acl', 'public-read']), 200, 'an object';
is_error $s->get("/$b/p", as => 'v2'), 400, 'InvalidArgument', 'off: in a header';
is_error $s->get("/$b/p", as => 'v2', presign => 60), 400, 'InvalidArgument', 'off: in a URL';
my @form = (key => 'f', Cos::Form::sign('v2', $s->{main}, [{ bucket => $b }, { key => 'f' }]),
    file => { filename => 'f', body => 'x' });
is_error $s->post("/$b", Cos::Form::body(\@form), as => 'none',
    headers => ['Content-Type', Cos::Form::type()]), 400, 'InvalidArgument', 'off: in a form';
$s->done;
