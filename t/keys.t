# Keys are bytes: whatever they hold they are one key, and never a path.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sign qw(enc);

my $s = Cos->start;
my $b = $s->make_bucket('keys-1250000000');
my $c = $s->connect;

# put and get under a signature of that dialect, one connection for all
sub round {
    my ($key, $name, %o) = @_;
    my $t = "/$b/" . ($o{raw} // enc($key, 1));
    my $value = "value of $name";
    my $r = $s->put($t, $value, conn => $c, %o);
    return is_status $r, 200, "$name: put" if $r->status != 200;
    $r = $s->get($t, conn => $c, %o);
    return ok($r->status == 200 && $r->body eq $value, "$name: comes back")
        || diag $r->status, $r->body;
}

# Every byte value (0x18 to 0x1b are refused in the COS dialect only).
for my $as (qw(s3 cos)) {
    for my $n (1 .. 255) {
        next if $as eq 'cos' && $n >= 0x18 && $n <= 0x1b;
        round('byte-' . chr($n) . '-end', sprintf("$as: byte %02x", $n), as => $as);
    }
}
my @keys = map { 'byte-' . chr($_) . '-end' } 1 .. 255;
my $r = $s->get("/$b?list-type=2&encoding-type=url&prefix=byte-", as => 's3');
is_deeply [map { Cos::Sign::dec($_) } $r->all('Key')], \@keys, 'all are listed, in byte order';
is_ok $s->get("/$b/" . enc($_, 1), conn => $c), sprintf('still itself: %02x', ord substr $_, 5, 1),
    sprintf 'value of %s: byte %02x', (ord(substr $_, 5, 1) >= 0x18 && ord(substr $_, 5, 1) <= 0x1b
        ? 's3' : 'cos'), ord substr $_, 5, 1
    for @keys[0, 31, 36, 46, 91, 127, 254];

for my $n (0x18 .. 0x1b) {
    is_error $s->put("/$b/c" . enc(chr $n), 'x', as => 'cos'), 400, 'InvalidObjectName',
        sprintf 'cos: control byte %02x', $n;
}

# Shapes that a file system or nginx would take for something else.
my %odd = (
    'dot' => '.', 'two dots' => '..', 'path of dots' => 'a/./b', 'path up' => 'a/../b',
    'double slash' => 'a//b', 'slashes' => 'a///b//',
    'trailing slash' => 'dir/', 'leading slash' => '/lead', 'only slash' => '/',
    'space' => 'a b', 'spaces around' => ' a ', 'plus' => 'a+b', 'percent' => 'a%b',
    'percent encoded' => 'a%20b', 'encoded twice' => 'a%2520b', 'question mark' => 'a?b',
    'hash' => 'a#b', 'ampersand' => 'a&b=c', 'quotes' => q{a'b"c}, 'angle brackets' => '<a>&amp;',
    'backslash' => 'a\\b', 'unicode' => "\xe8\x85\xbe\xe8\xae\xaf", 'emoji' => "\xf0\x9f\x98\x80",
    'not utf-8' => "\xff\xfe\x80", 'newline' => "a\nb", 'CRLF' => "a\r\nX: y",
    'acl' => 'acl', 'like a redis key' => 'o{1}x', 'metrics' => '-/metrics', 'wildcards' => '*?[a]',
    'sub-resource in the name' => '?acl', 'tilde' => '~a', 'long' => 'k' x 800,
);
round($odd{$_}, $_) for sort keys %odd;

# All of them exist side by side: none was another one.
my %listed;
my $token = '';
do {
    $r = $s->get("/$b?list-type=2&encoding-type=url&max-keys=100"
        . ($token ne '' ? '&continuation-token=' . enc($token) : ''), conn => $c);
    $listed{ Cos::Sign::dec($_) } = 1 for $r->all('Key');
    $token = $r->xml('NextContinuationToken') // '';
} while ($token ne '');
is_deeply [grep { !$listed{ $odd{$_} } } sort keys %odd], [], 'every odd key is listed as itself';
is scalar(keys %listed), 255 + keys %odd, 'and nothing else';

# The wire form does not matter, the decoded key does.
is_status $s->put("/$b/a/b", 'same', conn => $c), 200, 'a key with a slash';
is_ok $s->get("/$b/a%2Fb", conn => $c), 'an encoded slash is a slash', 'same';
is_ok $s->get("/$b/%61%20%62", conn => $c), 'letters encoded for no reason', 'value of space';
is_error $s->get("/$b/a%2", as => 'none'), 400, 'InvalidURI', 'an escape cut short';
is_error $s->get("/$b/a%zz", as => 'none'), 400, 'InvalidURI', 'an escape that is none';

# Two forms nginx itself refuses before any module sees them.
for my $t ("/$b/../../../etc/passwd", "/$b/a%00b") {
    my $r = $s->get($t);
    ok $r->status == 400 && defined $r->code, "$t: 400 with a document";
}

# Length.
round('s' x 1024, 's3: 1,024 bytes');
is_error $s->put("/$b/" . 's' x 1025, 'x'), 400, 'KeyTooLongError', 's3: 1,025 bytes';
round('c' x 850, 'cos: 850 bytes', as => 'cos');
is_error $s->put("/$b/" . 'c' x 851, 'x', as => 'cos'), 400, 'KeyTooLong', 'cos: 851 bytes';
round("\xe8\x85\xbe" x 341, 's3: 1,023 bytes of unicode');
is $s->put("/$b/" . 'x' x 20000, 'x', may_close => 1)->status =~ /^4/, 1, '20,000 bytes are refused';

# Nothing of this touched the file system outside the data directory.
my @names = map { s{.*/}{}r } keys %{ $s->data_files };
is_deeply [grep { /byte|passwd|lead|acl|\.\./ } @names], [], 'no key became a file name';

$s->done;
