# What the tests of failures share: parts that stop, start again or run out of
# something, and what must not be left behind afterwards.
package CosFail;

use strict;
use warnings;
use Exporter 'import';
use Time::HiRes qw(time sleep);
use Test::More ();
use Cos;

our @EXPORT = qw(redis_stop redis_start redis_dump redis_restore redis_signal
    redis_functions all_ready
    fds sockets rss open_files settled_solos quick is_unavailable is_full bytes);

# Bytes that do not repeat with any power of two.
sub bytes {
    my ($n, $seed) = @_;
    my $unit = join '', map { pack 'N', ($_ + ($seed || 0)) * 2654435761 & 0xffffffff } 1 .. 1021;
    return substr $unit x (1 + $n / length $unit), 0, $n;
}


# --- Redis --------------------------------------------------------------------------

sub redis_pid { my ($s) = @_; return 0 + (Cos::slurp($s->dir . '/redis.pid') || $s->env('REDIS_PID')) }

sub redis_signal { my ($s, $sig) = @_; kill $sig, redis_pid($s) or die "no Redis: $!\n" }

sub redis_stop {
    my ($s, $sig) = @_;
    my $pid = redis_pid($s);
    kill $sig || 'KILL', $pid or die "no Redis: $!\n";
    $s->wait_for(sub { !kill 0, $pid }) or die "Redis does not stop\n";
    delete $s->{redis_sock};
}

sub redis_start {
    my ($s) = @_;
    system('redis-server', $s->dir . '/conf/redis.conf') == 0 or die "Redis does not start\n";
    $s->wait_for(sub { eval { $s->redis('PING') eq 'PONG' } || (delete($s->{redis_sock}), 0)[1] })
        or die "Redis does not answer\n";
}

# All there is, and back again: what a rebuild would do, without its reading of
# the containers.
sub redis_dump {
    my ($s) = @_;
    return [map { [$_, $s->redis('DUMP', $_)] } @{ $s->redis('KEYS', '*') }];
}

sub redis_restore {
    my ($s, $dump) = @_;
    $s->redis('RESTORE', $_->[0], 0, $_->[1], 'REPLACE') for @$dump;
}


# The functions in Redis, some of them wrapped: $wrap is Lua that calls
# wrap(name, function(real, keys, args) ... end). What a wrapper keeps in local
# variables outlives its calls. Without $wrap: as they were.
sub redis_functions {
    my ($s, $wrap) = @_;
    my $lua = `"$Cos::ROOT/tools/library.sh"`;
    my $code = defined $wrap ? <<"END" : '';
local function wrap(name, fn)
    for i = 1, #functions do
        local f = functions[i]
        if f[1] == name then
            local real = f[2]
            f[2] = function(keys, args) return fn(real, keys, args) end
        end
    end
end
$wrap
END
    $lua =~ s/^(?=for i = 1, #functions do)/$code/m or die "cos.lua has another end\n";
    return $s->redis('FUNCTION', 'LOAD', 'REPLACE', $lua);
}


# --- nginx -----------------------------------------------------------------------------

# Whether every worker answers a question that needs Redis, and takes writes: the
# store is locked a moment after Redis is ready.
sub all_ready {
    my ($s, $bucket, $seconds) = @_;
    my %ready;
    return $s->wait_for(sub {
        # several at once, so that they do not all meet the same worker
        my @conns = eval { map { $s->connect } 1 .. 4 } or return 0;
        for my $conn (@conns) {
            my $r = eval { $s->put("/$bucket/is-it-ready", '', conn => $conn) } or next;
            $ready{ Cos::worker_of($r) // next } = $r->status == 200;
        }
        $_->close for @conns;
        return !grep { !$ready{$_} } $s->worker_pids;
    }, $seconds || 15);
}

sub fds { my ($pid) = @_; my @f = glob "/proc/$pid/fd/*"; return scalar @f }

sub sockets {
    my ($pid) = @_;
    return scalar grep { (readlink($_) // '') =~ /^socket:/ } glob "/proc/$pid/fd/*";
}

sub rss {
    my ($pid) = @_;
    return Cos::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m ? 1024 * $1 : 0;
}

# Solo containers that are not settled: uploads under way, or left behind. The
# second highest bit of an id's number tells them from packs.
sub open_files {
    my ($s) = @_;
    my $dir = $s->env('DATA_DIR') . '/open';
    return grep { m{/[0-9a-f]{12}$} && (hex(substr $_, -5) & 0x80000) } glob "$dir/*";
}

sub settled_solos {
    my ($s) = @_;
    return grep { m{/[0-9a-f]{12}$} && !m{/open/} && (hex(substr $_, -5) & 0x80000) }
        keys %{ $s->data_files };
}


# --- answers -----------------------------------------------------------------------------

# The code's answer, and whether it came within so many seconds.
sub quick {
    my ($max, $name, $code) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $start = time;
    my $r = $code->();
    my $took = time - $start;
    Test::More::cmp_ok($took, '<', $max * $Cos::SLOW, "$name: answered in time");
    return $r;
}

sub is_unavailable {
    my ($r, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $code = length $r->body ? $r->code // 'no document' : 'HEAD';
    return Test::More::ok($r->status == 503 && $code =~ /^(?:ServiceUnavailable|HEAD)$/
        && $r->h('retry-after'), "$name: 503, try again")
        || Test::More::diag($r->status . ' ' . substr $r->body, 0, 500);
}

sub is_full {
    my ($r, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_error($r, 507, 'InsufficientStorage', $name);
}

1;
