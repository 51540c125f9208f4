#!/usr/bin/perl

# Versions in the function library: thousands of random changes of a bucket
# whose versioning comes and goes, each held against a model in Perl, and what
# Redis holds afterwards against what loading the surviving records in any
# order makes of it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(first max shuffle sum0);
use Test::More;
use CosRedis;
use CosRecord;

my $seed = $ENV{COS_TEST_SEED} // time;
srand $seed;
note "COS_TEST_SEED=$seed";

my $redis = CosRedis->start(appendfsync => 'no',
    'enable-debug-command' => 'yes');
$redis->load;

my ($MARKER, $NULL) = (2, 4);
my ($NONE, $ENABLED, $SUSPENDED) = (0, 1, 2);
my $TOP = (1 << 53) - 1;
my $DAY = 86400000;

my $B = 'k1';
my $seq = 1000;
my $state = $NONE;
my %set = (w => 0, qb => 0, qo => 0);
my $bucket_seq = 1;
my %seen;         # "function status" => how often
my @keys = ("a", "a\0", "a\0\xff", "a/b", "a/c", "\xff", "\xff\xff",
    map { "key\0\xff$_" } 1 .. 3);
my %model;        # key => versions, newest first
my %gone;         # key => highest seq of a deletion of the null version
my %upload;

sub pick { return $_[int rand @_] }

# Mostly rising, sometimes behind.
sub next_seq {
    $seq += 1 + int rand 3;
    return rand() < 0.1 ? $seq - int rand 60 : $seq;
}

sub varint {
    my ($n) = @_;
    my $out = '';
    do { my $b = $n & 127; $n >>= 7; $out .= chr($n ? $b | 128 : $b) } while $n;
    return $out;
}

# --- records ------------------------------------------------------------------

