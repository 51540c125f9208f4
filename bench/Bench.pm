# What the rows of bench/run are made of: servers pinned to one core, the
# plain nginx beside them, requests built beforehand, runs of the load
# generator with the server's CPU time, and the table.
package Bench;

use strict;
use warnings;
use Cwd ();
use File::Path ();
use POSIX ();
use Time::HiRes qw(time sleep);

our ($ROOT, $DIR, $BIN, $ROUNDS, $SECONDS, @CPU);
our ($ok, $missed, $failed) = (0, 0, 0);
my @children;           # pids that are ours to end
my @servers;
my $main_pid = $$;

sub setup {
    $ROOT = Cwd::abs_path(__FILE__) =~ s{/bench/Bench\.pm$}{}r;
    $ROUNDS = $ENV{BENCH_ROUNDS} || 5;
    $SECONDS = $ENV{BENCH_SECONDS} || 1;
    $BIN = "$ROOT/build/bench";
    # beside the build, because /tmp may not be a disk
    $DIR = ($ENV{BENCH_DIR} || $BIN) . "/run.$$";
    File::Path::make_path($DIR);
    $ENV{TMPDIR} = $DIR;
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    @CPU = map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, $list;
    $#CPU = 1 if @CPU > 2;
    return;
}

sub cleanup {
    return unless $$ == $main_pid;
    alarm 0;
    eval { $_->down } for @servers;
    for my $pid (@children) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }
    @children = ();
    File::Path::remove_tree($DIR) if $DIR && -d $DIR;
    return;
}

sub slurp {
    my ($file) = @_;
    open my $f, '<:raw', $file or return '';
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($file, @text) = @_;
    open my $f, '>:raw', $file or die "$file: $!\n";
    print $f @text or die "$file: $!\n";
    close $f or die "$file: $!\n";
    return $file;
}

# Output of a command; dies when it fails.
sub run {
    my @cmd = @_;
    my $pid = open my $out, '-|';
    die "fork: $!\n" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @cmd or POSIX::_exit(127);
    }
    local $/;
    my $text = <$out> // '';
    close $out or die "$cmd[0] failed: $text\n";
    return $text;
}


# --- servers --------------------------------------------------------------------

