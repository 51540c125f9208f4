# The disk is full or read-only, or descriptors run out: clear refusals that
# leave nothing behind, reading and deleting go on, and writing goes on by
# itself as soon as there is room.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep time);
use Test::More;
use Cos;
use CosFail;

my ($s, $b, $dir, $mounted);
my $small = bytes(20_000);
my $large = bytes(3_000_000);
my @servers;

END {
    my $rc = $?;
    for my $srv (@servers) {
        next if $srv->{stopped};
        eval { $srv->down };
        $srv->{stopped} = 1;
    }
    system 'chattr', '-i', "$dir/data/open" if $dir && -e "$dir/immutable";
    system 'umount', '-l', $mounted if $mounted;
    $? = $rc;
}

sub server {
    my (%o) = @_;
    $s = Cos->start(%o);
    push @servers, $s;
    $dir = $s->dir;
    $b = $s->make_bucket('bytes-1250000000');
}

sub part_target { my ($id, $n) = @_; return "/$b/parts?partNumber=$n&uploadId=$id" }

sub complete {
    my ($id, @tags) = @_;
    my $n = 0;
    my $xml = join '', map { $n++; "<Part><PartNumber>$n</PartNumber><ETag>$_</ETag></Part>" } @tags;
    return $s->post("/$b/parts?uploadId=$id",
        "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>");
}

sub copy { my ($from, $to) = @_; $s->put("/$b/$to", '', headers => ['x-amz-copy-source' => "/$b/$from"]) }

sub keys_of { join ' ', $s->get("/$b")->all('Key') }


# --- full -----------------------------------------------------------------------------

my $disk = File::Temp::tempdir('cos-disk.XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub fill {
    my ($leave) = @_;
    open my $f, '>>:unix', "$disk/filler" or die "filler: $!";
    my $piece = "\0" x 65536;
    for my $size (65536, 4096) {
        1 while syswrite $f, $piece, $size;
    }
    truncate $f, (-s $f) - $leave if $leave;
    close $f;
}

