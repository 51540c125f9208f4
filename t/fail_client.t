# Clients that leave, stall, or half-close in the middle of a request: nothing
# leaks, nothing is left behind, and others do not notice.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Socket qw(SOL_SOCKET SO_RCVBUF SO_LINGER);
use Time::HiRes qw(sleep time);
use Test::More;
use Cos;
use CosFail;

my $MB = 1024 * 1024;
my $s = Cos->start(tls => 1, http => 'cos_pack_max 64k; cos_sweep_grace 1s;',
    conf => "client_body_timeout 1s;\nsend_timeout 4s;\n"
        . "location = /-/status { cos off; stub_status; }\n");
my $b = $s->make_bucket('left-1250000000');
my $small = bytes(20_000);
my $large = bytes(2 * $MB);
my $huge = bytes(64 * $MB);
my ($pid) = $s->worker_pids;

is_status $s->put("/$b/small", $small), 200, 'PUT';
is_status $s->put("/$b/large", $large), 200, 'PUT of a large object';
is_status $s->put("/$b/huge", $huge, payload => 'UNSIGNED-PAYLOAD'), 200, 'PUT of 64 MiB';
my $upload = $s->post("/$b/parts?uploads", '')->xml('UploadId');
my $part = "/$b/parts?partNumber=1&uploadId=$upload";
$s->get("/$b/$_") for qw(small large huge);
ok $s->wait_for(sub { !open_files($s) }), 'all is settled';
my $sockets = sockets($pid);
my $fds = fds($pid);

# Nothing is left of those who left; others are served.
sub no_trace {
    my ($when) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    ok $s->wait_for(sub { sockets($pid) <= $sockets }), "$when: no connection is left"
        or diag sockets($pid) . ", not $sockets";
    ok $s->wait_for(sub { fds($pid) <= $fds + 2 }), "$when: no descriptor is left"
        or diag fds($pid) . ", not $fds";
    ok $s->wait_for(sub { !open_files($s) }), "$when: no file is left in open/"
        or diag join ' ', open_files($s);
    is join(' ', $s->get("/$b")->all('Key')), 'huge large small', "$when: no object either";
    is_ok $s->get("/$b/small"), "$when: others are served", $small;
}

sub active {
    return $s->get('/-/status', as => 'none')->body =~ /Active connections: (\d+)/ ? $1 : -1;
}

# Leaves like a program that ends, or with a reset.
sub leave {
    my ($c, $how) = @_;
    setsockopt $c->{sock}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0) if $how eq 'reset';
    $c->close;
}

my %upload = (
    'small PUT' => sub { $s->build('PUT', "/$b/new", body => $small) },
    'large PUT' => sub { $s->build('PUT', "/$b/new", body => $large) },
    'chunked PUT' => sub { $s->build('PUT', "/$b/new", body => $large, chunked => 65536) },
    'aws-chunked PUT' => sub { $s->build('PUT', "/$b/new", body => $large, stream => { signed => 1 }) },
    'small part' => sub { $s->build('PUT', $part, body => $small) },
    'large part' => sub { $s->build('PUT', $part, body => $large) },
    'aws-chunked part' => sub { $s->build('PUT', $part, body => $large, stream => { signed => 1 }) },
    'completion' => sub { $s->build('POST', "/$b/parts?uploadId=$upload",
        body => '<CompleteMultipartUpload>' . ' ' x 5000 . '</CompleteMultipartUpload>') },
);


# --- uploads that break off --------------------------------------------------------------

