# What cosctl verify finds, and what it must not take for a fault while the
# store is in use.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use CosFail;

# nothing moves but what this test moves
my $s = Cos->start(http => 'cos_compact_percent 99;');
my %o = (as => 's3');
my $b = $s->make_bucket('verify-1250000000', %o);

# Runs verify: its exit code, its text.
sub verify {
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' verify 2>&1`;
    return ($? >> 8, $out);
}

sub clean {
    my ($when) = @_;
    my ($rc, $out) = verify();
    is $rc, 0, "$when: verify finds nothing" or diag $out;
}

sub finds {
    my ($line, $text, $when) = @_;
    my ($rc, $out) = verify();
    is $rc, 1, "$when: verify finds something";
    like $out, qr/^$line +1$/m, "$when: counts it" or diag $out;
    like $out, $text, "$when: names it";
}

sub bid { return map { /^m\{(.*)\}$/ && $s->redis('HGET', $_, 'name') eq $b ? $1 : () }
    @{ $s->redis('KEYS', 'm{*') } }


# --- null versions that are not current ----------------------------------------------------

$s->put("/$b/$_", "null of $_", %o) for qw(a b c);
is_status $s->put("/$b?versioning", '<VersioningConfiguration><Status>Enabled</Status>'
    . '</VersioningConfiguration>', %o), 200, 'versioning';
$s->put("/$b/$_", "first of $_", %o) for qw(a b d);
$s->put("/$b/$_", "second of $_", %o) for qw(a d);
$s->delete("/$b/a", %o);
my $n = 'N{' . bid() . '}';
my %null = @{ $s->redis('HGETALL', $n) };
is join(' ', sort keys %null), 'a b', 'null versions behind others';
clean('null versions');

my ($of_d) = map { /^v\{.*\}d\0(.*)$/s ? $1 : () } @{ $s->redis('KEYS', 'v{*}d*') };
for my $case (['of a key that is gone', 'gone', $null{a}], ['of a current null version', 'c', $null{a}],
    ['that is another version', 'd', $of_d])
{
    my ($name, $key, $code) = @$case;
    $s->redis('HSET', $n, $key, $code);
    finds('wrong sums', qr/no null version where one is said to be: $key$/m, "a null version $name");
    $s->redis('HDEL', $n, $key);
}
$s->redis('HDEL', $n, 'b');
my ($rc, $out) = verify();
is $rc, 1, 'a null version that is not found: verify finds it';
like $out, qr/listed without a record: b$/m, 'and names it';
$s->redis('HSET', $n, 'b', $null{b});
clean('all as it was');


# --- records that change while they are looked at ----------------------------------------------

# A segment's container, as it was before compaction moved the bytes and
# removed it: Redis has another record by the time that is found out.
my $moved = <<'END';
local armed = false
local function before(rec)
    return string.sub(rec, 1, 64) .. string.char(9, 0, 240, 255, 255, 15)
        .. string.sub(rec, 71)
end
wrap('cos_keys', function(real, keys, args)
    armed = true
    return real(keys, args)
end)
wrap('cos_find', function(real, keys, args)
    local r = real(keys, args)
    if r[2] and (armed or ALWAYS) then
        armed = false
        r[2] = before(r[2])
    end
    return r
end)
END
{
    redis_functions($s, $moved =~ s/ALWAYS/false/r);
    clean('moved since it was read');
    redis_functions($s, $moved =~ s/ALWAYS/(args[2] == 'b')/r);
    ($rc, $out) = verify();
    is $rc, 1, 'not where Redis says again: verify finds it';
    like $out, qr/^missing +1$/m, 'counts it' or diag $out;
    like $out, qr/bytes are missing: b$/m, 'and names it';
    redis_functions($s);
}
clean('at the end');

$s->done;