sub full_disk {
    my $home = File::Temp::tempdir('cos-t.XXXXXX', TMPDIR => 1);
    mkdir "$disk/data";
    symlink "$disk/data", "$home/data" or die "symlink: $!";
    server(dir => $home, http => 'cos_pack_max 64k; cos_container_size 4m;');

    is_status $s->put("/$b/small", $small), 200, 'room: PUT';
    is_status $s->put("/$b/large", $large), 200, 'room: PUT of a large object';
    is_status $s->put("/$b/spare", $large), 200, 'room: another';
    my $id = $s->post("/$b/parts?uploads", '')->xml('UploadId');
    my @tags = map { $_->h('etag') }
        $s->put(part_target($id, 1), bytes(5 * 1024 * 1024)), $s->put(part_target($id, 2), $small);
    is_status copy('large', 'copied'), 200, 'room: copy';
    my $v = $s->make_bucket('versions-1250000000');
    is_status $s->put("/$v?versioning", '<VersioningConfiguration><Status>Enabled</Status>'
        . '</VersioningConfiguration>'), 200, 'room: a bucket with versions';
    my $version = $s->put("/$v/hidden", $small)->h('x-amz-version-id');
    my $again = $s->post("/$b/parts?uploads", '')->xml('UploadId');
    $s->put(part_target($again, 1), bytes(5 * 1024 * 1024));
    $s->put(part_target($again, 2), $small);
    ok $s->wait_for(sub { !open_files($s) }), 'all is settled';

    # until the pack has no room either, not for a record without bytes
    fill(0);
    my ($n, $last) = (0);
    for my $size (20_000, 1000, 0) {
        while (1) {
            my $r = $s->put("/$b/n-$n", substr $small, 0, $size);
            if ($r->status != 200) {
                is_full $r, "full: PUT of $size bytes, after $n";
                last;
            }
            $last = [$n++, $size];
        }
    }
    is_ok $s->get("/$b/n-0"), 'full: the first of them', $small;
    is_ok $s->get("/$b/n-$last->[0]"), 'full: the last of them', substr $small, 0, $last->[1];
    my $keys = keys_of();
    my $files = $s->data_files;

    for my $leave (0, 1_000_000) {
        fill($leave);
        my $when = "full but for $leave bytes";
        my %try = (
            'PUT over' => sub { $s->put("/$b/small", bytes(20_000, 7)) },
            'large PUT' => sub { $s->put("/$b/new", $large) },
            'large PUT over' => sub { $s->put("/$b/large", bytes(3_000_000, 5)) },
            'large PUT, chunked' => sub { $s->put("/$b/new", $large, chunked => 65536) },
            'large PUT, aws-chunked' => sub { $s->put("/$b/new", $large, stream => { signed => 1 }) },
            'large PUT after 100 Continue' => sub { $s->put("/$b/new", $large, expect => 1) },
            'small part' => sub { $s->put(part_target($id, 3), $small) },
            'large part' => sub { $s->put(part_target($id, 3), $large) },
            'part again' => sub { $s->put(part_target($id, 1), $large) },
            'part copy' => sub { $s->put(part_target($id, 3), '',
                headers => ['x-amz-copy-source' => "/$b/large"]) },
            'complete' => sub { complete($id, @tags) },
            'small copy' => sub { copy('small', 'new') },
            'large copy' => sub { copy('large', 'new') },
        );
        for my $name (sort keys %try) {
            next if $leave && $name =~ /^(?:small|PUT|complete|large copy)/;
            is_full $try{$name}->(), "$when: $name";
        }
        ok keys_of() eq $keys, "$when: nothing done";
        is join(' ', $s->get("/$b/parts?uploadId=$id")->all('PartNumber')), '1 2', "$when: no part more";
        ok $s->wait_for(sub { !open_files($s) }, 5), "$when: nothing left in open/"
            or diag join ' ', open_files($s);
        is_deeply [ grep { !$files->{$_} && !/\.lock$/ } keys %{ $s->data_files } ], [],
            "$when: no file more";
    }
    fill(0);
    is_ok $s->get("/$b/small"), 'full: GET', $small;
    is_ok $s->get("/$b/large"), 'full: GET of a large object', $large;
    is_status $s->get("/$b"), 200, 'full: list';
    is_status $s->delete("/$b/small"), 204, 'full: DELETE';
    is_error $s->get("/$b/small"), 404, 'NoSuchKey', 'full: deleted';
    is_status $s->delete("/$v/hidden"), 204, 'full: DELETE where there are versions';
    is_error $s->get("/$v/hidden"), 404, 'NoSuchKey', 'full: hidden';
    is_ok $s->get("/$v/hidden?versionId=$version"), 'full: its version', $small;
    is_status $s->delete("/$b/parts?uploadId=$again"), 204, 'full: abort';
    is_status $s->delete("/$b/spare"), 204, 'full: DELETE of a large object';

    # its file goes in the background
    ok $s->wait_for(sub { $s->put("/$b/new", $small)->status == 200 }), 'room again: PUT';
    is_status $s->put("/$b/new-large", $large), 200, 'room again: PUT of a large object';
    is_ok $s->get("/$b/new-large"), 'room again: GET', $large;
    is_status complete($id, @tags), 200, 'room again: complete';
    is_ok $s->get("/$b/parts"), 'room again: the object of parts', bytes(5 * 1024 * 1024) . $small;
    is_status copy('parts', 'parts-copy'), 200, 'room again: copy';
    is_ok $s->get("/$b/parts-copy"), 'room again: the copy', bytes(5 * 1024 * 1024) . $small;
    $s->done(more => 1, allow => qr/no space left on the disk/);
}

SKIP: {
    skip 'only root mounts', 1 if $> != 0;
    skip 'no tmpfs', 1 if system("mount -t tmpfs -o size=48m tmpfs $disk 2>/dev/null") != 0;
    $mounted = $disk;
    full_disk();
    system 'umount', $disk;
    undef $mounted;
}


# --- read-only ----------------------------------------------------------------------------

# Files may be written but not created: what a root directory that lost its
# mode does to an ordinary user, chattr to root.
sub read_only { my ($on) = @_;
    my $open = $s->env('DATA_DIR') . '/open';
    return chmod $on ? 0500 : 0700, $open if $> != 0;
    my $rc = system('chattr', $on ? '+i' : '-i', $open);
    if ($on) { open my $f, '>', "$dir/immutable" } else { unlink "$dir/immutable" }
    return $rc == 0;
}

