# The link to Redis and the shared cache, behind the test module of t/nginx:
# freshness, every way Redis can go, and workers that quit or die.
#
#     prove t/meta_link.t              COSMETA_ASAN=1: the module under ASan

use strict;
use warnings;
use Cwd ();
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $root = Cwd::abs_path(__FILE__) =~ s{/t/meta_link\.t$}{}r;
my $asan = $ENV{COSMETA_ASAN};
my $STORE = '0af7651916cd43dd8448eb211c80319c';

chomp(my $so = $ENV{COSMETA_SO} || `$root/t/nginx/build.sh @{[$asan ? 'asan' : '']}`);
-f $so or BAIL_OUT('the test module does not build');

my $dir = File::Temp::tempdir('cosmeta.XXXXXX', TMPDIR => 1);
chmod 0755, $dir;
my $sock = "$dir/redis.sock";
my $port = do {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
    $s->sockport;
};
my ($redis, $nginx);
my $owner = $$;

END {
    if (defined $owner && $$ == $owner) {
        local $?;
        kill 'CONT', $redis if $redis;
        stop_nginx() if $nginx;
        stop_redis() if $redis;
        File::Path::remove_tree($dir) unless $ENV{COSMETA_KEEP};
    }
}

# --- helpers -------------------------------------------------------------------

sub until_true {
    my ($seconds, $code) = @_;
    my $end = time + $seconds;
    while (time < $end) {
        return 1 if $code->();
        sleep 0.01;
    }
    return $code->() ? 1 : 0;
}

sub run {
    my (@cmd) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>>', "$dir/out";
        open STDERR, '>&', \*STDOUT;
        exec(@cmd) or POSIX::_exit(127);
    }
    return $pid;
}

sub start_redis {
    my (@more) = @_;
    unlink $sock;
    $redis = run('redis-server', '--port', '0', '--unixsocket', $sock, '--dir', $dir,
        '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec',
        '--enable-debug-command', 'yes', @more);
    until_true(10, sub { my $r = eval { redis('PING') }; $r && $r =~ /PONG|LOADING/ })
        or BAIL_OUT('Redis does not start');
}

sub stop_redis {
    kill 'KILL', $redis;
    waitpid $redis, 0;
    $redis = undef;
}

# A RESP client: one connection for each call of connect_redis.
sub connect_redis {
    return IO::Socket::UNIX->new(Peer => $sock);
}

sub resp {
    my ($c) = @_;
    my $line = <$c> // die "Redis closed\n";
    $line =~ s/\r\n$//;
    my ($type, $rest) = $line =~ /^(.)(.*)/s;
    return $rest if $type =~ /[+:-]/;
    return undef if $rest < 0;
    return [map { resp($c) } 1 .. $rest] if $type eq '*';
    read $c, my $data, $rest + 2;
    return substr $data, 0, $rest;
}

sub command {
    my ($c, @args) = @_;
    print $c '*' . @args . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @args;
    return resp($c);
}

sub redis {
    my $c = connect_redis() or die "no Redis\n";
    $c->autoflush(1);
    return command($c, @_);
}

sub start_nginx {
    my (%o) = @_;
    write_conf(%o);
    local $ENV{LD_PRELOAD} = $asan ? `gcc -print-file-name=libasan.so` =~ s/\n//r : '';
    local $ENV{ASAN_OPTIONS} = "detect_leaks=0:log_path=$dir/asan";
    $nginx = run('nginx', '-p', $dir, '-c', "$dir/nginx.conf", '-e', "$dir/error.log");
    until_true(10, sub { eval { get('/status')->{status} } }) or BAIL_OUT('nginx does not start');
}

