# Websites by directives: any server name, whose configuration counts, content
# compressed before, nginx's own filters and headers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $b = 'site-1250000000';
my $site = "cos on; cos_base_domains localhost; cos_website bucket=$b";
my $port = Cos::free_port();
my $s = Cos->start(workers => 2, http => <<"END");
gzip_proxied any;
server {
    listen 127.0.0.1:$port;
    server_name plain.test;
    $site;
    add_header X-Some yes;
    add_header X-Always yes always;
}
server { listen 127.0.0.1:$port; server_name index.test; $site index=about.html; }
server { listen 127.0.0.1:$port; server_name error.test; $site error=404.html; }
server { listen 127.0.0.1:$port; server_name spa.test; $site spa; }
server { listen 127.0.0.1:$port; server_name html.test; $site html; }
server { listen 127.0.0.1:$port; server_name prefix.test; $site prefix=docs/; }
server { listen 127.0.0.1:$port; server_name none.test; cos on; cos_website bucket=nobody-1250000000; }
server {
    listen 127.0.0.1:$port;
    server_name packed.test;
    $site;
    cos_website_precompressed br gz;
}
server {
    listen 127.0.0.1:$port;
    server_name gzip.test;
    $site;
    gzip on;
    gzip_min_length 1;
    gzip_types text/css;
    gzip_vary on;
}
server {
    listen 127.0.0.1:$port;
    server_name mixed.test;
    cos on;
    cos_website bucket=$b;
    absolute_redirect off;
    location /api/ { cos_website off; cos off; return 200 "api"; }
    location /docs/ { cos_website bucket=$b prefix=docs/; }
    location /locked/ { auth_basic locked; auth_basic_user_file /dev/null; }
}
END
$s->make_bucket($b, as => 'cos', headers => ['x-cos-acl', 'public-read']);

