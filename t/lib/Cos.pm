# The end-to-end tests' harness: a server of one's own (nginx and Redis through
# tools/cosdev in a private directory), requests in every dialect, and at the
# end the questions no test may forget: nothing alarming in the logs, no worker
# died, no connection leaked.
#
#     use Cos;
#     my $s = Cos->start(workers => 2, http => 'cos_pack_max 64k;');
#     $s->make_bucket('b');
#     my $r = $s->put('/b/key', 'hello');
#     is $r->status, 200;
#     $s->done;
#
# Core modules only, so that a bare Debian runs the tests.
package Cos;

use strict;
use warnings;
use Cwd ();
use File::Path ();
use File::Spec ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use Test::More ();
use Time::HiRes ();
use Cos::Http;
use Cos::Sign qw(enc dec);
use Cos::Sum;

our $ROOT = Cwd::abs_path(__FILE__) =~ s{/t/lib/Cos\.pm$}{}r;
use Exporter 'import';
our @EXPORT = qw(is_status is_error is_ok);

# Sanitizers and valgrind take their time.
our $SLOW = $ENV{COS_TEST_SLOW} || 1;

my @servers;
my $main_pid = $$;

# A free port; also for other servers of a test.
sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp')
        or die "no free port: $!\n";
    return $s->sockport;
}

# Options: workers, http, conf (text of extra directives), tls, log, dir (keep
# using that directory), env (hash for cosdev).
sub start {
    my ($class, %o) = @_;
    my $dir = $o{dir};
    if (!$dir) {
        my $base = $ENV{COS_TEST_DIR} || File::Spec->tmpdir;
        $dir = File::Temp::tempdir('cos-t.XXXXXX', DIR => $base);
    }
    my $s = bless { %o, dir => $dir }, $class;
    push @servers, $s;
    # no test may hang
    my $limit = ($o{limit} || 300) * $SLOW;
    $SIG{ALRM} = sub { die "the test took more than $limit s\n" };
    alarm $limit;
    mkdir "$dir/in";
    for my $what (qw(http conf)) {
        next unless defined $o{$what};
        open my $f, '>', "$dir/in/$what" or die "$dir/in/$what: $!\n";
        print $f $o{$what}, "\n";
        close $f;
    }
    $s->up;
    return $s;
}

sub up {
    my ($s) = @_;
    my $text = '';
    for (1 .. 3) {
        $s->{port} = free_port() unless $s->{pinned};
        my @cmd = ("$ROOT/tools/cosdev", 'up', '--dir', $s->{dir}, '--port', $s->{port},
            '--workers', $s->{workers} || 1, '--log', $s->{log} || 'info');
        push @cmd, '--tls-port', $s->{tls_port} ||= free_port() if $s->{tls};
        push @cmd, "--$_", "$s->{dir}/in/$_" for grep { defined $s->{$_} } qw(http conf);
        local %ENV = (%ENV, %{ $s->{env} || {} });
        $text = _run(@cmd);
        if ($? == 0) {
            $s->{pinned} = 1;
            $s->_read_env;
            $s->{pids} = join ' ', $s->worker_pids;
            return $s;
        }
        delete $s->{tls_port};
    }
    die "cosdev up failed:\n$text";
}

sub _run {
    my @cmd = @_;
    my $pid = open my $out, '-|';
    die "fork: $!\n" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @cmd or exit 127;
    }
    local $/;
    my $text = <$out>;
    close $out;
    return $text;
}

sub _read_env {
    my ($s) = @_;
    open my $f, '<', "$s->{dir}/env" or die "$s->{dir}/env: $!\n";
    while (<$f>) {
        next unless /^(\w+)="?([^"\n]*)"?$/;
        $s->{e}{$1} = $2;
    }
    close $f;
    my $e = $s->{e};
    $s->{main} = [$e->{ACCESS_KEY}, $e->{SECRET_KEY}];
    $s->{alt} = [$e->{ALT_ACCESS_KEY}, $e->{ALT_SECRET_KEY}];
    $s->{host} = "127.0.0.1:$s->{port}";
    $s->{region} = $e->{REGION};
}

