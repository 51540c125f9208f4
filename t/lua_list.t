#!/usr/bin/perl

# Listings of objects and of uploads against a naive model: random keys made of
# few, awkward bytes, or of folders, and every combination of prefix, delimiter,
# marker and limit; page by page they give the whole.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use List::Util qw(shuffle);
use Test::More;
use CosRedis;
use CosRecord;

my $seed = $ENV{COS_TEST_SEED} // time;
srand $seed;
note "COS_TEST_SEED=$seed";

my $redis = CosRedis->start(appendonly => 'no');
$redis->load;

my $B = 'k1';
$redis->fcall('cos_bucket_put', ['b:n'], 'n', $B, bucket_record('n', $B, 1),
    'create');

my @bytes = ("\0", "\1", '/', 'a', 'b', "\xfe", "\xff");

sub pick { return $_[int rand @_] }

sub text {
    my ($max) = @_;
    return join '', map { pick(@bytes) } 1 .. int rand($max + 1);
}

sub common_prefix {
    my ($key, $prefix, $delimiter) = @_;
    return undef if $delimiter eq ''
        || substr($key, 0, length $prefix) ne $prefix;
    my $at = index $key, $delimiter, length $prefix;
    return $at < 0 ? undef : substr $key, 0, $at + length $delimiter;
}

# What a listing must be. entries: [key, id, value], in order; hidden ones have
# no value.
sub model {
    my ($entries, $prefix, $delimiter, $marker, $id, $max) = @_;
    my (@out, @prefixes, $last);
    my @next = ('', '');
    my $skip = common_prefix($marker, $prefix, $delimiter);
    my $count = 0;
    return [0, \@next, [], []] if $max == 0;
    for my $e (@$entries) {
        my ($key, $eid, $value) = @$e;
        next if substr($key, 0, length $prefix) ne $prefix;
        next if $key lt $marker
            || $key eq $marker && ($id eq '' || $eid le $id) && $marker ne '';
        my $cp = common_prefix($key, $prefix, $delimiter);
        if (defined $cp) {
            next if defined $skip && $cp eq $skip
                || defined $last && $cp eq $last;
        }
        elsif (!defined $value) {
            next;
        }
        return [1, \@next, \@out, \@prefixes] if $count++ == $max;
        if (defined $cp) {
            push @prefixes, $cp;
            $last = $cp;
            @next = ($cp, '');
        }
        else {
            push @out, $e;
            @next = ($key, $eid);
        }
    }
    return [0, \@next, \@out, \@prefixes];
}

sub hex_of { return join ' ', map { '<' . unpack('H*', $_) . '>' } @_ }

sub key_of {
    my ($member) = @_;
    $member =~ /^((?:[^\0]|\0\xff)*)\0[^\xff]/s or die 'no member';
    return $1 =~ s/\0\xff/\0/gr;
}

# The same shape from a reply.
sub listed {
    my (@args) = @_;
    my (undef, $more, $next, $keys, $prefixes)
        = @{ $redis->fcall('cos_list', ["k{$B}"], $B, @args) };
    return [$more, [$next, ''], [map { [key_of($_), '', $_] } @$keys],
            $prefixes];
}

