#!/usr/bin/perl

# What the function library costs inside Redis: bytes for each object, time of
# a put, time of a page of a listing. Times are Redis' own (INFO commandstats),
# without clients and sockets: the median, and the best, which other work on
# the machine disturbs least, of single pages and of batches of 1,000 puts.
#
#   bench/redis.pl [OBJECTS ...]        default 10000 100000 1000000

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../t/lib";
use CosRedis;
use CosRecord;

my @sizes = @ARGV ? @ARGV : (10_000, 100_000, 1_000_000);
my $type = "\1\x0aimage/jpeg";

# 30 bytes: 1,000 folders, so that a delimiter has something to fold
sub key_of { return sprintf 'photos/%04d/%016d.j', $_[0] % 1000, $_[0] }

sub record_of {
    my ($i, $seq) = @_;
    return object_record(segs => [[(7 << 20) + int($i / 5000), 64 + $i, 4096]],
        seq => $seq, mtime => 1.7e12, md5 => pack('Q<2', $i, $i),
        tail => $type);
}

sub median { return (sort { $a <=> $b } @_)[$#_ / 2] }

sub least { return (sort { $a <=> $b } @_)[0] }

sub usec {
    my ($redis, $code) = @_;
    $redis->cmd('CONFIG', 'RESETSTAT');
    $code->();
    my ($us) = $redis->cmd('INFO', 'commandstats')
        =~ /cmdstat_fcall:.*usec_per_call=([\d.]+)/;
    return $us;
}

sub put_all {
    my ($redis, $name, $n, $seq) = @_;
    my @us;
    for (my $i = 0; $i < $n; $i += 1000) {
        my @calls = map { my $key = key_of($_);
            ['FCALL', 'cos_put', 1, "o{k1}$key", 'k1', $key, 7,
             record_of($_, $seq), 'any'] } $i .. $i + 999;
        push @us, usec($redis, sub { $redis->pipeline(\@calls) });
    }
    printf "  %-34s %6.2f us, best %6.2f\n", $name, median(@us), least(@us);
    return;
}

sub page {
    my ($redis, $name, @args) = @_;
    my $reply;
    my @us = map { usec($redis, sub {
        $reply = $redis->fcall('cos_list', ['k{k1}'], 'k1', @args);
    }) } 1 .. 30;
    printf "  %-34s %6.2f ms, best %6.2f  (%d keys, %d prefixes)\n", $name,
        median(@us) / 1000, least(@us) / 1000,
        scalar @{ $reply->[3] }, scalar @{ $reply->[4] };
    return;
}

for my $n (@sizes) {
    my $redis = CosRedis->start(appendfsync => 'no');
    $redis->load;
    $redis->fcall('cos_bucket_put', ['b:n'], 'n', 'k1',
        bucket_record('n', 'k1', 1), 'create');
    my $used = sub {
        my ($b) = $redis->cmd('INFO', 'memory')
            =~ /^used_memory_dataset:(\d+)/m;
        return $b;
    };

    my $empty = $used->();
    printf "%d objects, keys of %d, records of %d bytes\n", $n,
        length key_of(1), length record_of(1, 1);
    put_all($redis, 'new', $n, 1);
    printf "  memory of an object                %6.0f bytes\n",
        ($used->() - $empty) / $n;
    put_all($redis, 'replaced', $n < 1e5 ? $n : 1e5, 2);
    my $middle = key_of(int $n / 2);
    page($redis, 'page', '', '', '', 1000);
    page($redis, 'page from the middle', '', '', $middle, 1000);
    page($redis, 'page, delimiter, one prefix', '', '/', '', 1000);
    page($redis, 'page, delimiter, 1,000 prefixes', 'photos/', '/', '',
        1000);
    page($redis, 'page, delimiter, keys only', 'photos/0500/', '/', '',
        1000);
    $redis->stop;
}
