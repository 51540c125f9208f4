# Who is believed: every signature dialect in every form, right and wrong.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sign qw(enc dec);

my $s = Cos->start;
my $b = $s->make_bucket('auth-1250000000');
is_status $s->put("/$b/k", 'hello'), 200, 'an object to ask for';
my $now = time;

my ($ak, $sk) = @{ $s->{main} };
my $wrong = [$ak, 'x' . substr $sk, 1];
my $nobody = ['AKIDNOBODY0000000000', $sk];

for my $as (qw(s3 cos bce)) {
    for my $form (['header'], ['query', presign => 600]) {
        my ($name, @o) = @$form;
        @o = (as => $as, @o);
        $name = "$as $name";
        my $denied = sub {
            my ($code, $what, @more) = @_;
            is_error $s->get("/$b/k", @o, @more), 403, $code, "$name: $what";
        };
        is_ok $s->get("/$b/k", @o), "$name: right", 'hello';
        is_status $s->head("/$b/k", @o), 200, "$name: HEAD";
        is_ok $s->get("/$b/k?response-content-type=text%2Fx%20y", @o), "$name: with a parameter";
        $denied->('SignatureDoesNotMatch', 'wrong secret', who => $wrong);
        $denied->('InvalidAccessKeyId', 'unknown access key', who => $nobody);
        $denied->('SignatureDoesNotMatch', 'another path',
            edit => sub { $_[0]{target} =~ s{/k(?=\?|$)}{/j} });
        $denied->('SignatureDoesNotMatch', 'another host',
            edit => sub { $_->[1] = 'x.invalid' for grep { $_->[0] eq 'Host' } @{ $_[0]{headers} } });
        is_error $s->get("/$b/k", @o, who => 'alt'), 403, 'AccessDenied',
            "$name: proved, but somebody else";
        is_status $s->put("/$b/k", 'hello', @o), 200, "$name: PUT";
    }
}

# The same request under another method.
for my $as (qw(s3 cos bce)) {
    my $req = $s->build('GET', "/$b/k", as => $as, presign => 600);
    is_error $s->req('DELETE', $req->{target}, as => 'none'), 403, 'SignatureDoesNotMatch',
        "$as query: a link to read does not delete";
}
is_ok $s->get("/$b/k"), 'still there', 'hello';


# --- time ---------------------------------------------------------------------------

is_error $s->get("/$b/k", time => $now - 16 * 60), 403, 'RequestTimeTooSkewed',
    's3 header: 16 minutes old';
is_error $s->get("/$b/k", time => $now + 16 * 60), 403, 'RequestTimeTooSkewed',
    's3 header: 16 minutes early';
is_ok $s->get("/$b/k", time => $now - 14 * 60), 's3 header: 14 minutes old';
is_ok $s->get("/$b/k", time => $now - 3000, presign => 3600), 's3 query: still valid';
is_ok $s->get("/$b/k", presign => 604800), 's3 query: a week';
is_error $s->get("/$b/k", time => $now + 1800, presign => 600), 403, 'RequestTimeTooSkewed',
    's3 query: from the future';

for (['s3 query', time => $now - 700, presign => 600],
    ['cos header', as => 'cos', start => $now - 700, end => $now - 60],
    ['cos query', as => 'cos', presign => 1, start => $now - 700, end => $now - 60])
{
    my ($name, @o) = @$_;
    my $r = $s->get("/$b/k", @o);
    is_error $r, 403, 'AccessDenied', "$name: expired";
    is $r->message, 'Request has expired', "$name: the message that SDKs look for";
}
my $r = $s->get("/$b/k", as => 'bce', time => $now - 4000, life => 1800);
like $r->status . ' ' . $r->code, qr/^40[03] (AccessDenied|RequestExpired)$/, 'bce: expired';
is_error $s->get("/$b/k", as => 'cos', start => $now + 1200, end => $now + 2400), 403,
    'RequestTimeTooSkewed', 'cos: from the future';

