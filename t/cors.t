# CORS: the configuration of buckets, preflight requests, headers of all other
# answers, and the directive that stands in their place.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_base64);
use Test::More;
use Cos;

my $s = Cos->start(workers => 2);
my %anon = (as => 'none');

sub rule {
    my (%r) = @_;
    my $x = '';
    for my $name (qw(ID AllowedOrigin AllowedMethod AllowedHeader MaxAgeSeconds ExposeHeader)) {
        $x .= "<$name>$_</$name>" for ref $r{$name} ? @{ $r{$name} } : $r{$name} // ();
    }
    return "<CORSRule>$x</CORSRule>";
}
sub doc { return '<CORSConfiguration>' . join('', @_) . '</CORSConfiguration>' }
sub put_cors {
    my ($b, $doc, %o) = @_;
    return $s->put("/$b?cors", $doc, headers => ['Content-MD5', md5_base64($doc) . '=='], %o);
}
# headers of CORS as one text
sub cors {
    my ($r) = @_;
    my @v;
    for my $n (qw(origin methods headers credentials)) {
        my $v = $r->h("access-control-allow-$n");
        push @v, "$n $v" if defined $v;
    }
    push @v, 'expose ' . $r->h('access-control-expose-headers') if $r->h('access-control-expose-headers');
    push @v, 'age ' . $r->h('access-control-max-age') if defined $r->h('access-control-max-age');
    return join '; ', @v;
}
sub preflight {
    my ($t, $origin, $method, $headers, %o) = @_;
    return $s->req('OPTIONS', $t, %anon, %o, headers => [
        defined $origin ? (Origin => $origin) : (),
        defined $method ? ('Access-Control-Request-Method', $method) : (),
        defined $headers ? ('Access-Control-Request-Headers', $headers) : (), @{ $o{headers} || [] }]);
}

# --- the document -----------------------------------------------------------------------

