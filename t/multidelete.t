# Many keys in one request: each judged and answered for itself.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use CosFail;
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


# --- somebody else is faster ------------------------------------------------------------

# Each version that is to go is changed between the look at it and its deletion,
# as often as its key says.
my $faster = <<'END';
local times = {}
wrap('cos_del', function(real, keys, args)
    local key, rec = args[2], redis.call('GET', keys[1])
    times[key] = (times[key] or 0) + 1
    if rec and times[key] <= tonumber(string.match(key, '%d+')) then
        local seq = struct.unpack('<I8', rec, 9) + 1
        redis.call('SET', keys[1], string.sub(rec, 1, 8) .. struct.pack('<I8', seq) .. string.sub(rec, 17))
    end
    return real(keys, args)
end)
END
{
    my @as = (as => 's3');
    is_status $s->put("/$b?versioning", '<VersioningConfiguration><Status>Enabled</Status>'
        . '</VersioningConfiguration>', @as), 200, 'versioning';
    my %id = map { $_ => $s->put("/$b/$_", "body $_", @as)->h('x-amz-version-id') } qw(k0 k1 k3 k99);
    $s->put("/$b/k3", 'body k3 again', @as);
    my ($newer) = $s->get("/$b?versions&prefix=k3", @as)->body =~ /<VersionId>(.*?)</;
    $id{k3} = $newer;
    redis_functions($s, $faster);
    my $xml = '<Delete>' . join('', map { "<Object><Key>$_</Key><VersionId>$id{$_}</VersionId></Object>" }
        sort keys %id) . '</Delete>';
    my $r = ask($xml, @as);
    is_ok $r, 'versions that somebody changes meanwhile';
    is join(' ', map { $_->xml('Key') } $r->parts('Deleted')), 'k0 k1 k3', 'are looked at again';
    is join(' ', map { $_->xml('Key') . ' ' . $_->xml('Code') } $r->parts('Error')),
        'k99 ServiceUnavailable', 'but not for ever';
    redis_functions($s);
    my $listed = sub { [ $s->get("/$b?versions", @as)->body =~ m{<(?:Version|DeleteMarker)>.*?</(?:Version|DeleteMarker)>}gs ] };
    my $before = $listed->();
    is scalar(@$before), 2, 'the others are gone';
    my $ctl = sub {
        my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' $_[0] 2>&1`;
        is $?, 0, "cosctl $_[0]" or diag $out;
    };
    $ctl->('verify');
    $s->redis('FLUSHALL');
    $ctl->('rebuild');
    ok $s->in_service("/$b", @as), 'in service again';
    is_deeply $listed->(), $before, 'no deletion that was refused comes back by a rebuild';
    is_ok $s->get("/$b/k99?versionId=$id{k99}", @as), 'what stayed is read', 'body k99';
    $ctl->('verify');
}

$s->done;
