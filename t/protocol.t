# HTTP itself: versions, bodies, connections, broken clients.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes ();
use Cos;

my $s = Cos->start(tls => 1, conf => 'client_body_timeout 2s;');
my $b = $s->make_bucket('http-1250000000');
my $data = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 131072;   # 512 KiB
$s->put("/$b/k", 'hello');
$s->put("/$b/big", $data);

# HTTP/1.0
my $r = $s->get("/$b/k", version => '1.0');
is_ok $r, 'HTTP/1.0', 'hello';
is_status $s->put("/$b/ten", 'x', version => '1.0'), 200, 'HTTP/1.0 PUT';
$r = $s->get("/$b", version => '1.0');
is_ok $r, 'HTTP/1.0 listing';
is $r->h('transfer-encoding'), undef, 'never chunked to HTTP/1.0';

# One connection, many requests, refusals among them.
my $c = $s->connect;
for my $n (1 .. 50) {
    is_ok $s->get("/$b/k", conn => $c), "kept alive $n", 'hello' if $n % 10 == 0;
    is_status $s->put("/$b/n$n", "v$n", conn => $c), 200, "kept alive put $n" if $n % 10 == 5;
    $s->get("/$b/none", conn => $c) if $n % 10 == 1;
}
is_error $s->put("/$b/n", 'x' x 5000, conn => $c, who => 'alt'), 403, 'AccessDenied',
    'a refused PUT, its body read past';
is_ok $s->get("/$b/k", conn => $c), 'the connection is in step', 'hello';

# Pipelined: written at once, answered in order.
$c = $s->connect;
my @reqs = (['GET', "/$b/k"], ['PUT', "/$b/p1", body => 'one'], ['GET', "/$b/none"],
    ['GET', "/$b/big"], ['PUT', "/$b/p2", body => $data], ['GET', "/$b/p1"],
    ['PUT', "/$b/p3", body => 'x' x 3000, who => 'alt'], ['HEAD', "/$b/k"], ['GET', "/$b/p2"],
    ['DELETE', "/$b/p1"], ['GET', "/$b/k"]);
my @built = map { my ($m, $t, @o) = @$_; $s->build($m, $t, @o) } @reqs;
my $pid = fork;
if (!$pid) {
    my $sock = $c->{sock};
    $sock->blocking(1);
    my $bytes = join '', map { $_->{head} . $_->{wire} } @built;
    while (length $bytes) {
        my $n = syswrite $sock, $bytes, 65536 or last;
        substr $bytes, 0, $n, '';
    }
    require POSIX;
    POSIX::_exit(0);
}
my @want = (200, 200, 404, 200, 200, 200, 403, 200, 200, 204, 200);
for my $i (0 .. $#reqs) {
    my $r = $c->recv($reqs[$i][0]);
    is $r && $r->status, $want[$i], "pipelined $i: $reqs[$i][0] $reqs[$i][1]";
    is $r->body, 'one', 'pipelined: what was put before' if $i == 5 && $r;
    ok $r->body eq $data, 'pipelined: the large one' if $r && ($i == 3 || $i == 8);
    last unless $r;
}
waitpid $pid, 0;