sub write_conf {
    my (%o) = (workers => 1, zone => '8m', store => $STORE, empty => 'on',
        timeout => '1s', address => "unix:$sock", level => 'info', @_);
    my $actions = join '', map { "location = /$_ { cosmeta $_; }\n" }
        qw(get set drop slow wait fcall burst bench seq again die status);
    my $user = $> == 0 ? 'user root;' : '';
    my $temps = join '', map { "${_}_temp_path $dir/t_$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);
    my $shutdown = $o{shutdown} ? "worker_shutdown_timeout $o{shutdown};" : '';
    my $password = $o{password} ? "cosmeta_password $o{password};" : '';
    open my $f, '>', "$dir/nginx.conf" or die;
    print $f <<"CONF";
load_module $so;
daemon off; $user $shutdown
worker_processes $o{workers};
pid $dir/nginx.pid;
error_log $dir/error.log $o{level};
events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 10000000;
    $temps
    cosmeta_zone $o{zone};
    cosmeta_redis $o{address};
    cosmeta_timeout $o{timeout};
    cosmeta_store $o{store};
    cosmeta_store_empty $o{empty};
    $password
    server { listen 127.0.0.1:$port; $actions }
}
CONF
    close $f;
}

sub stop_nginx {
    kill 'QUIT', $nginx;
    if (!until_true(10, sub { waitpid($nginx, POSIX::WNOHANG()) == $nginx })) {
        fail('nginx quits within 10 s');
        kill 'TERM', $nginx;
        waitpid $nginx, 0;
    }
    $nginx = undef;
}

sub http_open {
    my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Timeout => 5) or die "connect: $!\n";
    return $c;
}

sub http_read {
    my ($c) = @_;
    my %r = (status => 0, cache => '', body => '');
    my $line = <$c> // return \%r;
    ($r{status}) = $line =~ m{^HTTP/1\.1 (\d+)};
    my $len = 0;
    while (defined($line = <$c>) && $line ne "\r\n") {
        $len = $1 if $line =~ /^Content-Length: (\d+)/i;
        $r{cache} = $1 if $line =~ /^X-Cache: (\S+)/i;
    }
    read $c, $r{body}, $len if $len;
    return \%r;
}

sub get {
    my ($uri, $c) = @_;
    my $own = !$c;
    $c ||= http_open();
    print $c "GET $uri HTTP/1.1\r\nHost: t\r\n", $own ? "Connection: close\r\n" : '', "\r\n";
    return http_read($c);
}

sub status {
    my %s = map { split / /, $_, 2 } split /\n/, get('/status')->{body};
    return \%s;
}

