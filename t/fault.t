# Faults under load: whatever is killed, stopped or lost, what was acknowledged
# stays and what was refused never shows. The work is done by t/fault/run.py;
# here its server is started, and looked after at the end.
#
#   FAULT_SECONDS=300   how long the storms last (40)
#   FAULT_SEED=N        repeat the choices of that run
#   FAULT_CLIENTS=N     client processes (4)
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

plan skip_all => 'python3 is not installed' if system('python3 -c "" 2>/dev/null');

my $seconds = $ENV{FAULT_SECONDS} || 40;
$ENV{COS_TEST_KEEP} //= 1;
my $s = Cos->start(workers => 2, limit => 300 + 3 * $seconds,
    http => 'cos_container_size 4m; cos_compact_percent 30; cos_sweep_grace 2s;'
        . ' cos_restore_time ARCHIVE Expedited 1s;');

my @cmd = ('python3', '-B', "$FindBin::Bin/fault/run.py", '--root', $Cos::ROOT, '--dir', $s->dir,
    '--seconds', $seconds, '--clients', $ENV{FAULT_CLIENTS} || 4,
    '--up', "--workers 2 --log info --http " . $s->dir . '/in/http');
push @cmd, '--seed', $ENV{FAULT_SEED} if defined $ENV{FAULT_SEED};
open my $out, '-|', @cmd or die "python3: $!\n";
while (<$out>) {
    chomp;
    if (/^(not )?ok - (.*)/) { ok !$1, $2 }
    elsif (/^# FAULT_SEED|^# (?:faults|requests|refused|histories)/) { note substr $_, 2 }
    else { s/^# //; diag $_ }
}
close $out;
my $rc = $? >> 8;
is $?, 0, 'the driver came to its end' if $rc > 1 || $? & 127 || !Test::More->builder->current_test;

$s->_read_env if -e $s->dir . '/env';
# between two masters a connection of somebody else may have the port for a moment
$s->done(workers_change => 1, allow => qr/exited\ on\ signal\ 9|\[alert\].*open\ socket
    |bind\(\)\ to\ \S+\ failed\ \(98/x);