# Every version: what comes next is told of prefixes, and else follows from the
# last version.
sub versions {
    my ($prefix, $delimiter, $marker, $max) = @_;
    my (undef, $more, $next, $found, $prefixes)
        = @{ $redis->fcall('cos_versions', ["k{$B}"], $B, $prefix, $delimiter,
            $marker, '', $max) };
    my @members = @$found[grep { $_ % 2 } 0 .. $#$found];
    $next = key_of($members[-1]) if $next eq '' && @members;
    return [$more, [$next, ''], [map { [key_of($_), '', $_] } @members],
            $prefixes];
}

sub uploads {
    my (@args) = @_;
    my (undef, $more, $next, $next_id, $keys, $prefixes)
        = @{ $redis->fcall('cos_uploads', ["p{$B}"], $B, @args) };
    my @out;
    push @out, [splice @$keys, 0, 3] while @$keys;
    return [$more, [$next, $next_id], \@out, $prefixes];
}

# Mostly a short one, so that much begins with it.
sub beginning {
    my ($key) = @_;
    return substr $key, 0, 1 + int rand(rand() < 0.7 ? 3 : length $key);
}

sub compare {
    my ($name, $rounds, $entries, $call, $ids) = @_;
    my @known = map { $_->[0] } @$entries;
    my $bad = 0;
    for (1 .. $rounds) {
        my $prefix = rand() < 0.5 ? '' : rand() < 0.5 ? text(2)
            : beginning(pick(@known));
        my $delimiter = pick('', '/', '/', 'a', "\xff", "\0", 'ab', '//');
        my $marker = rand() < 0.4 ? '' : rand() < 0.5 ? text(4) : pick(@known);
        my $id = $ids && rand() < 0.5 ? pick('1', '5', 'a') : '';
        my $max = pick(0, 1, 2, 3, 7, 20, 1000);
        my $want = model($entries, $prefix, $delimiter, $marker, $id, $max);
        my $got = $call->($prefix, $delimiter, $marker,
            $ids ? $id : (), $max);
        next if eq_array($got, $want);
        is_deeply($got, $want, 'prefix, delimiter, marker, id: '
            . hex_of($prefix, $delimiter, $marker, $id) . " max $max");
        last if ++$bad == 3;
    }
    ok(!$bad, "$name: $rounds listings as the model has them");
    return;
}

sub pages {
    my ($name, $entries, $call, $ids) = @_;
    my $bad = 0;
    for my $delimiter ('', '/', 'a', "\xff") {
        for my $max (1, 2, 5, 64) {
            my $whole = model($entries, '', $delimiter, '', '', 1e9);
            my ($marker, $id, @out, @prefixes) = ('', '');
            for (1 .. 10_000) {
                my $page = $call->('', $delimiter, $marker,
                    $ids ? $id : (), $max);
                push @out, @{ $page->[2] };
                push @prefixes, @{ $page->[3] };
                ($marker, $id) = @{ $page->[1] };
                last unless $page->[0];
            }
            $bad++ unless eq_array(\@out, $whole->[2])
                && eq_array(\@prefixes, $whole->[3]);
        }
    }
    ok(!$bad, "$name: pages make the whole");
    return;
}


subtest 'objects' => sub {
    my (%member, %size);
    my $seq = 1000;
    is_deeply($redis->fcall('cos_list', ['k{zz}'], 'zz', '', '', '', 10),
        ['NOBUCKET'], 'no bucket');
    is_deeply(listed('', '/', '', 10), [0, ['', ''], [], []], 'empty');

    # grows, is overwritten, shrinks to little, grows again
    for my $set (5, 60, 600, 900, 3000, -1700, -900, 700, 900) {
        my $n = abs $set;
        my @calls;
        while ($n-- > 0) {
            my $key = $set > 0 && rand() < 0.9 ? pick(@bytes) . text(6)
                : pick(keys %member) // 'none';
            my $at = 'o{' . $B . '}' . $key;
            if ($set < 0 || rand() < 0.1) {
                next if keys %member < 3;
                push @calls, ['FCALL', 'cos_del', 1, $at, $B, $key, 7, ++$seq,
                    'any'];
                delete $member{$key};
                next;
            }
            my $sum = rand() < 0.2 ? 1 + int rand 5 : undef;
            my $owner = rand() < 0.2 ? "\x81\x01" : undef;
            my $rec = object_record(seq => ++$seq, size => int rand 1e12,
                segs => [map { [$_, 64, $_ * 10] } 1 .. int rand 4],
                mtime => int rand 1e13, parts => int rand 4, home => 77,
                md5 => join('', map { chr int rand 256 } 1 .. 16),
                flags => int rand 32,
                tail => "\1\1x" . pick('', "\7\x81\1" . 'm' x 129)
                    . (defined $owner ? "\x08\2$owner" : '')
                    . (defined $sum ? "\x09\5" . chr($sum) . 'crc!' : '')
                    . pick('', "\x0a\3abc"));
            push @calls, ['FCALL', 'cos_put', 1, $at, $B, $key, 7, $rec, 'any'];
            $member{$key} = index_member($key, $rec, sum => $sum,
                owner => $owner);
            $size{$key} = (record_head($rec))[2];
        }
        my $bad = grep { ref ne 'ARRAY' || $_->[0] ne 'OK' }
            @{ $redis->pipeline(\@calls) };
        is($bad, 0, 'all changes were made');
        my @entries = map { [$_, '', $member{$_}] } sort keys %member;
        my $name = 'set ' . @entries;
        my ($members, $wrong) = index_read($redis, $B);
        is_deeply($wrong, [], "$name: form of the index");
        ok(eq_array($members, [map { $_->[2] } @entries]), "$name: index");
        compare($name, 1500, \@entries, \&listed, 0);
        pages($name, \@entries, \&listed, 0);
        usage($name, \%size, \@entries);
        by_pages($name, $members);
    }
};

# What cos_du counts.
sub usage {
    my ($name, $size, $entries) = @_;
    my $bad = 0;
    for (1 .. 300) {
        my $prefix = rand() < 0.1 ? '' : rand() < 0.5 ? text(3)
            : substr pick(@$entries)->[0], 0, 1 + int rand 3;
        my ($n, $bytes) = (0, 0);
        for my $e (@$entries) {
            next if substr($e->[0], 0, length $prefix) ne $prefix;
            $n++;
            $bytes += $size->{ $e->[0] };
        }
        my $got = $redis->fcall('cos_du', ["k{$B}"], $B, $prefix);
        next if eq_array($got, ['OK', $n, $bytes]);
        is_deeply($got, ['OK', $n, $bytes], 'prefix ' . hex_of($prefix));
        last if ++$bad == 3;
    }
    ok(!$bad, "$name: objects and bytes below prefixes");
    return;
}

# All of the index by cos_keys.
sub by_pages {
    my ($name, $members) = @_;
    my ($from, @all) = ('');
    for (1 .. 1000) {
        my (undef, $start, $next, $bytes, $some)
            = @{ $redis->fcall('cos_keys', ["k{$B}"], $B, $from) };
        die 'another page' if $start ne $from;
        push @all, @$some;
        last if $next eq '';
        $from = $next;
    }
    ok(eq_array(\@all, $members), "$name: page by page");
    return;
}


subtest 'uploads' => sub {
    my %seen;
    is_deeply($redis->fcall('cos_uploads', ['p{zz}'], 'zz', '', '', '', '', 9),
        ['NOBUCKET'], 'no bucket');
    for my $set (1 .. 4) {
        for (1 .. pick(5, 50, 300)) {
            my ($key, $id) = (pick(@bytes) . text(4), int rand 10);
            $id .= join '', map { pick(0 .. 9, 'a' .. 'f') } 1 .. 12;
            my $rec = front_record(9, "$id");
            $redis->fcall('cos_mpu_init', ["U{$B}$id"], $B, $key, $id, 7, $rec);
            $seen{$id} = [$key, $id, $rec];
        }
        my @entries = sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] }
            values %seen;
        compare('set ' . @entries, 1500, \@entries, \&uploads, 1);
        pages('set ' . @entries, \@entries, \&uploads, 1);
    }
};


