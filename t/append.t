# Appendable objects: made piece by piece, at a position that must fit.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5 md5_hex);
use Test::More;
use Cos;
use Cos::Sum qw(crc64xz);

my $s = Cos->start(workers => 2, http => 'cos_container_size 4m; cos_compact_percent 30; cos_sweep_grace 2s;');
my $b = $s->make_bucket('append-1250000000', as => 'cos');
my $t = "/$b/log";
my %o = (as => 'cos');

sub append {
    my ($t, $position, $data, %p) = @_;
    return $s->post("$t?append&position=$position", $data, %o, %p);
}
sub next_position { $_[0]->h('x-cos-next-append-position') }

# --- the first pieces ---------------------------------------------------------------------

my $r = append($t, 0, 'first ', headers => ['Content-Type', 'text/log', 'x-cos-meta-who', 'me',
    'x-cos-acl', 'private']);
is_status $r, 200, 'the first piece';
is next_position($r), 6, 'where the next one goes';
is $r->etag, md5_hex('first '), 'its ETag is the MD5';
is $r->h('x-cos-hash-crc64ecma'), crc64xz('first '), 'its CRC-64';
is $r->h('x-cos-content-sha1'), md5_hex('first '), 'what the Go SDK checks';
$r = $s->head($t, %o);
is $r->h('x-cos-object-type'), 'appendable', 'HEAD says that it is appendable';
is $r->h('content-length'), 6, 'and how long it is';

my $all = 'first ';
my %seen = ($r->etag => 1);
my $big = join('', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 100_000);
for my $piece ('second ', 'x', $big, '', "last\n") {
    $r = append($t, length $all, $piece);
    is_status $r, 200, 'a piece of ' . length $piece;
    $all .= $piece;
    is next_position($r), length $all, 'the next position';
    is $r->h('x-cos-hash-crc64ecma'), crc64xz($all), 'the CRC-64 is of everything';
    is $r->h('x-cos-content-sha1'), md5_hex($piece), 'the MD5 of the piece';
    ok !$seen{ $r->etag }++, 'a new ETag';
    my $g = $s->get($t, %o);
    is_ok $g, 'everything is there', $all;
    is $g->etag, $r->etag, 'under that ETag';
}
$r = $s->get($t, %o);
is $r->h('content-type'), 'text/log', 'the type given with the first piece';
is $r->h('x-cos-meta-who'), 'me', 'and the metadata';
is $r->h('x-cos-object-type'), 'appendable', 'GET says the type, too';
is_error $s->get($t, as => 'none'), 403, 'AccessDenied', 'the ACL given with the first piece';
for my $range ([0, 7], [4, 13], [13, 15], [14, 400_013], [400_010, length($all) - 1]) {
    my ($from, $to) = @$range;
    $r = $s->get($t, %o, headers => ['Range', "bytes=$from-$to"]);
    is_status $r, 206, "bytes $from to $to";
    ok $r->body eq substr($all, $from, $to - $from + 1), 'are those';
}
$r = $s->get("/$b", %o);
is $r->xml('Size'), length $all, 'a listing shows the size';
is_status $s->put("$t?acl", '', %o, headers => ['x-cos-acl', 'public-read']), 200, 'its ACL';
is_status append($t, length $all, 'more'), 200, 'and a piece behind that';
$all .= 'more';
is_ok $s->get($t, as => 'none'), 'both count', $all;

# --- refusals --------------------------------------------------------------------------------

$r = append($t, 3, 'x');
is_error $r, 409, 'AppendPositionErr', 'not the length';
is next_position($r), length $all, 'which is told';
$r = append($t, 0, 'x');
is_error $r, 409, 'AppendPositionErr', 'position 0 of what exists';
$r = append("/$b/none", 5, 'x');
is_error $r, 409, 'AppendPositionErr', 'a position in what does not exist';
is next_position($r), 0, 'which is empty';
is $s->head("/$b/none", %o)->status, 404, 'and stays away';
for my $q ('append', 'append&position=', 'append&position=x', 'append&position=-1') {
    is_error $s->post("/$b/none?$q", 'x', %o), 400, 'InvalidArgument', $q;
}
is_error append($t, length $all, 'x', headers => ['Content-MD5', 'AAAAAAAAAAAAAAAAAAAAAA==']), 400,
    'BadDigest', 'a wrong digest';
is_error append($t, length $all, 'x', headers => ['x-cos-callback', 'e30=']), 501, 'NotImplemented', 'a callback';
is_ok $s->get($t, %o), 'nothing of all that is there', $all;
is_status $s->put("/$b/normal", 'normal', %o), 200, 'a normal object';
is_error append("/$b/normal", 6, 'x'), 409, 'ObjectNotAppendable', 'is not appendable';
is_error append("/$b/normal", 0, 'x'), 409, 'ObjectNotAppendable', 'not at 0 either';
is $s->head("/$b/normal", %o)->h('x-cos-object-type'), 'normal', 'HEAD says so';
is_error $s->post("$t?append&position=0", 'x', as => 'bce'), 501, 'NotImplemented', 'not as BOS has it';
$r = $s->post("/$b/s3?append&position=0", 'x', as => 's3');
is $r->h('x-amz-next-append-position'), 1, 'signed as S3 does';
is_error $s->post("/$b/s3?append&position=1", 'x', %o, unsigned_args => ['append']), 403, 'AccessDenied',
    'an operation that is not signed';
