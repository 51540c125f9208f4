#!/usr/bin/perl

# Accounting: after thousands of random changes, refused ones among them, the
# weights of containers, the sets of dead ones, counters and indexes are what
# a recomputation over all records gives.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use CosRedis;
use CosRecord;

my $seed = $ENV{COS_TEST_SEED} // time;
srand $seed;
note "COS_TEST_SEED=$seed";

my $redis = CosRedis->start(appendfsync => 'no',
    'enable-debug-command' => 'yes');
$redis->load;

my $B = 'k1';
my $seq = 1000;
my %status;       # "function status" => how often
my %announced;    # container id => told as dead and not alive again since
my @keys = map { "key\0\xff$_" } 1 .. 12;
my %upload;       # id => { key, parts => { n => record } }

sub pick { return $_[int rand @_] }

# Mostly rising, sometimes behind.
sub next_seq {
    $seq += 1 + int rand 3;
    return rand() < 0.1 ? $seq - int rand 60 : $seq;
}

sub record {
    my ($s, %more) = @_;
    my @segs = map { [1 + int rand 25, 64, int rand 1000] }
        1 .. pick(0, 1, 1, 1, 1, 2, 4);
    my $home = rand() < 0.2 || !@segs ? 1 + int rand 25 : 0;
    return object_record(segs => \@segs, home => $home, seq => $s,
        size => int rand 5000, %more);
}

sub call {
    my ($name, $key, @args) = @_;
    my $reply = $redis->fcall($name, [$key], @args);
    $status{"$name $reply->[0]"}++;
    if ($reply->[0] eq 'OK' && ref $reply->[-1]) {
        $announced{$_} = 1 for @{ $reply->[-1] };
    }
    return $reply;
}

sub condition {
    my ($key) = @_;
    return ('any', '') if rand() < 0.6;
    my $rec = $redis->cmd('GET', "o{$B}$key");
    my $now = defined $rec ? (record_head($rec))[1] : 5;
    return pick(['absent', ''], ['match', '*'], ['match', '1' x 32],
        ['seq', $now], ['seq', $now + 1]);
}

sub flat { return map { ref ? @$_ : $_ } @_ }

my %act = (
    put => sub {
        my $key = pick(@keys);
        call('cos_put', "o{$B}$key", $B, $key, pick(7, 7, 7, 7, 13),
            record(next_seq()), flat(condition($key)));
    },
    del => sub {
        my $key = pick(@keys);
        call('cos_del', "o{$B}$key", $B, $key, 7, next_seq(),
            flat(condition($key)));
    },
    move => sub {
        my $key = pick(@keys);
        my $rec = $redis->cmd('GET', "o{$B}$key") // return;
        my (undef, $s, $size) = record_head($rec);
        my $rev = unpack 'x62S<', $rec;
        call('cos_move', "o{$B}$key", $B, $key, $s + (rand() < 0.1), $rev,
            record($s, rev => $rev + 1, size => $size));
    },
    init => sub {
        my $id = join '', map { pick(0 .. 9) } 1 .. 3;
        my $key = pick(@keys);
        my $r = call('cos_mpu_init', "U{$B}$id", $B, $key, $id, 7,
            front_record(next_seq()));
        $upload{$id} = { key => $key, parts => {} } if $r->[0] eq 'OK';
    },
    part => sub {
        my $id = pick(keys %upload, '999x');
        my $n = 1 + int rand 4;
        my $rec = record(next_seq());
        my $r = call('cos_mpu_part', "U{$B}$id", $B, $id, 7, $n, $rec);
        $upload{$id}{parts}{$n} = $rec if $r->[0] eq 'OK';
    },
    move_part => sub {
        my $id = pick(keys %upload) // return;
        my $n = pick(keys %{ $upload{$id}{parts} }) // return;
        my $rec = $upload{$id}{parts}{$n};
        my (undef, $s) = record_head($rec);
        my $rev = unpack 'x62S<', $rec;
        my $new = record($s, rev => $rev + 1);
        my $r = call('cos_move_part', "P{$B}$id", $B, $id, $n, $s,
            $rev + (rand() < 0.1), $new);
        $upload{$id}{parts}{$n} = $new if $r->[0] eq 'OK';
    },
    complete => sub {
        my $id = pick(keys %upload) // return;
        my $up = $upload{$id};
        my @use = grep { rand() < 0.8 } sort keys %{ $up->{parts} };
        my $s = next_seq();
        my $rec = join '', map { substr $_, 64 }
            map { $up->{parts}{$_} } @use;
        my $nsegs = length($rec) / 18;
        $rec = substr(object_record(seq => $s, home => pick(0, 0, 9),
            size => 10), 0, 64) . $rec;
        substr $rec, 4, 2, pack 'S<', $nsegs;
        my @named = map { ($_, (record_head($up->{parts}{$_}))[1]) } @use;
        $named[1]++ if @named && rand() < 0.1;
        my $r = call('cos_mpu_complete', "o{$B}$up->{key}", $B, $up->{key},
            $id, 7, $rec, (flat(condition($up->{key})))[0, 1],
            scalar @named / 2, @named);
        delete $upload{$id} if $r->[0] =~ /^(OK|DONE|NOUPLOAD)$/;
    },
    abort => sub {
        my $id = pick(keys %upload, '999x');
        my $key = $upload{$id} ? $upload{$id}{key} : 'none';
        my $r = call('cos_mpu_abort', "U{$B}$id", $B, $key, $id, 7);
        delete $upload{$id};
    },
);
my @mix = (('put') x 8, ('del') x 3, ('move') x 3, ('init') x 2,
    ('part') x 6, ('move_part') x 2, 'complete', 'abort');

