#!/usr/bin/perl
# The store inside nginx: group commit, packs and incarnations, descriptors,
# and what survives a reload, a full disk, and kill -9. Drives a module of its
# own (t/nginx/store/) whose commits are faked, so neither Redis nor the rest
# of ngx_cos_module takes part. COS_ASAN=1 runs it under AddressSanitizer.

use strict;
use warnings;

use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

my $here = dirname(abs_path($0));
my $asan = $ENV{COS_ASAN} ? 1 : 0;
my $build = dirname($here) . '/build/t-store' . ($asan ? '-asan' : '');
my $so = "$build/ngx_http_cosstore_test_module.so";

plan skip_all => 'no nginx' unless grep { -x "$_/nginx" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'no nginx-dev' unless -r ($ENV{NGX_SRC} || '/usr/share/nginx/src') . '/conf_flags';

my $log = `$here/nginx/store/build.sh '$build' @{[ $asan ? 'asan' : '' ]} 2>&1`;
die "the test module does not build:\n$log" unless $? == 0 && -e $so;

my @running;

test_append();
test_concurrency();
test_rollover();
test_end();
test_end_in_flight();
test_write_error();
test_solo();
test_descriptors();
test_descriptor_limit();
test_full_disk();
test_full_pack();
test_reload();
test_kill();
test_manager();

done_testing();


# --- what is tested ------------------------------------------------------------

sub test_append {
    my $s = server();

    my $r = get($s, '/append?n=1000&seed=5');
    is $r->{status}, 200, 'a record is appended';
    is content($s, $r->{body}), payload(5, 1000), 'and can be read';

    $r = get($s, '/append?n=0&seed=1');
    is $r->{status}, 200, 'so is an empty one';

    $r = get($s, '/append?n=131072&seed=9&urgent=1');
    is content($s, $r->{body}), payload(9, 131072), 'and an urgent one';

    is get($s, '/read?cid=0000deadbeef&off=64&len=5')->{status}, 404,
        'an unknown container is not found';

    my ($cid) = split /:/, $r->{body};
    stop($s);
    ok !-e "$s->{data}/open/$cid" && -s settled($s, $cid),
        'an orderly exit seals the pack';
}

sub test_concurrency {
    my $s = server();
    my @want;
    my %before = stats($s);

    for my $i (0 .. 2559) {
        my $n = $i % 64 ? int(rand(6000)) : int(rand(131072));
        push @want, { uri => "/append?n=$n&seed=$i", seed => $i, n => $n };
    }
    parallel($s, 64, \@want);

    is scalar(grep { $_->{status} == 200 } @want), 2560, '64 at once: all answered';
    my %now = stats($s);
    my $batches = $now{batches} - $before{batches};
    is $now{appends} - $before{appends}, 2560, 'all counted';
    cmp_ok $batches, '<', 2560 / 4, "in groups: $batches batches";
    is_deeply [ unreadable($s, @want) ], [], 'all readable';

    my %seen;
    is scalar(grep { $seen{ $_->{body} }++ } @want), 0, 'no place was given twice';
    stop($s);
}

sub test_rollover {
    my $s = server(size => '1m');
    my @want = map { { uri => "/append?n=50000&seed=$_", seed => $_, n => 50000 } } 1 .. 100;

    my $held = get($s, '/append?n=100&seed=3&keep=1')->{body};
    my ($first) = split /:/, $held;
    parallel($s, 8, \@want);
    is_deeply [ unreadable($s, @want) ], [], 'full packs: all readable';

    my %cids = map { (split /:/, $_->{body})[0] => 1 } @want;
    cmp_ok scalar(keys %cids), '>=', 5, 'a full pack is followed by another';
    ok eventually(sub { packs($s) == 2 }), 'full packs are sealed and settled';
    ok -e "$s->{data}/open/$first", 'unless a record in them is unresolved';
    is content($s, $held), payload(3, 100), 'which is readable';

    get($s, "/resolve?cid=$first");
    ok eventually(sub { !-e "$s->{data}/open/$first" }), 'as soon as it is resolved: sealed';
    is content($s, $held), payload(3, 100), 'and is still readable';
    stop($s);
}

sub test_end {
    my $s = server();
    my $r = get($s, '/append?n=10&seed=1&keep=1');
    my ($cid) = split /:/, $r->{body};
    my $inc = hex(substr $cid, 0, 7);

    ok !lockable($s, $inc), 'a living incarnation is locked';
    get($s, '/end');
    is get($s, '/append?n=10&seed=1')->{status}, 503, 'without incarnation: declined';
    is get($s, '/solo?n=10&seed=1')->{status}, 503, 'solos too';
    is content($s, $r->{body}), payload(1, 10), 'reading goes on';
    ok eventually(sub { lockable($s, $inc) }), 'the lock is dropped';
    ok -e "$s->{data}/open/$cid", 'the unresolved pack is left to recovery';

    get($s, '/begin');
    ok eventually(sub { get($s, '/append?n=10&seed=2')->{status} == 200 }), 'writable again';
    $r = get($s, '/append?n=10&seed=2');
    is hex(substr $r->{body}, 0, 7), $inc + 1, 'under the next incarnation';
    is get($s, "/resolve?cid=$cid")->{status}, 200, 'a late resolve is ignored';

    my $solo = get($s, '/solo?n=10&seed=2&keep=1')->{body};
    my ($scid) = split /:/, $solo;
    get($s, '/end');
    ($cid) = split /:/, $r->{body};
    ok eventually(sub { -e settled($s, $cid) }), 'a resolved pack is sealed at the end';
    ok !lockable($s, $inc + 1), 'a solo id holds its incarnation';
    get($s, "/soloend?cid=$scid");
    ok eventually(sub { lockable($s, $inc + 1) }), 'until it is given back';
    ok -e settled($s, $scid), 'and settled';

    get($s, '/begin');
    ok eventually(sub { get($s, '/append?n=10&seed=2')->{status} == 200 }), 'begun again';
    $r = get($s, '/append?n=10&seed=4');
    get($s, '/begin');
    ok eventually(sub { lockable($s, $inc + 2) }), 'begin hands over from a living one';
    ok -e settled($s, (split /:/, $r->{body})[0]), 'whose pack is sealed';
    stop($s);
}

sub test_end_in_flight {
    my $s = server();
    my (%status, @stored);

    for my $round (1 .. 20) {
        my @want = map { { uri => "/append?n=3000&seed=$_", seed => $_, n => 3000 } } 1 .. 40;
        splice @want, 10, 0, { uri => '/end' };
        splice @want, 30, 0, { uri => '/begin' };
        parallel($s, 42, \@want);
        $status{ $_->{status} }++ for @want;
        push @stored, grep { $_->{n} && $_->{status} == 200 } @want;
        sleep 0.02;
    }

    is_deeply [ grep { $_ != 200 && $_ != 503 } keys %status ], [],
        'end and begin among appends: each is answered';
    is_deeply [ unreadable($s, @stored) ], [], scalar(@stored) . ' stored ones are readable';
    ok eventually(sub { get($s, '/append?n=1&seed=1')->{status} == 200 }), 'writable at last';
    stop($s);
}

sub test_write_error {
    my $s = server(crit => 1);
    my $before = get($s, '/append?n=10&seed=1&keep=1')->{body};
    my $inc = hex(substr $before, 0, 7);

    get($s, '/break');
    is get($s, '/append?n=10&seed=1')->{status}, 500, 'a write fails';
    is content($s, $before), payload(1, 10), 'what was written before is readable';
    ok eventually(sub { get($s, '/append?n=10&seed=1')->{status} == 200 }, 5),
        'another incarnation is asked for';
    my $after = get($s, '/append?n=10&seed=2')->{body};
    is hex(substr $after, 0, 7), $inc + 1, 'and taken';
    ok eventually(sub { lockable($s, $inc) }), 'the failed one is given up';
    ok -e "$s->{data}/open/" . (split /:/, $before)[0], 'with its pack';

    get($s, '/break');
    my $start = time;
    get($s, '/append?n=10&seed=1');
    ok eventually(sub { get($s, '/append?n=10&seed=1')->{status} == 200 }, 5), 'and once more';
    cmp_ok time - $start, '>', 0.2, 'but not as fast as a broken disk fails';
    stop($s);
}

sub test_solo {
    my $s = server();
    my $r = get($s, '/solo?n=300000&seed=11');
    my ($cid) = split /:/, $r->{body};

    is content($s, $r->{body}), payload(11, 300000), 'a solo container is readable';
    ok eventually(sub { -e settled($s, $cid) }), 'settled in the background';
    ok fds($s, $cid), 'its descriptor is kept';

    get($s, "/dead?cid=$cid");
    ok eventually(sub { !-e settled($s, $cid) }), 'a dead one is removed';
    ok eventually(sub { !fds($s, $cid) }), 'and its descriptor closed';
    is get($s, read_uri($r->{body}))->{status}, 404, 'it is not found';

    my $pack = get($s, '/append?n=10&seed=1')->{body};
    my ($pcid) = split /:/, $pack;
    get($s, "/dead?cid=$pcid");
    $r = get($s, '/solo?n=10&seed=1&keep=1');
    ($cid) = split /:/, $r->{body};
    get($s, "/dead?cid=$cid");
    ok eventually(sub { !-e "$s->{data}/open/$cid" }), 'an unsettled one can die as well';
    get($s, "/soloend?cid=$cid");
    is content($s, $pack), payload(1, 10), 'packs are left alone';

    # a slow reader keeps its bytes
    $r = get($s, '/solo?n=30000000&seed=2');
    ($cid) = split /:/, $r->{body};
    my $sock = connect_to($s);
    syswrite $sock, 'GET ' . read_uri($r->{body}) . " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    ok eventually(sub { fds($s, $cid) }), 'a large one is being sent';
    get($s, "/dead?cid=$cid");
    ok eventually(sub { !-e settled($s, $cid) }), 'while it is removed';
    my $got = '';
    1 while sysread $sock, $got, 1 << 20, length $got;
    ok $got =~ s/^.*?\r\n\r\n//s && $got eq payload(2, 30000000), 'the reader gets all of it';
    ok eventually(sub { !fds($s, $cid) }), 'then it is closed';
    stop($s);
}

sub test_descriptors {
    my $s = server(open_max => 8, inactive => '1s');
    my @want = map { { seed => $_, n => 5000, body => get($s, "/solo?n=5000&seed=$_")->{body},
        status => 200 } } 1 .. 40;

    is_deeply [ unreadable($s, (@want) x 2) ], [], 'more containers than descriptors';
    my %now = stats($s);
    cmp_ok $now{opens}, '>=', 40, 'they were opened';
    ok eventually(sub { fds($s) <= 8 }), 'but not kept beyond the limit';

    my $opens = $now{opens};
    content($s, $want[0]{body}) for 1 .. 20;
    %now = stats($s);
    cmp_ok $now{opens}, '<=', $opens + 1, 'a hit opens nothing';
    ok eventually(sub { fds($s) == 0 }, 5), 'unused ones are closed in time';

    my @same = map { { uri => read_uri($want[1]{body}), seed => 2, n => 5000 } } 1 .. 64;
    parallel($s, 64, \@same);
    is scalar(grep { $_->{body} eq payload(2, 5000) } @same), 64, '64 readers of one';
    %now = stats($s);
    cmp_ok $now{opens}, '<=', $opens + 4, 'share the opening';
    stop($s);
}

sub test_descriptor_limit {
    my $s = server(main => 'worker_rlimit_nofile 80;', open_max => 1000);
    my @want = map { { seed => $_, n => 500, body => get($s, "/solo?n=500&seed=$_")->{body},
        status => 200 } } 1 .. 150;

    is_deeply [ unreadable($s, @want) ], [], 'out of descriptors: idle ones make room';
    stop($s);
}

sub test_full_disk {
    SKIP: {
        my $mnt = tmpfs('24m') or skip 'cannot mount', 7;
        my $s = server(data => "$mnt/data", crit => 1, size => '8m', cleanup => sub { untmpfs($mnt) });

        my $solo = get($s, '/solo?n=4000000&seed=1')->{body};
        my ($n, $r, @want) = (0);
        while ($n++ < 1000) {
            $r = get($s, "/append?n=100000&seed=$n");
            last if $r->{status} != 200;
            push @want, { %$r, seed => $n, n => 100000 };
        }
        is $r->{status}, 507, "after $n records the disk is full";

        my @more = map { { uri => "/append?n=100000&seed=$_", seed => $_, n => 100000 } } 1 .. 200;
        parallel($s, 16, \@more);
        cmp_ok scalar(grep { $_->{status} == 507 } @more), '>', 150, 'it stays full';
        push @want, grep { $_->{status} == 200 } @more;

        my @urgent = map { { uri => "/append?n=100&seed=$_&urgent=1", seed => $_, n => 100 } } 1 .. 200;
        my @mixed = map { { uri => "/append?n=100000&seed=1" }, $_ } @urgent;
        parallel($s, 32, \@mixed);
        is scalar(grep { $_->{status} == 200 } @urgent), 200, 'urgent records still go through';
        push @want, @urgent;

        is_deeply [ unreadable($s, @want) ], [], 'all readable';
        is hex(substr $want[-1]{body}, 0, 7), hex(substr $want[0]{body}, 0, 7),
            'no incarnation was lost';
        cmp_ok packs($s), '<=', 2, 'no container either';

        get($s, '/dead?cid=' . (split /:/, $solo)[0]);
        ok eventually(sub { get($s, '/append?n=100000&seed=1')->{status} == 200 }, 5),
            'space is used again';
        stop($s);
    }
}

sub test_reload {
    my $s = server(workers => 2);
    my $until = time + 4;
    my @kids = map { load($s, $_, $until) } 1 .. 4;

    for (1 .. 3) {
        sleep 0.9;
        kill 'HUP', $s->{pid};
    }
    my ($bad, @want) = harvest(@kids);
    is_deeply $bad, [], 'reload under load: no request failed';
    cmp_ok scalar(@want), '>', 200, scalar(@want) . ' stored';
    is_deeply [ unreadable($s, @want) ], [], 'all readable';
    ok eventually(sub { workers($s) == 2 }, 10), 'old workers are gone';
    ok eventually(sub { packs($s) <= 2 }, 5), 'their packs are sealed';
    stop($s);
}

sub test_kill {
    my $s = server(workers => 1, killed => 1);
    my $until = time + 4;
    my @kids = map { load($s, $_, $until) } 1 .. 4;
    my @inc;

    for (1 .. 3) {
        sleep 0.8;
        my ($pid) = workers($s);
        kill 'KILL', $pid;
    }
    my (undef, @want) = harvest(@kids);
    cmp_ok scalar(@want), '>', 200, 'kill -9 under load: ' . @want . ' stored';
    is_deeply [ unreadable($s, @want) ], [], 'all readable';

    my %inc = map { hex(substr $_->{body}, 0, 7) => 1 } @want;
    cmp_ok scalar(keys %inc), '>=', 2, 'each worker has its own incarnation';
    my ($first) = sort { $a <=> $b } keys %inc;
    ok lockable($s, $first), 'a dead one is not locked';
    cmp_ok packs($s), '>=', 2, 'its pack waits for recovery';
    stop($s);
}

# The pack is full and there is no space for another.
sub test_full_pack {
    SKIP: {
        my $mnt = tmpfs('12m') or skip 'cannot mount', 5;
        my $s = server(data => "$mnt/data", crit => 1, size => '2m', cleanup => sub { untmpfs($mnt) });

        my @want = map { { uri => "/append?n=100000&seed=$_", seed => $_, n => 100000 } } 1 .. 20;
        parallel($s, 1, \@want);
        is scalar(grep { $_->{status} == 200 } @want), 20, 'a pack is filled';
        for my $n (4000000, 1000000, 300000, 100000, 30000) {
            1 while get($s, "/solo?n=$n&seed=1")->{status} == 200;
        }

        my @urgent = map { { uri => "/append?n=20000&seed=$_&urgent=1", seed => $_, n => 20000 } } 1 .. 20;
        my @data = map { { uri => "/append?n=100000&seed=$_" } } 1 .. 20;
        parallel($s, 8, [ map { $data[$_], $urgent[$_] } 0 .. 19 ]);
        is scalar(grep { $_->{status} == 507 } @data), 20, 'no space for another';
        is scalar(grep { $_->{status} == 200 } @urgent), 20, 'urgent records go into the old one';
        is_deeply [ unreadable($s, @want, @urgent) ], [], 'all readable';
        is packs($s), 1, 'nothing is left behind';
        stop($s);
    }
}

sub tmpfs {
    my ($size) = @_;
    return if $>;
    my $mnt = tempdir('cos-full.XXXXXX', TMPDIR => 1, CLEANUP => 1);
    system("mount -t tmpfs -o size=$size,mode=777 tmpfs $mnt 2>/dev/null") == 0 or return;
    return $mnt;
}

sub untmpfs {
    my ($mnt) = @_;
    system "umount $mnt 2>/dev/null || umount -l $mnt";
}

# Its work is tested elsewhere; here: that it waits politely and leaves.
sub test_manager {
    my $s = server(redis => '/nonexistent/redis.sock');
    ok eventually(sub { slurp("$s->{dir}/error.log") =~ /background work waits/ }, 8),
        'without Redis the background work waits';
    my $start = time;
    stop($s);
    cmp_ok time - $start, '<', 4, 'and does not keep nginx from leaving';

    SKIP: {
        skip 'no redis-server', 10 unless grep { -x "$_/redis-server" } split /:/, $ENV{PATH};
        my $dir = tempdir('cos-redis.XXXXXX', TMPDIR => 1, CLEANUP => 1);
        my $pid = fork;
        if (!$pid) {
            exec 'redis-server', '--port', 0, '--unixsocket', "$dir/s", '--dir', $dir,
                '--save', '', '--logfile', "$dir/log";
        }
        eventually(sub { -S "$dir/s" }, 5);
        $s = server(redis => "unix:$dir/s");
        ok eventually(sub { slurp("$s->{dir}/error.log") =~ /background work waits/ }, 8),
            'without the function library too';
        stop($s);

        my $cli = "redis-cli -s $dir/s";
        system "$here/../tools/library.sh | $cli -x FUNCTION LOAD REPLACE >$dir/out 2>&1";
        $s = server(redis => "unix:$dir/s", first => 1000, crit => 1,
            store => sub { system "$cli HSET g store another >$dir/out" });
        ok eventually(sub { slurp("$s->{dir}/error.log") =~ /does not name .* as its store/ }, 8),
            'the store of another Redis is left alone';
        stop($s);

        $s = server(redis => "unix:$dir/s", first => 1000, store => sub { system "$cli HSET g store $_[0] >$dir/out" });
        ok eventually(sub { -e "$s->{data}/open/1.lock" && !lockable($s, 1) }, 8),
            'with all that it takes an incarnation and works';
        $start = time;
        stop($s);
        cmp_ok time - $start, '<', 4, 'and leaves in time';
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
}


# --- servers --------------------------------------------------------------------

sub server {
    my (%o) = @_;
    my $dir = tempdir('cos-store.XXXXXX', TMPDIR => 1, CLEANUP => 1);
    chmod 0755, $dir;
    mkdir "$dir/tmp";
    my $s = { %o, dir => $dir, port => free_port(), data => $o{data} || "$dir/data" };

    my $more = '';
    $more .= "cosstore_size $o{size};" if $o{size};
    $more .= "cosstore_open_max $o{open_max};" if $o{open_max};
    $more .= "cosstore_inactive $o{inactive};" if $o{inactive};
    $more .= "cosstore_redis $o{redis};" if $o{redis};

    open my $f, '>', "$dir/nginx.conf" or die $!;
    print $f <<"END";
load_module $so;
@{[ $> ? '' : 'user root;' ]}
worker_processes @{[ $o{workers} || 1 ]};
error_log $dir/error.log info;
pid $dir/nginx.pid;
daemon off;
@{[ $o{main} || '' ]}
events { worker_connections 512; }
http {
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path $dir/tmp/a;
    proxy_temp_path $dir/tmp/b;
    fastcgi_temp_path $dir/tmp/c;
    uwsgi_temp_path $dir/tmp/d;
    scgi_temp_path $dir/tmp/e;
    cosstore_root $s->{data};
    cosstore_counter $dir/counter;
    $more
    server { listen 127.0.0.1:$s->{port}; location / { cosstore; } }
}
END
    close $f;

    if ($o{first}) {
        open my $c, '>', "$dir/counter" or die $!;
        print $c $o{first};
    }
    if ($o{store}) {
        my $id = '01234567-89ab-4def-8123-456789abcdef';
        mkdir $s->{data};
        open my $f, '>', "$s->{data}/store.id" or die $!;
        print $f "$id\n";
        $o{store}->($id);
    }

    $s->{pid} = fork // die "fork: $!";
    if ($s->{pid} == 0) {
        open STDERR, '>', "$dir/stderr";
        if ($asan) {
            chomp(my $lib = `gcc -print-file-name=libasan.so`);
            $ENV{LD_PRELOAD} = $lib;
            $ENV{ASAN_OPTIONS} = "detect_leaks=0:log_path=$dir/asan";
        }
        $ENV{PATH} .= ':/usr/sbin';
        exec 'nginx', '-p', $dir, '-c', "$dir/nginx.conf" or POSIX::_exit(127);
    }
    push @running, $s;
    eventually(sub { my %st = eval { stats($s) }; $st{writable} }, 20)
        or die "nginx does not start:\n" . slurp("$dir/stderr") . slurp("$dir/error.log");
    return $s;
}

# Ends it in order and looks for what no test may leave behind.
sub stop {
    my ($s) = @_;
    delete $s->{conn};
    kill 'QUIT', $s->{pid};
    my $gone = eventually(sub { waitpid($s->{pid}, WNOHANG) == $s->{pid} }, 15);
    ok $gone, 'nginx leaves when told to';
    if (!$gone) {
        kill 'TERM', $s->{pid};
        waitpid $s->{pid}, 0;
    }
    @running = grep { $_ != $s } @running;

    my $kinds = 'alert|emerg|open socket' . ($s->{crit} ? '' : '|crit|error');
    my @bad = grep { /\[(?:$kinds)\]|open socket/ } split /^/m, slurp("$s->{dir}/error.log");
    @bad = grep { !/exited on signal 9/ } @bad if $s->{killed};
    is_deeply \@bad, [], 'nothing alarming in the log';
    is join('', map { slurp($_) } glob "$s->{dir}/asan.*"), '', 'no report of a sanitizer' if $asan;
    $s->{cleanup}->() if $s->{cleanup};
}

END {
    my $status = $?;
    for my $s (@running) {
        kill 'TERM', $s->{pid};
        waitpid $s->{pid}, 0;
        $s->{cleanup}->() if $s->{cleanup};
    }
    $? = $status;
}

sub workers {
    my ($s) = @_;
    my @pids = split ' ', slurp("/proc/$s->{pid}/task/$s->{pid}/children");
    return grep { slurp("/proc/$_/cmdline") =~ /worker process/ } @pids;
}

# Descriptors of containers that workers have open for reading.
sub fds {
    my ($s, $cid) = @_;
    my $n = 0;
    for my $pid (workers($s)) {
        for my $fd (glob "/proc/$pid/fd/*") {
            my $to = readlink $fd // next;
            next unless $to =~ m{^\Q$s->{data}\E/\w+/([0-9a-f]{12})\b};
            next if $cid && $1 ne $cid;
            my ($flags) = slurp("/proc/$pid/fdinfo/" . ($fd =~ m{(\d+)$})[0]) =~ /flags:\s*(\d+)/;
            $n++ if defined $flags && (oct($flags) & 3) == 0;
        }
    }
    return $n;
}

sub packs {
    my ($s) = @_;
    return scalar grep { /[0-9a-f]{12}$/ } glob "$s->{data}/open/*";
}

sub settled {
    my ($s, $cid) = @_;
    return "$s->{data}/" . substr($cid, 10) . "/$cid";
}

sub lockable {
    my ($s, $inc) = @_;
    open my $f, '+<', sprintf('%s/open/%x.lock', $s->{data}, $inc) or return 0;
    return flock $f, LOCK_EX | LOCK_NB;
}


# --- clients --------------------------------------------------------------------

sub payload {
    my ($seed, $n) = @_;
    my $alphabet = join '', 'a' .. 'z';
    $alphabet = substr($alphabet, $seed % 26) . substr($alphabet, 0, $seed % 26);
    return substr $alphabet x ($n / 26 + 1), 0, $n;
}

sub connect_to {
    my ($s) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $s->{port}, Timeout => 10);
}

# One request over the server's kept connection.
sub get {
    my ($s, $uri) = @_;
    for (1, 2) {
        my $c = $s->{conn} ||= connect_to($s) or return { status => 0 };
        my $r = exchange($c, $uri);
        return $r if $r->{status};
        delete $s->{conn};
    }
    return { status => 0 };
}

sub exchange {
    my ($c, $uri, $close) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $type = $close ? "Connection: close\r\n" : '';
    syswrite $c, "GET $uri HTTP/1.1\r\nHost: a\r\n$type\r\n" or return { status => 0 };
    my $buf = '';
    my $r;
    until ($r = parse(\$buf)) {
        sysread($c, $buf, 1 << 20, length $buf) or return { status => 0 };
    }
    return $r;
}

sub parse {
    my ($buf) = @_;
    $$buf =~ /\r\n\r\n/g or return;
    my $head = pos $$buf;
    my ($len) = substr($$buf, 0, $head) =~ /^Content-Length: (\d+)/mi;
    $len = 0 unless defined $len;
    return if length($$buf) < $head + $len;
    my ($status) = $$buf =~ m{^HTTP/1\.1 (\d+)};
    my $body = substr $$buf, $head, $len;
    $$buf = substr $$buf, $head + $len;
    return { status => $status, body => $body };
}

# Sends all requests over n connections at once; fills in status and body.
sub parallel {
    my ($s, $n, $want) = @_;
    my @queue = @$want;
    my $select = IO::Select->new;
    my %state;

    my $next = sub {
        my ($c) = @_;
        my $w = shift @queue;
        if (!$w) {
            $select->remove($c);
            delete $state{$c};
            return;
        }
        $state{$c} = { want => $w, buf => '' };
        $w->{status} = 0;
        syswrite $c, "GET $w->{uri} HTTP/1.1\r\nHost: a\r\n\r\n";
    };

    for (1 .. $n) {
        my $c = connect_to($s) or die "cannot connect: $!";
        $select->add($c);
        $next->($c);
    }
    while (%state) {
        my @ready = $select->can_read(30) or last;
        for my $c (@ready) {
            my $st = $state{$c};
            if (!sysread $c, $st->{buf}, 1 << 20, length $st->{buf}) {
                $select->remove($c);
                delete $state{$c};
                next;
            }
            my $r = parse(\$st->{buf}) or next;
            @{ $st->{want} }{qw(status body)} = @$r{qw(status body)};
            $next->($c);
        }
    }
}

# A process that appends, one connection for each request, until then. A 503
# (a worker that has no incarnation yet) is tried again.
sub load {
    my ($s, $id, $until) = @_;
    pipe my $in, my $out or die $!;
    my $pid = fork // die $!;
    return { pid => $pid, in => $in } if $pid;

    @running = ();
    close $in;
    my $seed = $id * 1000003;
    while (time < $until) {
        $seed++;
        my $c = connect_to($s);
        my $r = $c ? exchange($c, "/append?n=2000&seed=$seed", 1) : { status => 0 };
        redo if $r->{status} == 503 && sleep 0.005;
        print $out "$r->{status} $seed ", $r->{body} || "\n";
    }
    close $out;
    POSIX::_exit(0);
}

sub harvest {
    my (@bad, @want);
    for my $kid (@_) {
        my $in = $kid->{in};
        while (my $line = <$in>) {
            chomp $line;
            my ($status, $seed, $body) = split / /, $line;
            if ($status == 200) {
                push @want, { status => 200, seed => $seed, n => 2000, body => $body };
            } else {
                push @bad, $line;
            }
        }
        waitpid $kid->{pid}, 0;
    }
    return \@bad, @want;
}

sub read_uri {
    my ($place) = @_;
    chomp $place;
    my ($cid, $off, $len) = split /:/, $place;
    return "/read?cid=$cid&off=$off&len=$len";
}

sub content {
    my ($s, $place) = @_;
    my $r = get($s, read_uri($place));
    return $r->{status} == 200 ? $r->{body} : "status $r->{status}";
}

sub unreadable {
    my ($s, @want) = @_;
    my @bad = grep { $_->{n} && $_->{status} == 200
        && content($s, $_->{body}) ne payload($_->{seed}, $_->{n}) } @want;
    return map { "$_->{seed} $_->{body}" } @bad;
}

sub stats {
    my ($s) = @_;
    my $r = get($s, '/stats');
    return ($r->{body} || '') =~ /(\w+)=(\d+)/g;
}


# --- small things ---------------------------------------------------------------

sub eventually {
    my ($what, $seconds) = @_;
    my $end = time + ($seconds || 3) * ($asan ? 3 : 1);
    until ($what->()) {
        return 0 if time > $end;
        sleep 0.02;
    }
    return 1;
}

sub free_port {
    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)->sockport;
}

sub slurp {
    my ($name) = @_;
    open my $f, '<', $name or return '';
    local $/;
    return <$f> // '';
}