my $b = $s->make_bucket('cors-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
is_ok $s->put("/$b/a.txt", 'hello', as => 'cos'), 'an object';

for my $as (qw(s3 cos)) {
    is_error $s->get("/$b?cors", as => $as), 404, 'NoSuchCORSConfiguration', "$as: none";
    is_status $s->delete("/$b?cors", as => $as), 204, "$as: none to delete";
}
my $doc = doc(
    rule(ID => 'first', AllowedOrigin => 'https://www.example.com', AllowedMethod => [qw(PUT GET)],
        AllowedHeader => ['*'], MaxAgeSeconds => 600, ExposeHeader => [qw(ETag x-cos-request-id)]),
    rule(AllowedOrigin => ['http://*.example.org', 'http://one.test:8080'], AllowedMethod => 'GET',
        AllowedHeader => ['x-cos-meta-*', 'Content-Type']),
    rule(AllowedOrigin => '*', AllowedMethod => ['HEAD']),
    '<ResponseVary>false</ResponseVary>');
is_error put_cors($b, $doc, who => 'alt'), 403, 'AccessDenied', 'the owner only';
is_error put_cors($b, $doc, %anon), 403, 'AccessDenied', 'nobody else';
for my $as (qw(s3 cos)) {
    is_status put_cors($b, $doc, as => $as), 200, "$as: put";
    my $r = $s->get("/$b?cors", as => $as);
    is_ok $r, "$as: get";
    is_deeply [$r->all('AllowedOrigin')], ['https://www.example.com', 'http://*.example.org',
        'http://one.test:8080', '*'], "$as: origins";
    is_deeply [$r->all('AllowedMethod')], [qw(PUT GET GET HEAD)], "$as: methods";
    is_deeply [$r->all('ID')], ['first'], "$as: id";
    is_deeply [$r->all('MaxAgeSeconds')], [600], "$as: age";
    is $r->xml('ResponseVary'), $as eq 'cos' ? 'false' : undef, "$as: ResponseVary";
    like $r->body, $as eq 's3' ? qr/xmlns=/ : qr/<CORSConfiguration>/, "$as: its root";
    is_error $s->get("/$b?cors", as => $as, who => 'alt'), 403, 'AccessDenied', "$as: not anybody's";
}
for my $op (qw(GET DELETE)) {
    is_error $s->req($op, "/$b?cors", as => 'bce'), 501, 'NotImplemented', "bos: $op";
}

for ([MalformedXML => doc()], [MalformedXML => doc(rule(AllowedOrigin => '*'))],
    [MalformedXML => doc(rule(AllowedMethod => 'GET'))], [MalformedXML => '<CORSConfiguration>'],
    [MalformedXML => '<Other/>'], [MissingRequestBodyError => ''],
    [MalformedXML => doc(map { rule(AllowedOrigin => "http://$_", AllowedMethod => 'GET') } 1 .. 101)],
    [MalformedXML => doc(rule(AllowedOrigin => "http://a&#13;&#10;X: y", AllowedMethod => 'GET'))],
    [MalformedXML => doc(rule(AllowedOrigin => 'http://a b', AllowedMethod => 'GET'))],
    [MalformedXML => doc(rule(AllowedOrigin => '*', AllowedMethod => 'GET', ExposeHeader => "A&#10;B: c"))],
    [MalformedXML => doc(rule(AllowedOrigin => '*', AllowedMethod => 'GET', AllowedHeader => 'a b'))],
    [MalformedXML => doc(rule(AllowedOrigin => '*', AllowedMethod => 'GET', MaxAgeSeconds => '-1'))],
    [MalformedXML => doc(rule(AllowedOrigin => '*', AllowedMethod => 'GET'), '<ResponseVary>1</ResponseVary>')],
    [MalformedXML => doc(rule(ID => 'i' x 256, AllowedOrigin => '*', AllowedMethod => 'GET'))],
    [InvalidRequest => doc(rule(AllowedOrigin => '*', AllowedMethod => 'OPTIONS'))],
    [InvalidRequest => doc(rule(AllowedOrigin => '*', AllowedMethod => 'get'))],
    [InvalidRequest => doc(rule(AllowedOrigin => 'http://*.*', AllowedMethod => 'GET'))],
    [InvalidRequest => doc(rule(AllowedOrigin => '*', AllowedMethod => 'GET', AllowedHeader => 'a*b*'))],
    [InvalidRequest => doc(rule(AllowedOrigin => '*', AllowedMethod => 'GET', ExposeHeader => 'x-*'))])
{
    my ($code, $bad) = @$_;
    is_error put_cors($b, $bad), 400, $code, 'refused: ' . substr $bad, 0, 90;
}
is_error put_cors($b, $doc, headers => ['Content-MD5', md5_base64('x') . '==']), 400, 'BadDigest', 'a wrong digest';
is_error put_cors($b, ' ' x 65537 . $doc), 400, 'XMLSizeLimit', 'over 64 KB';
my $r = $s->get("/$b?cors");
is scalar(my @kept = $r->body =~ /<CORSRule>/g), 3, 'nothing of it was kept';

# --- answers ------------------------------------------------------------------------------

my $first = 'origin https://www.example.com; methods PUT, GET; credentials true; expose ETag, x-cos-request-id; age 600';
for (
    [undef, '', undef, 'no Origin'],
    ['https://www.example.com', $first, 'Origin', 'an exact origin'],
    ['https://www.example.com:443', '', 'Origin', 'with its port it is another'],
    ['HTTPS://www.example.com', '', 'Origin', 'in another case, too'],
    ['http://www.example.com', '', 'Origin', 'another scheme, too'],
    ['http://a.b.example.org', 'origin http://a.b.example.org; methods GET; credentials true', 'Origin', 'a pattern'],
    ['http://example.org', '', 'Origin', 'which wants a label'],
    ['http://one.test:8080', 'origin http://one.test:8080; methods GET; credentials true', 'Origin', 'the second of a rule'],
    ['http://else.test', '', 'Origin', 'of no rule'])
{
    my ($origin, $want, $vary, $name) = @$_;
    $r = $s->get("/$b/a.txt", %anon, headers => [defined $origin ? (Origin => $origin) : ()]);
    is_ok $r, $name, 'hello';
    is cors($r), $want, "$name: headers";
    is $r->h('vary'), $vary, "$name: Vary";
}
my @o = (headers => [Origin => 'https://www.example.com']);
is cors($s->head("/$b/a.txt", %anon, @o)), 'origin *; methods HEAD', 'HEAD has another rule, for all';
is $s->head("/$b/a.txt", %anon, @o)->h('vary'), undef, 'which is the same for all';
$r = $s->get("/$b/a.txt", %anon);
my @tagged = (headers => [Origin => 'https://www.example.com', 'If-None-Match', $r->h('etag')]);
$r = $s->get("/$b/a.txt", %anon, @tagged);
is $r->status . cors($r), "304$first", 'on 304';
$r = $s->get("/$b/a.txt", %anon, headers => [Origin => 'https://www.example.com', Range => 'bytes=1-2']);
is $r->status . cors($r), "206$first", 'on 206';
for ([404 => 'GET', "/$b/none", %anon], [403 => 'PUT', "/$b/new", %anon, body => 'x'],
    [403 => 'GET', "/$b/a.txt", who => ['none', 'none']], [403 => 'GET', "/$b?cors", %anon],
    [400 => 'GET', "/$b?acl&cors", %anon], [400 => 'GET', "/$b/a.txt", %anon, late => ['Authorization', 'x']],
    [400 => 'GET', "/$b/a.txt?versionId=x", %anon], [200 => 'PUT', "/$b/new", body => 'x'],
    [501 => 'GET', "/$b?unheard", %anon], [200 => 'GET', "/$b", %anon])
{
    my ($status, $method, $t, %o) = @$_;
    $r = $s->req($method, $t, %o, @o);
    is $r->status . cors($r), "$status$first", "on $status of $method $t";
}
is cors($s->delete("/$b/new", @o)), '', 'a method of no rule';
$r = $s->delete("/$b/new", headers => [Origin => 'https://www.example.com', 'Access-Control-Request-Method', 'GET']);
is cors($r), $first, 'as the method that is asked about';
$r = $s->req('GET', "/$b/a.txt", %anon, headers => [Origin => 'https://www.example.com', Origin => 'http://a.example.org']);
is cors($r), '', 'two origins are none';
is $r->status, 200, 'and no reason to refuse';
$r = $s->req('PUT', "/$b/a.txt", body => 'x', as => 'none', @o);
is_error $r, 403, 'AccessDenied', 'CORS gives no rights';

# --- preflight ------------------------------------------------------------------------------

$r = preflight("/$b/a.txt", 'https://www.example.com', 'PUT', 'content-type, X-Cos-Meta-A');
is_ok $r, 'preflight', '';
is cors($r), 'origin https://www.example.com; methods PUT, GET; headers content-type, X-Cos-Meta-A; credentials true; '
    . 'expose ETag, x-cos-request-id; age 600', 'its headers';
is $r->h('vary'), 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method', 'its Vary';
for (["/$b", 'http://x.example.org', 'GET', 'x-cos-meta-b', 'a bucket'],
    ["/$b/", 'http://x.example.org', 'GET', 'CONTENT-TYPE,,x-cos-meta-', 'case and empty names'],
    ["/$b/none?versionId=3&acl&imageMogr2", 'http://x.example.org', 'GET', undef, 'a query of the request to come'],
    ["/$b/none?partNumber=1&uploadId=2", 'https://www.example.com', 'PUT', undef, 'a part'],
    ["/$b/none", 'http://any.test', 'HEAD', '', 'for all'])
{
    my ($t, $origin, $method, $headers, $name) = @$_;
    $r = preflight($t, $origin, $method, $headers);
    is_ok $r, "preflight: $name", '';
    is $r->h('access-control-allow-origin'), $origin eq 'http://any.test' ? '*' : $origin, "preflight: $name: origin";
}
for (['http://x.example.org', 'PUT', undef, 'another method'], ['http://x.example.org', 'OPTIONS', undef, 'OPTIONS'],
    ['http://x.example.org', 'GET', 'x-other', 'another header'],
    ['http://x.example.org', 'GET', 'content-type,x-other', 'one of two'],
    ['http://x.example.org', 'GET', 'content-type-2', 'a longer name'],
    ['http://x.example.org', 'GET', join(',', map { "x-cos-meta-$_" } 1 .. 101), 'over a hundred names'],
    ['http://none.test', 'GET', undef, 'another origin'], ['http://x.example.org', 'PATCH', undef, 'an unknown method'])
{
    my ($origin, $method, $headers, $name) = @$_;
    $r = preflight("/$b/a.txt", $origin, $method, $headers);
    is_error $r, 403, 'AccessForbidden', "preflight refused: $name";
    is cors($r), '', "preflight refused: $name: no headers";
    like $r->message, qr/CORS/, "preflight refused: $name: says why";
}
is_error preflight("/$b/a.txt"), 400, 'BadRequest', 'no Origin';
is_error preflight("/$b/a.txt", 'http://x.example.org'), 400, 'BadRequest', 'no method';
is_error preflight('/nosuch-1250000000/a', 'http://x.example.org', 'GET'), 404, 'NoSuchBucket', 'no bucket';
is_error preflight('/', 'http://x.example.org', 'GET'), 403, 'AccessForbidden', 'the service';
is_error preflight('/UPPER/a', 'http://x.example.org', 'GET'), 400, 'InvalidBucketName', 'no name of a bucket';
my $priv = $s->make_bucket('private-1250000000');
is_error preflight("/$priv/a", 'http://x.example.org', 'GET'), 403, 'AccessForbidden', 'a bucket without rules';
is_status put_cors($priv, $doc), 200, 'a private bucket';
is_ok preflight("/$priv/a", 'http://x.example.org', 'GET'), 'needs no rights for preflights', '';

# signatures on preflights are not looked at
for my $as (qw(s3 cos bce)) {
    for my $who ('main', 'alt', ['none', 'none']) {
        is_ok preflight("/$b/a.txt", 'http://x.example.org', 'GET', undef, as => $as, who => $who), "signed $as";
    }
    is_ok preflight("/$b/a.txt", 'http://x.example.org', 'GET', undef, as => $as, presign => 60, life => 60), "presigned $as"
        unless $as eq 'bce';
}
is_ok preflight("/$b/a.txt", 'http://x.example.org', 'GET', undef, late => [Authorization => 'AWS4-HMAC-SHA256 x']),
    'malformed';
is_ok preflight("/$b/a.txt?AWSAccessKeyId=x&Signature=y&Expires=1", 'http://x.example.org', 'GET'), 'version 2';

# --- a website's endpoint --------------------------------------------------------------------

is_status $s->put("/$b?website", '<WebsiteConfiguration><IndexDocument><Suffix>a.txt</Suffix></IndexDocument></WebsiteConfiguration>',
    as => 's3'), 200, 'a website';
for my $site ("$b.cos-website.ap-local.localhost", "$b.s3-website-ap-local.localhost") {
    $r = $s->get('/', %anon, host => $site, @o);
    is_ok $r, "$site: index", 'hello';
    is cors($r), $first, "$site: its headers";
    $r = $s->get('/none', %anon, host => $site, @o);
    is $r->status . cors($r), "404$first", "$site: on errors";
    $r = preflight('/', 'https://www.example.com', 'GET', 'x-a', host => $site);
    is_ok $r, "$site: preflight", '';
    is $r->h('access-control-allow-origin'), 'https://www.example.com', "$site: preflight: headers";
    is preflight('/', 'http://none.test', 'GET', undef, host => $site)->status, 403, "$site: preflight refused";
}

# --- ResponseVary, changes, order of rules -----------------------------------------------------

is_status put_cors($b, doc(rule(AllowedOrigin => 'http://a.test', AllowedMethod => 'GET'),
    '<ResponseVary>true</ResponseVary>')), 200, 'ResponseVary';
for my $origin ([], [Origin => 'http://a.test'], [Origin => 'http://b.test']) {
    $r = $s->get("/$b/a.txt", %anon, headers => $origin);
    is $r->h('vary'), 'Origin', "Vary always: @$origin";
    is $r->h('access-control-allow-origin'), $origin->[1] && $origin->[1] =~ /a/ ? 'http://a.test' : undef, "changed at once: @$origin";
}
is_status put_cors($b, doc((map { rule(AllowedOrigin => ["http://$_.test", "http://$_*.test"], AllowedMethod => 'PUT') } 1 .. 49),
    rule(AllowedOrigin => 'http://7x.test', AllowedMethod => 'GET', AllowedHeader => 'x-a'),
    rule(AllowedOrigin => 'http://7*', AllowedMethod => [qw(GET PUT)], AllowedHeader => 'x-b'),
    (map { rule(AllowedOrigin => "http://7x.test", AllowedMethod => 'HEAD', AllowedHeader => 'x-c') } 1 .. 48),
    rule(AllowedOrigin => '*', AllowedMethod => [qw(GET DELETE)]))), 200, 'a hundred rules';
for (['GET', undef, 'GET'], ['PUT', undef, 'PUT'], ['GET', 'x-b', 'GET, PUT'], ['HEAD', 'x-c', 'HEAD'],
    ['DELETE', '', 'GET, DELETE'])
{
    my ($method, $headers, $want) = @$_;
    $r = preflight("/$b/x", 'http://7x.test', $method, $headers);
    is $r->h('access-control-allow-methods'), $want, "order of rules: $method " . ($headers // '');
}

# the answer must not say more than what fits the request
is_status put_cors($b, doc(rule(AllowedOrigin => ['*', 'http://a.test'], AllowedMethod => 'GET'))), 200, '* first';
is cors($s->get("/$b/a.txt", %anon, headers => [Origin => 'http://a.test'])), 'origin *; methods GET', 'first origin of a rule';
is_status put_cors($b, doc(rule(AllowedOrigin => ['http://a.test', '*'], AllowedMethod => 'GET'))), 200, '* last';
is cors($s->get("/$b/a.txt", %anon, headers => [Origin => 'http://a.test'])),
    'origin http://a.test; methods GET; credentials true', 'the other way round';
is_status $s->delete("/$b?cors"), 204, 'delete';
is_error $s->get("/$b?cors"), 404, 'NoSuchCORSConfiguration', 'gone';
is cors($s->get("/$b/a.txt", %anon, @o)), '', 'and its headers';
is $s->get("/$b/a.txt", %anon, @o)->h('vary'), undef, 'and Vary';
is_error preflight("/$b/x", 'http://a.test', 'GET'), 403, 'AccessForbidden', 'and preflights';

# it is of the bucket that was, not of one of that name
is_status put_cors($priv, $doc), 200, 'put';
is_status $s->delete("/$priv"), 204, 'the bucket goes';
$s->make_bucket($priv);
is_error $s->get("/$priv?cors"), 404, 'NoSuchCORSConfiguration', 'a new bucket has none';

# it survives
is_status put_cors($b, $doc), 200, 'put';
$s->signal;
my $same = $s->wait_for(sub { cors($s->get("/$b/a.txt", %anon, @o)) eq $first });
ok $same, 'after a reload';
$s->expect_new_workers if $s->wait_for(sub { my @p = $s->worker_pids; @p == 2 && "@p" ne $s->{pids} });
$s->done(more => 1);
done_testing;
