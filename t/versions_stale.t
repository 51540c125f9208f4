# A version that is written while another writer's clock is ahead gets a higher
# number, and with it another id. The records of the tries before stay on the
# disk: a rebuild must not make versions of them.
use strict;
use warnings;
no warnings 'portable';
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sum qw(md5_b64);

my $s = Cos->start;
my %o = (as => 's3');
my $b = $s->make_bucket('stale-1250000000', %o);
is_status $s->put("/$b?versioning", '<VersioningConfiguration><Status>Enabled</Status>'
    . '</VersioningConfiguration>', %o), 200, 'versioning';

# The current version was changed by a clock that is ahead.
my $ahead = <<'END';
local r = redis.call('GET', KEYS[1])
local seq = struct.unpack('<I8', r, 9) + 3000000
redis.call('SET', KEYS[1], string.sub(r, 1, 8) .. struct.pack('<I8', seq) .. string.sub(r, 17))
return string.format('%.0f', seq)
END

sub ahead {
    my ($key) = @_;
    my ($name) = @{ $s->redis('KEYS', "o{*}$key") };
    return $s->redis('EVAL', $ahead, 1, $name);
}

sub listed {
    my $r = $s->get("/$b?versions", %o);
    return [ $r->body =~ m{<(?:Version|DeleteMarker)>.*?</(?:Version|DeleteMarker)>}gs ];
}

my $large = 'large ' x 200_000;
my %write = (
    small => sub { $s->put("/$b/$_[0]", 'small', %o) },
    large => sub { $s->put("/$b/$_[0]", $large, %o) },
    copy => sub { $s->put("/$b/$_[0]", '', %o, headers => [ 'x-amz-copy-source' => "/$b/large" ]) },
    parts => sub { $s->multipart("/$b/$_[0]", [ $large, 'end' ], as => 'cos') },
    marker => sub { $s->delete("/$b/$_[0]", %o) },
    many => sub {
        my $xml = "<Delete><Object><Key>$_[0]</Key></Object><Object><Key>other</Key></Object></Delete>";
        $s->post("/$b?delete", $xml, %o, headers => [ 'Content-MD5' => md5_b64($xml) ]);
    },
);
for my $key (qw(small large copy parts marker many)) {
    $s->put("/$b/$key", 'before', %o);
    for my $i (1 .. 3) {
        my $seq = ahead($key);
        my $r = $write{$key}->($key);
        like $r->status, qr/^20[04]$/, "$key: a writer that is behind";
        my ($id) = $s->get("/$b?versions&prefix=$key", %o)->body =~ m{<VersionId>(.*?)<};
        cmp_ok hex $id, '>', $seq, "$key: is the newest version";
        $s->put("/$b/$key", 'between', %o) if $i == 2;
    }
}

my $before = listed();
is scalar(@$before), 6 * 5 + 3, 'each was written once';
my $run = sub {
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' @_ 2>&1`;
    is $?, 0, "cosctl @_" or diag $out;
};
$s->redis('FLUSHALL');
$run->('rebuild');
ok $s->in_service("/$b", %o), 'in service again';
is_deeply listed(), $before, 'a rebuild finds these versions and no other';
$run->('verify');

# the notes survive compaction
for my $one (@$before) {
    my ($key) = $one =~ m{<Key>(.*?)<};
    my ($id) = $one =~ m{<VersionId>(.*?)<};
    is_status $s->delete("/$b/$key?versionId=$id", %o), 204, "DELETE of a version of $key";
}
is_deeply listed(), [], 'all are gone';
$run->('compact', '--grace', 1);
$s->redis('FLUSHALL');
$run->('rebuild');
ok $s->in_service("/$b", %o), 'in service again';
is_deeply listed(), [], 'and stay so after compaction and a rebuild';

