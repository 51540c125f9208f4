# Pages in a real browser: what scripts of allowed and of other origins may do,
# and which images they may show. A page stores what came out in its own bucket.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::MD5 qw(md5_base64);
use File::Temp ();
use MIME::Base64 qw(decode_base64);
use Test::More;
use Cos;
use Cos::Client;

my $chromium = need('chromium');
my $home = File::Temp::tempdir(CLEANUP => 1);
mkdir "$home/files";
open my $f, '>', "$home/files/a.txt" or die;
print $f 'file';
close $f;
chmod 0755, $home, "$home/files";

my $files = Cos::free_port();
my $s = Cos->start(workers => 2, conf => "location /files/ { cos off; root $home; }", http => <<"END");
    server {
        listen 127.0.0.1:$files;
        root $home/files;
        cos_cors origin=http://page-1250000000.localhost:* methods=GET,PUT headers=x-a;
    }
END
my %o = (as => 'cos');
my $port = $s->port;
my $png = decode_base64('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==');

sub document {
    my ($t, $doc) = @_;
    is_status $s->put($t, $doc, %o, headers => ['Content-MD5', md5_base64($doc) . '==']), 200, $t;
}
sub rule { my ($origin, $more) = @_; return "<CORSRule><AllowedOrigin>$origin</AllowedOrigin>$more</CORSRule>" }

for (['page', 'public-read-write'], ['other', 'public-read-write'], ['data', 'public-read-write'], ['all', 'public-read'],
    ['plain', 'public-read'], ['hot', 'public-read'], ['private', 'private'])
{
    my ($name, $acl) = @$_;
    my $b = $s->make_bucket("$name-1250000000", %o, headers => ['x-cos-acl', $acl]);
    is_ok $s->put("/$b/a.txt", 'hello', %o), "$b/a.txt";
    is_ok $s->put("/$b/a.png", $png, %o, headers => ['Content-Type', 'image/png', 'Cache-Control', 'max-age=600']), "$b/a.png";
}
my $origin = "http://page-1250000000.localhost:$port";
my $put = rule($origin, '<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>'
    . '<AllowedHeader>content-type</AllowedHeader><AllowedHeader>x-cos-meta-*</AllowedHeader><AllowedHeader>range</AllowedHeader>'
    . '<AllowedHeader>if-none-match</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-cos-meta-page</ExposeHeader>');
document("/data-1250000000?cors", "<CORSConfiguration>$put<ResponseVary>true</ResponseVary></CORSConfiguration>");
document("/private-1250000000?cors", "<CORSConfiguration>$put</CORSConfiguration>");
document("/all-1250000000?cors", '<CORSConfiguration>' . rule('*', '<AllowedMethod>GET</AllowedMethod>') . '</CORSConfiguration>');
document("/hot-1250000000?referer", '<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType>'
    . "<DomainList><Domain>page-1250000000.localhost:$port</Domain></DomainList></RefererConfiguration>");

# Opens a page in a browser that knows nothing yet; what it stored.
sub visit {
    my ($as) = @_;
    my $b = "$as-1250000000";
    my $host = "private-1250000000.localhost:$port";
    my $req = $s->build('PUT', '/signed', as => 's3', presign => 600, host => $host);
    my $url = "http://$b.localhost:$port/page.html?as=$as&signed=" . Cos::Sign::enc("http://$host$req->{target}")
        . '&files=' . Cos::Sign::enc("http://files.localhost:$files");
    is_ok $s->put("/$b/page.html", Cos::slurp("$FindBin::Bin/page.html"), %o, headers => ['Content-Type', 'text/html']), "$as: page";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        open STDOUT, '>', "$home/$as.log";
        open STDERR, '>&', \*STDOUT;
        exec $chromium, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-dev-shm-usage
            --disable-background-networking --disable-component-update --disable-sync), "--user-data-dir=$home/$as", $url or exit 127;
    }
    my $r = $s->wait_for(sub { my $r = $s->get("/$b/result", %o); $r->status == 200 && $r }, 60);
    kill 'TERM', -$pid;
    $s->wait_for(sub { waitpid($pid, 1) }, 10) or kill 'KILL', -$pid;
    if (!$r) {
        fail("$as: no result");
        diag(substr Cos::slurp("$home/$as.log"), -2000);
        return;
    }
    my $done = 0;
    for (split /\n/, $r->body) {
        if (/^(not )?ok (.*)/s) { ok(!$1, "$as: $2") }
        elsif ($_ eq 'done') { $done = 1 }
    }
    ok $done, "$as: came to its end";
    return;
}

visit('page');
visit('other');
is $s->get('/private-1250000000/signed', %o)->body, 'signed', 'what the signed URL was used for';
is $s->get('/data-1250000000/put', %o)->h('content-type'), 'text/x-page', 'what was put';
is $s->get("/data-1250000000/$_", %o)->status, 404, "$_ is not there" for qw(put2 stranger);
$s->done;