sub read_only_directory {
    server(http => 'cos_pack_max 64k;');
    $s->put("/$b/small", $small);
    $s->put("/$b/large", $large);
    ok $s->wait_for(sub { !open_files($s) }), 'all is settled';
    SKIP: {
        skip 'no way to make a directory read-only', 1 unless read_only(1);
        my $r = $s->put("/$b/new", $large);
        ok $r->status >= 500 && $r->code, 'read-only: large PUT is refused'
            or diag $r->status . ' ' . $r->body;
        $r = copy('large', 'new');
        ok $r->status >= 500 && $r->code, 'read-only: copy is refused'
            or diag $r->status . ' ' . $r->body;
        is_ok $s->get("/$b/large"), 'read-only: GET', $large;
        is_status $s->get("/$b"), 200, 'read-only: list';
        is keys_of(), 'large small', 'read-only: nothing done';
        is_status $s->delete("/$b/small"), 204, 'read-only: DELETE';
        read_only(0);
    }
    is_status $s->put("/$b/new", $large), 200, 'writable again: large PUT';
    is_status $s->put("/$b/new-small", $small), 200, 'writable again: PUT';
    is_ok $s->get("/$b/new"), 'writable again: GET', $large;
    $s->done(more => 1);
}
read_only_directory();


# --- out of descriptors ---------------------------------------------------------------------

sub out_of_descriptors {
    my $limit = 96;
    server(http => 'cos_pack_max 16k;', env => { COSDEV_WRAP => "prlimit --nofile=$limit:$limit" });
    my ($pid) = $s->worker_pids;
    # larger than what sockets hold; each copy is a file of its own
    my $middle = bytes(6_000_000);
    my $n = 60;
    $s->put("/$b/middle-1", $middle)->status == 200 or die "PUT failed\n";
    for my $i (2 .. $n) {
        copy('middle-1', "middle-$i")->status == 200 or die "copy $i failed\n";
    }
    my $base = sockets($pid);
    $s->get("/$b/middle-$_") for 1 .. $n;
    ok $s->wait_for(sub { fds($pid) < $limit - 50 }), 'what is kept open leaves room for connections';

    # connections first, so that it is the files that find none left
    my @slow = map { $s->connect(timeout => 5) } 1 .. 50;
    for my $c (@slow) {
        setsockopt $c->{sock}, SOL_SOCKET, SO_RCVBUF, 8192;
        $c->send($s->build('HEAD', "/$b/middle-1")->{head});
        $c->recv('HEAD')->status == 200 or die "HEAD failed\n";
    }
    my (%got, $put);
    for my $i (1 .. $n) {
        my $c = $slow[$i - 1] or last;
        if ($i == @slow) {
            my $req = $s->build('PUT', "/$b/refused", body => $middle);
            $c->send($req->{head} . $req->{wire});
            $put = $c->recv('PUT');
            next;
        }
        $c->send($s->build('GET', "/$b/middle-$i")->{head});
        $c->_need(sub { $c->{in} =~ /\r\n\r\n/ }) or next;
        my ($status) = $c->{in} =~ m{^HTTP/1\.1 (\d+)};
        $got{$status}++;
    }
    is join(' ', sort keys %got), '200 503', 'out of descriptors: served, or refused with 503';
    cmp_ok $got{200}, '>', 10, "out of descriptors: $got{200} are served at once";
    is_unavailable $put, 'out of descriptors: large PUT';
    cmp_ok fds($pid), '>', $limit - 5, 'out of descriptors indeed';
    $_->close for @slow;
    ok $s->wait_for(sub { sockets($pid) <= $base }), 'connections are gone';
    is_ok $s->get("/$b/middle-$_"), "recovered: object $_", $middle for 1, 30, $n;
    is_status $s->put("/$b/yet-another", $middle), 200, 'recovered: PUT';
    is_error $s->get("/$b/refused"), 404, 'NoSuchKey', 'recovered: what was refused is not there';
    ok $s->wait_for(sub { !open_files($s) }), 'recovered: nothing left in open/';
    $s->done(more => 1, allow => qr/\(24: Too many open files\)/);
}

SKIP: {
    if (system('prlimit --version >/dev/null 2>&1') != 0) {
        skip 'no prlimit', 1;
    }
    out_of_descriptors();
}
done_testing();
