#!/usr/bin/perl

# Listings of objects and of uploads against a naive model: random keys made of
# few, awkward bytes, and every combination of prefix, delimiter, marker and
# limit; page by page they give the whole.

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

my $redis = CosRedis->start(appendonly => 'no');
$redis->load("$FindBin::Bin/../ngx_cos_module/meta/cos.lua");

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

# The same shape from a reply.
sub listed {
    my (@args) = @_;
    my (undef, $more, $next, $keys, $prefixes)
        = @{ $redis->fcall('cos_list', ["i{$B}"], $B, @args) };
    my @out;
    push @out, [splice @$keys, 0, 2] while @$keys;
    return [$more, [$next, ''], [map { [$_->[0], '', $_->[1]] } @out],
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

sub compare {
    my ($name, $rounds, $entries, $call, $ids) = @_;
    my @known = map { $_->[0] } @$entries;
    my $bad = 0;
    for (1 .. $rounds) {
        my $prefix = rand() < 0.5 ? '' : rand() < 0.5 ? text(2)
            : substr pick(@known), 0, 1 + int rand 3;
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
    my %record;       # an undefined value: the index names it, but it is gone
    is_deeply($redis->fcall('cos_list', ['i{zz}'], 'zz', '', '', '', 10),
        ['NOBUCKET'], 'no bucket');
    is_deeply(listed('', '/', '', 10), [0, ['', ''], [], []], 'empty');

    for my $set (1 .. 6) {
        my $size = pick(5, 60, 600);
        while ($size--) {
            my $key = pick(@bytes) . text(6);
            next if exists $record{$key};
            my @segs = map { [$_, 64, $_ * 10] } 1 .. int rand 4;
            my %o = (seq => 1000, size => 5, home => 77, tail => "\1\1x");
            my $rec = object_record(%o, segs => \@segs);
            $redis->fcall('cos_put', ["o{$B}$key"], $B, $key, 7, $rec, 'any');
            $record{$key} = @segs > 1 ? object_record(%o) : $rec;

            if (rand() < 0.05) {
                $redis->cmd('DEL', "o{$B}$key");
                $record{$key} = undef;
            }
        }
        my @entries = map { [$_, '', $record{$_}] } sort keys %record;
        compare('set ' . @entries, 1500, \@entries, \&listed, 0);
        pages('set ' . @entries, \@entries, \&listed, 0);
    }
};


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
            = @{ $redis->fcall('cos_list', ['i{k2}'], 'k2', @_) };
        return ($more, $next, scalar @$found / 2, @$prefixes);
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