sub env { $_[0]{e}{$_[1]} }
sub dir { $_[0]{dir} }
sub port { $_[0]{port} }

sub down {
    my ($s) = @_;
    my $text = _run("$ROOT/tools/cosdev", 'down', '--dir', $s->{dir});
    die "cosdev down: $text" if $?;
}

# Sends the master a signal, by default to reload.
sub signal { kill $_[1] || 'HUP', $_[0]{e}{NGINX_PID} }

# Workers only, not nginx's cache manager and loader, which come and go.
sub _children {
    my ($ppid) = @_;
    my @pids;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $f, '<', $file or next;
        my $line = <$f> // next;
        # a zombie is a worker that died a moment ago
        next unless $line =~ /^(\d+) \(.*\) [^Z] (\d+)/ && $2 == $ppid;
        my $pid = $1;
        push @pids, $pid unless slurp("/proc/$pid/cmdline") =~ /cache (?:manager|loader) process/;
    }
    @pids = sort { $a <=> $b } @pids;
    return @pids;
}

sub worker_pids { _children($_[0]{e}{NGINX_PID}) }

# For tests that kill or replace workers on purpose.
sub expect_new_workers { my ($s) = @_; $s->{pids} = join ' ', $s->worker_pids }

# Waits until the code is true; for what happens a moment later.
sub wait_for {
    my ($s, $code, $seconds) = @_;
    my $until = Time::HiRes::time() + ($seconds || 10) * $SLOW;
    while (Time::HiRes::time() < $until) {
        my $v = $code->();
        return $v if $v;
        Time::HiRes::sleep(0.05);
    }
    return;
}

# Whether every worker answers 200 to a GET, as after a rebuild: one of them may
# find its Redis again later than another.
sub in_service {
    my ($s, $target, %o) = @_;
    my %ready;
    return $s->wait_for(sub {
        # several at once, so that they do not all meet the same worker
        my @conns = eval { map { $s->connect } 1 .. 4 } or return 0;
        for my $conn (@conns) {
            my $r = eval { $s->get($target, %o, conn => $conn) } or next;
            $ready{ worker_of($r) // next } = $r->status == 200;
        }
        $_->close for @conns;
        return !grep { !$ready{$_} } $s->worker_pids;
    }, 20);
}

# The pid of the worker that answered: behind 8 digits of time in the request's
# id, lowest byte first.
sub worker_of {
    my ($r) = @_;
    my $id = $r->h('x-cos-request-id') // $r->h('x-amz-request-id') // $r->h('x-bce-request-id');
    return defined $id ? unpack('V', pack 'H8', substr $id, 8, 8) : undef;
}

sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return '';
    local $/;
    my $text = <$f>;
    return $text // '';
}

sub error_log { slurp("$_[0]{dir}/logs/error.log") }


# --- requests -------------------------------------------------------------------------

sub connect {
    my ($s, %o) = @_;
    return Cos::Http->new($s->{port}, %o);
}