# Everything once more from the records.
sub recomputed {
    my (%weight, $n, $bytes);
    $n = $bytes = 0;
    for my $key (@{ $redis->cmd('KEYS', "o{$B}*") }) {
        my $rec = $redis->cmd('GET', $key);
        $n++;
        $bytes += (record_head($rec))[2];
        record_weights(\%weight, $rec);
    }
    for my $key (@{ $redis->cmd('KEYS', "P{$B}*") }) {
        record_weights(\%weight, $_) for @{ $redis->cmd('HVALS', $key) };
    }
    my @open = @{ $redis->cmd('KEYS', "U{$B}*") };
    return (\%weight, [$n, $bytes, scalar @open]);
}

sub check {
    my ($name) = @_;
    my ($weight, $counters) = recomputed();
    my %told = @{ $redis->cmd('HGETALL', "c{$B}") };
    is_deeply(\%told, $weight, "$name: weights");
    is_deeply($redis->cmd('HMGET', "m{$B}", qw(n s u)), $counters,
        "$name: counters (@$counters)");
    my @dead = sort grep { !$weight->{$_} } keys %announced;
    is_deeply([sort @{ $redis->cmd('SMEMBERS', "d{$B}") }], \@dead,
        "$name: dead containers");
    my ($members, $wrong) = index_read($redis, $B);
    is_deeply($wrong, [], "$name: form of the index");
    is_deeply($members, [map { index_member(substr($_, length "o{$B}"),
            $redis->cmd('GET', $_)) }
        sort @{ $redis->cmd('KEYS', "o{$B}*") }], "$name: index");
    is($redis->cmd('ZCARD', "p{$B}"), $counters->[2], "$name: open uploads");
    return;
}

$redis->fcall('cos_bucket_put', ['b:n'], 'n', $B, bucket_record('n', $B, 1),
    'create');
$redis->fcall('cos_fence', ["x{$B}"], $B, 13);

for my $round (1 .. 8) {
    $act{ pick(@mix) }->() for 1 .. 500;
    check("after " . 500 * $round);
}

# all kinds of answers were seen
for my $want (map { my $f = $_->[0]; map { "cos_$f $_" } @$_[1 .. $#$_] }
    [put => qw(OK FENCED EXISTS NOKEY NOMATCH CONFLICT STALE)],
    [del => qw(OK NOKEY NOMATCH CONFLICT STALE)], [move => qw(OK GONE)],
    [mpu_part => qw(OK NOUPLOAD STALE)], [move_part => qw(OK GONE)],
    [mpu_complete => qw(OK PART)], [mpu_abort => qw(OK NOUPLOAD)])
{
    ok($status{$want}, "seen: $want");
}

my $digest = $redis->cmd('DEBUG', 'DIGEST');
$redis->cmd('DEBUG', 'LOADAOF');
is($redis->cmd('DEBUG', 'DIGEST'), $digest, 'a replay of the log is the same');

# when all is gone nothing weighs, and the bucket can go
$redis->fcall('cos_mpu_abort', ["U{$B}$_"], $B, $upload{$_}{key}, $_, 7)
    for keys %upload;
$redis->fcall('cos_del', ["o{$B}$_"], $B, $_, 7, $seq + 100, 'any') for @keys;
ok(!$redis->cmd('EXISTS', "c{$B}"), 'nothing weighs');
is_deeply($redis->cmd('HMGET', "m{$B}", qw(n s u)), [0, 0, 0], 'counters');
is($redis->fcall('cos_bucket_del', ['b:n'], 'n', $B)->[0], 'OK', 'deleted');

done_testing();