# The commands on sorted sets that a listing of a bucket takes.
sub commands {
    my ($function, $bid, @args) = @_;
    $redis->cmd('CONFIG', 'RESETSTAT');
    my $reply = $redis->fcall($function, ["k{$bid}"], $bid, @args);
    my $n = 0;
    $n += $_ for $redis->cmd('INFO', 'commandstats')
        =~ /^cmdstat_z\w+:calls=(\d+)/mg;
    return ($n, scalar @{ $reply->[4] });
}

# Folders in folders of few and of many objects, with names that come right
# before and behind a slash and names of all bytes; in any order or side by side.
sub folder_keys {
    my ($order) = @_;
    my $all = join '', grep { $_ ne '/' } map { chr } 0 .. 255;
    my @names = ('', "\0", "a\0", 'a', 'a.', 'a0', 'a/', "a\0b", "\xff",
        "\xff\xff", $all, scalar reverse($all), "$all.", "${all}0");
    my @keys;
    for (1 .. 25) {
        my $folder = join '', map { pick(@names) . '/' } 1 .. 1 + rand 3;
        push @keys, map { [$_, $folder . sprintf '%03d', $_] }
            1 .. pick(1, 2, 5, 31, 32, 33, 70, 150);
    }
    @keys = map { $_->[1] } sort { $a->[0] <=> $b->[0] } @keys;
    return $order eq 'any' ? shuffle @keys : @keys;
}

sub bucket {
    ($B) = @_;
    return $redis->fcall('cos_bucket_put', ["b:$B"], $B, $B,
        bucket_record($B, $B, 1), 'create');
}

sub put {
    my ($key, $rec) = @_;
    return ['FCALL', 'cos_put', 1, "o{$B}$key", $B, $key, 7, $rec, 'any'];
}

sub all_made {
    my ($calls) = @_;
    my $bad = grep { ref ne 'ARRAY' || $_->[0] ne 'OK' }
        @{ $redis->pipeline($calls) };
    return is($bad, 0, 'all changes were made');
}