for my $expires (0, -1, 604801, 'abc', '', '1e3') {
    is_error $s->get("/$b/k", presign => 60, edit => sub {
        $_[0]{target} =~ s/X-Amz-Expires=60/X-Amz-Expires=$expires/ }), 400,
        'AuthorizationQueryParametersError', "s3 query: X-Amz-Expires=$expires";
}


# --- what the signature covers ------------------------------------------------------------

is_error $s->put("/$b/u", 'x', unsigned => ['x-amz-acl'], headers => ['x-amz-acl', 'public-read']),
    403, 'AccessDenied', 's3: an x-amz- header that is not signed';
is_error $s->put("/$b/u", 'x', late => ['x-amz-meta-a', 'b']), 403, 'AccessDenied',
    's3: a metadata header added later';
is_error $s->put("/$b/u", 'x', as => 'cos', late => ['x-cos-acl', 'public-read']), 403,
    'AccessDenied', 'cos: an ACL added later';
is_error $s->put("/$b/u", '', as => 'cos', late => ['x-cos-copy-source', "$b/k"]), 403,
    'AccessDenied', 'cos: a copy source added later';
is_error $s->put("/$b/u", 'x', as => 'cos', presign => 600, late => ['x-amz-acl', 'public-read']),
    403, 'AccessDenied', 'cos query: an ACL of another dialect added later';
is_error $s->put("/$b/u", 'x', as => 'bce', host_only => 1, late => ['x-bce-acl', 'public-read']),
    403, 'AccessDenied', 'bce: an ACL that is not signed';
is_status $s->put("/$b/u", 'x', as => 'cos', late => ['x-cos-meta-a', 'b']), 200,
    'cos: other headers may be added';
is_status $s->put("/$b/u", 'x', as => 'cos', late => ['Cache-Control', '']), 200,
    'cos: an empty header that is not listed';
# Headers are read behind any dialect's prefix: whose is not the signature's is
# signed, or it is none of the signer's.
for (['s3', 'x-cos-', 'x-bce-'], ['cos', 'x-amz-', 'x-bce-'], ['bce', 'x-amz-', 'x-cos-']) {
    my ($as, @foreign) = @$_;
    for my $form (['header'], ['query', presign => 600]) {
        my ($in, @o) = @$form;
        for my $p (@foreign) {
            for (['storage-class', 'STANDARD_IA'], ['tagging', 'a=b'], ['meta-a', 'b'], ['meta-a', ''],
                ['server-side-encryption', 'AES256'], ['forbid-overwrite', 'true'])
            {
                my ($name, $value) = ("$p$_->[0]", $_->[1]);
                is_error $s->put("/$b/foreign", 'x', as => $as, @o, late => [$name, $value]), 403,
                    'AccessDenied', "$as $in: $name '$value' added later";
            }
            is_status $s->put("/$b/limited", 'x', as => $as, @o,
                late => ["${p}traffic-limit", 838860800]), 200, "$as $in: ${p}traffic-limit may be";
        }
    }
    is_status $s->put("/$b/signed", 'x', as => $as, headers => ["$foreign[0]meta-a", 'b']), 200,
        "$as: $foreign[0]meta-a that is signed";
    is $s->head("/$b/signed")->h('x-amz-meta-a'), 'b', "$as: is stored";
}
is_error $s->get("/$b/foreign"), 404, 'NoSuchKey', 'nothing of it was done';
is_error $s->put("/$b/u", 'x', headers => ['x-amz-meta-a', 'b'], edit => sub {
    $_->[1] = 'c' for grep { $_->[0] eq 'x-amz-meta-a' } @{ $_[0]{headers} } }), 403,
    'SignatureDoesNotMatch', 's3: a signed header changed';
