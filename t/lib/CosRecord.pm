package CosRecord;

# Records as include/cos_record.h lays them out, for tests of cos.lua.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(object_record front_record bucket_record record_head
                 record_weights);

sub u48 { return substr pack('Q<', $_[0]), 0, 6 }

sub from_u48 { return unpack 'Q<', $_[0] . "\0\0" }

# segs => [[cid, off, len], ...], seq, size, md5 (16 bytes), parts, home, rev,
# mtime, tail (encoded TLVs)
sub object_record {
    my (%o) = @_;
    my @segs = @{ $o{segs} || [] };
    my $size = 0;
    $size += $_->[2] for @segs;
    my $rec = pack 'CCCCS<S<Q<Q<Q<a16Q<', 1, 0, 0, 0, scalar @segs,
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

1;
