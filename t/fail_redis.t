# Redis stops, stands still, is full, or is emptied: what clients see meanwhile,
# that nothing is half done, and that service goes on by itself afterwards.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(sleep time);
use Test::More;
use Cos;
use CosFail;

my $s = Cos->start(workers => 2, http => 'cos_pack_max 64k;');
my $b = $s->make_bucket('facts-1250000000');
my $small = bytes(1000);
my $large = bytes(300_000);
my $first = bytes(5 * 1024 * 1024);

$s->put("/$b/small", $small);
$s->put("/$b/large", $large);
my ($upload, @tags);
begin_upload();

sub begin_upload {
    $upload = $s->post("/$b/parts?uploads", '')->xml('UploadId');
    my $n = 0;
    @tags = map { $n++; $s->put("/$b/parts?partNumber=$n&uploadId=$upload", $_)->h('etag') }
        $first, $large;
}

sub completion {
    my $xml = join '', map {
        "<Part><PartNumber>$_</PartNumber><ETag>$tags[$_ - 1]</ETag></Part>" } 1, 2;
    return "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>";
}

# Requests by what they need: name => code.
my @reads = (
    'GET' => sub { $s->get("/$b/small") },
    'GET of a large object' => sub { $s->get("/$b/large") },
    'HEAD' => sub { $s->head("/$b/small") },
    'GET, anonymous' => sub { $s->get("/$b/small", as => 'none') },
    'GET in the COS dialect' => sub { $s->get("/$b/small", as => 'cos') },
    'list' => sub { $s->get("/$b") },
    'list parts' => sub { $s->get("/$b/parts?uploadId=$upload") },
    'list uploads' => sub { $s->get("/$b?uploads") },
    'list buckets' => sub { $s->get('/') },
    'GET of the ACL' => sub { $s->get("/$b/small?acl") },
);
my @adds = (
    'PUT' => sub { $s->put("/$b/new", $small) },
    'PUT over' => sub { $s->put("/$b/small", bytes(999)) },
    'PUT of a large object' => sub { $s->put("/$b/new-large", $large) },
    'PUT with aws-chunked' => sub { $s->put("/$b/new", $large, stream => { signed => 1 }) },
    'copy' => sub { $s->put("/$b/new", '', headers => ['x-amz-copy-source' => "/$b/small"]) },
    'copy of a large object' =>
        sub { $s->put("/$b/new", '', headers => ['x-amz-copy-source' => "/$b/large"]) },
    'begin an upload' => sub { $s->post("/$b/up?uploads", '') },
    'part' => sub { $s->put("/$b/parts?partNumber=3&uploadId=$upload", $small) },
    'large part' => sub { $s->put("/$b/parts?partNumber=3&uploadId=$upload", $large) },
    'part copy' => sub { $s->put("/$b/parts?partNumber=3&uploadId=$upload", '',
        headers => ['x-amz-copy-source' => "/$b/large"]) },
    'complete' => sub { $s->post("/$b/parts?uploadId=$upload", completion()) },
    'PUT of a bucket' => sub { $s->put('/another-1250000000', '') },
);
my @removals = (
    'DELETE' => sub { $s->delete("/$b/small") },
    'DELETE of many' => sub {
        my $xml = '<Delete><Object><Key>small</Key></Object></Delete>';
        $s->post("/$b?delete", $xml, headers => ['Content-MD5' => Cos::Sum::md5_b64($xml)]) },
    'abort' => sub { $s->delete("/$b/parts?uploadId=$upload") },
);

sub each_of {
    my ($code, @list) = @_;
    while (my ($name, $run) = splice @list, 0, 2) { $code->($name, $run) }
}

# Everything is refused, soon.
sub refused {
    my ($when, $max, @list) = @_;
    each_of(sub { my ($n, $run) = @_; is_unavailable quick($max, "$when: $n", $run), "$when: $n" },
        @list);
}

# What was there still is, and nothing more.
sub unharmed {
    my ($when) = @_;
    is_ok $s->get("/$b/small"), "$when: small object", $small;
    is_ok $s->get("/$b/large"), "$when: large object", $large;
    is join(' ', grep { $_ ne 'is-it-ready' } $s->get("/$b")->all('Key')), 'large small',
        "$when: nothing half done";
    is join(' ', $s->get("/$b/parts?uploadId=$upload")->all('PartNumber')), '1 2',
        "$when: parts of the upload";
    is_status $s->put("/$b/small", $small), 200, "$when: PUT works";
    is_status $s->put("/$b/large", $large), 200, "$when: PUT of a large object works";
}

sub nothing_open {
    my ($when) = @_;
    ok $s->wait_for(sub { !open_files($s) }, 20), "$when: no file left in open/"
        or diag join ' ', open_files($s);
}


# --- down -----------------------------------------------------------------------------

{
    $s->get("/$b/$_") for ('small', 'large') x 4;
    my $c = $s->connect;
    my $req = $s->build('PUT', "/$b/flying", body => $large);
    $c->send($req->{head} . substr $req->{wire}, 0, 150_000);
    ok $s->wait_for(sub { open_files($s) }), 'an upload is under way';

    redis_stop($s);
    sleep 0.1;
    refused('down', 0.8, @reads, @adds, @removals);
    $c->send(substr $req->{wire}, 150_000);
    is_unavailable $c->recv('PUT'), 'down: the upload under way';

    redis_start($s);
    ok all_ready($s, $b), 'up again: ready';
    unharmed('up again');
    nothing_open('up again');
}