# Builds a request: a hash with the bytes to send in {head} and {wire}.
#
#   as       s3 (default), v2 (AWS version 2), cos, bce or none: how it is signed
#   who      main (default), alt, or [access key, secret]
#   headers  list name => value ...; sent as given
#   body     bytes; Content-Length is added unless chunked or length is given
#   length   another Content-Length, or '' for none
#   chunked  send with Transfer-Encoding: chunked, in pieces of that size
#   host     Host header
#   stream   aws-chunked body: hash for Cos::Sign::aws_chunked; signed => 0|1
#   presign  seconds: signature in the query
#   late     headers added after signing
#   edit     code that changes the signed request (hash) before it is sent
#   version  1.1 or 1.0
# and what the signers take: time, region, payload, unsigned, life, token...
sub build {
    my ($s, $method, $target, %o) = @_;
    my ($ak, $sk) = ref $o{who} ? @{ $o{who} } : @{ $s->{ $o{who} || 'main' } };
    my @h = ([Host => $o{host} // $s->{host}]);
    my @given = @{ $o{headers} || [] };
    while (@given) { my ($n, $v) = splice @given, 0, 2; push @h, [$n, $v] }

    my $body = $o{body};
    my $as = $o{as} // 's3';
    my %req = (%o, method => $method, target => $target, headers => \@h, ak => $ak,
        sk => $sk, region => $o{region} // $s->{region});

    if (my $st = $o{stream}) {
        push @h, ['x-amz-decoded-content-length', length $body],
            ['Content-Encoding', $o{encoding} // 'aws-chunked'];
        push @h, ['x-amz-trailer', join ',', map { $_->[0] } @{ $st->{trailers} }]
            if $st->{trailers} && !$st->{unannounced};
        $req{payload} = 'STREAMING-' . ($st->{signed} ? 'AWS4-HMAC-SHA256' : 'UNSIGNED')
            . '-PAYLOAD' . ($st->{trailers} ? '-TRAILER' : '') unless defined $o{payload};
        $req{body} = '';
    }
    my $length = $o{length} // (defined $body && !$o{chunked} && !$o{stream}
        ? length $body : '');
    push @h, ['Content-Length', $length] if $length ne '';

    if ($as eq 's3') { Cos::Sign::v4(\%req) }
    elsif ($as eq 'cos') { Cos::Sign::cos(\%req) }
    elsif ($as eq 'bce') { Cos::Sign::bce(\%req) }
    elsif ($as eq 'v2') { Cos::Sign::v2(\%req) }

    my @late = @{ $o{late} || [] };
    while (@late) { my ($n, $v) = splice @late, 0, 2; push @h, [$n, $v] }

    if ($o{stream}) {
        $body = Cos::Sign::aws_chunked($body, %{ $o{stream} }, v4 => $req{v4});
        if ($o{chunked}) { } else { push @h, ['Content-Length', length $body] }
    }
    $req{wire} = $body // '';
    if ($o{chunked}) {
        push @h, ['Transfer-Encoding', 'chunked'];
        my ($size, $out) = ($o{chunked} > 1 ? $o{chunked} : 16384, '');
        for (my $at = 0; $at < length $body; $at += $size) {
            my $piece = substr $body, $at, $size;
            $out .= sprintf("%x\r\n", length $piece) . "$piece\r\n";
        }
        $req{wire} = "${out}0\r\n\r\n";
    }
    $o{edit}->(\%req) if $o{edit};
    my $version = $o{version} // '1.1';
    $req{head} = "$method $req{target} HTTP/$version\r\n"
        . join('', map { "$_->[0]: $_->[1]\r\n" } @{ $req{headers} }) . "\r\n";
    return \%req;
}

# One request and its answer, on a connection of its own or on $o{conn}.
# expect => 1 waits for 100 Continue before it sends the body.
sub req {
    my ($s, $method, $target, %o) = @_;
    my $own = !$o{conn};
    my $c = $o{conn} || $s->connect(timeout => ($o{timeout} // 30) * $SLOW);
    $o{headers} = [@{ $o{headers} || [] }];
    push @{ $o{headers} }, 'Connection', 'close' if $own && !$o{keep};
    push @{ $o{headers} }, 'Expect', '100-continue' if $o{expect};
    my $req = $s->build($method, $target, %o);
    my $r;
    if ($o{expect}) {
        $c->send($req->{head});
        my $early = $c->{in} =~ /\r\n\r\n/ || $c->_need(sub { $c->{in} =~ /\r\n\r\n/ });
        if ($early && $c->{in} =~ m{\AHTTP/1\.1 100}) {
            $c->send($req->{wire});
        }
    } else {
        $c->send($req->{head} . $req->{wire});
    }
    $r = $c->recv($method);
    $c->close if $own;
    die "$method $target: the server closed without an answer\n"
        if !$r && !$o{may_close};
    return $r;
}

# The URL's path of a bucket and key as clients encode it.
sub path { my ($s, $bucket, $key) = @_; return "/$bucket" . (defined $key ? '/' . enc($key, 1) : '') }

sub get { my ($s, $t, %o) = @_; $s->req('GET', $t, %o) }
sub head { my ($s, $t, %o) = @_; $s->req('HEAD', $t, %o) }
sub delete { my ($s, $t, %o) = @_; $s->req('DELETE', $t, %o) }
sub put { my ($s, $t, $body, %o) = @_; $s->req('PUT', $t, body => $body, %o) }
sub post { my ($s, $t, $body, %o) = @_; $s->req('POST', $t, body => $body, %o) }

# Creates a bucket or dies. The name works in every dialect: <name>-<appid>.
sub make_bucket {
    my ($s, $name, %o) = @_;
    my $r = $s->req('PUT', "/$name", body => '', %o);
    die "cannot create $name: " . $r->status . " $r->{body}\n" unless $r->status == 200;
    return $name;
}

# A multipart upload from a list of parts; the answer of Complete.
sub multipart {
    my ($s, $target, $parts, %o) = @_;
    my $r = $s->post("$target?uploads", '', %o);
    my $id = $r->xml('UploadId') or die "no upload id: $r->{body}\n";
    my ($n, $xml) = (0, '');
    for my $p (@$parts) {
        $n++;
        my $pr = $s->put("$target?partNumber=$n&uploadId=" . enc($id), $p, as => $o{as});
        die "part $n: $pr->{status} $pr->{body}\n" unless $pr->status == 200;
        $xml .= "<Part><PartNumber>$n</PartNumber><ETag>" . $pr->h('etag') . '</ETag></Part>';
    }
    return $s->post("$target?uploadId=" . enc($id),
        "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>", as => $o{as});
}

# Runs curl against the server; for HTTP/2 and TLS. Returns its output.
sub curl { my ($s, @args) = @_; return _run('curl', '-sk', '-m', '60', @args) }


# --- assertions ------------------------------------------------------------------------

sub is_status {
    my ($r, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = Test::More::is($r->status, $status, $name);
    Test::More::diag(substr $r->body, 0, 600) if !$ok && length $r->body;
    return $ok;
}

# 200 and the body (when given).
sub is_ok {
    my ($r, $name, $body) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $ok = is_status($r, 200, $name);
    Test::More::ok($r->body eq $body, "$name: body")
        or Test::More::diag('got ' . length($r->body) . ' bytes, expected ' . length $body)
        if defined $body;
    return $ok;
}

my %id_header = (s3 => 'x-amz-request-id', cos => 'x-cos-request-id', bce => 'x-bce-request-id');

# A refusal: status, code, and what every refusal must carry: a Date, a request
# id that the document repeats, and in a HEAD answer no body.
sub is_error {
    my ($r, $status, $code, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $got = $r->status . ' ' . ($r->code // '');
    my @wrong;
    my ($id) = grep { defined } map { $r->h($_) } values %id_header;
    push @wrong, 'no Date' unless defined $r->h('date');
    push @wrong, 'no request id header' unless defined $id && length $id;
    my $in = $r->xml('RequestId') // ($r->body =~ /"requestId"\s*:\s*"([^"]*)"/ ? $1 : undef);
    push @wrong, "document names request $in" if defined $in && $in ne ($id // '');
    push @wrong, 'no request id in the document' if !defined $in && length $r->body;
    my $ok = Test::More::is($got, "$status $code", $name);
    Test::More::diag(substr $r->body, 0, 600) if !$ok;
    return Test::More::fail("$name: " . join ', ', @wrong) if @wrong;
    return $ok;
}


# --- Redis -----------------------------------------------------------------------------

# One command over the private socket; binary safe. Errors die.
sub redis {
    my ($s, @cmd) = @_;
    my $sock = $s->{redis_sock};
    if (!$sock || !$sock->connected) {
        $sock = $s->{redis_sock} = IO::Socket::UNIX->new(Peer => $s->{e}{REDIS_SOCKET})
            or die "Redis: $!\n";
    }
    print $sock '*' . @cmd . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @cmd;
    $sock->flush;
    my $answer = _redis_reply($sock);
    die "Redis: $$answer\n" if ref $answer eq 'SCALAR';
    return $answer;
}

sub _redis_reply {
    my ($sock) = @_;
    my $line = <$sock> // die "Redis closed\n";
    my ($type, $rest) = $line =~ /^(.)(.*)\r\n$/s;
    return $rest if $type =~ /[+:]/;
    return \$rest if $type eq '-';
    if ($type eq '$') {
        return undef if $rest < 0;
        my $data = '';
        read $sock, $data, $rest + 2;
        return substr $data, 0, $rest;
    }
    return [ map { my $v = _redis_reply($sock); ref $v eq 'SCALAR' ? $$v : $v } 1 .. $rest ];
}

# The files of the data directory with their sizes: what a refusal must leave
# as it was.
sub data_files {
    my ($s) = @_;
    my %f;
    my @todo = ($s->env('DATA_DIR'));
    while (defined(my $d = shift @todo)) {
        for my $p (glob "$d/*") { -d $p ? push @todo, $p : ($f{$p} = -s $p) }
    }
    return \%f;
}


# --- the end ------------------------------------------------------------------------------

my $ALARM = qr/\[(?:emerg|alert|crit)\]|open socket|AddressSanitizer|LeakSanitizer
    |definitely\ lost|runtime\ error:|ERROR\ SUMMARY:\ [1-9]|==\d+==\ (?:Invalid|Conditional|Use\ of|Syscall)/x;

# allow: a pattern of lines that this test provokes on purpose.
sub check_logs {
    my ($s, %o) = @_;
    my @bad;
    for my $file (glob "$s->{dir}/logs/*") {
        next if $file =~ /access\.log$/;
        push @bad, grep { /$ALARM/ && !($o{allow} && /$o{allow}/) }
            split /\n/, slurp($file);
    }
    Test::More::is(scalar @bad, 0, 'nothing alarming in the logs')
        or Test::More::diag(join "\n", @bad[0 .. ($#bad < 19 ? $#bad : 19)]);
}

# Ends the test: stops the server gracefully and asks the closing questions.
sub done {
    my ($s, %o) = @_;
    Test::More::is(join(' ', $s->worker_pids), $s->{pids}, 'no worker died')
        unless $o{workers_change};
    $s->down;
    $s->{stopped} = 1;
    $s->check_logs(%o);
    Test::More::done_testing() unless $o{more};
}

# Told to stop, a test still takes its server with it.
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);

END {
    if ($$ == $main_pid) {
        my $rc = $?;
        for my $s (@servers) {
            eval { $s->down } unless $s->{stopped};
            my $failed = $rc || !Test::More->builder->is_passing;
            if ($failed) {
                Test::More::diag("server directory kept: $s->{dir}") if $ENV{COS_TEST_KEEP};
                my @tail = grep { !/\[info\]|\[notice\]/ } split /\n/, $s->error_log;
                Test::More::diag(join "\n", 'last of the error log:',
                    @tail[($#tail > 14 ? $#tail - 14 : 0) .. $#tail]) if @tail;
            }
            File::Path::remove_tree($s->{dir}) unless $failed && $ENV{COS_TEST_KEEP};
        }
        $? = $rc;
    }
}

1;
