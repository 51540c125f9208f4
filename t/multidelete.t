# Many keys in one request: each judged and answered for itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(md5_b64 checksum);

my $s = Cos->start;
my $b = $s->make_bucket('many-1250000000');
my $c = $s->connect;

sub esc { my $t = shift; $t =~ s/&/&amp;/g; $t =~ s/</&lt;/g; $t }
sub doc { my ($quiet, @keys) = @_;
    '<Delete>' . join('', map { '<Object><Key>' . esc($_) . '</Key></Object>' } @keys)
        . (defined $quiet ? "<Quiet>$quiet</Quiet>" : '') . '</Delete>' }
sub ask {
    my ($xml, %o) = @_;
    my @h = @{ delete $o{headers} || ['Content-MD5', md5_b64($xml)] };
    return $s->post("/$b?delete", $xml, headers => [@h], %o);
}

for my $as (qw(s3 cos)) {
    my @keys = ('a', 'b c', 'd&e<f>', "uni\xe8\x85\xbe", 'x/y', 'plus+');
    $s->put("/$b/" . enc($_, 1), 'x', conn => $c) for @keys;
    my $r = ask(doc('false', @keys, 'missing'), as => $as);
    is_ok $r, "$as: delete";
    is_deeply [map { $_->xml('Key') } $r->parts('Deleted')], [@keys, 'missing'],
        "$as: every key is answered, also the missing one";
    is scalar($r->all('Code')), 0, "$as: no error";
    is scalar($s->get("/$b", conn => $c)->all('Key')), 0, "$as: all gone";
    $s->put("/$b/q", 'x', conn => $c);
    $r = ask(doc('true', 'q', 'missing'), as => $as);
    is_ok $r, "$as: quiet";
    is scalar($r->parts('Deleted')), 0, "$as: says nothing of what went well";
    is_error $s->get("/$b/q"), 404, 'NoSuchKey', "$as: but did it";
}

# The thousand.
my @thousand = map { sprintf 'k%04d', $_ } 1 .. 1000;
$s->put("/$b/$_", 'x', conn => $c) for @thousand[0 .. 199];
my $r = ask(doc(undef, @thousand));
is_ok $r, 'a thousand keys';
is scalar($r->parts('Deleted')), 1000, 'a thousand answers';
is scalar($s->get("/$b", conn => $c)->all('Key')), 0, 'all gone';

# Checks of the request.
$s->put("/$b/stay", 'x');
my $one = doc(undef, 'stay');
is_error ask(doc(undef, @thousand, 'one more')), 400, 'MalformedXML', '1,001 keys';
is_error ask('<Delete></Delete>'), 400, 'MalformedXML', 'no key';
is_error ask('<Delete><Object></Object></Delete>'), 400, 'MalformedXML', 'an object without a key';
is_error ask('<Other/>'), 400, 'MalformedXML', 'another document';
is_error ask('<Delete><Object><Key>stay</Key></Object>'), 400, 'MalformedXML', 'a document cut short';
is_error ask($one, headers => ['Content-MD5', md5_b64('other')]), 400, 'BadDigest', 'wrong digest';
is_error ask($one, headers => ['Content-MD5', 'x']), 400, 'InvalidDigest', 'malformed digest';
is_error ask($one, headers => ['x-amz-checksum-crc32', checksum('crc32', 'other')]), 400, 'BadDigest',
    'wrong checksum';
is_error $s->post("/$b?delete", $one, as => 'cos'), 400, 'InvalidRequest', 'cos: Content-MD5 is required';
is_error ask($one, who => 'alt'), 403, 'AccessDenied', "somebody else's bucket";
is_error ask($one, as => 'none'), 403, 'AccessDenied', 'anonymous';
is_ok $s->get("/$b/stay"), 'refused requests deleted nothing', 'x';
is_ok ask($one, headers => ['x-amz-checksum-crc32', checksum('crc32', $one)]),
    's3: a checksum instead of Content-MD5';
is_error $s->get("/$b/stay"), 404, 'NoSuchKey', 'and now it did';

$s->done;