is_error $s->put("/$b/u", 'x', as => 'cos', headers => ['x-cos-meta-a', 'b'], edit => sub {
    $_->[1] = 'c' for grep { $_->[0] eq 'x-cos-meta-a' } @{ $_[0]{headers} } }), 403,
    'SignatureDoesNotMatch', 'cos: a signed header changed';
is_error $s->put("/$b/u", 'x', as => 'cos', headers => ['x-cos-meta-a', 'b'], edit => sub {
    @{ $_[0]{headers} } = grep { $_->[0] ne 'x-cos-meta-a' } @{ $_[0]{headers} } }), 403,
    'SignatureDoesNotMatch', 'cos: a signed header left out';
is_error $s->get("/$b/k?response-content-type=a%2Fb", edit => sub {
    $_[0]{target} =~ s/a%2Fb/c%2Fd/ }), 403, 'SignatureDoesNotMatch', 's3: a parameter changed';
is_error $s->get("/$b/k?acl", as => 'none'), 403, 'AccessDenied',
    'anonymous: nothing';
is_error $s->get("/$b/k", edit => sub { $_[0]{target} .= '?acl' }), 403,
    'SignatureDoesNotMatch', 's3: a sub-resource added';


# --- payload ----------------------------------------------------------------------------------

is_error $s->put("/$b/u", 'body', payload => '0' x 64), 400, 'XAmzContentSHA256Mismatch',
    's3: the body is not what was signed';
is_ok $s->put("/$b/u", 'body', payload => 'UNSIGNED-PAYLOAD'), 's3: unsigned payload';
is_error $s->put("/$b/u", 'body', payload => 'nonsense'), 400, 'InvalidArgument',
    's3: a bad x-amz-content-sha256';
is_error $s->get("/$b/k", edit => sub {
    @{ $_[0]{headers} } = grep { $_->[0] ne 'x-amz-content-sha256' } @{ $_[0]{headers} } }), 400,
    'MissingSecurityHeader', 's3: no x-amz-content-sha256';


# --- malformed ------------------------------------------------------------------------------------

for (['' => 'empty'], ['AWS4-HMAC-SHA256' => 'bare V4'],
    ['AWS4-HMAC-SHA256 Credential=x' => 'V4 without the rest'],
    ["AWS4-HMAC-SHA256 Credential=$ak/20200101/r/s3/aws4_request,SignedHeaders=host,Signature=zz"
        => 'V4 with a signature that is not hex'],
    ['AWS4-HMAC-SHA256 ' . 'Credential=' x 2000 => 'V4, very long'],
    ['q-sign-algorithm=sha1' => 'bare COS'],
    ["q-sign-algorithm=md5&q-ak=$ak&q-sign-time=1;2&q-key-time=1;2&q-header-list=&"
        . 'q-url-param-list=&q-signature=' . '0' x 40 => 'COS with another algorithm'],
    ["q-sign-algorithm=sha1&q-ak=$ak&q-sign-time=2;1&q-key-time=2;1&q-header-list=&"
        . 'q-url-param-list=&q-signature=' . '0' x 40 => 'COS with times reversed'],
    ["q-sign-algorithm=sha1&q-ak=$ak&q-sign-time=a;b&q-key-time=a;b&q-header-list=&"
        . 'q-url-param-list=&q-signature=' . '0' x 40 => 'COS with words for times'],
    ['bce-auth-v1/' => 'bare BCE'], ["bce-auth-v1/$ak/yesterday/1800//00" => 'BCE with a bad time'],
    ['Basic eDp5' => 'Basic'], ['Bearer abc' => 'Bearer'], ['AWS ' . "$ak:abc" => 'V2'])
{
    my ($value, $name) = @$_;
    my @v4 = $value =~ /^AWS4/ ? ('x-amz-date', Cos::Sign::iso_basic($now),
        'x-amz-content-sha256', 'UNSIGNED-PAYLOAD') : ();
    my $r = $s->get("/$b/k", as => 'none', late => [@v4, 'Authorization', $value]);
    my $anonymous = $value eq '' && $r->status == 403;
    ok $anonymous || $r->status == 400, "malformed: $name" or diag $r->status, ' ', $r->body;
    ok defined $r->code, "malformed: $name has a document";
}