# The time at which everything must be over. Starting a server borrows the
# alarm clock for its own limit.
our $wake;
our $over = '';         # why the run must end
sub rearm {
    $SIG{ALRM} = sub { $over = 'out of time'; die "took too long\n" };
    my $left = ($wake // time + 600) - time;
    alarm($left < 1 ? 1 : POSIX::ceil($left));
    return;
}

# All threads of a process to these cores.
sub pin {
    my ($pid, @cpu) = @_;
    return if @CPU < 2;
    run('taskset', '-acp', join(',', @cpu), $pid);
    return;
}

# Where Linux shares CPU time out by session (autogroup), servers, which have
# one each, get the same weight as this program.
sub favour {
    my ($nice) = slurp('/proc/self/autogroup') =~ /nice (-?\d+)/ or return;
    for my $pid (@_) {
        open my $f, '>', "/proc/$pid/autogroup" or next;
        print $f $nice;
        close $f;
    }
    return;
}

# nginx on the first core; what it waits for, on the client's.
sub pin_server {
    my ($s) = @_;
    pin(($s->worker_pids)[0], $CPU[0]);
    pin($s->env('REDIS_PID'), $CPU[-1]);
    favour($s->env('NGINX_PID'), $s->env('REDIS_PID'));
    return;
}

sub unpin_server {
    my ($s) = @_;
    pin($_, @CPU) for ($s->worker_pids)[0], $s->env('REDIS_PID');
    return;
}

# A server of this module: a side of comparisons.
sub server {
    my ($name, %o) = @_;
    File::Path::make_path("$DIR/$name");
    my $conf = "access_log off;\nkeepalive_requests 100000000;\n";
    my $s = Cos->start(dir => "$DIR/$name", conf => $conf, log => 'warn', %o);
    push @servers, $s;
    rearm();
    pin_server($s);
    return $s;
}

sub side {
    my ($s, $file, @args) = @_;
    return { port => $s->port, pid => ($s->worker_pids)[0], file => $file,
             args => \@args };
}

# Stock nginx, without the module, that serves files of $DIR/www.
my $static;
sub static {
    return $static if $static;
    my $dir = "$DIR/static";
    File::Path::make_path("$dir/logs", "$dir/tmp", "$DIR/www");
    my $port = Cos::free_port();
    my $user = $> == 0 ? 'user root;' : '';
    spew("$dir/nginx.conf", <<"END");
$user
daemon off;
pid "$dir/nginx.pid";
error_log "$dir/logs/error.log" warn;
worker_processes 1;
worker_rlimit_nofile 65536;
events { worker_connections 8192; }
http {
    client_body_temp_path "$dir/tmp/body";
    proxy_temp_path "$dir/tmp/proxy";
    fastcgi_temp_path "$dir/tmp/fastcgi";
    uwsgi_temp_path "$dir/tmp/uwsgi";
    scgi_temp_path "$dir/tmp/scgi";
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    access_log off;
    keepalive_requests 100000000;
    reset_timedout_connection on;
    open_file_cache max=10000 inactive=600s;
    open_file_cache_valid 600s;
    server {
        listen 127.0.0.1:$port backlog=4096;
        root "$DIR/www";
        location /site/ {
            index index.html;
            error_page 404 /site/404.html;
        }
    }
}
END
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        POSIX::setsid();        # as the other one
        local $ENV{PATH} = "$ENV{PATH}:/usr/sbin:/usr/local/sbin";
        exec $ENV{COSDEV_NGINX} || 'nginx', '-p', "$dir/", '-c',
            "$dir/nginx.conf" or POSIX::_exit(127);
    }
    push @children, $pid;
    my @worker;
    for (1 .. 100) {
        @worker = Cos::_children($pid);
        last if @worker
            && IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
        die "plain nginx ended: " . slurp("$dir/logs/error.log") . "\n"
            if waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.05;
    }
    die "plain nginx did not start\n" unless @worker;
    pin($worker[0], $CPU[0]);
    favour($pid);
    return $static = { port => $port, pid => $worker[0] };
}

# The side that serves a file with these bytes.
sub static_side {
    my ($name, $bytes, @args) = @_;
    my $s = static();
    my $file = "$DIR/www/$name";
    spew($file, $bytes) unless -e $file;
    my $list = requests("static-$name", [get_head("/$name", $s->{port}), 200,
        0, length $bytes]);
    return { %$s, file => $list, args => \@args };
}


# --- requests --------------------------------------------------------------------

sub get_head {
    my ($path, $port) = @_;
    return "GET $path HTTP/1.1\r\nHost: 127.0.0.1:$port\r\n\r\n";
}

# Writes requests [head, status, bytes of body, length of the answer or -1].
sub requests {
    my ($name, @list) = @_;
    return spew("$DIR/$name.req", map {
        pack('L<L<Q<q<', length $_->[0], @{$_}[1 .. 3]) . $_->[0] } @list);
}

my $noise;
sub bytes {
    my ($n) = @_;
    if (!defined $noise) {
        open my $f, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
        read $f, $noise, 1 << 20;
    }
    return substr($noise x (1 + $n / length $noise), 0, $n);
}


# --- runs ------------------------------------------------------------------------