is_error $s->post("/$b/s3?append&position=1", 'x', %o, headers => ['If-Match', '*']), 501, 'NotImplemented',
    'a condition';
for my $c (qw(ARCHIVE DEEP_ARCHIVE)) {
    is_error append("/$b/cold", 0, 'x', headers => ['x-cos-storage-class', $c]), 400, 'InvalidStorageClass', $c;
}
is_status append("/$b/ia", 0, 'x', headers => ['x-cos-storage-class', 'STANDARD_IA']), 200, 'STANDARD_IA';
is_status append("/$b/ia", 1, 'y'), 200, 'and more of it';
is $s->head("/$b/ia", %o)->h('x-cos-storage-class'), 'STANDARD_IA', 'stays there';
is_error $s->post("$t?append&position=0", 'x', as => 'none'), 403, 'AccessDenied', 'who may not write the bucket';
my $v = $s->make_bucket('appendv-1250000000', as => 'cos');
is_status $s->put("/$v?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    %o), 200, 'versioning';
is_error append("/$v/k", 0, 'x'), 409, 'InvalidBucketState', 'not where there are versions';

# --- what it becomes ------------------------------------------------------------------------------

is_status $s->put("/$b/copy", '', %o, headers => ['x-cos-copy-source', $t]), 200, 'a copy';
is_ok $s->get("/$b/copy", %o), 'has all the bytes', $all;
is $s->head("/$b/copy", %o)->h('x-cos-object-type'), 'normal', 'and is normal';
is_error append("/$b/copy", length $all, 'x'), 409, 'ObjectNotAppendable', 'and takes no more';
is_status append("/$b/over", 0, 'x'), 200, 'an appendable object';
is_status $s->put("/$b/over", 'normal', %o), 200, 'PUT over it';
is $s->head("/$b/over", %o)->h('x-cos-object-type'), 'normal', 'makes it normal';
is_status $s->delete("/$b/over", %o), 204, 'DELETE';
is_status append("/$b/over", 0, 'again'), 200, 'begin again';
is_status append("/$b/empty", 0, ''), 200, 'an empty one';
is_status append("/$b/empty", 0, 'not any more'), 200, 'grows from position 0';
is_ok $s->get("/$b/empty", %o), 'and is that', 'not any more';

# --- many, from all sides ----------------------------------------------------------------------------

my $log = '';
for my $n (1 .. 200) {
    my $line = "line $n " . 'z' x ($n % 40 * 100) . "\n";
    $r = append("/$b/many", length $log, $line);
    $log .= $line;
    next if $r->status == 200;
    fail("append $n: " . $r->status);
    last;
}
is_ok $s->get("/$b/many", %o), '200 pieces', $log;

my @kids = map {
    my $k = $_;
    my $pid = fork // die;
    if (!$pid) {
        my ($done, $position) = (0, 0);
        while ($done < 20) {
            my $r = append("/$b/race", $position, "<$k:$done>");
            $done++ if $r->status == 200;
            $position = next_position($r) // exit 1;
        }
        exit 0;
    }
    $pid
} 1 .. 4;
my $bad = 0;
for (@kids) { waitpid $_, 0; $bad ||= $? }
ok !$bad, 'four clients append to one object';
my $body = $s->get("/$b/race", %o)->body;
is scalar(() = $body =~ /<\d:\d+>/g), 80, 'nothing is lost';
is length($body =~ s/<\d:\d+>//gr), 0, 'nothing is torn';
for my $k (1 .. 4) {
    is join(',', $body =~ /<$k:(\d+)>/g), join(',', 0 .. 19), "client $k in its order";
}

# the disk tells the same, also after compaction
sub ctl {
    my (@args) = @_;
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' @args 2>&1`;
    is $?, 0, "cosctl @args" or diag $out;
}
# Compaction may be writing what verify looks for: until it is quiet.
sub verified {
    my ($when) = @_;
    my $out = '';
    ok $s->wait_for(sub { $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' verify 2>&1`; $? == 0 }, 30),
        "$when: cosctl verify" or diag $out;
}
# One worker, and within a second, which is how often it tries, the other.
sub in_service {
    my ($what) = @_;
    ok $s->in_service($what, %o), 'in service again';
    sleep 3;
}
my %want = ($t => $all, "/$b/many" => $log, "/$b/race" => $body, "/$b/copy" => $all);
my ($bid) = map { /^m(\{.*\})$/ && $s->redis('HGET', $_, 'name') eq $b ? $1 : () } @{ $s->redis('KEYS', 'm{*') };
my $rev = sub { unpack 'x62 v', $s->redis('GET', "o$bid$_[0]") };
$s->put("/$b/fill" . $_ % 3, substr($big, 0, 100_000) . $_, %o) for 1 .. 120;
ok $s->wait_for(sub { $rev->('many') && $rev->('race') }, 40), 'compaction moves pieces';
is_ok $s->get($_, %o), "$_ after compaction", $want{$_} for sort keys %want;
is_status append($t, length $all, 'even more'), 200, 'and more behind what was moved';
$want{$t} .= 'even more';
verified('after compaction');
$s->redis('FLUSHALL');
ctl('rebuild');
in_service($t);
is_ok $s->get($_, %o), "$_ after a rebuild", $want{$_} for sort keys %want;
is $s->head($t, %o)->h('x-cos-object-type'), 'appendable', 'still appendable';
is_status append($t, length $want{$t}, '.'), 200, 'and takes more';
verified('after a rebuild');

$s->done(more => 1);


# --- a copy of much that lies in packs ----------------------------------------------------

# It is gathered into one container, a piece at a time.
$s = Cos->start();
$s->make_bucket('append-1250000000', %o);
my $c = $s->connect;
my $much = '';
for my $n (1 .. 400) {
    my $piece = pack('N', $n) x 16_384;
    $r = append("/$b/much", length $much, $piece, conn => $c, keep => 1);
    $r->status == 200 or BAIL_OUT 'append: ' . $r->status;
    $much .= $piece;
}
my ($worker) = $s->worker_pids;
my $peak = sub { Cos::slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+) kB/m ? $1 / 1024 : 0 };
my $before = $peak->();
my $etag = $s->head("/$b/much", %o)->etag;
is_status $s->put("/$b/gathered", '', %o, headers => ['x-cos-copy-source', "/$b/much"]), 200, 'a copy of 25 MiB';
cmp_ok $peak->() - $before, '<', 16, 'the worker never has all of it in memory';
$r = $s->get("/$b/gathered", %o);
is_ok $r, 'it has all the bytes', $much;
is $r->etag, $etag, 'under the ETag of the source';
is $r->h('x-cos-hash-crc64ecma'), crc64xz($much), 'and its CRC-64';
is_status $s->put("/$b/again", '', %o, headers => ['x-cos-copy-source', "/$b/gathered"]), 200, 'a copy of the copy';
is $s->head("/$b/again", %o)->etag, $etag, 'has the same ETag';
ok $s->wait_for(sub { `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' verify 2>&1`; $? == 0 }, 30), 'cosctl verify';
$s->redis('FLUSHALL');
ctl('rebuild');
in_service("/$b/gathered");
$r = $s->get("/$b/gathered", %o);
is_ok $r, 'the copy after a rebuild', $much;
is $r->etag, $etag, 'with its ETag';
$s->done(more => 1);


# --- workers are killed ------------------------------------------------------------------------------

# What was answered is there, once and in its order; what was not may be there.
$s = Cos->start(workers => 2);
$s->make_bucket('append-1250000000', %o);
my @appenders = map {
    my $k = $_;
    my $pid = open(my $from, '-|') // die;
    if (!$pid) {
        my ($n, $position, $sure, $end) = (0, 0, '', time + 8);
        while (time < $end) {
            my $piece = "<$n>" . ($n % 40 == 39 ? 'z' x 150_000 : '');
            my $r = eval { append("/$b/kill$k", $position, $piece) };
            if ($r && $r->status == 200) {
                $position = next_position($r);
                $sure .= "$n ";
            }
            else {
                # not known: the object says
                select undef, undef, undef, 0.05;
                my $h = eval { $s->head("/$b/kill$k", %o) };
                redo if !$h || $h->status >= 500;
                my $now = $h->status == 404 ? 0 : $h->h('content-length');
                next if $now == $position;
                print "strange length\n" if $now != $position + length $piece;
                $position = $now;
            }
            $n++;
        }
        print "$n $position\n";
        exit 0;
    }
    $from
} 1 .. 3;
for (1 .. 6) {
    sleep 1;
    my @w = $s->worker_pids;
    kill 'KILL', $w[rand @w];
}
for my $k (1 .. 3) {
    my $said = do { local $/; readline $appenders[$k - 1] };
    close $appenders[$k - 1];
    my ($n, $position) = $said =~ /^(\d+) (\d+)$/ or fail("appender $k: $said");
    my $body = $s->get("/$b/kill$k", %o)->body;
    is length $body, $position, "killed: object $k has its length";
    is join(' ', $body =~ /<(\d+)>/g), join(' ', 0 .. $n - 1), "killed: its $n pieces in their order";
    is $s->head("/$b/kill$k", %o)->h('x-cos-hash-crc64ecma'), crc64xz($body), 'and its CRC-64';
}
verified('after the kills');
$s->redis('FLUSHALL');
ctl('rebuild');
in_service("/$b/kill1");
is join(' ', grep { $s->head("/$b/kill$_", %o)->h('x-cos-hash-crc64ecma')
    ne crc64xz($s->get("/$b/kill$_", %o)->body) } 1 .. 3), '', 'the same after a rebuild';
verified('after a rebuild');
$s->done(workers_change => 1, allow => qr/exited on signal 9/);
