#!/usr/bin/perl

# The function library: every function and every reply (meta/PROTOCOL.md), and
# that a refusal or an error leaves nothing behind.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use CosRedis;
use CosRecord;

my $redis = CosRedis->start(appendfsync => 'no',
    'enable-debug-command' => 'yes');
$redis->load;

my $B = 'k1';
my @all_bytes = map { chr } 0 .. 255;
my $odd = join '', @all_bytes;

sub o { return "o{$B}$_[0]" }

sub put {
    my ($key, $rec, @cond) = @_;
    @cond = 'any' unless @cond;
    return $redis->fcall('cos_put', [o($key)], $B, $key, 7, $rec, @cond);
}

sub del {
    my ($key, $seq, @cond) = @_;
    @cond = 'any' unless @cond;
    return $redis->fcall('cos_del', [o($key)], $B, $key, 7, $seq, @cond);
}

# An object of one segment.
sub one {
    my ($cid, $len, $seq, %more) = @_;
    return object_record(segs => [[$cid, 64, $len]], seq => $seq, %more);
}

sub weights {
    my %h = @{ $redis->cmd('HGETALL', "c{$B}") };
    return \%h;
}

sub counters {
    return join ' ', @{ $redis->cmd('HMGET', "m{$B}", qw(n s u)) };
}

sub dead { return [sort @{ $redis->cmd('SMEMBERS', "d{$B}") }] }

# Everything Redis holds, to see that a refusal changed nothing.
sub unchanged(&$) {
    my ($code, $name) = @_;
    my $before = $redis->cmd('DEBUG', 'DIGEST');
    $code->();
    is($redis->cmd('DEBUG', 'DIGEST'), $before, "$name: nothing changed");
    return;
}


