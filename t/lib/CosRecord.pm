package CosRecord;

# Records as include/cos_record.h lays them out, for tests of meta/lua.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(object_record front_record bucket_record record_head
                 record_weights index_member index_read);

sub u48 { return substr pack('Q<', $_[0]), 0, 6 }

sub from_u48 { return unpack 'Q<', $_[0] . "\0\0" }

# segs => [[cid, off, len], ...], seq, size, md5 (16 bytes), parts, home, rev,
# mtime, flags, tail (encoded TLVs)
sub object_record {
    my (%o) = @_;
    my @segs = @{ $o{segs} || [] };
    my $size = 0;
    $size += $_->[2] for @segs;
    my $rec = pack 'CCCCS<S<Q<Q<Q<a16Q<', 1, $o{flags} || 0, 0, 0, scalar @segs,
        $o{parts} || 0, $o{seq} || 0, $o{mtime} || 0, $o{size} // $size,
        $o{md5} // "\0" x 16, 0;
    $rec .= u48($o{home} || 0) . pack 'S<', $o{rev} || 0;
    $rec .= join '', map { u48($_) } @$_ for @segs;
    return $rec . ($o{tail} // '');
}

# What begins like a bucket, credential or upload record.
sub front_record {
    my ($seq, $tail) = @_;
    return pack('CCx6Q<x16', 1, 0, $seq) . ($tail // '');
}

sub bucket_record {
    my ($name, $bid, $seq) = @_;
    return pack('CCCCCx3Q<x16', 1, 0, length $name, length $bid, 0, $seq)
           . $name . $bid;
}

sub record_head {
    my ($rec) = @_;
    my ($nsegs, $seq, $size) = unpack 'x4S<x2Q<x8Q<', $rec;
    return ($nsegs, $seq, $size, from_u48(substr $rec, 56, 6));
}

# Adds what the record weighs to %$sum: container id => weight.
sub record_weights {
    my ($sum, $rec) = @_;
    my ($nsegs, undef, undef, $home) = record_head($rec);
    $sum->{$home} += 256 if $home;
    for my $i (0 .. $nsegs - 1) {
        my $seg = substr $rec, 64 + 18 * $i, 18;
        $sum->{ from_u48(substr $seg, 0, 6) }
            += from_u48(substr $seg, 12, 6) + 256;
    }
    return;
}

sub escape {
    my ($key) = @_;
    return $key =~ s/\0/\0\xff/gr;
}

# What the index of objects holds for a record: include/cos_facts.h. owner (an
# encoded varint), sum (its type): as the tail of the record has them.
sub index_member {
    my ($key, $rec, %tail) = @_;
    my $flags = (ord(substr $rec, 1, 1) & 0x1f)
        | (defined $tail{sum} ? 0x20 : 0) | (defined $tail{owner} ? 0x40 : 0);
    return escape($key) . "\0" . chr($flags) . substr($rec, 3, 1)
        . substr($rec, 6, 2) . substr($rec, 24, 6) . substr($rec, 16, 6)
        . substr($rec, 32, 16)
        . (defined $tail{sum} ? chr $tail{sum} : '') . ($tail{owner} // '');
}

# All members of a bucket's index of objects, or (w, W, z) of versions, page by
# page, and a list of what is wrong with its form.
sub index_read {
    my ($redis, $bid, $dir, $pages, $sums) = @_;
    ($dir, $pages, $sums) = qw(k K y) if !defined $dir;
    my $code = $dir eq 'w' ? qr/\0[0-9a-f]{14}/ : qr//;
    my @starts = @{ $redis->cmd('ZRANGE', "$dir\{$bid}", 0, -1) };
    my %bytes = @{ $redis->cmd('HGETALL', "$sums\{$bid}") };
    my (@members, @wrong);
    push @wrong, 'no first page' if @starts && $starts[0] ne '';
    for my $i (0 .. $#starts) {
        my $page = "$pages\{$bid}$starts[$i]";
        my @here = @{ $redis->cmd('ZRANGE', $page, 0, -1) };
        push @wrong, 'an empty page' if !@here && $starts[$i] ne '';
        push @wrong, 'a page of ' . @here if @here > 32;
        push @wrong, 'encoding ' . $redis->cmd('OBJECT', 'ENCODING', $page)
            if @here && $redis->cmd('OBJECT', 'ENCODING', $page) ne 'listpack';
        my $sum = 0;
        for my $m (@here) {
            $m =~ /^((?:[^\0]|\0\xff)*$code)\0([^\xff].*)$/s
                or die 'no member';
            my ($id, $facts) = ($1, $2);
            $sum += from_u48(substr $facts, 4, 6);
            push @wrong, 'a member on the wrong page' if $id lt $starts[$i]
                || $i < $#starts && $id ge $starts[$i + 1];
        }
        push @wrong, 'bytes of a page'
            if (delete $bytes{ $starts[$i] } // 0) != $sum;
        push @members, @here;
    }
    push @wrong, 'bytes without a page' if %bytes;
    my @there = @{ $redis->cmd('KEYS', "$pages\{$bid}*") };
    my %known = map { ("$pages\{$bid}$_" => 1) } @starts;
    push @wrong, 'a page that is not in the directory'
        if grep { !$known{$_} } @there;
    return (\@members, \@wrong);
}

1;