for my $how ('close', 'reset') {
    for my $name (sort keys %upload) {
        for my $share (0, 0.5, 0.999) {
            my $req = $upload{$name}->();
            my $c = $s->connect;
            $c->send($req->{head} . substr $req->{wire}, 0, $share * length $req->{wire});
            sleep 0.02 if $share == 0.5;
            leave($c, $how);
        }
    }
    no_trace("uploads that end with a $how");
}
is join(' ', $s->get($part =~ s/partNumber=1&//r)->all('PartNumber')), '', 'no part either';

# all of it was sent, but nobody waits for the answer: done or not, never half
for my $name ('small PUT', 'large PUT', 'aws-chunked PUT') {
    for (1 .. 5) {
        my $req = $upload{$name}->();
        my $c = $s->connect;
        $c->send($req->{head} . $req->{wire});
        $c->close;
    }
}
sleep 0.3;
{
    my $r = $s->get("/$b/new");
    ok $r->status == 404 || $r->status == 200 && ($r->body eq $small || $r->body eq $large),
        'sent and left: all or nothing';
    $s->delete("/$b/new");
    no_trace('sent and left');
}


# --- downloads that break off ---------------------------------------------------------------

for my $how ('close', 'reset') {
    for my $key (qw(small large huge)) {
        for my $n (0, 1, 100_000) {
            my $c = $s->connect;
            $c->send($s->build('GET', "/$b/$key")->{head});
            if ($n) { $c->_fill(1) while !$c->{eof} && length $c->{in} < ($key eq 'small' ? 1 : $n) }
            leave($c, $how);
        }
    }
    no_trace("downloads that end with a $how");
}


# --- half-closed --------------------------------------------------------------------------------

# An upload that came whole is answered; nothing else stays open.
for my $name (('small PUT', 'large PUT', 'chunked PUT', 'aws-chunked PUT') x 3) {
    my $req = $upload{$name}->();
    my $c = $s->connect(timeout => 5);
    $c->send($req->{head} . $req->{wire});
    $c->finish;
    my $r = $c->recv('PUT');
    is $r && $r->status, 200, "half-closed after a $name: answered";
    $s->delete("/$b/new");
}
{
    my $c = $s->connect(timeout => 5);
    $c->send($s->build('GET', "/$b/large")->{head});
    $c->finish;
    my $r = eval { $c->recv('GET') };
    is $@, '', 'half-closed after a GET: no hang';
    ok !$r || $r->status == 200, 'half-closed after a GET: answered, or closed';
    $c = $s->connect(timeout => 5);
    my $req = $upload{'large PUT'}->();
    $c->send($req->{head} . substr $req->{wire}, 0, 500_000);
    $c->finish;
    $r = eval { $c->recv('PUT') };
    is $@, '', 'half-closed in a PUT: no hang';
    ok !$r || $r->status == 400, 'half-closed in a PUT: refused, or closed';
    no_trace('half-closed');
}


# --- stalled -----------------------------------------------------------------------------------------

my @stalled;
for my $name (sort keys %upload) {
    for my $share (0, 0.5) {
        my $req = $upload{$name}->();
        my $c = $s->connect(timeout => 8);
        $c->send($req->{head} . substr $req->{wire}, 0, $share * length $req->{wire});
        push @stalled, ["$name, $share of it", $c];
    }
}
cmp_ok active(), '>=', scalar @stalled, 'many stall';
is_ok $s->get("/$b/large"), 'others are served meanwhile', $large;
for (@stalled) {
    my ($name, $c) = @$_;
    my $r = $c->recv('PUT') or do { fail "$name: no answer"; next };
    is_error $r, 400, 'RequestTimeout', "stalled: $name";
    $c->close;
}
no_trace('stalled');

# a header that never ends is nginx's to time out; one that comes slowly is not
# taken for a stalled one
{
    my $req = $upload{'large PUT'}->();
    my $c = $s->connect;
    $c->send($req->{head});
    my $size = 1 + int(length($req->{wire}) / 5);
    for my $i (0 .. 4) {
        $c->send(substr $req->{wire}, $i * $size, $size);
        sleep 0.4;
    }
    is_status $c->recv('PUT'), 200, 'slow but steady';
    $s->delete("/$b/new");
}


# --- slow readers --------------------------------------------------------------------------------------

{
    my $before = rss($pid);
    my @slow;
    for (1 .. 10) {
        my $c = $s->connect;
        setsockopt $c->{sock}, SOL_SOCKET, SO_RCVBUF, 65536;
        $c->send($s->build('GET', "/$b/huge")->{head});
        push @slow, $c;
    }
    my $grown = 0;
    my $until = time + 3;
    while (time < $until) {
        for my $c (@slow) { $c->_fill(0); }
        my $now = rss($pid) - $before;
        $grown = $now if $now > $grown;
        is_status $s->get("/$b/small"), 200, 'others are served meanwhile' if time + 0.1 > $until;
        sleep 0.01;
    }
    is scalar(grep { $_->{eof} } @slow), 0, 'slow readers are not cut off';
    cmp_ok $grown, '<', 16 * $MB * $Cos::SLOW, 'slow readers of 64 MiB cost little memory';

    # one of them goes on at full speed
    my $c = shift @slow;
    $c->{timeout} = 20;
    my $r = $c->recv('GET');
    ok $r->{complete} && $r->body eq $huge, 'a slow reader that goes on gets all of it';
    $c->close;
    # and those that stop reading are cut off by send_timeout
    ok $s->wait_for(sub { sockets($pid) <= $sockets }, 8), 'readers that stop are cut off';
    $_->close for @slow;
    no_trace('slow readers');
}


# --- memory of uploads ----------------------------------------------------------------------------------

{
    my $n = 20;
    my $before = rss($pid);
    my $peak = $before;
    my @kids;
    for my $i (1 .. $n) {
        my $kid = fork // die "fork: $!";
        if (!$kid) {
            alarm 60;
            my $ok = eval {
                my $r = $s->put("/$b/many-$i", $huge, payload => 'UNSIGNED-PAYLOAD', timeout => 60);
                $r->status == 200 && $r->etag;
            };
            $s->{stopped} = 1;
            require POSIX;
            POSIX::_exit($ok ? 0 : 1);
        }
        push @kids, $kid;
    }
    my %left = map { $_ => 1 } @kids;
    my $failed = 0;
    while (%left) {
        my $kid = waitpid -1, 1;
        if ($kid > 0) { delete $left{$kid}; $failed++ if $? }
        my $now = rss($pid);
        $peak = $now if $now > $peak;
        sleep 0.02;
    }
    is $failed, 0, "$n uploads of 64 MiB at once";
    # two of cos_upload_buffer, 512k; a connection, its request and hash
    # contexts, and what malloc keeps
    my $bound = $n * 1024 * 1024 + 8 * $MB;
    cmp_ok $peak - $before, '<', $bound * $Cos::SLOW,
        sprintf 'in %.1f MiB of memory, less than %.1f', ($peak - $before) / $MB, $bound / $MB;
    $s->delete("/$b/many-$_") for 1 .. $n;
    no_trace('many uploads');
}


# --- HTTP/2 -----------------------------------------------------------------------------------------------

SKIP: {
    skip 'curl has no HTTP/2', 1 if `curl --version` !~ /HTTP2/;
    my $url = $s->env('TLS_ENDPOINT');
    my $host = $url =~ s{^https://}{}r;

    my @h2 = sub {
        my ($method, $target, @args) = @_;
        my $req = $s->build($method, $target, host => $host, payload => 'UNSIGNED-PAYLOAD');
        return ('--http2', '-w', '%{http_version} %{http_code} %{size_download}',
            (grep { $_ eq '-T' } @args) ? () : ('-o', '/dev/null'),
            '-X', $method, (map { ('-H', "$_->[0]: $_->[1]") }
                grep { $_->[0] !~ /^(?:host|content-length)$/i } @{ $req->{headers} }),
            @args, "$url$target");
    };
    my $h2 = $h2[0];
    my $file = $s->dir . '/large';
    open my $f, '>:raw', $file or die;
    print $f $large;
    close $f;

    is $s->curl($h2->('GET', "/$b/large")), '2 200 ' . length $large, 'HTTP/2: GET';
    is $s->curl($h2->('PUT', "/$b/new", '--data-binary', "\@$file")), '2 200 0', 'HTTP/2: PUT';
    is_ok $s->get("/$b/new"), 'HTTP/2: what was put', $large;
    $s->delete("/$b/new");

    for my $target ("/$b/new", $part) {
        like $s->curl($h2->('PUT', $target, '--data-binary', "\@$file", '--limit-rate', '400k',
            '--max-time', '0.7')), qr/ 000 | 000/, "HTTP/2: an upload that breaks off";
    }
    like $s->curl($h2->('GET', "/$b/huge", '--limit-rate', '500k', '--max-time', '0.7')),
        qr/^2 200 /, 'HTTP/2: a download that breaks off';
    no_trace('HTTP/2, breaking off');

    # the body of a request without end: its stream times out, not the connection
    my $kid = open my $out, '-|';
    if (!$kid) {
        open STDERR, '>&', \*STDOUT;
        exec 'sh', '-c', '(head -c 300000 "$0"; sleep 3) | exec curl -sk -m 8 "$@"', $file,
            $h2->('PUT', "/$b/new", '-T', '-') or exit 127;
    }
    my $text = join '', <$out>;
    close $out;
    like $text, qr/<Code>RequestTimeout</, 'HTTP/2: a stalled upload is told';
    no_trace('HTTP/2, stalled');
}

is active(), 1, 'only the asking connection is active';
$s->done;