# How an answer is cut into segments depends on its size, on where its bytes
# begin, and on whether they are encrypted. All of it comes, in order, also when
# the client reads late, and none of it waits for a timer of TCP.
my @sizes = (16384, 16385, 65000, 102400, 524288);
my @sse = ('x-amz-server-side-encryption', 'AES256');
$s->put("/$b/cut", $data, headers => \@sse);
my @cuts = map { my $n = $_; map { [$_, 0, $n], [$_, 1001, $n - 1001] } 'big', 'cut' } @sizes;
my $ask = sub {
    my ($key, $at, $n) = @{ $_[0] };
    return $s->build('GET', "/$b/$key", headers => ['Range', "bytes=$at-" . ($at + $n - 1)])->{head};
};
for my $late (0, 1) {
    $c = $s->connect;
    my (%least, $wrong);
    my @thrice = (@cuts) x 3;
    $c->send(join '', map { $ask->($_) } @thrice) if $late;
    Time::HiRes::sleep(0.5) if $late;
    for my $cut (@thrice) {
        my $start = Time::HiRes::time();
        $c->send($ask->($cut)) unless $late;
        my $got = $c->recv('GET');
        $wrong++ unless $got && $got->status == 206 && $got->body eq substr $data, $cut->[1], $cut->[2];
        my $took = Time::HiRes::time() - $start;
        $least{"@$cut"} = $took if !defined $least{"@$cut"} || $took < $least{"@$cut"};
        last if $wrong;
    }
    is $wrong, undef, 'pieces of every kind' . ($late ? ', read late' : '');
    is_deeply [grep { $least{$_} > 0.035 * $Cos::SLOW } sort keys %least], [], 'none waits';
    $c->close;
}
$c->close;

# Expect: 100-continue
$r = $s->put("/$b/e", 'expected', expect => 1);
is_status $r, 200, 'Expect: 100-continue';
is_deeply $r->{interim}, [100], 'was told to go on';
$r = $s->put("/$b/e", $data, expect => 1, who => 'alt');
is_error $r, 403, 'AccessDenied', 'Expect: refused';
is_deeply $r->{interim}, [], 'without being told to go on';
is_error $s->put('/nowhere-1250000000/e', $data, expect => 1), 404, 'NoSuchBucket',
    'Expect: no bucket';

# Chunked uploads.
for my $size (1, 7, 4096, 65536) {
    my $body = $size < 10 ? substr $data, 0, 500 : $data;
    is_status $s->put("/$b/c$size", $body, chunked => $size, payload => 'UNSIGNED-PAYLOAD'), 200,
        "chunked in pieces of $size";
    is_ok $s->get("/$b/c$size"), "chunked in pieces of $size: back", $body;
}
is_status $s->put("/$b/c0", '', chunked => 1, payload => 'UNSIGNED-PAYLOAD'), 200, 'chunked and empty';
is_ok $s->get("/$b/c0"), 'chunked and empty: back', '';
$r = $s->put("/$b/none", 'abc', chunked => 1, payload => 'UNSIGNED-PAYLOAD',
    edit => sub { $_[0]{wire} = "zz\r\nabc\r\n0\r\n\r\n" });
is $r->status, 400, 'a malformed chunk';
is_error $s->get("/$b/none"), 404, 'NoSuchKey', 'is not stored';
is_error $s->req('PUT', "/$b/none", payload => 'UNSIGNED-PAYLOAD'), 411, 'MissingContentLength',
    'neither length nor chunks';

# Bodies that end early: nothing is stored, the server lives.
for my $how ('closes', 'half-closes') {
    for my $n (0, 1, 100000) {
        my $c = $s->connect;
        my $req = $s->build('PUT', "/$b/short", body => $data, payload => 'UNSIGNED-PAYLOAD');
        $c->send($req->{head} . substr $data, 0, $n);
        if ($how eq 'closes') { $c->close }
        else { $c->finish; my $r = eval { $c->recv('PUT') };
            ok !$r || $r->status =~ /^4/, "half-closed after $n: " . ($r ? $r->status : 'closed'); }
    }
}
Time::HiRes::sleep(0.3);
is_error $s->get("/$b/short"), 404, 'NoSuchKey', 'a body that ended early';
$c = $s->connect;
$c->send($s->build('PUT', "/$b/slow", body => $data, payload => 'UNSIGNED-PAYLOAD')->{head} . 'abc');
$r = $c->recv('PUT');
ok !$r || $r->status =~ /^(400|408)$/, 'a body that stops coming ends in a timeout';
is_error $s->get("/$b/slow"), 404, 'NoSuchKey', 'and is not stored';