sub ready {
    my ($seconds, $want) = (@_, 1);
    return until_true($seconds, sub { (status()->{ready} // -1) == $want });
}

sub log_text {
    open my $f, '<', "$dir/error.log" or return '';
    local $/;
    return scalar <$f>;
}

sub log_clear { truncate "$dir/error.log", 0 }

sub log_clean {
    my ($name) = @_;
    my @bad = grep { /\[(?:alert|emerg|crit)\]|open socket/ && !/exited on signal 9|was locked by/ }
        split /\n/, log_text();
    is "@bad", '', "$name: nothing alarming in the log";
    is join(' ', glob "$dir/asan.*"), '', "$name: no sanitizer report" if $asan;
}

sub workers {
    my $master = do { open my $f, '<', "$dir/nginx.pid"; my $l = <$f>; $l + 0 };
    my @p = grep { $_ } split /\s+/, do {
        open my $f, '<', "/proc/$master/task/$master/children" or return;
        <$f> // '';
    };
    return @p;
}

sub background(&) {
    my ($code) = @_;
    pipe my $r, my $w;
    my $pid = fork // die;
    if (!$pid) {
        close $r;
        my $out = eval { $code->() } // "died: $@";
        print $w $out;
        close $w;
        POSIX::_exit(0);
    }
    close $w;
    return sub { local $/; my $out = <$r>; waitpid $pid, 0; $out // '' };
}

# --- cases ----------------------------------------------------------------------

start_redis();
start_nginx();

subtest 'the proof' => sub {
    ok ready(5), 'ready';
    is redis('HGET', 'g', 'store'), $STORE, 'an empty Redis was claimed';
    is redis('HGET', 'g', 'inc'), status()->{inc}, 'incarnation taken';
    is ref(redis('FCALL', 'cos_version', 0)) || 'number', 'ARRAY', 'functions are loaded'
        if ref redis('FCALL', 'cos_version', 0);
    like log_text(), qr/\[warn\].*appendfsync is "everysec" and should be "always"/, 'warned';
    unlike log_text(), qr/appendonly is|maxmemory-policy is/, 'no warning without cause';
    like log_text(), qr/\[notice\].*zset-max-listpack-value is 64: .* "zset-max-listpack-value 2048"/,
        'a notice with the cure';
    unlike log_text(), qr/listpack-entries is/, 'no notice without cause';
    my ($a, $b) = split / /, get('/seq')->{body};
    ok $b > $a, 'seq grows';
    my $now = int((time - 1577836800) * 1e6);
    ok abs($a - $now) < 2e6, 'seq is the time' or diag "$a $now";
    ok redis('HGET', 'g', 'hi') > $a + 5e6, 'g.hi is ahead';
    until_true(3, sub { status()->{slow} });
    is status()->{slow}, 1, 'slow connection is ready';
};

subtest 'hit, miss, missing' => sub {
    redis('SET', 'o{b}a', 'one');
    my $r = get('/get?k=o{b}a');
    is "$r->{status} $r->{cache} $r->{body}", '200 miss one', 'miss';
    $r = get('/get?k=o{b}a');
    is "$r->{status} $r->{cache} $r->{body}", '200 hit one', 'hit';
    get('/get?k=o{b}none');
    $r = get('/get?k=o{b}none');
    is "$r->{status} $r->{cache}", '404 hit', 'missing is kept';
    is get('/set?k=o{b}none&v=now')->{status}, 200, 'set';
    is get('/get?k=o{b}none')->{body}, 'now', 'own write is read';
    redis('SET', 'b:big', my $big = join '', map { chr 65 + $_ % 26 } 1 .. 16000);
    is get('/get?k=b:big')->{body}, $big, 'value beyond the buffer, miss';
    $r = get('/get?k=b:big');
    ok $r->{cache} eq 'hit' && $r->{body} eq $big, 'value beyond the buffer, hit';
    redis('SET', 'u:huge', 'x' x 16385);
    get('/get?k=u:huge');
    is get('/get?k=u:huge')->{cache}, 'miss', 'too large to keep';
    redis('SET', 'o{b}huge', 'y' x 300_000);
    is length get('/slow?k=o{b}huge')->{body}, 300_000, 'slow call, large reply';
    is get('/burst?k=o{b}huge&n=20')->{status}, 200, 'many large replies at once';
    is get('/burst?k=o{b}a&n=1000')->{body}, 'one', 'many calls in one turn';
    get('/drop?k=o{b}a');
    is get('/get?k=o{b}a')->{cache}, 'miss', 'dropped';
};

subtest 'errors are replies' => sub {
    redis('CONFIG', 'SET', 'maxmemory', '1');
    my $r = get('/set?k=o{b}oom&v=1');
    is $r->{status}, 502, 'an error is passed on';
    like $r->{body}, qr/^OOM/, 'OOM';
    redis('CONFIG', 'SET', 'maxmemory', '0');
    is status()->{ready}, 1, 'still ready';
};

subtest 'invalidation by another client' => sub {
    my $c = http_open();
    my $rc = connect_redis();
    $rc->autoflush(1);
    my ($slowest, $stale) = (0, 0);
    for my $n (1 .. 200) {
        my ($k, $p) = ("o{b}inv$n", "/get?k=o{b}inv$n");
        command($rc, 'SET', $k, "old$n");
        get($p, $c) for 1, 2;
        my $t = time;
        $n % 4 ? command($rc, 'SET', $k, "new$n") : command($rc, 'DEL', $k);
        my $want = $n % 4 ? "new$n" : '';
        my $seen = until_true(1, sub { get($p, $c)->{body} eq $want });
        $stale++ if !$seen;
        $slowest = time - $t if time - $t > $slowest;
    }
    is $stale, 0, 'every change was seen';
    ok $slowest < 0.1, sprintf 'within 100 ms (%.1f ms)', $slowest * 1000;
    is get('/get?k=o{b}inv1', $c)->{cache}, 'hit', 'and cached again';
};

sub race {
    my ($name, $seconds) = @_;
    my $keys = 50;
    my @readers = map {
        background {
            my $c = http_open();
            my ($end, $n) = (time + $seconds, 0);
            while (time < $end) {
                get('/get?k=o{r}' . int rand $keys, $c);
                $n++;
            }
            return $n;
        }
    } 1 .. 4;
    my $rc = connect_redis();
    $rc->autoflush(1);
    my ($end, $n) = (time + $seconds, 0);
    while (time < $end) {
        # in batches: replies and invalidations cross
        my $batch = '';
        for (1 .. 20) {
            my ($k, $v) = ('o{r}' . int rand $keys, 'v' . ++$n);
            $batch .= "*3\r\n\$3\r\nSET\r\n\$@{[length $k]}\r\n$k\r\n\$@{[length $v]}\r\n$v\r\n";
        }
        print $rc $batch;
        resp($rc) for 1 .. 20;
    }
    my $reads = 0;
    $reads += $_->() for @readers;
    sleep 0.1;
    my $stale = 0;
    for my $k (0 .. $keys - 1) {
        my $want = redis('GET', "o{r}$k") // '';
        for (1 .. 4) {
            my $r = get("/get?k=o{r}$k");
            $stale++ if $r->{body} ne $want;
        }
    }
    is $stale, 0, "$name: nothing stale at rest ($n writes, $reads reads)";
}

subtest 'a reply older than an invalidation' => sub {
    my ($c1, $c2) = (http_open(), http_open());
    my ($late, $stale) = (0, 0);
    redis('SET', 'o{b}long', 'l' x 300_000);
    for my $n (1 .. 10) {
        redis('SET', "o{b}late$n", 'old');
        # the reply of the second waits behind 30 MB, the invalidation does not
        print $c1 "GET /burst?k=o{b}long&n=100 HTTP/1.1\r\nHost: t\r\n\r\n";
        sleep 0.002;
        print $c2 "GET /get?k=o{b}late$n HTTP/1.1\r\nHost: t\r\n\r\n";
        sleep 0.01;
        redis('SET', "o{b}late$n", 'new');
        http_read($c1);
        $late++ if http_read($c2)->{body} eq 'old';
        $stale++ if get("/get?k=o{b}late$n", $c2)->{body} ne 'new';
    }
    ok $late > 0, "happened $late times";
    is $stale, 0, 'never kept';
};

subtest 'writes against reads' => sub { race('one worker', 3) };

subtest 'FLUSHALL' => sub {
    get('/get?k=o{b}inv1') for 1, 2;
    my $flushes = status()->{flushes};
    log_clear();
    redis('FLUSHALL');
    ok ready(2, 0), 'not ready';
    ok status()->{flushes} > $flushes, 'cache flushed';
    is get('/get?k=o{b}inv1')->{status}, 503, 'an emptied Redis is not an empty store';
    ok until_true(3, sub { log_text() =~ /\[error\].*holds no metadata.*cosctl rebuild/ }), 'said so';
    redis('HSET', 'g', 'store', 'another');
    ok until_true(12, sub { log_text() =~ /belongs to the data directory another/ }), 'wrong store';
    is status()->{ready}, 0, 'still not ready';
    redis('HSET', 'g', 'store', $STORE);
    ok ready(3), 'ready with its store';
    like get('/get?k=o{b}inv1')->{status}, qr/404/, 'and empty now';
    is status()->{times_lost} + 1, status()->{times_ready}, 'hooks in pairs';
};

subtest 'kill -9 of Redis' => sub {
    redis('SET', 'o{b}kept', 'kept');
    get('/get?k=o{b}kept') for 1, 2;
    my $inc = status()->{inc};
    my @waiting = map { background { get('/wait?k=q')->{status} } } 1 .. 5;
    sleep 0.2;
    stop_redis();
    is join(' ', map { $_->() } @waiting), '503 503 503 503 503', 'waiting requests get 503';
    ok ready(1, 0), 'not ready';
    is get('/get?k=o{b}kept')->{status}, 503, '503 at once';
    start_redis();
    my $t = time;
    ok ready(3), sprintf 'ready again after %.2f s', time - $t;
    ok status()->{inc} > $inc, 'with a new incarnation';
    is get('/get?k=o{b}kept')->{cache}, 'miss', 'nothing cached survived';
    is status()->{null_before_lost}, 0, 'lost() came before the NULLs';
};

subtest 'SIGSTOP of Redis' => sub {
    get('/get?k=o{b}kept') for 1, 2;
    kill 'STOP', $redis;
    my $t = time;
    is get('/get?k=o{b}other')->{status}, 503, 'a miss gets 503';
    my $took = time - $t;
    ok $took > 0.8 && $took < 2, sprintf 'after the timeout (%.2f s)', $took;
    ok until_true(2, sub { !status()->{track} }), 'heartbeat noticed';
    is get('/get?k=o{b}kept')->{status}, 503, 'the cache is not used';
    kill 'CONT', $redis;
    ok ready(3), 'ready again';
    ok status()->{timeouts} >= 1, 'counted';
};

subtest 'LOADING' => sub {
    my $rc = connect_redis();
    $rc->autoflush(1);
    command($rc, 'DEBUG', 'POPULATE', 20000, 'fill', 100);
    command($rc, 'BGREWRITEAOF');    # or it would not be in the file
    until_true(10, sub { redis('INFO', 'persistence') =~ /aof_rewrite_in_progress:0/ });
    stop_redis();
    log_clear();
    start_redis('--key-load-delay', '200', '--loading-process-events-interval-bytes', '1024');
    ok until_true(5, sub { log_text() =~ /LOADING/ }), 'seen';
    is status()->{ready}, 0, 'not ready meanwhile';
    ok ready(20), 'ready afterwards';
    is get('/get?k=o{b}kept')->{body}, 'kept', 'data is back';
};

subtest 'seq above' => sub {
    my ($a) = split / /, get('/seq')->{body};
    my $above = $a + 60e6;
    my ($b, $c) = split / /, get("/seq?n=$above")->{body};
    ok $b > $above && $c > $b, 'clock is lifted';
    ok until_true(2, sub { redis('HGET', 'g', 'hi') > $above + 5e6 }), 'g.hi follows at once';
    (undef, $c) = split / /, get('/seq?n=18014398509481984')->{body};
    ok $c < 2**53, 'nonsense is refused';
    my $text = log_text();
    like $text, qr/cannot be real/, 'with an alert';
    log_clear();
};

subtest 'a new incarnation' => sub {
    my $before = status();
    my $waiting = background { get('/wait?k=q')->{status} };
    sleep 0.2;
    get('/again');
    ok ready(2), 'ready again';
    my $now = status();
    is $now->{inc}, $before->{inc} + 1, 'the next one';
    is $now->{times_lost}, $before->{times_lost}, 'nothing was lost';
    is $waiting->(), 404, 'calls under way went on';
    redis('CLIENT', 'PAUSE', 700);
    get('/again');
    stop_redis();
    ok until_true(2, sub { status()->{times_lost} == $before->{times_lost} + 1 }), 'a loss in between is told';
    start_redis();
    ok ready(3), 'ready';
};

subtest 'an idle link costs no errors' => sub {
    log_clear();
    my $before = status();
    sleep 3;
    is status()->{times_lost}, $before->{times_lost}, 'never lost';
    unlike log_text(), qr/\[(?:error|warn)\]/, 'quiet';
};

stop_nginx();
log_clean('one worker');

subtest 'unready starts' => sub {
    log_clear();
    start_nginx(store => 'ffffffffffffffffffffffffffffffff');
    ok until_true(3, sub { log_text() =~ /\[error\].*belongs to the data directory $STORE/ }), 'wrong id';
    is get('/get?k=o{b}kept')->{status}, 503, 'refused';
    stop_nginx();
    redis('HDEL', 'g', 'store');
    log_clear();
    start_nginx(empty => 'off');
    ok until_true(3, sub { log_text() =~ /\[error\].*holds no metadata/ }), 'missing id';
    sleep 2.5;
    is scalar(() = log_text() =~ /\[error\]/g), 1, 'said once';
    is status()->{ready}, 0, 'not ready';
    is redis('HGET', 'g', 'store'), undef, 'and not claimed';
    redis('HSET', 'g', 'store', $STORE);
    ok ready(3), 'ready when it is there';
    my $old = redis('HGET', 'g', 'hi');
    stop_nginx();
    redis('HSET', 'g', 'hi', $old + 3600e6);
    start_nginx(empty => 'off');
    ok ready(3), 'started anew';
    my ($a) = split / /, get('/seq')->{body};
    ok $a > $old + 3600e6, 'the clock starts above g.hi';
    stop_nginx();
    redis('HSET', 'g', 'hi', 0);
    redis('CONFIG', 'SET', 'requirepass', 'se cret');
    start_nginx(password => '"wrong"');
    ok until_true(3, sub { log_text() =~ /WRONGPASS/ }), 'wrong password';
    stop_nginx();
    start_nginx(password => '"se cret"');
    ok ready(3), 'right password';
    is status()->{slow} | 1, 1;
    stop_nginx();
    my $rc = connect_redis();
    $rc->autoflush(1);
    command($rc, 'AUTH', 'se cret');
    command($rc, 'CONFIG', 'SET', 'requirepass', '');
    unlike log_text(), qr/se cret|"wrong"/, 'no password in the log';
    log_clean('starts');
};

subtest 'several workers' => sub {
    log_clear();
    # several that block may queue on one connection
    start_nginx(workers => 3, empty => 'off', timeout => '6s');
    ok ready(3), 'ready';
    sleep 0.5;
    race('three workers', 3);

    my @old = workers();
    my @waiting = map { background { get('/wait?k=q')->{status} } } 1 .. 6;
    sleep 0.3;
    kill 'HUP', $nginx;
    my %old = map { $_ => 1 } @old;
    my $t = time;
    is join(' ', map { $_->() } @waiting), '404 404 404 404 404 404', 'reload: waiting requests are served';
    ok until_true(5, sub { !grep { $old{$_} } workers() }), 'reload: old workers are gone';
    ok time - $t < 5, sprintf 'reload: in %.2f s', time - $t;
    ok ready(3), 'reload: ready';

    @old = workers();
    %old = map { $_ => 1 } @old;
    $t = time;
    kill 'HUP', $nginx;
    ok until_true(3, sub { !grep { $old{$_} } workers() }), 'reload: idle old workers go';
    ok time - $t < 1.5, sprintf 'reload: idle, in %.2f s', time - $t;
    sleep 0.3;

    write_conf(workers => 3, empty => 'off', zone => '16m', timeout => '6s');
    my ($a) = split / /, get('/seq')->{body};
    kill 'HUP', $nginx;
    sleep 0.5;
    ok ready(3), 'reload with another size: ready';
    my ($b) = split / /, get('/seq')->{body};
    ok $b > $a && $b < $a + 5e6, 'the clock goes on';
    race('after reload', 1);

    # ends every connection of an old worker, ours among them
    write_conf(workers => 3, empty => 'off', zone => '16m', timeout => '6s', shutdown => '200ms');
    kill 'HUP', $nginx;
    sleep 0.5;
    ok ready(3), 'reload with a shutdown timeout: ready';
    @waiting = map { background { get('/wait?k=q')->{status} } } 1 .. 3;
    sleep 0.1;
    %old = map { $_ => 1 } workers();
    kill 'HUP', $nginx;
    $_->() for @waiting;
    ok until_true(5, sub { !grep { $old{$_} } workers() }), 'shutdown timeout: old workers are gone';
    ok ready(3), 'shutdown timeout: ready';
    log_clean('reload');
};

subtest 'workers that die' => sub {
    my $end = time + 4;
    my @load = map {
        background {
            my $n = 0;
            while (time < $end) {
                eval {
                    my $c = http_open();
                    $c->timeout(3);
                    while (time < $end) {
                        my $r = get('/get?k=o{d}' . int(rand 500), $c);
                        last if !$r->{status};
                        $n++;
                    }
                };
            }
            return $n;
        }
    } 1 .. 4;
    for my $n (0 .. 7) {
        sleep 0.3;
        my @w = workers();
        $n % 2 ? kill('KILL', $w[rand @w]) : eval { get('/die?n=' . $n / 2) };
    }
    my @n = map { $_->() } @load;
    ok !(grep { !/^\d+$/ || $_ < 100 } @n), "load went on (@n)";
    ok ready(3), 'ready';
    my %seen;
    for (1 .. 60) {
        my $r = get('/get?k=o{d}' . $_);
        $seen{$r->{status}}++;
    }
    is join(' ', keys %seen), '404', 'all answer';
    like log_text(), qr/a worker died inside the cache/, 'a shard started anew';
    race('afterwards', 1);
    log_clean('dying workers');
};

subtest 'a small zone' => sub {
    stop_nginx();
    log_clear();
    start_nginx(zone => '256k', empty => 'off');
    ok ready(3), 'ready';
    my $c = http_open();
    my $wrong = 0;
    for my $n (1 .. 3000) {
        my $k = 'o{s}' . int rand 900;
        if ($n % 3 == 0) {
            my $v = chr(97 + $n % 26) x int rand 3000;
            redis('SET', $k, $v) if length $v;
        }
        my $want = redis('GET', $k) // '';
        $wrong++ if !until_true(1, sub { get("/get?k=$k", $c)->{body} eq $want });
    }
    is $wrong, 0, 'every answer is right';
    ok status()->{evictions} > 0, 'evictions: ' . status()->{evictions};
    log_clean('small zone');
};

subtest 'the cost of a hit' => sub {
    redis('SET', 'o{b}record', 'r' x 110);
    get('/get?k=o{b}record') for 1, 2;
    my $ns = get('/bench?k=o{b}record&n=2000000')->{body};
    note "$ns ns for a hit of 110 bytes";
    ok $ns < ($asan ? 2000 : 400), 'below 400 ns';
};

subtest 'TCP' => sub {
    stop_nginx();
    my $tcp = do {
        my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
        $s->sockport;
    };
    log_clear();
    start_nginx(empty => 'off', address => "127.0.0.1:$tcp");
    ok until_true(2, sub { log_text() =~ /Connection refused/ }), 'refused';
    redis('CONFIG', 'SET', 'port', $tcp);
    ok ready(3), 'ready when it listens';
    redis('SET', 'o{b}tcp', 'x' x 200_000);
    is length get('/get?k=o{b}tcp')->{body}, 200_000, 'large reply';
    redis('CLIENT', 'KILL', 'TYPE', 'pubsub');
    ok ready(1, 0), 'subscription killed: not ready';
    ok ready(2), 'and back';
    redis('CLIENT', 'KILL', 'TYPE', 'normal');
    sleep 0.2;
    ok ready(2), 'all others killed: back';
    stop_nginx();
    log_clean('TCP');
};

done_testing;
