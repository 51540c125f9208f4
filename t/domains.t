# Domains of buckets: the documents, which bucket a host means, websites, and
# the matrix of origin and URL authentication.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use CosCdn;

my $KEY = 'dimtm5evg50ijsx2hvuwyfoiu65';
my ($off, $some) = (Cos::free_port(), Cos::free_port());
my $s = Cos->start(workers => 2, conf => 'cos_domains on;', http => <<"END");
server { listen 127.0.0.1:$off; server_name store.internal.lan .wild.lan; cos on; cos_base_domains localhost; }
server {
    listen 127.0.0.1:$some;
    server_name here.shop.com listed.shop.com;
    cos on;
    cos_base_domains localhost;
    cos_domains shop.com listed.shop.com;
}
END
my $pub = $s->make_bucket('pub-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
my $priv = $s->make_bucket('priv-1250000000', as => 'cos');
my $foe = $s->make_bucket('foe-1250000000', as => 'cos', who => 'alt');
for my $b ($pub, $priv) {
    is_ok $s->put("/$b/a.txt", "in $b", as => 'cos'), "an object in $b";
    is_ok $s->put("/$b/dir/index.html", 'index', as => 'cos'), "a page in $b";
}

sub rule {
    my ($name, %o) = @_;
    my $x = "<Status>" . ($o{status} // 'ENABLED') . "</Status><Name>$name</Name><Type>" . ($o{type} // 'REST') . '</Type>';
    $x .= "<OriginAuthentication>$o{origin}</OriginAuthentication>" if $o{origin};
    $x .= "<UrlAuthentication><Type>Type$o{url}</Type><Key>$KEY</Key></UrlAuthentication>" if $o{url};
    return "<DomainRule>$x" . ($o{more} // '') . '</DomainRule>';
}
# with a prolog, as most clients send it
sub doc { return qq{<?xml version="1.0" encoding="UTF-8"?>\n<DomainConfiguration>} . join('', @_) . '</DomainConfiguration>' }
sub bind_to { my ($b, $doc, %o) = @_; return $s->put("/$b?domain", $doc, as => 'cos', %o) }
sub at { my ($host, $t, %o) = @_; return $s->req($o{method} // 'GET', $t, as => 'none', host => $host, %o) }

# --- the document -------------------------------------------------------------

my $r = $s->get("/$pub?domain", as => 'cos');
is_ok $r, 'none';
like $r->body, qr{<DomainConfiguration></DomainConfiguration>|<DomainConfiguration/>}, 'an empty document';
is_error bind_to($pub, doc(rule('www.a.com')), who => 'alt'), 403, 'AccessDenied', 'the owner only';
is_status bind_to($pub, doc(rule('WWW.a.com', more => '<ForcedReplacement>CNAME</ForcedReplacement>'), rule('off.a.com', status => 'DISABLED'))), 200, 'put';
$r = $s->get("/$pub?domain", as => 'cos');
is_deeply [[$r->all('Name')], [$r->all('Status')], [$r->all('Type')]],
    [['www.a.com', 'off.a.com'], [qw(ENABLED DISABLED)], [qw(REST REST)]], 'as it was put';
unlike $r->body, qr/ForcedReplacement/, 'what is of the request only';
for my $as (qw(s3 bce)) {
    is_error $s->req($_, "/$pub?domain", as => $as, body => ''), 501, 'NotImplemented', "$as: $_" for qw(GET PUT DELETE);
}
for ([MalformedXML => doc()], [MalformedXML => doc(rule('x.com', status => 'Enabled'))], [InvalidArgument => doc(rule('x.com'), rule('X.com'))],
    [InvalidArgument => doc(rule('*.x.com'))], [InvalidArgument => doc(rule('127.0.0.1'))], [InvalidArgument => doc(rule('localhost'))],
    [InvalidArgument => doc(rule('x.localhost'))], [InvalidArgument => doc(rule("$priv.cos.ap-x.myqcloud.com"))],
    [InvalidArgument => doc(rule('x.com', url => 'A'))], [InvalidArgument => doc(map { rule("x$_.com") } 1 .. 21)])
{
    is_error bind_to($pub, $_->[1]), 400, $_->[0], 'refused: ' . substr $_->[1], 0, 100;
}
is_error bind_to($pub, doc(rule('x.com', type => 'ACCELERATE'))), 501, 'NotImplemented', 'global acceleration';
is_deeply [$s->get("/$pub?domain", as => 'cos')->all('Name')], ['www.a.com', 'off.a.com'], 'nothing of it was kept';

# --- which bucket a host means ------------------------------------------------------

is_ok at('www.a.com', '/a.txt'), 'bound', "in $pub";
is_ok at('WWW.A.com.:80', '/a.txt'), 'in capitals, with dot and port', "in $pub";
is_ok at('www.a.com', '/'), 'the bucket itself';
is_error at('off.a.com', '/a.txt'), 404, 'NoSuchBucket', 'disabled: as any other host';
is_ok at('off.a.com', "/$pub/a.txt"), 'that is path style', "in $pub";
is_error at('a.com', '/a.txt'), 404, 'NoSuchBucket', 'not bound';
is_error at('www.a.com', "/$pub/a.txt"), 404, 'NoSuchKey', 'bound, paths are keys';
for my $as (qw(s3 cos bce)) {
    is_ok $s->put("/by-$as", $as, as => $as, host => 'www.a.com'), "$as: put";
    is_ok $s->get("/by-$as", as => $as, host => 'www.a.com'), "$as: get", $as;
}
is_error bind_to($foe, doc(rule('x.org'), rule('www.a.com')), who => 'alt'), 409, 'DomainConfigConflict', 'of another bucket';
is_error at('x.org', '/a.txt'), 404, 'NoSuchBucket', 'nothing of it is bound';
is_error bind_to($foe, doc(rule('off.a.com')), who => 'alt'), 409, 'DomainConfigConflict', 'a disabled one, too';
is_status bind_to($foe, doc(rule('www.b.com')), who => 'alt'), 200, 'another name';
is_status bind_to($pub, doc(rule('www.c.com'))), 200, 'another domain instead';
for (1 .. 8) {
    is_error at('www.a.com', '/a.txt'), 404, 'NoSuchBucket', 'gone at once, in every worker';
    is_ok at('www.c.com', '/a.txt'), 'bound at once', "in $pub";
}
is_status bind_to($foe, doc(rule('www.a.com')), who => 'alt'), 200, 'a free one can be had';
is_error at('www.a.com', '/a.txt'), 403, 'AccessDenied', 'it is another bucket now';

# when both want it, one has it
my @got = map { my $b = $_; bind_to($b, doc(rule('race.com')))->status } $pub, $priv;
is_deeply \@got, [200, 409], 'the first has it';
is_status $s->delete("/$pub?domain", as => 'cos'), 204, 'delete';
is_status $s->delete("/$pub?domain", as => 'cos'), 204, 'twice';
is_error at('race.com', '/a.txt'), 404, 'NoSuchBucket', 'free';
is_status bind_to($priv, doc(rule('race.com'))), 200, 'for the other';
is_status $s->delete("/$foe", as => 'cos', who => 'alt'), 204, 'a bucket goes';
is_status bind_to($priv, doc(rule('www.a.com'))), 200, 'so do its domains';

# --- which names may be bound, and where ------------------------------------------------

sub elsewhere {
    my ($port, $method, $t, $body, %o) = @_;
    local $s->{port} = $port;
    return $s->req($method, $t, as => 'cos', body => $body, %o);
}
is_error elsewhere($off, 'PUT', "/$pub?domain", doc(rule('x.shop.com'))), 501, 'NotImplemented', 'off: none';
is_error bind_to($pub, doc(rule($_))), 403, 'AccessDenied', "the name of a server: $_" for qw(store.internal.lan wild.lan listed.shop.com);
is_error elsewhere($some, 'PUT', "/$pub?domain", doc(rule($_))), 403, 'AccessDenied', "not of those: $_"
    for qw(store.internal.lan x.com xshop.com here.shop.com shop.com.org);
is_deeply [$s->get("/$pub?domain", as => 'cos')->all('Name')], [], 'nothing of it was kept';
is_status elsewhere($some, 'PUT', "/$pub?domain", doc(rule($_))), 200, "of those: $_" for qw(shop.com a.b.shop.com listed.shop.com);
is_status bind_to($pub, doc(map { rule($_) } qw(a.shop.com else.com))), 200, 'on: any';
for ([$some, 'a.shop.com', 1], [$some, 'else.com', 0], [$off, 'a.shop.com', 0], [$off, 'else.com', 0], [$s->{port}, 'else.com', 1]) {
    my ($port, $host, $bound) = @$_;
    my $what = "$host at " . ($port == $off ? 'off' : $port == $some ? 'names' : 'on');
    is_ok elsewhere($port, 'GET', $bound ? '/a.txt' : "/$pub/a.txt", undef, as => 'none', host => $host), $what, "in $pub";
    is_status elsewhere($port, 'GET', $bound ? "/$pub/a.txt" : '/a.txt', undef, as => 'none', host => $host), 404, "$what: not both";
}
is_ok elsewhere($off, 'GET', "/$pub?domain"), 'off: they can be seen';
is_status elsewhere($off, 'DELETE', "/$pub?domain"), 204, 'off: and removed';
is_error at('a.shop.com', '/a.txt'), 404, 'NoSuchBucket', 'they are gone';

my $nginx = $ENV{COSDEV_NGINX} || (grep { -x } map { "$_/nginx" } split /:/, "$ENV{PATH}:/usr/sbin")[0];
my $conf = do { local (@ARGV, $/) = $s->env('NGINX_CONF'); <> };
for (['"*.a.com" cannot be a domain of a bucket', '*.a.com'], ['"on" cannot be', 'on a.com'], ['"com" cannot be', 'com'],
    ['".a.com" is not a domain for buckets', '.a.com'], ['"a.com:80" is not', 'a.com:80'], ['is duplicate', 'a.com; cos_domains off'],
    ['not allowed here', 'on; } location /x { cos_domains on'], [undef, 'off'], [undef, 'A.com b.org'])
{
    my ($want, $args) = @$_;
    $args =~ s/; \}/;/ if my $loc = $args =~ /location/;
    open my $f, '>', $s->dir . '/in/t' or die $!;
    print $f "server { listen 127.0.0.1:$off; cos on;\n cos_domains $args;\n}\n", $loc ? '}' : '';
    close $f;
    open $f, '>', $s->dir . '/t.conf' or die $!;
    print $f $conf =~ s{in/http"}{in/t"}r;
    close $f;
    my $said = Cos::_run($nginx, '-t', '-p', $s->dir . '/', '-c', $s->dir . '/t.conf');
    like $said, $want ? qr{\Q$want\E.*in/t:2} : qr/test is successful/, "nginx -t: $args";
}

# --- a website -------------------------------------------------------------------------

is_status bind_to($pub, doc(rule('site.com', type => 'WEBSITE'))), 200, 'a website';
$r = at('site.com', '/dir/');
is_status $r, 404, 'that is not configured';
like $r->h('content-type'), qr{^text/html}, 'says so to people';
is_status $s->put("/$pub?website", '<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>', as => 'cos'),
    200, 'configured';
is_ok at('site.com', '/dir/'), 'its index', 'index';
is_status at('site.com', '/a.txt', method => 'PUT', body => 'x'), 405, 'is read only';

# --- origin authentication and URL authentication --------------------------------------------

# The console's page "Domain Name Management": what is had without a signature,
# what with that of the URL; the origin itself goes by the bucket's ACL.
for ([$pub, 'Disabled', 0, 200, 200, 200], [$pub, 'Enabled', 0, 200, 200, 200],
    [$pub, 'Disabled', 1, 403, 200, 200], [$pub, 'Enabled', 1, 403, 200, 200],
    [$priv, 'Enabled', 1, 403, 200, 403], [$priv, 'Disabled', 1, 403, 403, 403],
    [$priv, 'Enabled', 0, 200, 200, 403], [$priv, 'Disabled', 0, 403, 403, 403])
{
    my ($b, $origin, $url, $plain, $signed, $direct) = @$_;
    my $what = "$b, origin authentication $origin, URLs " . ($url ? 'signed' : 'not signed');
    is_status bind_to($b, doc(rule('cdn.com', type => 'CDN', origin => $origin, url => $url ? 'A' : undef))), 200, $what;
    is at('cdn.com', '/a.txt')->status, $plain, '... without a signature';
    is at('cdn.com', cdn_url('A', '/a.txt', key => $KEY))->status, $signed, '... with that of the URL';
    is at('cdn.com', cdn_url('A', '/a.txt', key => "x$KEY"))->status, $url ? 403 : $plain, '... with a wrong one';
    is $s->req('GET', "/$b/a.txt", as => 'none')->status, $direct, '... at the origin';
    is at('cdn.com', '/new', method => 'PUT', body => 'x')->status, 403, '... nothing can be written';
    is at('cdn.com', cdn_url('A', '/', key => $KEY))->status, $b eq $pub ? 200 : 403, '... nor listed';
    is_status $s->delete("/$b?domain", as => 'cos'), 204, '... and away';
}
is_ok $s->put("/$priv/sse", 'secret', as => 'cos', headers => ['x-cos-acl', 'private']), 'an object with an ACL of its own';
for my $type (qw(A B C D)) {
    is_status bind_to($priv, doc(rule('cdn.com', type => 'CDN', origin => 'Enabled', url => $type))), 200, "type $type";
    is_ok at('cdn.com', cdn_url($type, '/a.txt', key => $KEY)), "$type: signed", "in $priv";
    is_ok at('cdn.com', cdn_url($type, '/sse', key => $KEY)), "$type: also what is private", 'secret';
    is_error at('cdn.com', '/a.txt'), 403, 'AccessDenied', "$type: not signed";
    is_error at('cdn.com', cdn_url($type, '/a.txt', key => $KEY, at => time - 1900)), 403, 'AccessDenied', "$type: expired";
}
# what signs a URL does not sign the query
is_ok $s->put("/$priv/ver", 'old', as => 'cos'), 'a version';
is_status $s->put("/$priv?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>', as => 'cos'), 200, 'versioning';
is_ok $s->put("/$priv/ver", 'new', as => 'cos'), 'another one';
is_ok at('cdn.com', cdn_url('D', '/ver', key => $KEY)), 'the current one', 'new';
for my $q (qw(versionId=null VersionId=null), 'versionId=' . $s->head("/$priv/ver", as => 'cos')->h('x-cos-version-id')) {
    is_error at('cdn.com', cdn_url('D', '/ver', key => $KEY, query => $q)), 403, 'AccessDenied', "not by $q";
}
for my $q ('', 'response-content-type=text%2Fhtml') {
    my $r = $s->get('/ver' . ($q ? "?$q" : ''), as => 'cos', who => 'alt', host => 'cdn.com',
        edit => sub { $_[0]{target} = cdn_url('D', '/ver', key => $KEY, query => $q) });
    if ($q) { is_error $r, 403, 'AccessDenied', 'who reads as it was stored' }
    else { is_ok $r, 'signed by somebody else', 'new' }
}
# it is for reading: a copy does not get at what others have
$s->make_bucket('theirs-1250000000', as => 'cos', who => 'alt');
is_ok $s->put('/theirs-1250000000/k', 'theirs', as => 'cos', who => 'alt'), 'an object of somebody else';
is_status bind_to($pub, doc(rule('copy.com', type => 'CDN', origin => 'Enabled'))), 200, 'bound';
is_error $s->put('/k', '', as => 'cos', host => 'copy.com', headers => ['x-cos-copy-source', '/theirs-1250000000/k']),
    403, 'AccessDenied', 'a copy from elsewhere';
is_error at('copy.com', '/a.txt?acl'), 403, 'AccessDenied', 'nor at ACLs';

$r = $s->get("/$priv?domain", as => 'cos');
is_deeply [map { $r->xml($_) } qw(OriginAuthentication Key Parameter Expires)], ['Enabled', $KEY, 'sign', 1800], 'its owner sees it all';
unlike $s->error_log, qr/$KEY/, 'no key is in the log';

# --- it lasts --------------------------------------------------------------------------------

SKIP: {
    my $ctl = "$Cos::ROOT/build/cosctl";
    skip 'no cosctl', 1 unless -x $ctl;
    my $out = `'$ctl' --env '@{[$s->dir]}/env' verify 2>&1`;
    is $?, 0, 'verify' or diag $out;
    $s->redis('SET', 'd:cdn.com', 'nobody');
    $out = `'$ctl' --env '@{[$s->dir]}/env' verify 2>&1`;
    isnt $?, 0, 'verify finds a wrong index';
    like $out, qr/domains differ/, 'and says so';
    $s->redis('FLUSHALL');
    $out = `'$ctl' --env '@{[$s->dir]}/env' rebuild 2>&1`;
    is $?, 0, 'rebuild' or diag $out;
    ok $s->in_service("/$pub/a.txt"), 'in service again';
    is_ok at('cdn.com', cdn_url('D', '/a.txt', key => $KEY)), 'after a rebuild', "in $priv";
    is_error bind_to($pub, doc(rule('cdn.com'))), 409, 'DomainConfigConflict', 'and it is still taken';
    $out = `'$ctl' --env '@{[$s->dir]}/env' verify 2>&1`;
    is $?, 0, 'verify after it' or diag $out;
}
$s->done(more => 1);
done_testing;
