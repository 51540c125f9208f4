# URLs signed for a time: cos_cdn_auth in front of files, a proxy and the store.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp;
use Test::More;
use Cos;
use CosCdn;

my $KEY = 'dimtm5evg50ijsx2hvuwyfoiu65';
my $KEY2 = 'DvYmqE81E1F9R791H6lmht';
my $dir = File::Temp::tempdir('cos-t.XXXXXX', TMPDIR => 1, CLEANUP => 0);

mkdir "$dir/www";
mkdir "$dir/www/$_" for qw(a b v);
for my $f ('a/index.html', 'a/x.txt', 'a/x y.txt', 'b/x.txt', 'v/a.mp4', 'v/a.html', 'v/403.html') {
    open my $h, '>', "$dir/www/$f" or die "$f: $!\n";
    print $h "file $f";
    close $h;
}

my $s = Cos->start(dir => $dir, workers => 2, http => <<"END", conf => <<"END");
server { listen unix:$dir/echo.sock; location / { return 200 "[\$request_uri]"; } }
END
location /a/ { cos off; root $dir/www; cos_cdn_auth type=A key=$KEY key2=$KEY2 ttl=100; }
location ~ "^/[0-9]{12}/" { cos off; root $dir/www; cos_cdn_auth type=B key=$KEY; }
location ~ "^/[0-9a-f]{32}/" { cos off; root $dir/www; cos_cdn_auth type=TypeC key=$KEY order=key-time-uri; }
location /v/ {
    cos off; root $dir/www; error_page 403 /v/403.html;
    cos_cdn_auth type=D key=$KEY only=mp4 param=st time_param=e time=hex;
}
location /p/ { cos off; proxy_pass http://unix:$dir/echo.sock; cos_cdn_auth type=A key=$KEY path=/p/s/; }
location /rw/ {
    cos off; root $dir/www; cos_cdn_auth type=A key=$KEY;
    rewrite ^/rw/(.*) /a/\$1 break;
}
location /free-125 { cos_cdn_auth off; }
cos_cdn_auth type=D key=$KEY;
END

sub from { my ($url, %o) = @_; return $s->req('GET', $url, as => 'none', %o) }
sub refused { my ($url, $what) = @_; my $r = from($url); is $r->status, 403, $what; return $r }

# --- in front of files --------------------------------------------------------

for ([A => '/a/x.txt'], [B => '/b/x.txt'], [C => '/b/x.txt', time_first => 1],
    [A => '/a/x%20y.txt'], [D => '/v/a.mp4', param => 'st', time_param => 'e', hex => 1])
{
    my ($type, $path, @more) = @$_;
    my %o = (key => $KEY, @more);
    my $file = $path =~ s/%20/ /r =~ s{^/}{}r;
    is_ok from(cdn_url($type, $path, %o)), "$type: signed", "file $file";
    is_ok from(cdn_url($type, $path, %o, query => 'v=1&w')), "$type: beside parameters", "file $file";
    is_ok from(cdn_url($type, $path, %o, at => time + 1000)), "$type: of tomorrow", "file $file";
    refused cdn_url($type, $path, %o, at => time - 1900), "$type: expired" if $type ne 'D';
    refused cdn_url($type, $path, %o, key => $KEY2 . 'x'), "$type: another key" if $type ne 'D';
    my $bad = cdn_url($type, $path, %o);
    $bad =~ s{x(?=\.txt|%20)}{z};
    refused $bad, "$type: another file" if $type ne 'D';
}
refused '/a/x.txt', 'not signed';
is_ok from(cdn_url('A', '/a/x.txt', key => $KEY2)), 'the other key', 'file a/x.txt';
is_ok from(cdn_url('A', '/a/x.txt', key => $KEY, at => time - 90)), 'nearly expired', 'file a/x.txt';
refused cdn_url('A', '/a/x.txt', key => $KEY, at => time - 110), 'ttl=100';
is_ok from(cdn_url('A', '/a/', key => $KEY)), 'an index needs no signature of its own', 'file a/index.html';
refused '/a/', 'but its folder does';
is_status $s->req('HEAD', cdn_url('A', '/a/x.txt', key => $KEY), as => 'none'), 200, 'HEAD';

# what a rule is meant for is judged by what is served
is_ok from('/v/a.html'), 'another suffix', 'file v/a.html';
for my $url ('/v/a.mp4', '/v/a.%6dp4', '/v/./a.mp4', '/v//a.mp4', '/v/x/../a.mp4', '/v/a.mp4?x=a.html') {
    my $r = refused $url, "$url is not";
    is $r->body, 'file v/403.html', 'its error page is shown';
}

# a rewrite makes a request internal, which must not open it
refused '/rw/x.txt', 'rewritten and not signed';
is_ok from(cdn_url('A', '/rw/x.txt', key => $KEY)), 'rewritten and signed', 'file a/x.txt';

# a proxy hears nothing of it
is_ok from(cdn_url('A', '/p/s/x%2Fy', key => $KEY, query => 'a=1')), 'proxied', '[/p/s/x%2Fy?a=1]';
is_ok from(cdn_url('A', '/p/s/x', key => $KEY)), 'proxied without a query', '[/p/s/x]';
is_ok from('/p/o/x?sign=1'), 'a path that is not meant', '[/p/o/x?sign=1]';
refused '/p/%73/x', 'encoded, it is meant';

# --- in front of the store ------------------------------------------------------

my $b = $s->make_bucket('free-125', as => 'cos', headers => ['x-cos-acl', 'public-read']);
is_ok $s->put("/$b/a.txt", 'text', as => 'cos'), 'an object';
# The CDN's signature is put on a URL that is signed already.
sub twice {
    my ($q) = @_;
    my ($path, $query) = split /\?/, $q->{target}, 2;
    $q->{target} = cdn_url('D', $path, key => $KEY, query => $query);
}
is_status $s->put('/sig-125', '', as => 's3', edit => \&twice), 200, 'a signed request, signed once more';
my $bad = $s->put('/sig-126', '', as => 's3');
is_error $bad, 403, 'AccessDenied', 'and not';
is $bad->message, 'the URL is not signed', 'why';
is_ok $s->put('/sig-125/k', 'text', as => 'cos', edit => \&twice), 'put';
is_error from(cdn_url('D', '/sig-125/k', key => $KEY)), 403, 'AccessDenied', 'the store asks for its own';
for my $as (qw(s3 cos bce)) {
    is_ok $s->get('/sig-125/k', as => $as, edit => \&twice), "$as: both", 'text';
    is_ok $s->get('/sig-125/k', as => $as, edit => \&twice, presign => 60, life => 60), "$as: a link", 'text' if $as ne 'bce';
}
is_ok from("/$b/a.txt"), 'off', 'text';

unlike $s->error_log, qr/$KEY|$KEY2/, 'no key is in the log';

# --- directives -----------------------------------------------------------------

sub conf_error {
    my ($line) = @_;
    my $c = File::Temp->new(SUFFIX => '.conf');
    print $c "load_module $Cos::ROOT/build/ngx_http_cos_module.so;\npid $dir/x.pid;\nevents {}\nhttp { server { listen unix:$dir/x.sock; location / {\n$line\n} } }\n";
    close $c;
    return scalar `nginx -t -p '$dir' -e stderr -c '@{[$c->filename]}' 2>&1`;
}
for (["cos_cdn_auth key=$KEY;" => qr/the type of signed URLs/], ["cos_cdn_auth type=E key=$KEY;" => qr/unknown type/],
    ['cos_cdn_auth type=A key=secr;' => qr/6 to 40 letters and digits/], ['cos_cdn_auth type=A;' => qr/6 to 40/],
    ["cos_cdn_auth type=A key=$KEY ttl=x;" => qr/invalid "ttl="/], ["cos_cdn_auth type=A key=$KEY ttl=0;" => qr/valid for 1 to/],
    ["cos_cdn_auth type=A key=$KEY only=a except=b;" => qr/and once/], ["cos_cdn_auth type=A key=$KEY only=a.b;" => qr/suffix/],
    ["cos_cdn_auth type=A key=$KEY path=x;" => qr/begins with a slash/], ["cos_cdn_auth type=A key=$KEY keyy=1;" => qr/unknown parameter/],
    ["cos_cdn_auth type=A key=$KEY; cos_cdn_auth off;" => qr/is duplicate/])
{
    my ($line, $want) = @$_;
    my $out = conf_error($line);
    like $out, $want, $line;
    like $out, qr/in \S+\.conf:\d+/, 'file and line';
    unlike $out, qr/$KEY|secr/, 'no key';
}
like conf_error("cos_cdn_auth type=D key=$KEY;"), qr/test is successful/, 'a good one';

$s->done(more => 1);
done_testing;