# --- standing still ----------------------------------------------------------------------

{
    redis_signal($s, 'STOP');
    my $c = $s->connect;
    my $start = time;
    my $req = $s->build('PUT', "/$b/unknown", body => $small);
    $c->send($req->{head} . $req->{wire});
    is_unavailable $c->recv('PUT'), 'slow: PUT';
    cmp_ok time - $start, '<', 3 * $Cos::SLOW, 'slow: after the timeout';
    refused('slow', 2.5, @reads[0 .. 5], @adds[0 .. 5], @removals[0, 1]);

    redis_signal($s, 'CONT');
    ok all_ready($s, $b), 'goes on: ready';

    # its outcome is unknown, but it is one or the other, for good
    sleep 1.5;
    my $r = $s->get("/$b/unknown");
    ok $r->status == 404 || $r->status == 200 && $r->body eq $small, 'goes on: all or nothing';
    is $s->get("/$b/unknown")->status, $r->status, 'goes on: and it stays so';
    # so is that of the first request to each worker
    $s->delete("/$b/$_") for qw(unknown new new-large);
    $s->put("/$b/small", $small);
    unharmed('goes on');
    nothing_open('goes on');
}


# --- full -----------------------------------------------------------------------------------

{
    my $solos = settled_solos($s);
    $s->redis(qw(CONFIG SET maxmemory 1));
    each_of(sub { my ($n, $run) = @_; is_full quick(2, "full: $n", $run), "full: $n" }, @adds);
    each_of(sub { my ($n, $run) = @_; is_status $run->(), 200, "full: $n" },
        grep { !ref || 1 } @reads[0 .. 5], @reads[8 .. $#reads]);
    nothing_open('full');
    is settled_solos($s), $solos, 'full: no container more';

    # workers that begin meanwhile
    my ($old) = $s->worker_pids;
    kill 'KILL', $old;
    ok $s->wait_for(sub { my @p = $s->worker_pids; @p == 2 && !grep { $_ == $old } @p }),
        'full: a worker was killed and replaced';
    $s->expect_new_workers;
    my ($good, %got) = (0);
    ok $s->wait_for(sub {
        my $r = $s->get("/$b/small");
        $good = $r->status == 200 ? $good + 1 : 0;
        return $good >= 16;
    }), 'full: the new worker is ready';
    $got{ $s->delete("/$b/none-$_")->status }++ for 1 .. 16;
    is_deeply \%got, { 204 => 16 }, 'full: and deletes';
    is_status $s->get("/$b"), 200, 'full: lists';
    is_full $s->put("/$b/new", $small), 'full: and refuses what adds';

    each_of(sub { my ($n, $run) = @_; like $run->()->status, qr/^20[04]$/, "full: $n" }, @removals);
    is_error $s->get("/$b/small"), 404, 'NoSuchKey', 'full: deleted';

    $s->redis(qw(CONFIG SET maxmemory 0));
    is_status $s->put("/$b/small", $small), 200, 'memory again: PUT at once';
    begin_upload();
    unharmed('memory again');
    nothing_open('memory again');
}


# --- emptied -----------------------------------------------------------------------------------

# From the containers; without cosctl, what Redis had.
sub rebuild {
    my ($dump) = @_;
    my $ctl = "$Cos::ROOT/build/cosctl";
    return redis_restore($s, $dump) unless -x $ctl;
    my $out = `'$ctl' --env '@{[$s->dir]}/env' rebuild 2>&1`;
    is $?, 0, 'cosctl rebuild' or diag $out;
}

sub never_missing {
    my ($when) = @_;
    my %got;
    my $until = time + 1.5;
    while (time < $until) {
        for (@reads[1, 3, 5, 7, 11], sub { $s->get("/$b/other") }, sub { $s->get('/no-such-bucket-1250000000') },
            $adds[1], $adds[13])
        {
            my $r = $_->();
            $got{ $r->status . ' ' . ($r->code // '') }++;
        }
    }
    is_deeply [grep { !/^503/ } keys %got], [], "$when: unavailable, never missing";
}

for my $how ('emptied', 'emptied while it was stopped', 'emptied, and nginx reloaded') {
    my $dump = redis_dump($s);
    my $seen = length $s->error_log;
    if ($how =~ /stopped/) {
        redis_stop($s, 'TERM');
        unlink glob $s->dir . '/redis/appendonlydir/*';
        redis_start($s);
    } else {
        $s->redis('FLUSHALL');
    }
    if ($how =~ /reloaded/) {
        my %old = map { $_ => 1 } $s->worker_pids;
        $s->signal('HUP');
        ok $s->wait_for(sub { my @p = $s->worker_pids; @p == 2 && !grep { $old{$_} } @p }),
            "$how: reloaded";
        $s->expect_new_workers;
    }
    never_missing($how);
    ok substr($s->error_log, $seen) =~ /\[error\].*run cosctl rebuild/, "$how: the log says what to do";
    is $s->redis('EXISTS', 'g'), 0, "$how: nothing was written into it";
    rebuild($dump);
    ok all_ready($s, $b), "$how: in service again without a restart";
    unharmed($how);
}

$s->done(allow => qr/exited on signal 9/);