# A body longer than announced: the rest is the next request, and a bad one.
$c = $s->connect;
my $req = $s->build('PUT', "/$b/long", body => 'hello world', length => 5, payload => 'UNSIGNED-PAYLOAD');
$c->send($req->{head} . 'hello world');
is_status $c->recv('PUT'), 200, 'a body longer than announced';
is_ok $s->get("/$b/long"), 'what was announced is stored', 'hello';

# Clients that go away while they are served.
for (1 .. 20) {
    my $c = $s->connect;
    $c->send($s->build('GET', $_ % 2 ? "/$b/big" : "/$b")->{head});
    Time::HiRes::sleep(0.002 * $_);
    $c->close;
}
for (1 .. 20) {
    my $c = $s->connect;
    my $req = $s->build('PUT', "/$b/gone", body => $data, payload => 'UNSIGNED-PAYLOAD');
    $c->send($req->{head} . substr $data, 0, 25000 * $_);
    $c->close;
}
is_ok $s->get("/$b/big"), 'others are still served', $data;

# TLS and HTTP/2.
my $tls = $s->env('TLS_ENDPOINT');
my @curl = ('--aws-sigv4', "aws:amz:$s->{region}:s3", '--user', join(':', @{ $s->{main} }),
    '-H', 'x-amz-content-sha256: UNSIGNED-PAYLOAD', '-w', '\n%{http_code} HTTP/%{http_version}');
my $file = $s->dir . '/upload';
open my $f, '>', $file or die;
print $f $data;
close $f;
for my $v ('1.1', '2') {
    my $flag = $v eq '2' ? '--http2' : '--http1.1';
    like $s->curl($flag, @curl, '-T', $file, "$tls/$b/tls$v"), qr/200 HTTP\/\Q$v\E$/, "PUT over TLS, HTTP/$v";
    is_ok $s->get("/$b/tls$v"), "what came over HTTP/$v", $data;
    my $out = $s->curl($flag, @curl, "$tls/$b/tls$v");
    ok $out eq "$data\n200 HTTP/$v", "GET over TLS, HTTP/$v";
    $out = $s->curl($flag, @curl, '-r', '1000-1999', "$tls/$b/tls$v");
    ok $out eq substr($data, 1000, 1000) . "\n206 HTTP/$v", "a range over HTTP/$v";
    like $s->curl($flag, @curl, '-I', "$tls/$b/tls$v"), qr/content-length: 524288.*200 HTTP\/\Q$v\E$/is,
        "HEAD over HTTP/$v";
    like $s->curl($flag, @curl, "$tls/$b/none"), qr/NoSuchKey.*404/s, "a refusal over HTTP/$v";
    like $s->curl($flag, @curl, '-X', 'DELETE', "$tls/$b/tls$v"), qr/204 HTTP\/\Q$v\E$/, "DELETE over HTTP/$v";
}
# many streams on one HTTP/2 connection
$s->put("/$b/open", $data, headers => ['x-amz-acl', 'public-read'], payload => 'UNSIGNED-PAYLOAD');
my $out = $s->curl('--http2', '-Z', '--parallel-max', '30', '-w', '%{http_code}\n', '-o', '/dev/null',
    map { ("$tls/$b/open?n=$_", '-o', '/dev/null') } 1 .. 30);
is scalar(() = $out =~ /^200$/mg), 30, 'thirty streams at a time';

# A reload in the middle of it all loses nothing.
$c = $s->connect;
my $half = $s->build('PUT', "/$b/reload", body => $data, payload => 'UNSIGNED-PAYLOAD');
$c->send($half->{head} . substr $data, 0, 100000);
my $before = join ' ', $s->worker_pids;
$s->signal('HUP');
ok $s->wait_for(sub { join(' ', $s->worker_pids) ne $before }), 'reloaded';
$c->send(substr $data, 100000);
is_status $c->recv('PUT'), 200, 'an upload goes on through a reload';
$c->close;
is_ok $s->get("/$b/reload"), 'and is whole', $data;
ok $s->wait_for(sub { scalar($s->worker_pids) == 1 }), 'the old worker leaves';
$s->expect_new_workers;

$s->done;