# counters of versions and of classes are held against the records
$s->put("/$b/cold", 'x' x 10, %o, headers => [ 'x-amz-storage-class' => 'GLACIER' ]) for 1 .. 2;
$run->('verify');
my ($m) = grep { $s->redis('HGET', $_, 'n3') } @{ $s->redis('KEYS', 'm{*}') };
for my $field (qw(n3 s3 vn vs)) {
    cmp_ok $s->redis('HGET', $m, $field), '>', 0, "$field counts";
    $s->redis('HINCRBY', $m, $field, 1);
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' verify 2>&1`;
    isnt $?, 0, "verify finds $field to be wrong";
    like $out, qr/counters/, 'and says so';
    $s->redis('HINCRBY', $m, $field, -1);
}
$run->('verify');

$s->done(more => 1);


# --- the note of a try that was behind cannot be written ------------------------------------

# Redis has the version, under a number of its own; the record of the try before
# is on the disk without a note. No file may grow beyond a certain size, which
# ends within the note.

# a signal that is ignored stays so in what is started
$s = Cos->start(env => { COSDEV_WRAP => 'env --ignore-signal=XFSZ' });
$s->make_bucket($b, %o);
is_status $s->put("/$b?versioning", '<VersioningConfiguration><Status>Enabled</Status>'
    . '</VersioningConfiguration>', %o), 200, 'versioning';

# Where the pack ends that is written to.
sub pack_end {
    my $end = 0;
    for my $file (glob $s->env('DATA_DIR') . '/open/*') {
        next if $file !~ m{/[0-9a-f]{12}$} || hex(substr $file, -5, 1) & 8;
        my $n = length(Cos::slurp($file) =~ s/\0+\z//r);
        $end = $n if $n > $end;
    }
    return $end;
}

sub behind {
    my ($key, $body) = @_;
    $s->put("/$b/$key", 'before', %o);
    ahead($key);
    my $start = pack_end();
    return ($start, sub { $s->put("/$b/$key", $body, %o) });
}

sub limited {
    my ($limit, $run) = @_;
    my ($pid) = $s->worker_pids;
    my $set = sub { system('prlimit', "--pid=$pid", "--fsize=$_[0]:unlimited") == 0 or die "prlimit: $?\n" };
    $set->($limit);
    my $r = $run->();
    $set->('unlimited');
    return $r;
}

for my $case ([ small => 'small ' x 1000 ], [ large => $large ]) {
    my ($name, $body) = @$case;
    # more in the pack than any other file has
    $s->put("/$b/fill", 'f' x 100_000, %o) for 1 .. 20;
    my ($start, $put) = behind("$name-1", $body);
    is_status $put->(), 200, "$name: a writer that is behind";
    my $size = pack_end() - $start;
    cmp_ok $size, '>', length $body < 10_000 ? length $body : 500, "$name: writes records and a note";

    ($start, $put) = behind("$name-2", $body);
    my $recovered = () = $s->error_log =~ /cos: recovered [1-9]/g;
    my $r = limited($start + $size - 100, $put);
    is_status $r, 200, "$name: without its note";
    my $id = $r->h('x-amz-version-id');
    like $s->error_log, qr/File too large/, "$name: which cannot be written";
    is_ok $s->get("/$b/$name-2?versionId=$id", %o), "$name: it is read", $body;
    $before = listed();
    is scalar(grep { m{<Key>$name-2<} } @$before), 2, "$name: two versions";

    # recovery writes the note
    ok $s->wait_for(sub { $s->put("/$b/again", 'x', %o)->status == 200 }), "$name: writes go on";
    ok $s->wait_for(sub { $recovered < (() = $s->error_log =~ /cos: recovered [1-9]/g) }, 20), "$name: recovery";
    $s->delete("/$b/again?versionId=$_", %o) for $s->get("/$b?versions&prefix=again", %o)->all('VersionId');
    $s->redis('FLUSHALL');
    $run->('rebuild');
    ok $s->in_service("/$b", %o), "$name: in service again";
    is_deeply listed(), $before, "$name: a rebuild finds no version of the try before";
    $run->('verify');
}
$s->done(allow => qr/File too large|no space left on the disk/);
