# URLs signed as CDNs sign them.
package CosCdn;
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Exporter 'import';
our @EXPORT = qw(cdn_url);

# cdn_url(type, path, key => ..., and: at => seconds, query => without '?',
# param, time_param, hex, time_first)
sub cdn_url {
    my ($type, $path, %o) = @_;
    my ($key, $at) = ($o{key}, $o{at} // time);
    my ($param, $t) = ($o{param} // 'sign', $o{time_param} // 't');
    my $hex = sprintf '%x', $at;
    my @q = length($o{query} // '') ? $o{query} : ();
    if ($type eq 'A') {
        my $ts = "$at-r4nd0m-0";
        push @q, "$param=$ts-" . md5_hex("$path-$ts-$key");
    } elsif ($type eq 'B') {
        my @t = gmtime $at + 8 * 3600;
        my $ts = sprintf '%04d%02d%02d%02d%02d', $t[5] + 1900, $t[4] + 1, @t[3, 2, 1];
        $path = "/$ts/" . md5_hex("$key$ts$path") . $path;
    } elsif ($type eq 'C') {
        $path = '/' . md5_hex($key . ($o{time_first} ? "$hex$path" : "$path$hex")) . "/$hex$path";
    } else {
        my $ts = $o{hex} ? $hex : $at;
        push @q, "$param=" . md5_hex("$key$path$ts"), "$t=$ts";
    }
    return $path . (@q ? '?' . join '&', @q : '');
}

1;