subtest 'folders' => sub {
    my (%member, $seq);
    bucket('k5');
    for my $order ('any', 'side by side', 'shrunk', 'any') {
        my @keys = $order eq 'shrunk' ? () : folder_keys($order);
        my @gone = grep { rand() < ($order eq 'shrunk' ? 0.7 : 0.1) }
            sort keys %member;
        my @calls = map { ['FCALL', 'cos_del', 1, "o{$B}$_", $B, $_, 7, ++$seq,
            'any'] } @gone;
        delete @member{@gone};
        for my $key (@keys) {
            my $rec = object_record(seq => ++$seq, segs => [[1, 64, 1]]);
            push @calls, put($key, $rec);
            $member{$key} = index_member($key, $rec);
        }
        all_made(\@calls);
        my @entries = map { [$_, '', $member{$_}] } sort keys %member;
        my $name = "$order: " . @entries;
        my ($members, $wrong) = index_read($redis, $B);
        is_deeply($wrong, [], "$name: form of the index");
        ok(eq_array($members, [map { $_->[2] } @entries]), "$name: index");
        compare($name, 400, \@entries, \&listed, 0);
        pages($name, \@entries, \&listed, 0);
    }
};

# Versions in folders: of some keys many, the newest of some a delete marker.
subtest 'versions' => sub {
    my $seq = 1 << 19;
    for my $order ('any', 'side by side') {
        bucket($order eq 'any' ? 'k6' : 'k7');
        my @keys = folder_keys($order);
        all_made([map { put($_, object_record(seq => ++$seq)) } @keys]);
        $redis->cmd('HSET', "m{$B}", 'v', 1);
        all_made([map {
            my $key = $_;
            map { put($key, object_record(seq => ++$seq, flags => pick(0, 0, 2),
                tail => pack 'C5', 11, 3, $seq & 127 | 128,
                    $seq >> 7 & 127 | 128, $seq >> 14)) } 1 .. pick(1, 1, 2, 40)
        } grep { rand() < 0.15 } @keys]);

        # of a key the current version first: each index is in order already
        my $n = 0;
        my @entries = map { [$_->[0], '', $_->[2]] }
            sort { $a->[0] cmp $b->[0] || $a->[1] <=> $b->[1] }
            map { [key_of($_), $n++, $_] }
            map { @{ (index_read($redis, $B, @$_))[0] } } [], ['w', 'W', 'z'];
        compare("$order: " . @entries, 400, \@entries, \&versions, 0);
    }
};

# Behind each folder a listing goes on with one look into the directory and one
# at a page, where folders were filled side by side; where they were in any
# order it needs little more.
subtest 'large folders' => sub {
    my @keys = map { my $i = $_; map { sprintf 'x/%04d/%08d', $_, $i } 1 .. 200 }
        1 .. 100;
    for (['k3', 2.1, \@keys], ['k4', 2.2, [shuffle @keys]]) {
        my ($bid, $most, $order) = @$_;
        bucket($bid);
        all_made([map { put($_, object_record(seq => 1)) } @$order]);
        for (['cos_list'], ['cos_versions', '']) {
            my ($function, @more) = @$_;
            my ($n, $folders) = commands($function, $bid, 'x/', '/', '', @more,
                1000);
            is($folders, 200, "$function: all folders");
            cmp_ok($n, '<=', $most * $folders, "$function: $n commands");
        }
    }
};


# More keys than one batch, one common prefix that holds nearly all of them.
subtest 'large' => sub {
    my @calls;
    my @keys = ((map { sprintf 'a/%05d', $_ } 1 .. 5000),
                (map { sprintf 'b%05d', $_ } 1 .. 3000));
    $redis->fcall('cos_bucket_put', ['b:l'], 'l', 'k2',
        bucket_record('l', 'k2', 1), 'create');
    $redis->pipeline([map {
        ['FCALL', 'cos_put', 1, "o{k2}$_", 'k2', $_, 7,
         object_record(seq => 1, segs => [[1, 64, 1]]), 'any'] } @keys]);
    my $list = sub {
        my (undef, $more, $next, $found, $prefixes)
            = @{ $redis->fcall('cos_list', ['k{k2}'], 'k2', @_) };
        return ($more, $next, scalar @$found, @$prefixes);
    };
    is_deeply([$list->('', '', '', 1000)], [1, 'a/01000', 1000], 'first page');
    is_deeply([$list->('', '', '', 8000)], [0, 'b03000', 8000], 'all');
    is_deeply([$list->('', '', '', 7999)], [1, 'b02999', 7999], 'all but one');
    is_deeply([$list->('', '/', '', 1000)], [1, 'b00999', 999, 'a/'],
        'one prefix');
    is_deeply([$list->('', '/', 'a/', 1000)], [1, 'b01000', 1000],
        'behind it');
    is_deeply([$list->('', '/', 'a/03', 5000)], [0, 'b03000', 3000],
        'from within it');
};

done_testing();
