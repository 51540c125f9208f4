#!/usr/bin/perl
# cosctl against a Redis and a data directory of its own: users survive the
# loss of Redis, secrets are sealed, mistakes are told apart by exit code.

use strict;
use warnings;
use Test::More;
use File::Temp 'tempdir';
use FindBin;
use IO::Socket::UNIX;

my $root = "$FindBin::Bin/..";
my $ctl = "$root/tools/cosctl";
my $dir = tempdir('cosctl-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $sock = "$dir/s";
my $pid;

plan skip_all => 'no redis-server' if system('command -v redis-server >/dev/null') != 0;

sub redis_up {
    $pid = fork;
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        exec 'redis-server', '--port', 0, '--unixsocket', $sock, '--save', '',
             '--dir', $dir;
        exit 127;
    }
    for (1 .. 100) {
        last if IO::Socket::UNIX->new(Peer => $sock);
        select undef, undef, undef, 0.05;
    }
}

sub redis_down { kill 'KILL', $pid; waitpid $pid, 0; unlink $sock }
END { my $rc = $?; redis_down() if $pid; $? = $rc }

# Runs cosctl; returns exit code and both outputs.
sub ctl {
    my @args = map { "'$_'" } @_;
    my $out = `$ctl @args 2>$dir/err`;
    my $rc = $? >> 8;
    open my $fh, '<', "$dir/err" or die;
    local $/;
    return ($rc, $out, scalar <$fh>);
}

sub file { my ($n, $t) = @_; open my $fh, '>', $n or die; print $fh $t; close $fh }

