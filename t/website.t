# Static websites from outside: configurations, endpoints of both services,
# pages, folders, errors, rules, redirects of objects, rights.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use Test::More;
use Cos;
use Cos::Sign qw(enc);

my $s = Cos->start(workers => 2, conf => 'location = /-/x { return 404; }');
my $port = $s->port;
my $b = $s->make_bucket('site-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
my $cos = "$b.cos-website.ap-local.localhost";
my $s3 = "$b.s3-website-ap-local.localhost";

sub doc { return '<WebsiteConfiguration>' . join('', @_) . '</WebsiteConfiguration>' }
my $INDEX = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>';
my $ERROR = '<ErrorDocument><Key>e/404.html</Key></ErrorDocument>';

sub configure {
    my ($as, @doc) = @_;
    return $s->put("/$b?website", doc(@doc), as => $as);
}

# Both workers know of a change: it was told before it was answered.
sub site {
    my ($path, %o) = @_;
    my $host = delete $o{host} // $cos;
    return $s->req(delete $o{method} // 'GET', $path, as => 'none', host => $host, %o);
}

sub html_error {
    my ($r, $status, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_status $r, $status, $name;
    is $r->h('content-type'), 'text/html; charset=utf-8', "$name: HTML";
    like $r->body, qr{<li>Code: $code</li>}, "$name: code";
    my $id = $r->h('x-cos-request-id');
    like $r->body, qr{<li>RequestId: $id</li>}, "$name: request id";
    is $r->h('x-cos-error-code') // $r->h('x-amz-error-code'), $code, "$name: code as a header";
    return;
}

sub redirected {
    my ($r, $status, $to, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_status $r, $status, $name;
    is $r->h('location'), $to, "$name: location";
    return;
}

# --- configurations -----------------------------------------------------------

html_error site('/'), 404, 'NoSuchWebsiteConfiguration', 'no site yet';
for my $as (qw(cos s3)) {
    is_error $s->get("/$b?website", as => $as), 404, 'NoSuchWebsiteConfiguration', "$as: none";
    is_status configure($as, $INDEX, $ERROR), 200, "$as: set";
    my $r = $s->get("/$b?website", as => $as);
    is_status $r, 200, "$as: read";
    is $r->xml('Suffix'), 'index.html', "$as: index document";
    is $r->xml('Key'), 'e/404.html', "$as: error document";
    is_error configure($as, '<IndexDocument><Suffix>a/b</Suffix></IndexDocument>'), 400, 'InvalidArgument',
        "$as: a suffix with a slash";
    is_error configure($as, $INDEX, '<Nonsense/>'), 400, 'MalformedXML', "$as: an unknown element";
    is_error $s->put("/$b?website", '<a' . ' ' x 70000 . '/>', as => $as), 400, 'XMLSizeLimit', "$as: too large";
    is_error $s->put("/$b?website", doc($INDEX), as => $as, who => 'alt'), 403, 'AccessDenied', "$as: not the owner";
    is $s->get("/$b?website", as => $as)->xml('Suffix'), 'index.html', "$as: refusals leave it";
    is_status $s->delete("/$b?website", as => $as), 204, "$as: removed";
    is_status $s->delete("/$b?website", as => $as), 204, "$as: removed again";
    is_error $s->get("/$b?website", as => $as), 404, 'NoSuchWebsiteConfiguration', "$as: it is gone";
}
is_error $s->put("/$b?website", doc($INDEX), as => 'bce'), 501, 'NotImplemented', 'BOS: not offered';
my $all = '<AutoAddressing><Status>Enabled</Status></AutoAddressing>'
    . '<ErrorDocument><Key>e</Key><Charity404>Enabled</Charity404><OriginalHttpStatus>Disabled</OriginalHttpStatus>'
    . '</ErrorDocument><RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a &amp; b/</KeyPrefixEquals></Condition>'
    . '<Redirect><Protocol>https</Protocol><ReplaceKeyPrefixWith>c/</ReplaceKeyPrefixWith><URLRedirect>Enabled'
    . '</URLRedirect></Redirect></RoutingRule></RoutingRules>';
is_status configure('cos', $INDEX, $all), 200, 'all of COS';
like $s->get("/$b?website", as => 'cos')->body, qr{\Q$INDEX$all\E}, 'comes back';

# --- pages ----------------------------------------------------------------------

my %page = (
    'index.html' => 'the index', 'about.html' => 'about', 'docs/index.html' => 'docs', 'e/404.html' => 'not here',
    'app.js' => 'code()', 'deep/a/b.html' => 'b', "\xc3\xa4 b.html" => 'umlaut', 'e/403.html' => 'no',
);
for my $key (sort keys %page) {
    is_status $s->put('/' . $b . '/' . enc($key, 1), $page{$key}, as => 'cos', headers => ['Content-Type',
        $key =~ /js$/ ? 'text/javascript' : 'text/html; charset=utf-8', 'Cache-Control', 'max-age=60']), 200, "put $key";
}
is_status $s->put("/$b/secret.html", 'secret', as => 'cos', headers => ['x-cos-acl', 'private']), 200, 'put a secret';
is_status configure('cos', $INDEX), 200, 'an index only';
for my $host ($cos, $s3, "$b.s3-website.ap-local.localhost", uc $cos) {
    my $r = site('/', host => $host);
    is_ok $r, "$host: the index", 'the index';
    is $r->h('content-type'), 'text/html; charset=utf-8', "$host: its type";
    is $r->h('cache-control'), 'max-age=60', "$host: its caching";
    is $r->etag, md5_hex('the index'), "$host: its ETag";
    is_ok site('/docs/', host => $host), "$host: a folder's index", 'docs';
    is_ok site('/docs/?a=b&list-type=2&acl', host => $host), "$host: whatever the query says", 'docs';
    redirected site('/docs?x=1', host => $host), 302, "http://\L$host\E:$port/docs/?x=1", "$host: a folder";
    is_ok site('/deep/a/b.html', host => $host), "$host: a page", 'b';
    is_ok site('/%C3%A4%20b.html', host => $host), "$host: an encoded name", 'umlaut';
    html_error site('/none', host => $host), 404, 'NoSuchKey', "$host: a page that is not there";
    html_error site('/secret.html', host => $host), 403, 'AccessDenied', "$host: a private page";
    is_status site('/%zz', host => $host), 400, "$host: no path";
    is_ok site('/docs/?%zz', host => $host), "$host: a query that is none", 'docs';
    for my $m (qw(PUT POST DELETE PATCH)) {
        html_error site('/index.html', host => $host, method => $m, body => ''), 405, 'MethodNotAllowed', "$host: $m";
    }
    html_error site('/index.html', host => $host, method => 'PUT', body => '', as => 's3'), 405, 'MethodNotAllowed',
        "$host: PUT, signed";
}
is_ok $s->get('/index.html', as => 's3', host => $cos), 'a signature is not looked at', 'the index';
html_error $s->get('/secret.html', as => 's3', host => $cos), 403, 'AccessDenied', 'and gives no right';
is_ok $s->get('/index.html', as => 'none', host => $cos, headers => ['Authorization', 'Basic eDp5']),
    'nor is one for nginx', 'the index';
html_error site('/', host => 'nobody-1250000000.cos-website.ap-local.localhost'), 404, 'NoSuchBucket', 'no bucket';
like site('/none%3Cscript%3E')->body, qr{<li>Key: none&lt;script&gt;</li>}, 'names are escaped';
is_status $s->get("/$b/", as => 'none'), 200, 'the REST endpoint lists';
unlike $s->get("/$b/", as => 'none')->body, qr/the index/, 'and serves no index';

my $r = site('/', method => 'HEAD');
is_status $r, 200, 'HEAD';
is $r->h('content-length'), 9, 'its length';
$r = site('/none', method => 'HEAD');
is_status $r, 404, 'HEAD of nothing';
is $r->body, '', 'without a body';

# ranges and conditions
my $etag = '"' . md5_hex('the index') . '"';
$r = site('/', headers => ['Range', 'bytes=4-']);
is_status $r, 206, 'a range';
is $r->body, 'index', 'its bytes';
is_status site('/', headers => ['If-None-Match', $etag]), 304, 'not modified';
html_error site('/', headers => ['If-Match', '"x"']), 412, 'PreconditionFailed', 'modified';
html_error site('/', headers => ['Range', 'bytes=900-']), 416, 'InvalidRange', 'beyond its end';

# --- .html, error documents ---------------------------------------------------------

is_status configure('cos', $INDEX, $ERROR, '<AutoAddressing><Status>Enabled</Status></AutoAddressing>'), 200, 'more';
is_ok site('/about'), 'about.html', 'about';
redirected site('/docs'), 302, "http://$cos:$port/docs/", 'a folder still';
for my $path (qw(/none /none/ /none.html)) {
    $r = site($path, headers => ['If-None-Match', '"' . md5_hex('not here') . '"', 'Range', 'bytes=0-1']);
    is_status $r, 404, "$path: the error document";
    is $r->body, 'not here', "$path: all of it";
    is $r->h('content-type'), 'text/html; charset=utf-8', "$path: its type";
}
$r = site('/secret');
is $r->status . $r->body, '403not here', 'for what may not be read, too';
$r = site('/none', method => 'HEAD');
is $r->status . $r->h('content-length'), '4048', 'HEAD';

is_status configure('cos', $INDEX, '<ErrorDocument><Key>index.html</Key><OriginalHttpStatus>Disabled</OriginalHttpStatus>'
    . '</ErrorDocument>'), 200, 'a page that routes itself';
is_ok site('/user/17/edit'), 'a deep link', 'the index';
is_status site('/user/17/edit', headers => ['If-None-Match', $etag]), 304, 'not modified';
is_ok site('/app.js'), 'what is there', 'code()';
is_status configure('cos', $INDEX, '<ErrorDocument><Key>none.html</Key></ErrorDocument>'), 200, 'no error document';
html_error site('/x'), 404, 'NoSuchKey', 'then the text';

# --- rules ------------------------------------------------------------------------------

sub rule {
    my ($c, $t) = @_;
    my $x = sub { my $h = shift; join '', map { "<$_>$h->{$_}</$_>" } sort keys %$h };
    return '<RoutingRule>' . ($c ? '<Condition>' . $x->($c) . '</Condition>' : '') . '<Redirect>' . $x->($t)
        . '</Redirect></RoutingRule>';
}
is_status configure('s3', $INDEX, '<RoutingRules>',
    rule({ KeyPrefixEquals => 'old/' }, { ReplaceKeyPrefixWith => 'deep/' }),
    rule({ KeyPrefixEquals => 'away/' }, { HostName => 'example.org', Protocol => 'https', HttpRedirectCode => 307 }),
    rule({ KeyPrefixEquals => 'cut/' }, { ReplaceKeyPrefixWith => '' }),
    rule({ HttpErrorCodeReturnedEquals => 404, KeyPrefixEquals => 'img/' }, { ReplaceKeyWith => 'none.png' }),
    rule({ HttpErrorCodeReturnedEquals => 403 }, { ReplaceKeyWith => 'index.html', HttpRedirectCode => 302 }),
    '</RoutingRules>'), 200, 'rules of S3';
redirected site('/old/a/b.html?q=1'), 301, "http://$cos:$port/deep/a/b.html?q=1", 'a prefix';
redirected site('/away/x'), 307, 'https://example.org/away/x', 'another host';
redirected site('/cut/docs/'), 301, "http://$cos:$port/docs/", 'nothing in its place';
redirected site('/cut//evil.example/'), 301, "http://$cos:$port/%2Fevil.example/", 'and not to another host';
redirected site('/cut/%0D%0ASet-Cookie:%20a=b'), 301, "http://$cos:$port/%0D%0ASet-Cookie%3A%20a%3Db", 'no header in it';
redirected site('/img/a.png'), 301, "http://$cos:$port/none.png", 'both conditions';
redirected site('/secret.html'), 302, "http://$cos:$port/index.html", 'what may not be read';
html_error site('/x.png'), 404, 'NoSuchKey', 'no rule';
is_status configure('cos', $INDEX, '<RoutingRules>',
    rule({ KeyPrefixEquals => 'old/' }, { ReplaceKeyPrefixWith => 'deep/' }),
    rule({ KeyPrefixEquals => 'in/' }, { ReplaceKeyPrefixWith => 'deep/', URLRedirect => 'Disabled' }),
    rule({ HttpErrorCodeReturnedEquals => 403 }, { ReplaceKeyWith => 'e/403.html' }), '</RoutingRules>'), 200,
    'rules of COS';
redirected site('/old/a/b.html'), 302, "http://$cos:$port/deep/a/b.html", 'a prefix';
is_ok site('/in/a/b.html'), 'a prefix without a redirect', 'b';
$r = site('/secret.html');
is $r->status . $r->body, '403no', 'a page for an error';

# everything elsewhere
is_status configure('s3', '<RedirectAllRequestsTo><HostName>example.org</HostName></RedirectAllRequestsTo>'), 200,
    'everything elsewhere';
redirected site('/a%20b?c=d', host => $s3), 301, 'http://example.org/a%20b?c=d', 'a page';
is_status configure('cos', $INDEX, '<RedirectAllRequestsTo><Protocol>https</Protocol></RedirectAllRequestsTo>'), 200,
    'https';
redirected site('/docs/?x'), 301, "https://$cos/docs/?x", 'a page';

# --- releases -----------------------------------------------------------------------------

is_status configure('cos', $INDEX, $ERROR, '<KeyPrefix>r1/</KeyPrefix>'), 200, 'a release';
$s->put("/$b/r1/index.html", 'one', as => 'cos');
$s->put("/$b/r2/index.html", 'two', as => 'cos');
$s->put("/$b/r2/d/index.html", 'd', as => 'cos');
is_ok site('/'), 'the first', 'one';
html_error site('/about.html'), 404, 'NoSuchKey', 'nothing from beside it';
unlike site('/none.html')->body, qr/r1/, 'where it lies is not told';
is_status configure('cos', $INDEX, $ERROR, '<KeyPrefix>r2/</KeyPrefix>'), 200, 'another';
is_ok site('/'), 'the second', 'two' for 1 .. 8;
redirected site('/d'), 302, "http://$cos:$port/d/", 'a folder in it';
is $s->get("/$b?website", as => 's3')->xml('KeyPrefix'), 'r2/', 'as it is read';

is_status $s->put("/$b?website", doc('<KeyPrefix>r1/</KeyPrefix>'), as => 's3'), 200, 'back to the first, by its name';
is_ok site('/'), 'is the first', 'one' for 1 .. 8;
is $s->get("/$b?website", as => 'cos')->xml('Key'), 'e/404.html', 'the rest stays';
is_status configure('cos', $INDEX, '<AutoAddressing><Status>Enabled</Status></AutoAddressing>'), 200, 'without a release';
is_status $s->put("/$b?website", doc('<KeyPrefix>r2/</KeyPrefix>'), as => 's3'), 200, 'one for it, in the other dialect';
like $s->get("/$b?website", as => 'cos')->body, qr{Enabled.*<KeyPrefix>r2/}, 'keeps what only the first one knows';
is_status $s->delete("/$b?website"), 204, 'no site';
is_error $s->put("/$b?website", doc('<KeyPrefix>r2/</KeyPrefix>')), 404, 'NoSuchWebsiteConfiguration', 'has no release';

# --- redirects of objects ------------------------------------------------------------------

is_status configure('cos', $INDEX), 200, 'back';
for my $as (qw(cos s3)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my @acl = ("$p-acl", 'public-read');
    my $put = sub {
        my ($key, $to) = @_;
        return $s->put("/$b/$key", 'moved', as => $as, headers => ["$p-website-redirect-location", $to, @acl]);
    };
    is_status $put->('moved', '/about.html'), 200, "$as: put";
    for my $m (qw(GET HEAD)) {
        $r = $s->req($m, "/$b/moved", as => $as);
        is_status $r, 200, "$as: $m";
        is $r->h("$p-website-redirect-location"), '/about.html', "$as: $m says so";
    }
    redirected site('/moved'), 301, "http://$cos:$port/about.html", "$as: the site redirects";
    is_status $put->('moved', 'https://example.org/x?y#z'), 200, "$as: to a URL";
    redirected site('/moved?q'), 301, 'https://example.org/x?y#z', "$as: as it is";
    is_error $put->('bad', $_), 400, 'InvalidRedirectLocation', "$as: $_" for 'about.html', 'ftp://x/', 'javascript:x';
    is_error $put->('bad', '/' . 'a' x 2100), 400, 'InvalidRedirectLocation', "$as: too long";
    is_status $s->head("/$b/bad", as => $as), 404, "$as: refused, not stored";
    is_status $s->put("/$b/copy", '', as => $as, headers => ["$p-copy-source", "/$b/moved", @acl]), 200, "$as: a copy";
    is $s->head("/$b/copy", as => $as)->h("$p-website-redirect-location"), undef, "$as: does not inherit it";
    is_status $s->put("/$b/copy", '', as => $as, headers => ["$p-copy-source", "/$b/moved", @acl,
        "$p-website-redirect-location", '/docs/']), 200, "$as: a copy with its own";
    redirected site('/copy'), 301, "http://$cos:$port/docs/", "$as: redirects";
    is_status $s->put("/$b/moved", '', as => $as, headers => ["$p-copy-source", "/$b/moved", @acl,
        "$p-website-redirect-location", '/docs/']), 200, "$as: a copy onto itself changes it";
    redirected site('/moved'), 301, "http://$cos:$port/docs/", "$as: redirects";
    $r = $s->post("/$b/parts?uploads", '', as => $as, headers => ["$p-website-redirect-location", '/p', @acl]);
    my $id = $r->xml('UploadId');
    my $part = $s->put("/$b/parts?partNumber=1&uploadId=$id", 'x', as => $as)->h('etag');
    is_status $s->post("/$b/parts?uploadId=$id", '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>'
        . "$part</ETag></Part></CompleteMultipartUpload>", as => $as), 200, "$as: an upload in parts";
    redirected site('/parts'), 301, "http://$cos:$port/p", "$as: redirects";
    is_status $s->put("/$b/hidden", 'x', as => $as, headers => ["$p-website-redirect-location", '/p', "$p-acl",
        'private']), 200, "$as: a private one";
    html_error site('/hidden'), 403, 'AccessDenied', "$as: tells nobody";
    is_status $s->put("/$b/moved?acl", '', as => $as, headers => ["$p-acl", 'public-read']), 200, "$as: its ACL changes";
    redirected site('/moved'), 301, "http://$cos:$port/docs/", "$as: it still redirects";
}
is_error $s->put("/$b/l?symlink", '', as => 'cos', headers => ['x-cos-symlink-target', 'about.html',
    'x-cos-website-redirect-location', '/']), 400, 'InvalidArgument', 'a link has none';
is_status $s->put("/$b/l?symlink", '', as => 'cos', headers => ['x-cos-symlink-target', 'about.html']), 200, 'a link';
is_ok site('/l'), 'is followed', 'about';

# --- rights -----------------------------------------------------------------------------------

my $p = $s->make_bucket('private-1250000000', as => 's3');
my $host = "$p.s3-website.ap-local.localhost";
is_status $s->put("/$p?website", doc($INDEX), as => 's3'), 200, 'a private bucket with a site';
$s->put("/$p/index.html", 'x', as => 's3');
html_error site('/', host => $host), 403, 'AccessDenied', 'shows nothing';
html_error site('/none', host => $host), 403, 'AccessDenied', 'not even what is missing';
is_status $s->put("/$p/index.html", 'x', as => 's3', headers => ['x-amz-acl', 'public-read']), 200, 'a public page';
$r = site('/', host => $host);
is_ok $r, 'is shown', 'x';
is $r->h('x-amz-request-id'), $r->h('x-cos-request-id'), 'with the ids of S3';
is_status $s->put("/$p/index.html", 'x', as => 's3', headers => ['x-amz-acl', 'public-read',
    'x-amz-server-side-encryption', 'AES256']), 200, 'an encrypted page';
html_error site('/', host => $host), 403, 'AccessDenied', 'is not';
is_status $s->put("/$b/cold.html", 'x', as => 'cos', headers => ['x-cos-storage-class', 'ARCHIVE']), 200, 'an archived one';
html_error site('/cold.html'), 403, 'InvalidObjectState', 'is not';

# versions: a deleted page is gone
is_status $s->put("/$b?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    as => 'cos'), 200, 'versioning';
$s->put("/$b/v.html", $_, as => 'cos') for 'old', 'new';
is_ok site('/v.html'), 'the current version', 'new';
$s->delete("/$b/v.html", as => 'cos');
$r = site('/v.html');
html_error $r, 404, 'NoSuchKey', 'deleted';

$s->done;