subtest 'version' => sub {
    open my $fh, '<', "$FindBin::Bin/../include/cos_lua_version.h" or die $!;
    my ($want) = map { /^#define COS_LUA_VERSION\s+(\d+)$/ ? $1 : () } <$fh>;
    is_deeply($redis->fcall('cos_version', []), ['OK', $want], 'as built');
};


subtest 'buckets' => sub {
    my @put = ('cos_bucket_put', ['b:name'], 'name', $B);
    my $rec = bucket_record('name', $B, 100);

    is_deeply(put('a', one(5, 10, 1)), ['NOBUCKET'], 'no bucket yet');
    is_deeply($redis->fcall(@put, $rec, 'replace', 100), ['NOBUCKET'],
        'nothing to replace');
    is_deeply($redis->fcall(@put, $rec, 'create'), ['OK'], 'created');
    is($redis->cmd('GET', 'b:name'), $rec, 'record');
    is_deeply($redis->cmd('ZRANGE', 'B', 0, -1), ['name'], 'index');
    is_deeply({ @{ $redis->cmd('HGETALL', "m{$B}") } },
        { n => 0, s => 0, u => 0, name => 'name' }, 'counters');
    is_deeply($redis->fcall(@put, bucket_record('name', 'k2', 1), 'create'),
        ['EXISTS', $rec], 'exists');

    my $new = bucket_record('name', $B, 200);
    is_deeply($redis->fcall(@put, $new, 'replace', 99), ['CONFLICT'],
        'another one was replaced');
    is_deeply($redis->fcall(@put, $rec, 'replace', 100), ['STALE', 100],
        'seq not above');
    is_deeply($redis->fcall(@put, $new, 'replace', 100), ['OK'], 'replaced');
    is_deeply($redis->fcall('cos_bucket_put', ['b:name'], 'name', 'k9',
        bucket_record('name', 'k9', 300), 'replace', 200), ['NOBUCKET'],
        'another bucket of the name');
    unchanged {
        like($redis->try('FCALL', $put[0], 1, 'b:other', 'other', $B, $rec,
            'create')->text, qr/bucket id in use/, 'id is taken');
        like($redis->try('FCALL', $put[0], 1, 'b:name', 'name', $B, $rec,
            'update')->text, qr/unknown mode/, 'mode');
        like($redis->try('FCALL', $put[0], 1, 'b:x', 'x', 'kx', 'short',
            'create')->text, qr/record/, 'record');
    } 'bad calls';

    $redis->fcall('cos_bucket_put', ['b:tmp'], 'tmp', 'k2',
        bucket_record('tmp', 'k2', 1), 'create');

    # domains: one bucket each
    my @tmp = ('cos_bucket_put', ['b:tmp'], 'tmp', 'k2');
    is_deeply($redis->fcall(@tmp, bucket_record('tmp', 'k2', 2), 'replace', 1, 'd', 'a.com b.com', 'v', 0), ['OK'],
        'domains');
    is_deeply([map { $redis->cmd('GET', "d:$_") } qw(a.com b.com)], ['tmp', 'tmp'], 'in the index');
    is($redis->cmd('HGET', 'm{k2}', 'd'), 'a.com b.com', 'and with the bucket');
    unchanged {
        is_deeply($redis->fcall(@put, bucket_record('name', $B, 300), 'replace', 200, 'd', 'c.com b.com'),
            ['TAKEN'], 'one of another bucket');
        is_deeply($redis->fcall('cos_bucket_put', ['b:new'], 'new', 'k3', bucket_record('new', 'k3', 1), 'create',
            'd', 'a.com'), ['TAKEN'], 'a new bucket, too');
    } 'nothing of it';
    is_deeply($redis->fcall(@tmp, bucket_record('tmp', 'k2', 3), 'replace', 2, 'd', 'b.com'), ['OK'], 'one less');
    is($redis->cmd('GET', 'd:a.com'), undef, 'is free');
    is_deeply($redis->fcall(@tmp, bucket_record('tmp', 'k2', 4), 'replace', 3), ['OK'], 'not named');
    is($redis->cmd('GET', 'd:b.com'), 'tmp', 'stays');
    is_deeply($redis->fcall('cos_bucket_del', ['b:tmp'], 'tmp', $B),
        ['NOBUCKET'], 'id of another bucket');
    $redis->fcall('cos_fence', ['x{k2}'], 'k2', 3);
    $redis->fcall('cos_put', ['o{k2}a'], 'k2', 'a', 7, one(5, 10, 1), 'any');
    is_deeply($redis->fcall('cos_bucket_del', ['b:tmp'], 'tmp', 'k2'),
        ['NOTEMPTY'], 'holds an object');
    $redis->fcall('cos_del', ['o{k2}a'], 'k2', 'a', 7, 2, 'any');
    $redis->fcall('cos_mpu_init', ['U{k2}id'], 'k2', 'a', 'id', 7,
        front_record(3));
    is_deeply($redis->fcall('cos_bucket_del', ['b:tmp'], 'tmp', 'k2'),
        ['NOTEMPTY'], 'holds an upload');
    $redis->fcall('cos_mpu_abort', ['U{k2}id'], 'k2', 'a', 'id', 7);
    is_deeply($redis->fcall('cos_bucket_del', ['b:tmp'], 'tmp', 'k2'), ['OK'],
        'deleted');
    is_deeply($redis->cmd('KEYS', '*{k2}*'), ['d{k2}'],
        'only the dead containers are left');
    is_deeply($redis->cmd('ZRANGE', 'B', 0, -1), ['name'], 'index');
    is_deeply($redis->fcall('cos_bucket_del', ['b:tmp'], 'tmp', 'k2'),
        ['NOBUCKET'], 'once');
    is($redis->cmd('GET', 'd:b.com'), undef, 'its domain is free');
    $redis->cmd('DEL', 'd{k2}');
};


subtest 'put' => sub {
    my $rec = one(5, 10, 1000);
    is_deeply(put('a', $rec), ['OK', 0, []], 'new');
    is($redis->cmd('GET', o('a')), $rec, 'record');
    is(counters(), '1 10 0', 'counters');
    is_deeply(weights(), { 5 => 266 }, 'weight');

    is_deeply(put('a', one(5, 30, 1001)), ['OK', 1, []], 'same container');
    is(counters(), '1 30 0', 'counters');
    is_deeply(weights(), { 5 => 286 }, 'weight moved');
    is_deeply(put('a', one(6, 30, 1002)), ['OK', 1, [5]], 'container died');
    is_deeply(weights(), { 6 => 286 }, 'weight');
    is_deeply(dead(), [5], 'dead');
    is_deeply(put($odd, one(5, 0, 1003)), ['OK', 0, []], 'key of all bytes');
    is_deeply(dead(), [], 'a container that lives again is not dead');

    # a home of its own weighs, also where the segment is
    is_deeply(put('a', one(6, 30, 1004, home => 6)), ['OK', 1, []], 'home');
    is_deeply(weights(), { 5 => 256, 6 => 542 }, 'weights');
    is_deeply(put('a', object_record(seq => 1005, home => 8)),
        ['OK', 1, [6]], 'no segment');
    is_deeply(weights(), { 5 => 256, 8 => 256 }, 'weights');
    my $cid = (1 << 48) - 1;
    is_deeply(put('big', object_record(seq => (1 << 53) - 1, segs =>
        [[$cid, $cid, (1 << 47)], [$cid, 0, 1]])), ['OK', 0, []],
        'large numbers');
    is($redis->cmd('HGET', "c{$B}", $cid), (1 << 47) + 1 + 512, 'large weight');
    is(counters(), '3 ' . ((1 << 47) + 1) . ' 0', 'large counter');
    is_deeply(del('big', 1 << 53), ['OK', 1, [$cid]], 'large id');
    $redis->cmd('DEL', "t{$B}");
};


subtest 'conditions' => sub {
    my $md5 = join '', map { chr } 0xd0 .. 0xdf;
    my $hex = unpack 'H*', $md5;
    put('c', one(5, 1, 2000, md5 => $md5));
    put('p', one(5, 1, 2000, md5 => $md5, parts => 12));
    my $new = one(5, 1, 2001);

    unchanged {
        is_deeply(put('c', $new, 'absent'), ['EXISTS'], 'absent');
        is_deeply(put('none', $new, 'match', '*'), ['NOKEY'], 'match *');
        is_deeply(put('none', $new, 'match', $hex), ['NOKEY'], 'match none');
        is_deeply(put('c', $new, 'match', 'x'), ['NOMATCH'], 'match other');
        is_deeply(put('p', $new, 'match', $hex), ['NOMATCH'], 'parts count');
        is_deeply(put('c', $new, 'seq', 1999), ['CONFLICT'], 'seq');
        is_deeply(put('none', $new, 'seq', 1999), ['NOKEY'], 'seq of none');
        is_deeply(put('c', one(5, 1, 2000)), ['STALE', 2000], 'same seq');
        is_deeply(put('c', one(5, 1, 9)), ['STALE', 2000], 'lower seq');
        is_deeply(put('c', one(5, 1, 9), 'absent'), ['EXISTS'],
            'the condition is judged before the seq');
        is_deeply(del('none', 3000, 'match', '*'), ['NOKEY'], 'del of none');
        is_deeply(del('c', 3000, 'match', 'x'), ['NOMATCH'], 'del of other');
        is_deeply(del('c', 2000), ['STALE', 2000], 'del with the same seq');
    } 'refusals';
    is_deeply(put('n', $new, 'absent'), ['OK', 0, []], 'absent');
    is_deeply(put('c', $new, 'match', $hex), ['OK', 1, []], 'match');
    is_deeply(put('p', $new, 'match', "$hex-12"), ['OK', 1, []], 'match parts');
    is_deeply(put('p', one(5, 1, 2002), 'match', '*'), ['OK', 1, []], '*');
    is_deeply(put('p', one(5, 1, 2003), 'seq', 2002), ['OK', 1, []], 'seq');
    is_deeply(put('p', one(5, 2, 2004), 'seq', 2003), ['CONFLICT'],
        'seq, but bytes elsewhere');
    is_deeply(put('p', one(5, 1, 2004), 'seq', 2003), ['OK', 1, []],
        'seq, bytes in their place');
    my $grown = object_record(segs => [[5, 64, 1], [6, 64, 9]], seq => 2005);
    unchanged {
        is_deeply(put('none', $grown, 'grow', 2004), ['NOKEY'], 'grow of none');
        is_deeply(put('p', $grown, 'grow', 2003), ['CONFLICT'],
            'grow, but changed since');
        is_deeply(put('p', object_record(segs => [[9, 64, 1], [6, 64, 9]],
            seq => 2005), 'grow', 2004), ['CONFLICT'],
            'grow, bytes elsewhere');
    } 'growing in vain';
    is_deeply(put('p', $grown, 'grow', 2004), ['OK', 1, []],
        'grow: more bytes behind those that were there');
    is_deeply(put('p', one(5, 1, 2006), 'grow', 2005), ['CONFLICT'],
        'never less');
    unchanged {
        for my $bad (['o', $new, 'never'], ['o', 'short', 'any'],
            ['o', substr($new, 0, 80), 'any'], ['o', "\2" . $new, 'any'],
            ['p', $new, 'seq', 'x'])
        {
            my ($key, @rest) = @$bad;
            isa_ok($redis->try('FCALL', 'cos_put', 1, o($key), $B, $key, 7,
                @rest), 'CosRedis::Error', 'malformed');
        }
    } 'malformed calls';
};


subtest 'deletion and order' => sub {
    put('d', one(9, 1, 3000));
    is_deeply(del('d', 3005), ['OK', 1, [9]], 'deleted');
    ok(!$redis->cmd('EXISTS', o('d')), 'record gone');
    ok(!(grep { /^d\0/ } @{ (index_read($redis, $B))[0] }), 'index entry gone');
    is_deeply(del('d', 3006), ['OK', 0, []], 'again');
    is_deeply(put('d', one(9, 1, 3004)), ['STALE', 3006],
        'a slower write from before the deletion');
    is_deeply(put('d', one(9, 1, 3007)), ['OK', 0, []], 'a later one');
    is_deeply(del('d', 3008, 'match', '*'), ['OK', 1, [9]], 'match');
    cmp_ok($redis->cmd('HLEN', "t{$B}"), '<=', 256, 'few slots');
};


subtest 'the index' => sub {
    put('i', one(5, 1, 3500, mtime => 7));
    put('i', one(5, 2, 3501, mtime => 8, md5 => 'x' x 16));
    my ($members, $wrong) = index_read($redis, $B);
    is_deeply([grep { /^i\0/ } @$members], [index_member('i', one(5, 2, 3501,
        mtime => 8, md5 => 'x' x 16))], 'replaced');
    is_deeply($wrong, [], 'form');
    unchanged {
        like($redis->try('FCALL', 'cos_put', 1, o('i'), $B, 'i', 7,
            one(5, 1, 3502, size => 1 << 48), 'any')->text, qr/too large/,
            'a size that facts cannot hold');
        like($redis->try('FCALL', 'cos_put', 1, o('i'), $B, 'i', 7,
            one(5, 1, 3502, tail => "\1\5x"), 'any')->text, qr/record cut/,
            'a record that is cut');
        like($redis->try('FCALL', 'cos_move', 1, o('i'), $B, 'i', 3501, 0,
            one(6, 1, 3501))->text, qr/changes the object/,
            'a move that is none');
    } 'what does not fit';

    # a member that does not say what the record says is replaced all the same
    my ($start) = @{ $redis->cmd('ZREVRANGEBYLEX', "k{$B}", '[i', '-', 'LIMIT',
        0, 1) };
    $redis->cmd('ZREM', "K{$B}$start", grep { /^i\0/ } @$members);
    $redis->cmd('ZADD', "K{$B}$start", 0, "i\0" . 'y' x 32);
    put('i', one(5, 2, 3503));
    is_deeply([grep { /^i\0/ } @{ (index_read($redis, $B))[0] }],
        [index_member('i', one(5, 2, 3503))], 'another was there');

    # objects, and none of the pages: written before there were any
    $redis->cmd('RENAME', "k{$B}", 'away');
    unchanged {
        for my $call (['cos_list', "k{$B}", $B, '', '', '', 10],
            ['cos_du', "k{$B}", $B, 'i'], ['cos_keys', "k{$B}", $B, ''],
            ['cos_put', o('i'), $B, 'i', 7, one(5, 1, 3504), 'any'],
            ['cos_put', o('new'), $B, 'new', 7, one(5, 1, 3504), 'any'],
            ['cos_del', o('i'), $B, 'i', 7, 3504, 'any'])
        {
            my ($name, @args) = @$call;
            like($redis->try('FCALL', $name, 1, @args)->text,
                qr/cosctl rebuild/, "$name names the cure");
        }
    } 'no index';
    $redis->cmd('RENAME', 'away', "k{$B}");
    is_deeply(del('i', 3505), ['OK', 1, []], 'back');
};


subtest 'fence' => sub {
    put('f', one(5, 1, 4000));
    is_deeply($redis->fcall('cos_fence', ["x{$B}"], $B, 66), ['OK'], 'fenced');
    is_deeply($redis->fcall('cos_fence', ['x{zz}'], 'zz', 66), ['OK'],
        'no bucket');
    ok(!$redis->cmd('EXISTS', 'x{zz}'), 'no bucket: nothing stored');
    my $id = 'f0';
    my $up = ["U{$B}$id"];
    $redis->fcall('cos_mpu_init', $up, $B, 'f', $id, 7, front_record(1));
    unchanged {
        my $rec = one(5, 1, 4001);
        is_deeply($redis->fcall('cos_put', [o('f')], $B, 'f', 66, $rec, 'any'),
            ['FENCED'], 'put');
        is_deeply($redis->fcall('cos_del', [o('f')], $B, 'f', 66, 4001, 'any'),
            ['FENCED'], 'del');
        is_deeply($redis->fcall('cos_mpu_init', ["U{$B}f1"], $B, 'f', 'f1', 66,
            front_record(1)), ['FENCED'], 'init');
        is_deeply($redis->fcall('cos_mpu_part', $up, $B, $id, 66, 1, $rec),
            ['FENCED'], 'part');
        is_deeply($redis->fcall('cos_mpu_complete', [o('f')], $B, 'f', $id, 66,
            $rec, 'any', '', 0), ['FENCED'], 'complete');
        is_deeply($redis->fcall('cos_mpu_abort', $up, $B, 'f', $id, 66),
            ['FENCED'], 'abort');
    } 'a fenced incarnation';
    $redis->fcall('cos_mpu_abort', $up, $B, 'f', $id, 7);
};


subtest 'uploads' => sub {
    my $key = "up\0$odd";
    my ($id, $inc) = ('ab12', 7);
    my $up = ["U{$B}$id"];
    my $rec = front_record(5000, 'template');
    my $before = counters();
    my @complete = ('cos_mpu_complete', [o($key)], $B, $key, $id, $inc);

    is_deeply($redis->fcall('cos_mpu_init', ['U{zz}1'], 'zz', 'k', '1', 7,
        $rec), ['NOBUCKET'], 'no bucket');
    is_deeply($redis->fcall('cos_mpu_part', $up, $B, $id, $inc, 1,
        one(20, 1, 5001)), ['NOUPLOAD'], 'part of none');
    is_deeply($redis->fcall('cos_parts', ["P{$B}$id"], $B, $id, 0, 10),
        ['NOUPLOAD'], 'parts of none');
    is_deeply($redis->fcall('cos_mpu_init', $up, $B, $key, $id, $inc, $rec),
        ['OK'], 'initiated');
    is_deeply($redis->fcall('cos_mpu_init', $up, $B, $key, $id, $inc, $rec),
        ['EXISTS'], 'once');
    like(counters(), qr/ 1$/, 'open uploads');

    my $part = sub {
        my ($n, @rec) = @_;
        return $redis->fcall('cos_mpu_part', $up, $B, $id, $inc, $n,
            one(@rec));
    };
    is_deeply($part->(1, 20, 100, 5001), ['OK', []], 'part 1');
    is_deeply($part->(2, 21, 200, 5002), ['OK', []], 'part 2');
    is_deeply($part->(2, 22, 200, 5002), ['STALE', 5002], 'same seq');
    is_deeply($part->(2, 22, 200, 5003), ['OK', [21]], 'replaced');
    is_deeply($part->(9999, 23, 5, 5004), ['OK', []], 'a part not to be used');
    is($redis->cmd('HGET', "c{$B}", 22), 456, 'weight of a part');
    for my $n (0, 10001, 'x', 1.5) {
        isa_ok($redis->try('FCALL', 'cos_mpu_part', 1, @$up, $B, $id, $inc,
            $n, one(20, 1, 5009)), 'CosRedis::Error', "part number $n");
    }

    my ($p1, $p2, $p3) = (one(20, 100, 5001), one(22, 200, 5003),
        one(23, 5, 5004));
    my @parts = ('cos_parts', ["P{$B}$id"], $B, $id);
    is_deeply($redis->fcall(@parts, 0, 1000),
        ['OK', $rec, 0, 1, $p1, 2, $p2, 9999, $p3], 'all parts');
    is_deeply($redis->fcall(@parts, 0, 2),
        ['OK', $rec, 1, 1, $p1, 2, $p2], 'first page');
    is_deeply($redis->fcall(@parts, 2, 2),
        ['OK', $rec, 0, 9999, $p3], 'second page');
    is_deeply($redis->fcall(@parts, 0, 3),
        ['OK', $rec, 0, 1, $p1, 2, $p2, 9999, $p3], 'exactly all');
    is_deeply($redis->fcall(@parts, 0, 0), ['OK', $rec, 0], 'none wanted');
    is_deeply($redis->fcall(@parts, 10000, 9), ['OK', $rec, 0], 'behind');

    my $object = object_record(segs => [[20, 64, 100], [22, 64, 200]],
        home => 30, seq => 5010);
    unchanged {
        is_deeply($redis->fcall(@complete, $object, 'any', '', 2, 1, 5001, 3,
            1), ['PART', 3], 'no such part');
        is_deeply($redis->fcall(@complete, $object, 'any', '', 2, 1, 5001, 2,
            5002), ['PART', 2], 'another one of that number');
        is_deeply($redis->fcall(@complete, $object, 'match', '*', 2, 1, 5001,
            2, 5003), ['NOKEY'], 'condition');
        is_deeply($redis->fcall('cos_mpu_complete', [o('other')], $B, 'other',
            $id, $inc, $object, 'any', '', 0), ['NOUPLOAD'], 'of another key');
        is_deeply($redis->fcall('cos_mpu_abort', $up, $B, 'other', $id, $inc),
            ['NOUPLOAD'], 'abort with another key');
        is_deeply($redis->fcall('cos_mpu_complete', ['o{zz}k'], 'zz', 'k', $id,
            $inc, $object, 'any', '', 0), ['NOBUCKET'], 'of no bucket');
    } 'refusals';
    put($key, one(5, 1, 6000));
    unchanged {
        is_deeply($redis->fcall(@complete, $object, 'absent', '', 2, 1, 5001,
            2, 5003), ['EXISTS'], 'absent');
        is_deeply($redis->fcall(@complete, $object, 'any', '', 2, 1, 5001, 2,
            5003), ['STALE', 6000], 'stale');
    } 'refusals over an object';
    del($key, 6001);
    is_deeply($redis->fcall(@complete, $object, 'any', '', 2, 1, 5001, 2,
        5003), ['STALE', 6001], 'stale after a deletion');

    $object = object_record(segs => [[20, 64, 100], [22, 64, 200]],
        home => 30, seq => 6010);
    is_deeply($redis->fcall(@complete, $object, 'absent', '', 2, 1, 5001, 2,
        5003), ['OK', 0, [23]], 'completed');
    is($redis->cmd('GET', o($key)), $object, 'record');
    my $w = weights();
    is_deeply([@$w{20, 22, 23, 30}], [356, 456, undef, 256], 'weights');
    is_deeply($redis->cmd('KEYS', '[UPp]{*'), [], 'nothing of it is open');
    my $ttl = $redis->cmd('TTL', "D{$B}$id");
    ok($ttl > 604000 && $ttl <= 604800, 'remembered for a week');
    is_deeply($redis->fcall(@complete, $object, 'any', '', 0),
        ['DONE', "$key\0" . 6010], 'twice');
    is_deeply($redis->fcall('cos_mpu_complete', [o('k')], $B, 'k', $id, $inc,
        $object, 'any', '', 0), ['NOUPLOAD'], 'twice, of another key');
    is_deeply([sort { $a <=> $b } @{ del($key, 6020)->[2] }], [20, 22, 30],
        'all of it dies with the object');

    $id = 'cd34';
    $up = ["U{$B}$id"];
    $redis->fcall('cos_mpu_init', $up, $B, $key, $id, $inc, $rec);
    $part->(1, 40, 1, 7001);
    $part->(2, 40, 1, 7002);
    is_deeply($redis->fcall('cos_mpu_abort', $up, $B, $key, $id, $inc),
        ['OK', [40]], 'aborted');
    is_deeply($redis->fcall('cos_mpu_abort', $up, $B, $key, $id, $inc),
        ['NOUPLOAD'], 'once');
    is_deeply($redis->cmd('KEYS', '[UPp]{*'), [], 'nothing of it is open');
    is(counters(), $before, 'counters as before');
};


subtest 'moves' => sub {
    my $old = object_record(segs => [[50, 1, 7]], seq => 8000, rev => 3);
    my $new = object_record(segs => [[51, 2, 7]], seq => 8000, rev => 4);
    my @move = ('cos_move', [o('mv')], $B, 'mv');
    put('mv', $old);
    my $before = counters();
    unchanged {
        is_deeply($redis->fcall(@move, 8001, 3, $new), ['GONE'], 'seq');
        is_deeply($redis->fcall(@move, 8000, 4, $new), ['GONE'], 'rev');
        is_deeply($redis->fcall('cos_move', [o('x')], $B, 'x', 8000, 3, $new),
            ['GONE'], 'no key');
    } 'gone';
    is_deeply($redis->fcall(@move, 8000, 3, $new), ['OK', [50]], 'moved');
    is($redis->cmd('GET', o('mv')), $new, 'record');
    is(weights()->{51}, 263, 'weight');
    is(counters(), $before, 'counters');

    my $id = 'ef';
    $redis->fcall('cos_mpu_init', ["U{$B}$id"], $B, 'k', $id, 7,
        front_record(1));
    $redis->fcall('cos_mpu_part', ["U{$B}$id"], $B, $id, 7, 4,
        object_record(segs => [[52, 1, 7]], seq => 8000, rev => 65535));
    @move = ('cos_move_part', ["P{$B}$id"], $B, $id);
    unchanged {
        is_deeply($redis->fcall(@move, 4, 8001, 65535, $new), ['GONE'], 'seq');
        is_deeply($redis->fcall(@move, 4, 8000, 1, $new), ['GONE'], 'rev');
        is_deeply($redis->fcall(@move, 5, 8000, 65535, $new), ['GONE'],
            'number');
    } 'part gone';
    is_deeply($redis->fcall(@move, 4, 8000, 65535, $new), ['OK', [52]],
        'part moved');
    is(weights()->{51}, 526, 'weight');
    $redis->fcall('cos_mpu_abort', ["U{$B}$id"], $B, 'k', $id, 7);
};


subtest 'credentials' => sub {
    my @put = ('cos_cred_put', ['u:AK'], 'AK');
    my $id = 'ab' x 32;
    my @del = ('cos_cred_del', ['u:AK'], 'AK');
    is_deeply($redis->fcall(@put, front_record(5), 0, 0, 'same', $id), ['OK', 0], 'new');
    is_deeply($redis->fcall(@put, front_record(6), 0, 0, 'same', $id), ['OK', 1], 'replaced');
    is_deeply($redis->fcall(@put, front_record(6), 0, 0, 'same', $id), ['STALE', 6], 'stale');
    is_deeply($redis->cmd('ZRANGE', 'C', 0, -1), ['AK'], 'index');
    my $uid = unpack 'Q<', substr front_record(5), 24, 8;
    is_deeply($redis->cmd('HMGET', 'I', $id, substr $id, 0, 32), [$uid, $uid], 'the account by its ids');
    is_deeply($redis->fcall('cos_cred_put', ['u:AK2'], 'AK2', front_record(5), 0, 0, 'same', $id), ['OK', 0],
        'another one of the account');
    is_deeply($redis->fcall('cos_cred_del', ['u:AK2'], 'AK2', 6), ['OK', 1], 'deleted');
    is($redis->cmd('HGET', 'I', $id), $uid, 'the account is still there');
    isa_ok($redis->try('FCALL', 'cos_cred_put', 1, 'u:AK', 'AK', front_record(9), 0, 0, 'same', 'x'),
        'CosRedis::Error', 'an id that is none');
    is_deeply($redis->fcall(@del, 6), ['STALE', 6], 'stale deletion');
    is_deeply($redis->fcall(@del, 7), ['OK', 1], 'deleted');
    is_deeply($redis->fcall(@del, 8), ['OK', 0], 'again');
    is_deeply($redis->cmd('KEYS', 'u:*'), [], 'record gone');
    ok(!$redis->cmd('EXISTS', 'C'), 'index entry gone');
    ok(!$redis->cmd('EXISTS', 'I'), 'and the account');
    isa_ok($redis->try('FCALL', 'cos_cred_put', 1, 'u:AK', 'AK', front_record(9)), 'CosRedis::Error',
        'one that does not say the limits');
};


subtest 'limits of users' => sub {
    my ($uid, $other) = (100000000123, 100000000124);
    my $rec = sub { my ($seq, $who, $id) = @_; substr(my $r = front_record($seq), 24, 8) = pack 'Q<', $who // $uid;
        return $r };
    my $bucket = sub { my ($seq, $name, $id, $who) = @_;
        my $r = substr $rec->($seq, $who), 0, 32;
        substr($r, 1, 1) = "\0";
        substr($r, 2, 6) = pack 'CCCCS<', length $name, length $id, 0, 0, 0;
        return "$r$name$id" };
    my @put = ('cos_cred_put', ['u:AL'], 'AL');
    my $id = 'cd' x 32;
    my $users = sub { return $redis->fcall('cos_users', [], @_) };
    for (['ua', 'u1', $uid], ['ub', 'u2', $uid], ['uc', 'u3', $other]) {
        my ($name, $id, $who) = @$_;
        is_deeply($redis->fcall('cos_bucket_put', ["b:$name"], $name, $id, $bucket->(5, $name, $id, $who),
            'create'), ['OK'], "bucket $name");
        is_deeply($redis->fcall('cos_put', ["o{$id}k"], $id, 'k', 7, one(70, 10, 20), 'any')->[0], 'OK', 'an object');
    }
    is_deeply($users->($uid, $other), ['OK', [2, 20, 0, 0, -1, -1], [1, 10, 0, 0, -1, -1]], 'use');
    is_deeply($redis->fcall(@put, $rec->(30), 25, 3, 'set', $id), ['OK', 0], 'limited');
    is_deeply($users->($uid, $other), ['OK', [2, 20, 3, 25, 2, 20], [1, 10, 0, 0, -1, -1]], 'what is there counts');
    unchanged {
        is_deeply($redis->fcall(@put, $rec->(30), 25, 3, 'same', $id), ['STALE', 30], 'an old seq');
        is_deeply($redis->fcall('cos_cred_put', ['u:AM'], 'AM', $rec->(29), 25, 3, 'same', $id), ['STALE', 30],
            'of another credential as well');
        is_deeply($redis->fcall(@put, $rec->(31), 24, 3, 'same', $id), ['CONFLICT'], 'other limits');
        is_deeply($redis->fcall('cos_put', ['o{u2}l'], 'u2', 'l', 7, one(71, 6, 21), 'any'), ['OWNERQUOTA'],
            'too many bytes');
    } 'refusals';
    is_deeply($redis->fcall('cos_cred_put', ['u:AM'], 'AM', $rec->(31), 25, 3, 'same', $id), ['OK', 0], 'the same limits');
    is_deeply($redis->fcall(@put, $rec->(31), 25, 3, 'same', $id), ['STALE', 31], 'which were said with a higher seq');
    is_deeply($redis->fcall('cos_put', ['o{u2}l'], 'u2', 'l', 7, one(71, 5, 21), 'any')->[0], 'OK', 'just enough');
    is_deeply($redis->fcall('cos_put', ['o{u1}m'], 'u1', 'm', 7, one(72, 0, 21), 'any'), ['OWNERQUOTA'],
        'too many objects');
    is_deeply($redis->fcall('cos_put', ['o{u3}m'], 'u3', 'm', 7, one(72, 99, 21), 'any')->[0], 'OK', 'others may');
    is_deeply($redis->fcall('cos_del', ['o{u1}k'], 'u1', 'k', 7, 22, 'any')->[0], 'OK', 'one less');
    is_deeply($redis->fcall('cos_bucket_put', ['b:ud'], 'ud', 'u4', $bucket->(6, 'ud', 'u4', $uid), 'create'), ['OK'],
        'another bucket');
    is_deeply($redis->fcall('cos_put', ['o{u4}k'], 'u4', 'k', 7, one(73, 10, 23), 'any')->[0], 'OK', 'counts as well');
    is_deeply($users->($uid), ['OK', [3, 25, 3, 25, 3, 25]], 'exact');
    is_deeply($redis->fcall(@put, $rec->(32), 0, 0, 'set', $id), ['OK', 1], 'no limits');
    is_deeply($users->($uid), ['OK', [3, 25, 0, 0, -1, -1]], 'nothing is counted');
    is($redis->cmd('HGET', "m{$_}", 'o'), undef, 'nor in buckets') for qw(u1 u2 u3 u4);
    is_deeply($redis->fcall('cos_user_load', [], $uid, 5, 7, 40), ['OK'], 'as a rebuild does it');
    is_deeply($users->($uid), ['OK', [3, 25, 7, 5, 3, 25]], 'the same');
    for (['ua', 'u1'], ['ub', 'u2'], ['uc', 'u3'], ['ud', 'u4']) {
        my ($name, $id) = @$_;
        $redis->fcall('cos_del', ["o{$id}$_"], $id, $_, 7, 99, 'any') for qw(k l m);
        is_deeply($redis->fcall('cos_bucket_del', ["b:$name"], $name, $id), ['OK'], "$name deleted");
    }
    is_deeply($users->($uid), ['OK', [0, 0, 7, 5, 0, 0]], 'nothing is left');
    $redis->cmd('DEL', "Q:$uid", 'u:AL', 'u:AM', 'C', 'I');
};


subtest 'clock' => sub {
    my $max = (1 << 53) - 1;
    is_deeply($redis->fcall('cos_hi', ['g'], 5), ['OK', 5], 'set');
    is_deeply($redis->fcall('cos_hi', ['g'], 4), ['OK', 5], 'kept');
    is_deeply($redis->fcall('cos_hi', ['g'], $max), ['OK', $max], 'largest');
    is($redis->cmd('HGET', 'g', 'hi'), $max, 'stored as digits');
    isa_ok($redis->try('FCALL', 'cos_hi', 1, 'g', 'x'), 'CosRedis::Error');
    $redis->cmd('HSET', 'g', 'hi', 0);
};


subtest 'full memory' => sub {
    put('oom', one(60, 1, 9000));
    $redis->cmd('CONFIG', 'SET', 'maxmemory', 1);
    like($redis->try('FCALL', 'cos_put', 1, o('x'), $B, 'x', 7,
        one(5, 1, 9001), 'any')->text, qr/^OOM/, 'takes nothing more');
    is_deeply(del('oom', 9001), ['OK', 1, [60]], 'still deletes');
    is_deeply($redis->fcall('cos_hi', ['g'], 9), ['OK', 9], 'clock goes on');
    is_deeply($redis->fcall('cos_fence', ["x{$B}"], $B, 8), ['OK'], 'fences');
    my $inc = $redis->fcall('cos_inc', ['g'])->[1];
    is_deeply($redis->fcall('cos_inc', ['g']), ['OK', $inc + 1], 'incarnations go on');
    is($redis->fcall('cos_list', ["k{$B}"], $B, '', '', '', 1)->[0], 'OK',
        'lists');
    $redis->cmd('CONFIG', 'SET', 'maxmemory', 0);
};


subtest 'the log tells the same' => sub {
    my $before = $redis->cmd('DEBUG', 'DIGEST');
    $redis->cmd('DEBUG', 'LOADAOF');
    is($redis->cmd('DEBUG', 'DIGEST'), $before, 'after replay');
};

done_testing();