sub put {
    my ($key, $body, %h) = @_;
    my $r = $s->put("/$b/$key", $body, as => 'cos', headers => [%{ { 'Content-Type', 'text/html', %h } }]);
    is_status $r, 200, "put $key";
    return;
}
sub site {
    my ($name, $path, %o) = @_;
    my $c = Cos::Http->new($port);
    my $r = $s->req($o{method} // 'GET', $path, as => 'none', host => "$name.test:$port", %o, conn => $c,
        headers => [@{ $o{headers} // [] }, 'Connection', 'close']);
    $c->close;
    return $r;
}

put('index.html', 'index');
put('about.html', 'about');
put('404.html', 'none');
put('docs/index.html', 'docs');
put('docs/docs/x.html', 'deeper');

# --- whose configuration counts --------------------------------------------------

is_ok site('plain', '/'), 'without any configuration: index.html', 'index';
is_ok site('plain', '/docs/?x'), 'of a folder', 'docs';
is site('plain', '/docs')->h('location'), "http://plain.test:$port/docs/", 'a folder';
is_ok site('index', '/'), 'index=', 'about';
my $r = site('error', '/nothing');
is $r->status . $r->body, '404none', 'error=';
is_ok site('spa', '/deep/link'), 'spa', 'index';
is_ok site('spa', '/about.html'), 'spa: what is there', 'about';
is_ok site('html', '/about'), 'html', 'about';
is_ok site('prefix', '/'), 'prefix=', 'docs';
is_status site('prefix', '/about.html'), 404, 'prefix=: nothing beside it';
is_status site('none', '/'), 404, 'a bucket that is not there';
like site('none', '/')->body, qr/NoSuchBucket/, 'says so';
is_status site('plain', '/index.html', method => 'DELETE'), 405, 'no other method';
is $s->get("/$b/index.html", as => 'cos')->body, 'index', 'which did nothing';

is_status $s->put("/$b?website", '<WebsiteConfiguration><IndexDocument><Suffix>about.html</Suffix></IndexDocument>'
    . '<ErrorDocument><Key>404.html</Key></ErrorDocument></WebsiteConfiguration>'), 200, 'a configuration of the bucket';
is_ok site('plain', '/'), 'counts where the directive says nothing', 'about';
is site('plain', '/x')->body, 'none', 'as a whole';
is_ok site('html', '/'), 'not where it says something', 'index';
is_ok site('spa', '/'), 'not where it says something', 'index';
unlike site('index', '/x')->body, qr/^none/, 'they are not mixed';
is_status $s->delete("/$b?website"), 204, 'removed';

# --- locations -----------------------------------------------------------------------

is_ok site('mixed', '/api/x'), 'a location of something else', 'api';
is_ok site('mixed', '/docs/x.html'), 'the whole path is the key', 'deeper';
is site('mixed', '/docs')->h('location'), '/docs/', 'absolute_redirect off';
is_status site('mixed', '/locked/x'), 401, 'auth_basic';
is_status $s->put("/$b//evil.test/index.html", 'x', as => 's3', headers => ['x-amz-acl', 'public-read']), 200,
    'a key that looks like a host';
is site('mixed', '//evil.test')->h('location'), '/%2Fevil.test/', 'does not become one';

# --- headers of nginx --------------------------------------------------------------------

for my $t (['/', 200, 'yes'], ['/docs', 302, 'yes'], ['/x', 404, undef]) {
    $r = site('plain', $t->[0]);
    is_status $r, $t->[1], "add_header: $t->[0]";
    is $r->h('x-some'), $t->[2], "add_header: $t->[0]";
    is $r->h('x-always'), 'yes', "always: $t->[0]";
}

# --- compressed before ----------------------------------------------------------------------

put('a.js', 'plain', 'Content-Type', 'text/javascript');
put('a.js.gz', 'gz', 'Content-Type', 'application/gzip');
put('a.js.br', 'br', 'Content-Type', 'application/octet-stream');
my %want = ('gzip, deflate, br' => 'br', 'gzip' => 'gz', 'br;q=0, gzip' => 'gz', 'identity' => 'plain', 'deflate' => 'plain');
for my $accept (sort keys %want) {
    $r = site('packed', '/a.js', headers => ['Accept-Encoding', $accept]);
    is_ok $r, "$accept", $want{$accept};
    is $r->h('content-encoding'), { br => 'br', gz => 'gzip' }->{ $want{$accept} }, "$accept: coding";
    is $r->h('content-type'), 'text/javascript', "$accept: type";
    is $r->h('vary'), 'Accept-Encoding', "$accept: Vary";
}
is site('packed', '/a.js')->body, 'plain', 'without a word on it';
is site('plain', '/a.js', headers => ['Accept-Encoding', 'br'])->body, 'plain', 'not without the directive';
$r = site('packed', '/a.js', headers => ['Accept-Encoding', 'br']);
is_status site('packed', '/a.js', headers => ['Accept-Encoding', 'br', 'If-None-Match', '"' . $r->etag . '"']), 304,
    'its own ETag';
is_status site('packed', '/a.js', headers => ['Accept-Encoding', 'gzip', 'If-None-Match', '"' . $r->etag . '"']), 200,
    'is not that of the other';
is site('packed', '/a.js', headers => ['Accept-Encoding', 'br', 'Range', 'bytes=1-'])->body, 'r', 'a range of it';
$r = site('packed', '/a.js', method => 'HEAD', headers => ['Accept-Encoding', 'br']);
is $r->h('content-length'), 2, 'HEAD';
is_status $s->delete("/$b/a.js.br", as => 'cos'), 204, 'one goes';
is site('packed', '/a.js', headers => ['Accept-Encoding', 'br, gzip'])->body, 'gz', 'then the next';
put('a.js', 'newer', 'Content-Type', 'text/javascript');
is site('packed', '/a.js', headers => ['Accept-Encoding', 'gzip'])->body, 'newer', 'what is older is of another';
is_status $s->put("/$b/a.js.gz", 'secret', as => 'cos', headers => ['x-cos-acl', 'private']), 200, 'a private one';
is site('packed', '/a.js', headers => ['Accept-Encoding', 'gzip'])->body, 'newer', 'is not shown';
put('b.css', 'own', 'Content-Encoding', 'deflate');
put('b.css.gz', 'gz');
$r = site('packed', '/b.css', headers => ['Accept-Encoding', 'gzip']);
is $r->body . $r->h('content-encoding'), 'owndeflate', 'what has a coding of its own';
put('index.html.gz', 'index.gz');
is site('packed', '/', headers => ['Accept-Encoding', 'gzip'])->body, 'index.gz', 'an index document';

# nginx's own
for my $type ('text/css', 'text/css; charset=utf-8') {
    put('c.css', 'a' x 2000, 'Content-Type', $type);
    $r = site('gzip', '/c.css', headers => ['Accept-Encoding', 'gzip']);
    is $r->h('content-encoding'), 'gzip', "gzip on: $type";
    is $r->h('content-type'), $type, "gzip on: $type stays";
    like $r->h('etag'), qr{^W/}, 'a weak ETag';
    is_status site('gzip', '/c.css', headers => ['If-None-Match', $r->h('etag')]), 304, 'that works';
}

# --- what nginx -t says -----------------------------------------------------------------------

my $nginx = $ENV{COSDEV_NGINX} || (grep { -x } map { "$_/nginx" } split /:/, "$ENV{PATH}:/usr/sbin")[0];
my $conf = do { local (@ARGV, $/) = $s->env('NGINX_CONF'); <> };
for my $t (
    ['cos_website off;', undef], ['cos_website;', 'invalid number of arguments'],
    ['cos_website index=a;', 'needs the parameter "bucket="'], ['cos_website bucket=;', '"bucket=" needs a value'],
    ['cos_website bucket=A_B;', '"A_B" cannot be the name of a bucket'],
    ["cos_website bucket=$b nonsense;", 'invalid parameter "nonsense" of "cos_website"'],
    ["cos_website bucket=$b index=a index=b;", '"index=" is given twice'],
    ["cos_website bucket=$b index=a/b;", 'has a slash in "index="'],
    ["cos_website bucket=$b prefix=a;", 'needs a "prefix=" that ends with a slash'],
    ["cos_website bucket=$b spa error=e;", 'has both "spa" and "error="'],
    ["cos_website bucket=$b; cos_website bucket=$b;", 'is duplicate'],
    ["cos off; cos_website bucket=$b;", '"cos_website" needs "cos on"'],
    ['cos_website_precompressed gz br zst;', undef], ['cos_website_precompressed off;', undef],
    ['cos_website_precompressed gzip;', '"gzip" is no ending'],
    ['cos_website_precompressed gz; cos_website_precompressed br;', 'is duplicate'],
) {
    my ($line, $want) = @$t;
    # the server's own include has the servers
    my $in = Cos::slurp($s->dir . '/in/http');
    my $text = $in =~ s/(server_name plain\.test;\s*)cos on; cos_base_domains localhost; cos_website bucket=\S+;/$1cos on; $line/r;
    $text =~ s/cos on; (cos off;)/$1/;
    open my $f, '>', $s->dir . '/in/t' or die;
    print $f $text;
    close $f;
    my $whole = $conf =~ s{in/http"}{in/t"}r;
    open $f, '>', $s->dir . '/t.conf' or die;
    print $f $whole;
    close $f;
    my $out = Cos::_run($nginx, '-t', '-p', $s->dir . '/', '-c', $s->dir . '/t.conf');
    if (defined $want) {
        like $out, qr/\Q$want\E/, "nginx -t: $line";
        like $out, qr{in/t:\d+}, "nginx -t: $line: file and line";
    } else {
        like $out, qr/test is successful/, "nginx -t: $line";
    }
}

$s->done;