# CPU time of a process so far, seconds.
sub cpu {
    my ($pid) = @_;
    my ($ns, $ticks) = (0, 0);
    for my $task (glob "/proc/$pid/task/*") {
        $ns += (split ' ', slurp("$task/schedstat"))[0] // 0;
    }
    return $ns / 1e9 if $ns;
    my @f = split ' ', slurp("/proc/$pid/stat") =~ s/^.*\) //sr;
    return ($f[11] + $f[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub parse {
    my ($line) = @_;
    my %r = $line =~ /(\w+)=(\S+)/g;
    die "no figures: $line\n" unless defined $r{rate};
    return \%r;
}

# One run of the load generator against a side.
sub load {
    my ($side, @more) = @_;
    my @cmd = ("$BIN/load", '-p', $side->{port}, @{ $side->{args} }, @more,
        $side->{file});
    unshift @cmd, 'taskset', '-c', $CPU[-1] if @CPU > 1 && !$side->{unpinned};
    my @pids = ($side->{pid}, $side->{also} // ());
    my $used = 0;
    $used -= cpu($_) for @pids;
    my $r = parse(run(@cmd));
    $used += cpu($_) for @pids;
    $r->{us} = 1e6 * $used / $r->{requests};
    $r->{server} = $used / $r->{seconds};
    $r->{client} = $r->{cpu} / $r->{seconds};
    return $r;
}

# A program that prints the same line.
sub bare { return parse(run("$BIN/" . shift, @_)) }

# Runs each side (name => code that returns figures) in turn, the order turned
# round every time; returns name => list of figures.
sub alternate {
    my (@sides) = @_;
    my (@names, %code, %out);
    while (@sides) {
        my ($name, $code) = splice @sides, 0, 2;
        push @names, $name;
        $code{$name} = $code;
    }
    for my $round (1 .. $ROUNDS) {
        for my $name ($round % 2 ? @names : reverse @names) {
            push @{ $out{$name} }, $code{$name}->($round);
        }
    }
    return \%out;
}

sub median {
    my @v = sort { $a <=> $b } @_;
    return @v % 2 ? $v[$#v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub middle { my ($list, $what) = @_; return median(map { $_->{$what} } @$list) }

sub least {
    my ($list, $what) = @_;
    return (sort { $a <=> $b } map { $_->{$what} } @$list)[0];
}

# Median of the ratios round by round: both sides of a round met the same
# weather.
sub ratio {
    my ($ours, $theirs, $what) = @_;
    return median(map { $ours->[$_]{$what} / ($theirs->[$_]{$what} || 1e-9) }
        0 .. $#$ours);
}


# --- the table -------------------------------------------------------------------

my $headed;
sub line {
    my (@f) = @_;
    printf "%-42s %12s %12s %7s %7s %8s  %-6s %s\n", @f, ('') x (8 - @f);
    return;
}

sub header {
    return if $headed++;
    print "Medians of $ROUNDS rounds of $SECONDS s a side. \"of CPU\": the"
        . " ratio in CPU time of the server,\nleast disturbed rounds.\n\n";
    line('row', 'here', 'reference', 'ratio', 'of CPU', 'target');
    line('-' x 42, '-' x 12, '-' x 12, '-' x 7, '-' x 7, '-' x 8);
    return;
}

sub commas { my $n = sprintf '%.0f', $_[0]; 1 while $n =~ s/^(-?\d+)(\d{3})/$1,$2/; return $n }

sub report {
    my (%o) = @_;
    header();
    my $good = $o{good};
    $good ? $ok++ : $missed++ if defined $good;
    line($o{name}, $o{here}, $o{there} // '',
        defined $o{ratio} ? sprintf('%.2f', $o{ratio}) : '',
        defined $o{cpu} ? sprintf('%.2f', $o{cpu}) : '', $o{target} // '',
        !defined $good ? '' : $good ? 'ok' : 'MISSED', $o{note} // '');
    return;
}

# A row of two sides measured by load(). Where the server was the limit, rates
# decide. Where something else was (the client, other work on the machine), they
# say little: then the CPU time has to be good too, that of the least disturbed
# round of each side.
sub compare {
    my ($name, $ours, $theirs, $target, %o) = @_;
    my $rate = ratio($ours, $theirs, 'rate');
    my $cpu = least($theirs, 'us') / least($ours, 'us');
    my $busy = middle($ours, 'server');
    my $unit = $o{unit} // sub { commas($_[0]) . '/s' };
    report(name => $name, here => $unit->(middle($ours, 'rate')),
        there => $unit->(middle($theirs, 'rate')), ratio => $rate, cpu => $cpu,
        target => ">= $target",
        good => $rate >= $target && ($busy >= 0.9 || $cpu >= $target),
        note => sprintf('%s us, p50 %s p99 %s us, busy %.0f%% client %.0f%%',
            figure(least($ours, 'us')), commas(middle($ours, 'p50')),
            commas(middle($ours, 'p99')), 100 * $busy,
            100 * middle($ours, 'client')) . ($o{note} // ''));
    return;
}

sub figure { return $_[0] < 1000 ? sprintf '%.1f', $_[0] : commas($_[0]) }

1;