# What the model knows of a version: order, id, seq, rec, and what went into it.
sub version {
    my (%o) = @_;
    $o{segs} //= [map { [1 + int rand 25, 64, int rand 1000] }
        1 .. pick(0, 1, 1, 1, 2)];
    $o{segs} = [[$o{segs}[0] ? $o{segs}[0][0] : 7, 64, 0]]
        if ($o{flags} // 0) & $MARKER;
    $o{home} //= rand() < 0.2 || !@{ $o{segs} } ? 1 + int rand 25 : 0;
    $o{class} //= rand() < 0.3 ? pick(1, 3) : 0;
    $o{mtime} //= time() * 1000 - pick(0, 3) * $DAY;
    $o{size} = sum0 map { $_->[2] } @{ $o{segs} };
    $o{md5} //= pack 'L>4', map { int rand 2**32 } 1 .. 4;
    my $tail = '';
    $tail .= chr(8) . chr(1) . $o{owner} if defined $o{owner};
    $tail .= chr(11) . chr(length varint($o{born})) . varint($o{born})
        if $o{born};
    $o{rec} = object_record(%o, tail => $tail);
    substr $o{rec}, 3, 1, chr $o{class};
    $o{order} = $o{born} || $o{seq};
    $o{id} = ($o{flags} // 0) & $NULL ? 0 : $o{born} || 0;
    $o{marker} = ($o{flags} // 0) & $MARKER ? 1 : 0;
    return \%o;
}

sub again {
    my ($v, %more) = @_;
    my %o = (%$v, %more);
    return version(map { ($_ => $o{$_}) } qw(flags segs home class mtime md5
        owner born seq rev));
}

sub facts {
    my ($v) = @_;
    return chr(($v->{flags} // 0) | (defined $v->{owner} ? 0x40 : 0))
        . substr($v->{rec}, 3, 1) . substr($v->{rec}, 6, 2)
        . substr($v->{rec}, 24, 6) . substr($v->{rec}, 16, 6)
        . substr($v->{rec}, 32, 16) . ($v->{owner} // '')
        . ($v->{born} ? varint($v->{born}) : '');
}

sub escape { return $_[0] =~ s/\0/\0\xff/gr }
sub code { return sprintf '%014x', $TOP - $_[0]{order} }

# --- the model ------------------------------------------------------------------

sub versions { return @{ $model{ $_[0] } ||= [] } }
sub null_of { return first { $_->{id} == 0 } versions($_[0]) }

sub insert {
    my ($key, $v) = @_;
    $model{$key} = [sort { $b->{order} <=> $a->{order} } versions($key), $v];
}

sub take { my ($key, $v) = @_; $model{$key} = [grep { $_ != $v } versions($key)] }

sub kept {
    my ($v) = @_;
    return $v && $set{w} && !$v->{marker}
        && $v->{mtime} + $set{w} * $DAY > time() * 1000;
}

sub over_quota {
    my ($new, $old) = @_;
    my @all = map { versions($_) } keys %model;
    my $more = $new->{size} - ($old ? $old->{size} : 0);
    return $set{qb} && $more > 0
        && $more + sum0(map { $_->{size} } @all) > $set{qb}
        || $set{qo} && !$old && @all + 1 > $set{qo};
}

# What the functions answer to a condition, or undef.
sub condition {
    my ($cond, $arg, $old, $new) = @_;
    return if $cond eq 'any';
    return $old ? 'EXISTS' : undef if $cond eq 'absent';
    return 'NOKEY' if !$old;
    return $arg eq '*' || $arg eq unpack('H*', $old->{md5}) ? undef : 'NOMATCH'
        if $cond eq 'match';
    return $arg != $old->{seq} || $new && substr($new->{rec}, 64,
        18 * @{ $new->{segs} }) ne substr($old->{rec}, 64,
        18 * @{ $old->{segs} }) || $new && @{ $new->{segs} } != @{ $old->{segs} }
        ? 'CONFLICT' : undef;
}

sub pick_condition {
    my ($v) = @_;
    return ('any', '') if rand() < 0.7;
    return @{ pick(['absent', ''], ['match', '*'], ['match', '1' x 32],
        $v ? ['match', unpack 'H*', $v->{md5}] : ['match', '*']) };
}

# Sends a change and holds the answer against what the model says: want is a
# status; of STALE the model knows the least number.
sub call {
    my ($want, $least, $name, $key, @args) = @_;
    my $before = rand() < 0.1 ? $redis->cmd('DEBUG', 'DIGEST') : '';
    my $reply = $redis->fcall($name, [$key], @args);
    my $got = $reply->[0];
    $seen{"$name $got"}++;
    if ($got eq 'STALE' && $want eq 'OK' && $reply->[1] > $least) {
        # a deletion of another key of the slot
        $want = 'STALE'
            if grep { $_ == $reply->[1] } values %gone;
    }
    if ($got ne $want) {
        fail("$name answers $got, the model says $want");
        diag(explain([$key, map { length > 60 ? unpack 'H*', $_ : $_ } @args]));
        BAIL_OUT('the model and Redis parted') if $got eq 'OK' || $want eq 'OK';
    }
    if ($before && $got ne 'OK') {
        is($redis->cmd('DEBUG', 'DIGEST'), $before, "$got changes nothing");
    }
    return $got eq 'OK' && $want eq 'OK';
}

# --- changes ----------------------------------------------------------------------

# What a new record is answered with, and the null version that it replaces.
sub judge_new {
    my ($key, $new, $cond, $arg) = @_;
    my ($cur) = versions($key);
    my $null = $new->{born} ? undef : null_of($key);
    my $visible = $cur && !$cur->{marker} ? $cur : undef;
    if ($state == $NONE) {
        my $no = condition($cond, $arg, $cur, undef);
        my $last = $cur ? $cur->{seq} : $gone{$key} // 0;
        $no //= $new->{seq} <= $last ? 'STALE' : undef;
        $no //= kept($cur) ? 'RETAINED' : over_quota($new, $cur) ? 'QUOTA'
            : 'OK';
        return ($no, $last, $cur);
    }
    return ('VERSIONING', 0) if !$new->{born} && $state == $ENABLED;
    my $no = condition($cond, $arg, $visible, undef);
    my $last = max($cur ? $cur->{seq} : 0, $new->{born} ? 0
        : $null ? $null->{seq} : $gone{$key} // 0);
    $no //= $new->{seq} <= $last ? 'STALE' : undef;
    $no //= kept($null) ? 'RETAINED' : over_quota($new, $null) ? 'QUOTA'
        : 'OK';
    return ($no, $last, $null);
}

sub new_version {
    my ($flags) = @_;
    my $s = next_seq();
    my $as = rand() < 0.03 ? pick($ENABLED, $SUSPENDED) : $state;
    return if $as == $ENABLED && $state == $NONE;
    return version(seq => $s, flags => $flags, owner => pick(undef, undef, 'x'),
        born => $as == $ENABLED ? $s : 0);
}

my %act = (
    put => sub {
        my $key = pick(@keys);
        my $new = new_version(0) or return;
        my @cond = pick_condition((versions($key))[0]);
        my ($want, $least, $old) = judge_new($key, $new, @cond);
        call($want, $least, 'cos_put', "o{$B}$key", $B, $key, 7, $new->{rec},
            @cond) or return;
        take($key, $old) if $old;
        insert($key, $new);
    },
    mark => sub {
        my $key = pick(@keys);
        return if $state == $NONE;
        my $new = new_version($MARKER) or return;
        my ($want, $least, $old) = judge_new($key, $new, 'any', '');
        call($want, $least, 'cos_put', "o{$B}$key", $B, $key, 7, $new->{rec},
            'any', '') or return;
        take($key, $old) if $old;
        insert($key, $new);
    },
    amend => sub {
        my $key = pick(@keys);
        my $v = pick(versions($key)) or return;
        my $s = next_seq();
        if ($state == $NONE) {
            my $new = again($v, seq => $s);
            my $arg = $v->{seq} + (rand() < 0.1);
            my $no = condition('seq', $arg, $v, $new)
                // ($s <= $v->{seq} ? 'STALE' : 'OK');
            call($no, $v->{seq}, 'cos_put', "o{$B}$key", $B, $key, 7,
                $new->{rec}, 'seq', $arg) or return;
            take($key, $v);
            return insert($key, $new);
        }
        my $new = again($v, seq => $s, born => $v->{order},
            flags => ($v->{flags} // 0) | ($v->{id} ? 0 : $NULL),
            segs => rand() < 0.1 ? [[3, 64, 5]] : $v->{segs},
            class => pick($v->{class}, 0, 3));
        my $arg = $v->{seq} + (rand() < 0.1);
        return if $new->{order} == $s;
        my $no = condition('seq', $arg, $v, $new)
            // ($s <= $v->{seq} ? 'STALE' : over_quota($new, $v) ? 'QUOTA'
            : 'OK');
        call($no, $v->{seq}, 'cos_put', "o{$B}$key", $B, $key, 7,
            $new->{rec}, 'seq', $arg) or return;
        take($key, $v);
        insert($key, $new);
    },
    lost => sub {
        # a version that is gone is not changed, and not brought back
        my $key = pick(@keys);
        my $s = next_seq();
        return if $state == $NONE;
        my $new = version(seq => $s, born => $s - 500, flags => 0);
        return if grep { $_->{id} == $new->{id} } versions($key);
        call('NOKEY', 0, 'cos_put', "o{$B}$key", $B, $key, 7, $new->{rec},
            'seq', 5);
    },
    del => sub {
        my $key = pick(@keys);
        my $v = pick(versions($key), undef);
        my $id = $v ? $v->{id} : pick(0, 1);
        $v //= first { $_->{id} == $id } versions($key);
        my $s = next_seq();
        my @cond = $v && rand() < 0.3 ? ('seq', $v->{seq} + (rand() < 0.2))
            : ('any', '');
        my $no = condition(@cond, $v, undef);
        $no //= $v && $s <= $v->{seq} ? 'STALE' : kept($v) ? 'RETAINED' : 'OK';
        call($no, $v ? $v->{seq} : 0, 'cos_del', "o{$B}$key", $B, $key, 7, $s,
            @cond, $id) or return;
        $gone{$key} = max($gone{$key} // 0, $s) if !$id;
        take($key, $v) if $v;
    },
    plain_del => sub {
        my $key = pick(@keys);
        my $s = next_seq();
        my ($v) = versions($key);
        my $want = $state != $NONE ? 'VERSIONING'
            : $v && $s <= $v->{seq} ? 'STALE' : kept($v) ? 'RETAINED' : 'OK';
        call($want, $v ? $v->{seq} : 0, 'cos_del', "o{$B}$key", $B, $key, 7,
            $s, 'any', '') or return;
        $gone{$key} = max($gone{$key} // 0, $s);
        take($key, $v) if $v;
    },
    move => sub {
        my $key = pick(@keys);
        my $v = pick(versions($key)) or return;
        my $rev = $v->{rev} // 0;
        my $new = again($v, rev => $rev + 1, home => 0, segs => [map {
            [1 + int rand 25, 128, $_->[2]] } @{ $v->{segs} }]);
        $new = again($new, home => 9) if !@{ $new->{segs} };
        my $wrong = rand() < 0.1;
        call($wrong ? 'GONE' : 'OK', 0, 'cos_move', "o{$B}$key", $B, $key,
            $v->{seq}, $rev + $wrong, $new->{rec}) or return;
        take($key, $v);
        insert($key, $new);
    },
    complete => sub {
        my $key = pick(@keys);
        my $id = join '', map { pick('a' .. 'z') } 1 .. 8;
        $redis->fcall('cos_mpu_init', ["U{$B}$id"], $B, $key, $id, 7,
            front_record($seq));
        my $part = version(seq => next_seq(), segs => [[1 + int rand 25, 64,
            int rand 500]]);
        $redis->fcall('cos_mpu_part', ["U{$B}$id"], $B, $id, 7, 1,
            $part->{rec});
        my $new = new_version(0) or return $upload{$id} = $key;
        $new = again($new, segs => $part->{segs}, home => 9);
        my @cond = pick_condition((versions($key))[0]);
        my ($want, $least, $old) = judge_new($key, $new, @cond);
        if (!call($want, $least, 'cos_mpu_complete', "o{$B}$key", $B, $key,
            $id, 7, $new->{rec}, @cond, 1, 1, $part->{seq}))
        {
            $redis->fcall('cos_mpu_abort', ["U{$B}$id"], $B, $key, $id, 7);
            return;
        }
        take($key, $old) if $old;
        insert($key, $new);
    },
    switch => sub {
        $state = $state == $NONE ? (rand() < 0.3 ? $ENABLED : $NONE)
            : pick($ENABLED, $SUSPENDED);
        %set = (w => rand() < 0.35 ? 1 : 0, qb => rand() < 0.2 ? 12000 : 0,
            qo => rand() < 0.2 ? 30 : 0);
        my $r = $redis->fcall('cos_bucket_put', ['b:n'], 'n', $B,
            bucket_record('n', $B, $bucket_seq + 1), 'replace', $bucket_seq,
            'v', $state, map { ($_ => $set{$_}) } sort keys %set);
        is($r->[0], 'OK', "state $state @{[%set]}");
        $bucket_seq++;
    },
);
my @mix = (('put') x 10, ('mark') x 3, ('amend') x 5, 'lost', ('del') x 6,
    'plain_del', ('move') x 3, ('complete') x 2);

# --- what Redis holds ---------------------------------------------------------------

# All of a bucket but weights and what is remembered of the past.
sub holds {
    my ($bid) = @_;
    my %all;
    for my $key (@{ $redis->cmd('KEYS', "[ov]{$bid}*") }) {
        $all{ $key =~ s/\{$bid\}/{}/r } = $redis->cmd('GET', $key);
    }
    $all{N} = { @{ $redis->cmd('HGETALL', "N{$bid}") } };
    my %m = @{ $redis->cmd('HGETALL', "m{$bid}") };
    delete @m{qw(name u)};
    $all{m} = { map { ($_ => $m{$_}) } grep { $m{$_} } keys %m };
    for my $letters ('kKy', 'wWz') {
        my ($members, $wrong) = index_read($redis, $bid, split //, $letters);
        is_deeply($wrong, [], "$bid: form of index $letters");
        $all{$letters} = $members;
    }
    return \%all;
}

# The same, from the model.
sub expected {
    my %all = (N => {}, kKy => [], wWz => []);
    my %m = (%set, v => $state);
    for my $key (sort { escape($a) cmp escape($b) } keys %model) {
        my @v = versions($key);
        for my $i (0 .. $#v) {
            my $v = $v[$i];
            my $id = escape($key) . "\0";
            $all{ $i ? "v{}$key\0" . code($v) : "o{}$key" } = $v->{rec};
            $all{N}{$key} = code($v) if $i && !$v->{id};
            push @{ $all{ $i || $v->{marker} ? 'wWz' : 'kKy' } },
                ($i || $v->{marker} ? $id . code($v) . "\0" : $id) . facts($v);
            my $c = $i || $v->{marker} ? 'v' : '';
            $m{ $c ? 'vn' : 'n' }++;
            $m{ $c ? 'vs' : 's' } += $v->{size};
            if ($v->{class} && !$v->{marker}) {
                $m{"n$v->{class}"}++;
                $m{"s$v->{class}"} += $v->{size};
            }
        }
    }
    $all{m} = { map { ($_ => $m{$_}) } grep { $m{$_} } keys %m };
    @{ $all{$_} } = sort @{ $all{$_} } for qw(kKy wWz);
    return \%all;
}

sub weights {
    my %w;
    record_weights(\%w, $_->{rec}) for map { versions($_) } keys %model;
    return \%w;
}

my $loads = 0;
sub loaded {
    my ($name, $want) = @_;
    my $bid = 'l' . ++$loads;
    $redis->fcall('cos_bucket_put', ["b:$bid"], $bid, $bid,
        bucket_record($bid, $bid, 1), 'create', 'v', $state,
        map { ($_ => $set{$_}) } sort keys %set);
    for my $one (shuffle map { my $k = $_; map { [$k, $_] } versions($k) }
        keys %model)
    {
        my ($key, $v) = @$one;
        my $r = $redis->fcall('cos_load', ["o{$bid}$key"], $bid, $key,
            $v->{rec});
        is($r->[0], 'OK', 'cos_load') if $r->[0] ne 'OK';
    }
    is_deeply(holds($bid), $want, "$name: loading the records gives the same");
    my ($key) = grep { versions($_) } keys %model;
    if (defined $key) {
        my $v = pick(versions($key));
        like($redis->try('FCALL', 'cos_load', 1, "o{$bid}$key", $bid, $key,
            $v->{rec})->text, qr/is there/, 'no version twice');
    }
    $redis->cmd('DEL', "b:$bid", @{ $redis->cmd('KEYS', "*{$bid}*") });
}

sub finds {
    my ($name) = @_;
    my @wrong;
    for my $key (@keys) {
        for my $id (0, 1, map { $_->{id} } versions($key)) {
            my $v = first { $_->{id} == $id } versions($key);
            my $r = $redis->fcall('cos_find', ["o{$B}$key"], $B, $key, $id);
            push @wrong, "$key $id"
                if ($r->[1] // '') ne ($v ? $v->{rec} : '');
        }
        my $cid = 1 + int rand 25;
        my $r = $redis->fcall('cos_find', ["o{$B}$key"], $B, $key, 0, $cid);
        my @here = grep { my %w; record_weights(\%w, $_); $w{$cid} }
            map { $_->{rec} } versions($key);
        push @wrong, "$key in $cid" if join('', 'OK', @here) ne join '', @$r;
        my ($v) = grep { $_->{id} } my @rest = versions($key);
        next if !$v;
        shift @rest while $rest[0] != $v;
        $r = $redis->fcall('cos_find', ["o{$B}$key"], $B, $key, 0, $cid, code($v));
        @here = grep { my %w; record_weights(\%w, $_); $w{$cid} }
            map { $_->{rec} } @rest[1 .. $#rest];
        push @wrong, "$key in $cid behind $v->{id}" if join('', 'OK', @here) ne join '', @$r;
    }
    is_deeply(\@wrong, [], "$name: each version is found");
}

# The listing from each of its places on, by pages of several sizes.
sub lists {
    my ($name) = @_;
    my @all;
    for my $key (sort { $a cmp $b } keys %model) {
        my @v = versions($key);
        push @all, map { [$_ ? 'older' : $v[$_]{marker} ? 'marker' : 'current',
            escape($key) . "\0" . ($_ || $v[$_]{marker} ? code($v[$_]) . "\0"
                : '') . facts($v[$_]), $key, $v[$_]{id}] } 0 .. $#v;
    }
    my $list = sub {
        my ($marker, $id, $max, @in) = @_;
        return $redis->fcall('cos_versions', ["k{$B}"], $B, $in[0] // '',
            $in[1] // '', $marker, $id, $max);
    };
    my @wrong;
    for my $i (-1 .. $#all) {
        my @at = $i < 0 ? ('', '') : @{ $all[$i] }[2, 3];
        my $max = pick(1, 2, 3, 7, 100, 1000);
        my $r = $list->(@at, $max);
        my @rest = @all[$i + 1 .. $#all];
        my $more = @rest > $max;
        splice @rest, $max if $more;
        push @wrong, "behind $i by $max" if $r->[1] != $more || join(' ',
            map { unpack 'H*', $_ } @{ $r->[3] }) ne join ' ',
            map { unpack 'H*', $_ } map { @$_[0, 1] } @rest;
    }
    for my $key (@keys) {
        my $r = $list->($key, '', 1000);
        push @wrong, 'behind the key ' . unpack 'H*', $key
            if join('', @{ $r->[3] }) ne join '', map { @$_[0, 1] }
            grep { $_->[2] gt $key } @all;
    }
    my $r = $list->('', '', 1000, 'a', '/');
    push @wrong, 'with a delimiter' if join('', @{ $r->[3] }) ne join('',
        map { @$_[0, 1] } grep { $_->[2] =~ /^a/ && $_->[2] !~ m{/} } @all)
        || "@{ $r->[4] }" ne ((grep { $_->[2] =~ m{^a/} } @all) ? 'a/' : '');
    is_deeply(\@wrong, [], "$name: listings (" . @all . ' versions)');
}

sub check {
    my ($name) = @_;
    my $want = expected();
    is_deeply(holds($B), $want, "$name: all is as in the model");
    my %told = @{ $redis->cmd('HGETALL', "c{$B}") };
    is_deeply(\%told, weights(), "$name: weights");
    my @both = grep { exists $told{$_} } @{ $redis->cmd('SMEMBERS', "d{$B}") };
    is_deeply(\@both, [], "$name: nothing is dead and alive");
    finds($name);
    lists($name);
    loaded($name, $want);
}

# --- the run ------------------------------------------------------------------------------

$redis->fcall('cos_bucket_put', ['b:n'], 'n', $B, bucket_record('n', $B, 1),
    'create', 'v', 0);

for my $round (1 .. 24) {
    for (1 .. 150) {
        $act{ pick(@mix) }->();
    }
    for my $id (keys %upload) {
        $redis->fcall('cos_mpu_abort', ["U{$B}$id"], $B, $upload{$id}, $id, 7);
        delete $upload{$id};
    }
    check("round $round");
    $act{switch}->();
    $act{switch}->() while $round > 2 && $state == $NONE;
}

for my $want (map { my $f = $_->[0]; map { "cos_$f $_" } @$_[1 .. $#$_] }
    [put => qw(OK EXISTS NOKEY NOMATCH CONFLICT STALE VERSIONING RETAINED
        QUOTA)],
    [del => qw(OK CONFLICT STALE VERSIONING RETAINED)], [move => qw(OK GONE)],
    [mpu_complete => qw(OK)])
{
    ok($seen{$want}, "seen: $want");
}

my $digest = $redis->cmd('DEBUG', 'DIGEST');
$redis->cmd('DEBUG', 'LOADAOF');
is($redis->cmd('DEBUG', 'DIGEST'), $digest, 'a replay of the log is the same');

# when all is gone nothing weighs, and the bucket can go
$state = $SUSPENDED;
$redis->fcall('cos_bucket_put', ['b:n'], 'n', $B,
    bucket_record('n', $B, $bucket_seq + 1), 'replace', $bucket_seq,
    'v', $state, 'w', 0);
for my $key (@keys) {
    is($redis->fcall('cos_bucket_del', ['b:n'], 'n', $B)->[0], 'NOTEMPTY',
        'a bucket with versions is not empty') if versions($key);
    $redis->fcall('cos_del', ["o{$B}$key"], $B, $key, 7, $seq + 100, 'any', '',
        $_->{id}) for shuffle versions($key);
}
ok(!$redis->cmd('EXISTS', "c{$B}", "N{$B}"), 'nothing is left of them');
my %m = @{ $redis->cmd('HGETALL', "m{$B}") };
is_deeply([grep { /^v?[ns]\d*$/ && $m{$_} } sort keys %m], [], 'counters');
is($redis->fcall('cos_bucket_del', ['b:n'], 'n', $B)->[0], 'OK', 'deleted');
is_deeply([grep { !/^[dD]/ } @{ $redis->cmd('KEYS', "*{$B}*") }], [],
    'and nothing is left of it');

done_testing();
