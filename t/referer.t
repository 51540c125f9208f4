# Hotlink protection: the configuration of buckets, what it refuses, and the
# directives that stand in its place.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_base64);
use Test::More;
use Cos;

my $s = Cos->start(workers => 2);
my %anon = (as => 'none');
my $b = $s->make_bucket('hotlink-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
is_ok $s->put("/$b/a.png", 'image', as => 'cos'), 'an object';

sub doc {
    my (%o) = @_;
    my $x = '';
    $x .= "<Status>" . ($o{status} // 'Enabled') . "</Status>";
    $x .= "<RefererType>$o{type}</RefererType>" if $o{type};
    $x .= '<DomainList>' . join('', map { "<Domain>$_</Domain>" } @{ $o{domains} }) . '</DomainList>' if $o{domains};
    $x .= "<EmptyReferConfiguration>$o{empty}</EmptyReferConfiguration>" if $o{empty};
    $x .= "<VerifySignatureURL>$o{verify}</VerifySignatureURL>" if $o{verify};
    $x .= $o{more} // '';
    return "<RefererConfiguration>$x</RefererConfiguration>";
}
sub put_rule {
    my ($doc, %o) = @_;
    return $s->put("/$b?referer", $doc, as => 'cos', headers => ['Content-MD5', md5_base64($doc) . '=='], %o);
}
sub from {
    my ($referer, %o) = @_;
    return $s->req($o{method} // 'GET', $o{t} // "/$b/a.png", %anon, %o,
        headers => [defined $referer ? (Referer => $referer) : ()]);
}
my $DENIED = 'You are denied by bucket referer rule';

# --- the document -------------------------------------------------------------------

is_error $s->get("/$b?referer", as => 'cos'), 404, 'NoSuchRefererConfiguration', 'none';
my @list = ('*.example.com', '192.168.1.2:8080', 'www.qq.com/pics');
my $white = doc(type => 'White-List', domains => \@list, empty => 'Deny', verify => 'Disabled');
is_error put_rule($white, who => 'alt'), 403, 'AccessDenied', 'the owner only';
is_status put_rule($white), 200, 'put';
my $r = $s->get("/$b?referer", as => 'cos');
is_ok $r, 'get';
is_deeply [map { $r->xml($_) } qw(Status RefererType EmptyReferConfiguration VerifySignatureURL)],
    [qw(Enabled White-List Deny Disabled)], 'as it was put';
is_deeply [$r->all('Domain')], \@list, 'its domains';
for my $as (qw(s3 bce)) {
    is_error $s->req($_, "/$b?referer", as => $as, body => ''), 501, 'NotImplemented', "$as: $_" for qw(GET PUT DELETE);
}
for ([MalformedXML => doc(type => 'Grey-List', domains => ['a'])], [MalformedXML => doc(domains => ['a'])],
    [MalformedXML => doc(type => 'White-List')], [MalformedXML => doc(type => 'White-List', domains => [])],
    [MalformedXML => doc(status => 'On', type => 'White-List', domains => ['a'])],
    [MalformedXML => doc(type => 'White-List', domains => ['a'], empty => 'Maybe')],
    [MalformedXML => doc(type => 'White-List', domains => ['a'], verify => 'true')],
    [MalformedXML => doc(type => 'White-List', domains => ['a'], more => '<Status>Enabled</Status>')],
    [MalformedXML => '<RefererConfiguration>'], [MalformedXML => '<Referer/>'],
    [InvalidArgument => doc(type => 'White-List', domains => [map { "d$_.test" } 1 .. 31])],
    [InvalidArgument => doc(type => 'White-List', domains => ['a.*.test'])],
    [InvalidArgument => doc(type => 'White-List', domains => ['*a.test'])],
    [InvalidArgument => doc(type => 'White-List', domains => ['*.'])],
    [InvalidArgument => doc(type => 'White-List', domains => ['http://'])],
    [InvalidArgument => doc(type => 'White-List', domains => ['a&#10;b'])],
    [InvalidArgument => doc(type => 'White-List', domains => ['a b'])])
{
    my ($code, $bad) = @$_;
    is_error put_rule($bad), 400, $code, 'refused: ' . substr $bad, 0, 120;
}
is_deeply [$s->get("/$b?referer", as => 'cos')->all('Domain')], \@list, 'nothing of it was kept';

# --- what it refuses ---------------------------------------------------------------------

for (['http://a.example.com/x.html', 200], ['https://A.B.Example.COM', 200], ['http://example.com/', 200],
    ['http://www.fake.com/', 403], ['http://example.com.fake.com/', 403], ['http://notexample.com/', 403],
    ['http://192.168.1.2:8080/', 200], ['http://192.168.1.2/', 403], ['http://www.qq.com/pics/1', 200],
    ['http://www.qq.com/PICS', 403], ['http://www.qq.com/', 403], ['www.qq.com/pics', 200], [undef, 403], ['', 403])
{
    my ($referer, $want) = @$_;
    for my $method (qw(GET HEAD)) {
        $r = from($referer, method => $method);
        is $r->status, $want, "white list: $method from " . ($referer // 'nowhere');
        is $r->message, $DENIED, '... and says why' if $want == 403 && $method eq 'GET';
    }
}
is_error from('http://www.fake.com/', t => "/$b/none"), 403, 'AccessDenied', 'refused before it is looked for';
is_error from('http://a.example.com/', t => "/$b/none"), 404, 'NoSuchKey', 'and else not there';
is_ok from('http://www.fake.com/', t => "/$b"), 'a listing is no object';
is_status $s->put("/$b?website", '<WebsiteConfiguration><IndexDocument><Suffix>a.png</Suffix></IndexDocument></WebsiteConfiguration>',
    as => 's3'), 200, 'a website';
my $site = "$b.cos-website.ap-local.localhost";
for my $t ('/', '/a.png', '/none') {
    is from('http://www.fake.com/', t => $t, host => $site)->status, 403, "website: $t from elsewhere";
    is from('http://a.example.com/', t => $t, host => $site)->status, $t eq '/none' ? 404 : 200, "website: $t from there";
}
for my $as (qw(s3 cos bce)) {
    is_ok from('http://www.fake.com/', as => $as), "$as: signed requests are not looked at", 'image';
    is_ok from('http://www.fake.com/', as => $as, presign => 60, life => 60), "$as: nor are links", 'image' if $as ne 'bce';
    is_ok $s->req('GET', "/$b/a.png", as => $as), "$as: nor such without a Referer", 'image';
}
is_error from('http://www.fake.com/', as => 's3', who => ['none', 'none']), 403, 'InvalidAccessKeyId', 'a wrong signature is none';
$r = $s->req('PUT', "/$b/post", as => 'cos', body => 'x', headers => [Referer => 'http://www.fake.com/']);
is_status $r, 200, 'writes are not looked at';

# links, too, where that is wanted
is_status put_rule(doc(type => 'White-List', domains => \@list, verify => 'Enabled')), 200, 'VerifySignatureURL';
for my $as (qw(s3 cos)) {
    $r = from('http://www.fake.com/', as => $as, presign => 60, life => 60);
    is_error $r, 403, 'AccessDenied', "$as: a link from elsewhere";
    is $r->message, $DENIED, "$as: says why";
    is_ok from('http://a.example.com/', as => $as, presign => 60, life => 60), "$as: a link from there", 'image';
    is_ok from('http://www.fake.com/', as => $as), "$as: signed in headers", 'image';
}

# a black list
is_status put_rule(doc(type => 'Black-List', domains => ['*.fake.com', 'https://www.bad.com'], empty => 'Allow',
    more => '<EffectIPType>x</EffectIPType>')), 200, 'a black list, and an element nobody knows';
for (['http://www.fake.com/', 403], ['http://fake.com', 403], ['http://www.bad.com.cn/', 403],
    ['http://www.example.com/', 200], [undef, 200], ['', 200])
{
    is from($_->[0])->status, $_->[1], 'black list: from ' . ($_->[0] // 'nowhere');
}
is_status put_rule(doc(type => 'Black-List', domains => ['*.fake.com'])), 200, 'without a word on empty ones';
is from(undef)->status, 403, 'they are refused';
is_status put_rule(doc(status => 'Disabled', type => 'White-List', domains => ['x.test'])), 200, 'disabled';
is from('http://www.fake.com/')->status, 200, 'it refuses nothing';
is_status put_rule(doc(status => 'Disabled')), 200, 'disabled without a list';
is_status put_rule(doc(type => 'White-List', domains => [map { "*.d$_.test" } 1 .. 30])), 200, 'thirty domains';
is from("http://x.d$_.test/")->status, 200, "domain $_" for 1, 17, 30;
is from('http://x.d31.test/')->status, 403, 'and no more';

# --- a record that is damaged: refused, not let pass -----------------------------------------

{
    my $cors = '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>'
        . '</CORSConfiguration>';
    is_status $s->put("/$b?cors", $cors, as => 'cos', headers => ['Content-MD5', md5_base64($cors) . '==']), 200, 'CORS';
    my $record = $s->redis('GET', "b:$b");
    (my $bad = $record) =~ s/<DomainList>/<DomainLost>/;
    $bad =~ s/<CORSRule>/<CORSRole>/;
    $s->redis('SET', "b:$b", $bad);
    ok $s->wait_for(sub { from('http://x.d1.test/')->status == 500 }), 'a damaged rule';
    is_error from('http://x.d1.test/'), 500, 'InternalError', 'is not passed over';
    is_ok from('http://x.d1.test/', as => 'cos'), 'by those that it is for', 'image';
    is_error $s->get("/$b?referer", as => 'cos'), 500, 'InternalError', 'nor shown';
    is_status put_rule($white), 200, 'but can be replaced';
    is_ok from('http://a.example.com/'), 'then it works', 'image';
    for my $method (qw(GET OPTIONS)) {
        is_error $s->req($method, "/$b/a.png", %anon, headers => [Origin => 'http://x.test', Referer => 'http://a.example.com/',
            'Access-Control-Request-Method', 'GET']), 500, 'InternalError', "damaged CORS: $method";
    }
    is_status $s->delete("/$b?cors", as => 'cos', headers => [Origin => 'http://x.test']), 204, 'it can be removed';
    is_ok $s->req('GET', "/$b/a.png", %anon, headers => [Origin => 'http://x.test', Referer => 'http://a.example.com/']),
        'and is forgotten', 'image';
}

# --- removed -----------------------------------------------------------------------------

is_status $s->put("/$b?referer", '', as => 'cos', headers => ['Content-MD5', md5_base64('') . '==']), 200,
    'PUT without a document removes it';
is_error $s->get("/$b?referer", as => 'cos'), 404, 'NoSuchRefererConfiguration', 'gone';
is from('http://www.fake.com/')->status, 200, 'and what it refused';
is_status put_rule($white), 200, 'put';
is_status $s->delete("/$b?referer", as => 'cos'), 204, 'delete';
is_error $s->get("/$b?referer", as => 'cos'), 404, 'NoSuchRefererConfiguration', 'gone';
$s->done(more => 1, allow => qr/a rule in the record of|a configuration of bucket .* is damaged/);
done_testing;