$r = $s->get("/$b/k", edit => sub {
    my ($a) = grep { $_->[0] eq 'Authorization' } @{ $_[0]{headers} };
    push @{ $_[0]{headers} }, [@$a] });
is $r->status, 400, 'two Authorization headers';
is_error $s->get("/$b/k", presign => 60, late => ['Authorization', 'q-sign-algorithm=sha1']), 400,
    'InvalidArgument', 'a signature in the header and in the query';
is_error $s->get("/$b/k", presign => 60, edit => sub {
    $_[0]{target} .= '&X-Amz-Signature=' . '0' x 64 }), 400, 'InvalidArgument',
    'two signatures in the query';
is_error $s->get("/$b/k", token => 'abc'), 400, 'InvalidToken', 'a token with a lasting key';


# --- what clients do ------------------------------------------------------------------------------------

my $port = $s->port;
is_ok $s->get("/$b/k", as => 'cos', edit => sub {
    my $q = $_[0];
    my %again = (%$q, headers => [[Host => '127.0.0.1']]);
    Cos::Sign::cos(\%again);
    $q->{headers} = [[Host => "127.0.0.1:$port"], $again{headers}[-1], [Connection => 'close']];
}), 'cos: host signed without its port (Python SDK)', 'hello';
is_ok $s->get("/$b/k", as => 'cos', sign_merged => 1), 'cos: legacy sign parameter', 'hello';
is_ok $s->get("/$b/k?response-content-type=a%20b", as => 'cos', presign => 60, edit => sub {
    $_[0]{target} =~ s/a%20b/a+b/ }), 'cos: a space as plus in the query (Python SDK)', 'hello';
is_ok $s->get("/$b/k?Some%2FThing=", as => 'cos', presign => 60, edit => sub {
    $_[0]{target} =~ s/(q-url-param-list=)[^&]*/$1some%25252fthing/ or die }),
    'cos: list entries encoded twice (Node SDK)', 'hello';
is_ok $s->get("/$b/k", as => 'cos', presign => 60, edit => sub {
    $_[0]{target} =~ s/%3B/;/g }), 'cos: raw semicolons in the query', 'hello';
is_ok $s->get("/$b/k", as => 'cos', presign => 60, edit => sub {
    $_[0]{target} .= '&response-content-type=a%2Fb' }),
    'cos: a parameter that is not listed', 'hello';

for my $host ("$b.localhost", "$b.cos.ap-local.localhost", "$b.s3.ap-local.localhost",
    "$b.s3.localhost", "$b.cos.ap-local.myqcloud.com", "$b.s3.us-east-1.amazonaws.com")
{
    for my $as (qw(s3 cos)) {
        is_ok $s->get('/k', as => $as, host => "$host:$port"), "$as on $host", 'hello';
        is_ok $s->get('/k', as => $as, host => $host, presign => 60), "$as query on $host", 'hello';
    }
}
is_ok $s->get('/k', as => 's3', host => uc "$b.s3.localhost"), 'a host in capitals', 'hello';
is_status $s->get("/$b/k", headers => ['Range', 'bytes=0-0'], unsigned => ['range']), 206,
    'an unsigned Range';


# --- a pinned region -----------------------------------------------------------------------------------

my $p = Cos->start(conf => 'cos_region ap-pinned;');
$p->make_bucket($b, region => 'ap-pinned');
is_status $p->put("/$b/k", 'x', region => 'ap-pinned'), 200, 'the pinned region';
is_error $p->get("/$b/k", region => 'us-east-1'), 400, 'AuthorizationHeaderMalformed',
    'another region';
$p->done(more => 1);

$s->done;
