# Directives that say from where a location is read: cos_cors, cos_referer,
# cos_referer_instead, cos_user_agent, over files, another server, and objects.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_base64);
use File::Temp ();
use Test::More;
use Cos;
use Cos::Http;

my $home = File::Temp::tempdir(CLEANUP => 1);
mkdir "$home/$_" for 'html', map { "html/$_" } qw(img any regex bots);
sub write_file { open my $f, '>', $_[0] or die "$_[0]: $!"; print $f $_[1]; close $f }
write_file("$home/html/$_", $_) for qw(a.txt img/a.png img/no.png any/a regex/a bots/a);
chmod 0755, $home, "$home/html";

my ($files, $objects, $back) = map { Cos::free_port() } 1 .. 3;
my $s = Cos->start(workers => 2, http => <<"END");
    server {
        listen 127.0.0.1:$back;
        location / {
            add_header Access-Control-Allow-Origin '*' always;
            add_header access-control-allow-credentials true always;
            add_header Vary Accept always;
            return 200 "from behind";
        }
        location = /gone { add_header Access-Control-Allow-Origin '*' always; return 410; }
    }
    server {
        listen 127.0.0.1:$files;
        root $home/html;
        cos_cors origin=http://a.test,http://*.b.test methods=GET,PUT headers=x-a,content-* expose=ETag max_age=10m;
        cos_cors origin=http://c.test methods=GET credentials=on;
        cos_referer black none *.fake.test;
        location / { }
        location /img/ {
            cos_referer white *.good.test www.other.test/a;
            cos_referer_instead /img/no.png;
        }
        location /any/ {
            cos_referer off;
            cos_cors origin=* methods=GET;
        }
        location /silent/ { alias $home/html/; cos_cors off; }
        location /regex/ {
            cos_referer white ~^http://[a-z]+\\.re\\.test/ ~*^https://UPPER\\.test ~^x(a+)+\$ plain.test;
            cos_referer_instead http://elsewhere.test/hotlink.html;
        }
        location /reblack/ { alias $home/html/; cos_referer black none ~^http://bad ~^x(a+)+\$; }
        location /bots/ { cos_user_agent deny ~*bot ~^Spider; cos_user_agent deny ~^y(a+)+\$; }
        location /back/ {
            proxy_pass http://127.0.0.1:$back/;
            cos_cors origin=http://a.test methods=GET,POST headers=* credentials=on;
            auth_basic off;
        }
        location /secret/ {
            auth_basic x;
            auth_basic_user_file /dev/null;
            cos_cors origin=http://a.test methods=GET headers=authorization;
        }
    }
    server {
        listen 127.0.0.1:$objects;
        cos on;
        cos_base_domains localhost;
        cos_referer white *.good.test;
        cos_referer_instead /dir-1250000000/no.png;
        cos_cors origin=http://dir.test methods=GET,PUT;
        cos_user_agent deny ~evil;
        location /dir-1250000000/held/ { cos_referer white none; cos_referer_instead /other-1250000000/no.png; }
        location /other-1250000000/ { cos_referer off; cos_referer_instead off; }
    }
END
my %anon = (as => 'none');

sub ask {
    my ($port, $method, $t, @h) = @_;
    my $c = Cos::Http->new($port);
    my $head = "$method $t HTTP/1.1\r\nHost: 127.0.0.1:$port\r\nConnection: close\r\n";
    while (my ($n, $v) = splice @h, 0, 2) { $head .= "$n: $v\r\n" }
    $c->send("$head\r\n");
    my $r = $c->recv($method);
    $c->close;
    return $r;
}
sub of { my ($r) = @_; return $r->h('access-control-allow-origin') // '-' }
my @pre = ('Access-Control-Request-Method');

# --- CORS over files -----------------------------------------------------------------------

my $r = ask($files, GET => '/a.txt', Origin => 'http://a.test');
is $r->status . $r->body, '200a.txt', 'a file';
is of($r), 'http://a.test', 'its origin';
is $r->h('access-control-expose-headers'), 'ETag', 'exposed';
is $r->h('access-control-allow-credentials'), undef, 'no credentials, if nobody says so';
is $r->h('vary'), 'Origin', 'Vary';
is of(ask($files, GET => '/a.txt', Origin => 'http://x.b.test')), 'http://x.b.test', 'a pattern';
$r = ask($files, GET => '/a.txt', Origin => 'http://c.test');
is of($r) . $r->h('access-control-allow-credentials'), 'http://c.testtrue', 'credentials';
is of(ask($files, GET => '/a.txt', Origin => 'http://d.test')), '-', 'another origin';
is ask($files, GET => '/a.txt')->h('vary'), 'Origin', 'Vary without one, too';
$r = ask($files, GET => '/none', Origin => 'http://a.test');
is $r->status . of($r), '404http://a.test', 'on errors of nginx';
$r = ask($files, GET => '/a.txt', Origin => 'http://a.test', 'If-Modified-Since' => ask($files, GET => '/a.txt')->h('last-modified'));
is $r->status . of($r), '304http://a.test', 'on 304';
$r = ask($files, OPTIONS => '/a.txt', Origin => 'http://a.test', @pre, 'PUT', 'Access-Control-Request-Headers', 'x-a, content-type');
is_ok $r, 'preflight', '';
is of($r), 'http://a.test', 'its origin';
is $r->h('access-control-allow-headers'), 'x-a, content-type', 'its headers';
is $r->h('access-control-max-age'), 600, 'its age';
is $r->count('access-control-allow-origin'), 1, 'once';
is $r->count('vary'), 1, 'Vary once';
for (['http://a.test', 'DELETE'], ['http://d.test', 'GET'], ['http://a.test', 'GET', 'x-b']) {
    my ($origin, $method, $h) = @$_;
    $r = ask($files, OPTIONS => '/a.txt', Origin => $origin, @pre, $method, $h ? ('Access-Control-Request-Headers', $h) : ());
    is $r->status . of($r), '403-', "preflight refused: @$_";
}
is ask($files, OPTIONS => '/a.txt', Origin => 'http://a.test')->status, 405, 'OPTIONS that is no preflight is the handler\'s';
is of($r = ask($files, GET => '/any/a', Origin => 'http://d.test')), '*', 'a location of its own';
is $r->h('vary'), undef, 'which says the same to all';
is of(ask($files, GET => '/silent/a.txt', Origin => 'http://a.test')), '-', 'off';
is ask($files, OPTIONS => '/silent/a.txt', Origin => 'http://a.test', @pre, 'GET')->status, 403, 'off: preflight';

# --- another server behind -------------------------------------------------------------------

$r = ask($files, GET => '/back/x', Origin => 'http://a.test');
is_ok $r, 'proxied', 'from behind';
is of($r), 'http://a.test', 'with our opinion';
is $r->count('access-control-allow-origin') . $r->count('access-control-allow-credentials'), '11', 'alone';
is join('|', sort map { $_->[1] } grep { lc $_->[0] eq 'vary' } @{ $r->{list} }), 'Accept|Origin', 'and both in Vary';
is of(ask($files, GET => '/back/x', Origin => 'http://d.test')), '-', 'not with the other, where we allow nothing';
$r = ask($files, GET => '/back/gone', Origin => 'http://a.test');
is $r->status . of($r), '410http://a.test', 'on errors';
is ask($files, OPTIONS => '/back/x', Origin => 'http://a.test', @pre, 'POST')->status, 200, 'preflight';
is ask($files, OPTIONS => '/back/x')->body, 'from behind', 'other OPTIONS go there';
$r = ask($files, OPTIONS => '/secret/x', Origin => 'http://a.test', @pre, 'GET', 'Access-Control-Request-Headers', 'authorization');
is $r->status . of($r), '200http://a.test', 'preflight asks for no password';
$r = ask($files, GET => '/secret/x', Origin => 'http://a.test');
is $r->status . of($r), '401http://a.test', 'which the request then does';

# --- hotlink protection over files ---------------------------------------------------------------

is ask($files, GET => '/a.txt', Referer => 'http://www.fake.test/')->status, 403, 'black list';
is ask($files, GET => '/a.txt', Referer => 'http://www.good.test/')->status, 200, 'not in it';
is ask($files, GET => '/a.txt')->status, 200, 'none';
is ask($files, GET => '/any/a', Referer => 'http://www.fake.test/')->status, 200, 'off';
for (['http://a.good.test/', 'img/a.png'], ['http://www.other.test/a/b', 'img/a.png'], ['http://www.other.test/b', 'img/no.png'],
    ['', 'img/no.png'], ['http://a.good.test.evil.test/', 'img/no.png'])
{
    my ($referer, $want) = @$_;
    $r = ask($files, GET => '/img/a.png', Referer => $referer);
    is_ok $r, "from \"$referer\"", $want;
    is $r->h('cache-control'), $want =~ /no/ ? 'no-store' : undef, "from \"$referer\": Cache-Control";
}
is ask($files, HEAD => '/img/a.png', Referer => 'http://x.test')->h('content-length'), length 'img/no.png', 'HEAD';
is_ok ask($files, GET => '/img/no.png', Referer => 'http://x.test'), 'the image itself is for all', 'img/no.png';
for (['http://abc.re.test/x', 200], ['http://abc.re.test', 302], ['https://upper.TEST', 200], ['http://plain.test/', 200],
    ['xaaa', 200], ['x' . 'a' x 40 . 'b', 302], ['', 302])
{
    $r = ask($files, GET => '/regex/a', Referer => $_->[0]);
    is $r->status, $_->[1], "expressions: $_->[0]";
    is $r->h('location'), 'http://elsewhere.test/hotlink.html', '... sent elsewhere' if $_->[1] == 302;
}
for (['http://good/', 200], ['http://bad/', 403], ['x' . 'a' x 40 . 'b', 403], ['xb', 200]) {
    is ask($files, GET => '/reblack/a.txt', Referer => $_->[0])->status, $_->[1], "black expressions: $_->[0]";
}
like $s->error_log, qr/the expression "~\^x\(a\+\)\+\$" was given up/, 'what takes too long is named';

# --- user agents -------------------------------------------------------------------------------------

for (['Mozilla/5.0', 200], ['GoogleBot', 403], ['Spider', 403], ['a Spider', 200], ['y' . 'a' x 40 . 'b', 403]) {
    is ask($files, GET => '/bots/a', 'User-Agent' => $_->[0])->status, $_->[1], "agent $_->[0]";
}
is ask($files, GET => '/bots/a')->status, 200, 'no agent';

# --- objects: in place of the bucket's rules ------------------------------------------------------------

my $b = $s->make_bucket('dir-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
is_ok $s->put("/$b/$_", $_, as => 'cos'), $_ for qw(a.png no.png);
is_ok $s->put("/$b/secret", 'secret', as => 'cos', headers => ['x-cos-acl', 'private']), 'secret';
my $cors = '<CORSConfiguration><CORSRule><AllowedOrigin>http://doc.test</AllowedOrigin><AllowedMethod>GET</AllowedMethod>'
    . '</CORSRule></CORSConfiguration>';
my $referer = '<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType><DomainList>'
    . '<Domain>doc.test</Domain></DomainList></RefererConfiguration>';
is_status $s->put("/$b?cors", $cors, as => 'cos', headers => ['Content-MD5', md5_base64($cors) . '==']), 200, 'CORS';
is_status $s->put("/$b?referer", $referer, as => 'cos', headers => ['Content-MD5', md5_base64($referer) . '==']), 200, 'referer';

my @from = (Referer => 'http://doc.test/');
is of($s->get("/$b/a.png", %anon, headers => [@from, Origin => 'http://doc.test'])), 'http://doc.test', 'by the document';
is of(ask($objects, GET => "/$b/a.png", Referer => 'http://x.good.test/', Origin => 'http://doc.test')), '-', 'by directives';
is of(ask($objects, GET => "/$b/a.png", Referer => 'http://x.good.test/', Origin => 'http://dir.test')), 'http://dir.test',
    'by theirs';
is of(ask($objects, GET => '/', Origin => 'http://dir.test')), 'http://dir.test', 'without a bucket, too';
is of(ask($objects, GET => '/?a=%zz', Origin => 'http://dir.test')), 'http://dir.test', 'and for what cannot be read';
is ask($objects, OPTIONS => '/', Origin => 'http://dir.test', @pre, 'GET')->status, 200, 'preflight of the service';
is ask($objects, OPTIONS => "/$b/x", Origin => 'http://doc.test', @pre, 'GET')->status, 403, 'preflight by directives';
is_ok ask($objects, GET => "/$b/a.png", Referer => 'http://x.good.test/'), 'a good referer', 'a.png';
for my $method (qw(GET HEAD)) {
    $r = ask($objects, $method => "/$b/a.png", @from);
    is $r->status . $r->h('etag'), '200' . $s->get("/$b/no.png", as => 'cos')->h('etag'), "$method: shown instead";
    is $r->h('cache-control'), 'no-store', "$method: not to be kept";
}
is ask($objects, GET => "/$b/none", @from)->body, 'no.png', 'of what is not there, too';
is ask($objects, GET => "/$b/secret", @from)->body, 'no.png', 'and of what is private';
is_error ask($objects, GET => "/$b/secret", Referer => 'http://x.good.test/'), 403, 'AccessDenied', 'which stays so';
is_ok ask($objects, GET => "/$b/no.png", @from), 'the image itself', 'no.png';
my $late = $s->build('GET', "/$b/a.png", as => 'cos', host => "127.0.0.1:$objects", headers => [@from, Connection => 'close']);
my $c = Cos::Http->new($objects);
$c->send($late->{head});
is_ok $c->recv('GET'), 'signed requests are not looked at', 'a.png';
$c->close;
is_ok $s->put("/$b/held/a.png", 'held', as => 'cos'), 'an object of a location of its own';
$s->make_bucket('other-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
is_ok $s->put('/other-1250000000/no.png', 'other', as => 'cos'), 'an image of a location without rules';
is_ok ask($objects, GET => "/$b/held/a.png?versionId=null", @from), 'is what is shown', 'other';
$r = ask($objects, GET => "/$b/a.png", 'User-Agent' => 'evil', Origin => 'http://dir.test');
is_error $r, 403, 'AccessDenied', 'an agent, in words of the API';
is of($r), 'http://dir.test', 'which scripts may read';
is_status $s->delete("/$b/no.png", as => 'cos'), 204, 'without the image';
is_error ask($objects, GET => "/$b/a.png", @from), 404, 'NoSuchKey', 'there is none';

# --- nginx -t ------------------------------------------------------------------------------------------------

my $conf = Cos::slurp($s->dir . '/conf/nginx.conf');
my $nginx = $ENV{COSDEV_NGINX} || 'nginx';
sub tried {
    my ($text, $line) = @_;
    $text =~ s/^load_module.*$//m if $ENV{COSDEV_STATIC};
    $text =~ s/^(\s*server_name _;)/$1\n$line/m if $line;
    write_file($s->dir . '/conf/try.conf', $text);
    my $dir = $s->dir;
    return qx($nginx -t -p $dir/ -c conf/try.conf 2>&1);
}
for (['cos_cors origin=http://a;', 'needs "origin=" and "methods="'], ['cos_cors origin=* methods=GET,PATCH;', 'unsupported HTTP method'],
    ['cos_cors origin=http://*.* methods=GET;', 'more than one wildcard'], ['cos_cors origin= methods=GET;', 'a value is empty'],
    ['cos_cors origin=* methods=GET credentials=on;', 'must name its origins'],
    ['cos_cors origin=* methods=GET max_age=soon;', 'invalid time in "max_age=soon"'],
    ['cos_cors origin=* methods=GET colour=red;', 'invalid parameter "colour=red"'],
    ['cos_cors origin=* methods=GET "headers=a b";', 'characters that it cannot have'],
    ['cos_cors origin=* methods=GET expose=x-*;', 'ExposeHeader can not have a wildcard'],
    ['cos_cors off; cos_cors origin=* methods=GET;', 'cannot be "off" and have rules'],
    ['cos_referer grey a;', 'must be "white" or "black"'], ['cos_referer white;', 'must be "white" or "black"'],
    ['cos_referer white a.*.b;', 'the wildcard \* stands alone'], ['cos_referer white ~(;', 'invalid regular expression "~\("'],
    ['cos_referer white ~;', 'no expression behind "~"'], ['cos_referer white a; cos_referer black b;', 'duplicate'],
    ['cos_referer_instead x.png;', 'give a path of this server'], ['cos_referer_instead "/a b";', 'a space'],
    ['cos_referer_instead /a?b;', 'give a path'], ['cos_user_agent allow ~x;', 'must be "deny"'],
    ['cos_user_agent deny x;', 'begin with "~"'], ['cos_user_agent off; cos_user_agent deny ~x;', 'cannot be "off"'])
{
    my ($line, $why) = @$_;
    like tried($conf, $line), qr/\[emerg\].*$why.* in \S*try\.conf:\d+$/m, "nginx -t: $line";
}
like tried($conf, 'cos_cors origin=* methods=GET;'), qr/test is successful/, 'nginx -t: a good one';

# the examples
my $dir = $s->dir;
mkdir "$dir/$_" for qw(tmp logs);
for my $name (qw(hotlink private-downloads quickstart)) {
    my $text = Cos::slurp("$Cos::ROOT/conf/$name.conf");
    $text =~ s{\.\./build/}{$Cos::ROOT/build/};
    $text =~ s{(cos_data) data;}{$1 $dir/try-data;};
    if (!-e "$dir/conf/master.key") {
        my ($key) = $conf =~ /cos_master_key "?([^";]+)/;
        my ($root) = $conf =~ /cos_root_keys "?([^";]+)/;
        $text =~ s{cos_master_key [^;]+;}{cos_master_key $key;};
        $text =~ s{cos_root_keys [^;]+;}{cos_root_keys $root;};
    }
    like tried($text), qr/test is successful/, "conf/$name.conf";
}
$s->done(more => 1);
done_testing;