redis_up();
mkdir "$dir/data";
file("$dir/key", 'ab' x 32 . "\n");
file("$dir/raw", 'x' x 32);
file("$dir/short", 'ab' x 31);
file("$dir/env", qq{# made by hand\nREDIS_SOCKET="$sock"\nDATA_DIR="$dir/data"\nMASTER_KEY="$dir/key"\nOTHER=1\n});
my @env = ('--env', "$dir/env");
my ($rc, $out, $err);

($rc, $out) = ctl('--help');
is $rc, 0, '--help';
like $out, qr/user rotate/, 'names the verbs';
is +(ctl())[0], 2, 'no command';
is +(ctl('frob'))[0], 2, 'unknown command';
is +(ctl('user', 'add'))[0], 2, 'missing argument';
is +(ctl('ping', '--frob'))[0], 2, 'unknown option';

($rc, $out, $err) = ctl('ping', '-r', "unix:$dir/nowhere");
is $rc, 1, 'no Redis';
like $err, qr/cannot connect.*nowhere/, 'says where';
($rc, $out, $err) = ctl('verify', '-d', "$dir/nowhere");
is $rc, 1, 'no data directory';
like $err, qr/nowhere.*No such file/, 'says which';
($rc, $out, $err) = ctl(@env, '-k', "$dir/short", 'user', 'add', 'x');
is $rc, 1, 'bad master key';
like $err, qr/32 bytes or 64/, 'says what it wants';

($rc, $out, $err) = ctl(@env, 'user', 'add', 'alice');
is $rc, 0, 'user add' or diag $err;
like $out, qr/^uid +100000000100$/m, 'first uid';
my ($ak) = $out =~ /^access key +(AKID\w+)$/m;
my ($sk) = $out =~ /^secret key +(\w{40})$/m;
ok $ak && $sk, 'prints a pair';
is +(ctl(@env, 'user', 'add', 'alice'))[0], 1, 'not twice';
($rc, $out) = ctl(@env, 'user', 'add', 'bob', '-k', "$dir/raw");
like $out, qr/^uid +100000000101$/m, 'second uid';
is +(ctl(@env, 'user', 'add', "a b"))[0], 1, 'no spaces in names';
is system("grep -rqs $sk $dir/data"), 256, 'no secret on disk';
is +(ctl(@env, 'ping'))[0], 0, 'ping';

($rc, $out) = ctl(@env, 'user', 'rotate', $ak);
is $rc, 0, 'rotate';
my ($new) = $out =~ /^access key +(AKID\w+)$/m;
isnt $new, $ak, 'another key';
($rc, $out) = ctl(@env, 'user', 'list');
like $out, qr/^alice +100000000100 +$ak +disabled/m, 'old one disabled';
like $out, qr/^alice +100000000100 +$new +enabled/m, 'new one enabled';
is +(ctl(@env, 'user', 'enable', $ak))[0], 0, 'enable';
is +(ctl(@env, 'user', 'disable', $new))[0], 0, 'disable';
is +(ctl(@env, 'user', 'disable', 'AKIDNO'))[0], 1, 'unknown key';
my (undef, $before) = ctl(@env, 'user', 'list');

($rc, $out, $err) = ctl(@env, 'rebuild');
is $rc, 1, 'rebuild refuses a Redis in use';
like $err, qr/--force/, 'says how';
redis_down();
redis_up();
($rc, $out, $err) = ctl(@env, 'ping');
is $rc, 1, 'ping knows an emptied Redis';
like $err, qr/rebuild/, 'and what to do';
is +(ctl(@env, 'user', 'add', 'carol'))[0], 1, 'no change before a rebuild';
is +(ctl(@env, 'rebuild'))[0], 0, 'rebuild';
is +(ctl(@env, 'user', 'list'))[1], $before, 'users are back';
is +(ctl(@env, 'rebuild', '--force'))[0], 0, 'rebuild --force';
is +(ctl(@env, 'user', 'list'))[1], $before, 'users are back again';
($rc, $out) = ctl(@env, 'user', 'add', 'carol');
like $out, qr/^uid +100000000102$/m, 'no uid is given twice';

is +(ctl(@env, 'bucket', 'list'))[0], 0, 'bucket list';
is +(ctl(@env, 'bucket', 'stat', 'nope'))[0], 1, 'bucket stat of none';
is +(ctl(@env, 'compact', '--grace', 0))[0], 0, 'compact';
is +(ctl(@env, 'sweep', '--grace', 0))[0], 0, 'sweep';
like +(ctl(@env, 'user', 'list'))[1], qr/carol/, 'users stay';
($rc, $out) = ctl(@env, 'verify');
is $rc, 0, 'verify';
like $out, qr/^damaged +0$/m, 'nothing damaged';

my ($file) = glob "$dir/data/[0-9a-f][0-9a-f]/*";
open my $fh, '+<', $file or die;
seek $fh, 200, 0; read $fh, my $byte, 1; seek $fh, 200, 0;
print $fh chr(ord($byte) ^ 1); close $fh;
($rc, $out, $err) = ctl(@env, 'verify');
is $rc, 1, 'verify finds a flipped bit';
like $err, qr/damaged/, 'and says so';

# Documents to begin with, and what is wrong with others
my @templates = glob "$root/conf/policies/*.json";
cmp_ok(scalar @templates, '>', 8, 'there are policies');
for my $f (@templates) {
    ($rc, $out, $err) = ctl('policy', 'check', $f, 'examplebucket-1250000000');
    is $rc, 0, "policy check $f" or diag $err;
    is +(ctl('policy', 'check', $f, 'other-1250000000'))[0], 1, 'and not of another bucket';
}
file("$dir/policy", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}');
($rc, $out) = ctl('policy', 'check', "$dir/policy");
like $out, qr/policy of a user/, 'a policy of a user';
file("$dir/policy", '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:X","Resource":"*"}}');
($rc, $out, $err) = ctl('policy', 'check', "$dir/policy");
is $rc, 1, 'a wrong one';
like $err, qr/statement 1: unknown action: "s3:X"/, 'says what';
like +(ctl('policy', 'check', "$dir/none"))[2], qr/none: No such file/, 'no such file';

done_testing();
