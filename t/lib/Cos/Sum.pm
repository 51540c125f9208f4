# Checksums of the wire formats, bit by bit from their parameters and so slow:
# for small bodies. Independent of the module's implementation.
package Cos::Sum;

use strict;
use warnings;
no warnings 'portable';
use Digest::MD5 ();
use Digest::SHA ();
use MIME::Base64 ();

use Exporter 'import';
our @EXPORT_OK = qw(crc32 crc32c crc64xz crc64nvme b64 md5_b64 checksum);

my %table;

# Reflected CRC with all-ones start and final XOR.
sub _crc {
    my ($poly, $bits, $data) = @_;
    my $ones = $bits == 64 ? ~0 : 0xffffffff;
    my $t = $table{"$bits:$poly"} //= [ map {
        my $c = $_;
        $c = $c & 1 ? ($c >> 1) ^ $poly : $c >> 1 for 1 .. 8;
        $c;
    } 0 .. 255 ];
    my $crc = $ones;
    $crc = $t->[($crc ^ $_) & 255] ^ ($crc >> 8) for unpack 'C*', $data;
    return $crc ^ $ones;
}

sub crc32 { _crc(0xEDB88320, 32, $_[0]) }
sub crc32c { _crc(0x82F63B78, 32, $_[0]) }
sub crc64xz { _crc(0xC96C5795D7870F42, 64, $_[0]) }
sub crc64nvme { _crc(0x9A6C9329AC4BC9B5, 64, $_[0]) }

sub b64 { MIME::Base64::encode_base64($_[0], '') }
sub md5_b64 { b64(Digest::MD5::md5($_[0])) }

my %sum = (
    crc32 => sub { pack 'N', crc32($_[0]) },
    crc32c => sub { pack 'N', crc32c($_[0]) },
    crc64nvme => sub { pack 'Q>', crc64nvme($_[0]) },
    sha1 => \&Digest::SHA::sha1,
    sha256 => \&Digest::SHA::sha256,
);

# The value of x-amz-checksum-<name>.
sub checksum { my ($name, $data) = @_; return b64($sum{$name}->($data)) }

1;
