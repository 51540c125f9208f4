# Rows about versions, completed uploads and copies. Part of bench/run.

use strict;
use warnings;
use Time::HiRes qw(time);

our ($KIB, $MIB);

# A bucket with versioning beside one without: the same keys written over again
# and again.
sub versions {
    my $s = hot();
    my $n = 1000;
    my %bucket = (plain => 'over-1250000000', versioned => 'versions-1250000000');
    $s->make_bucket($_) for values %bucket;
    must($s->put("/$bucket{versioned}?versioning",
        '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
        as => 'cos'), 'versioning');
    my $body = Bench::spew("$Bench::DIR/body4k", Bench::bytes(4 * $KIB));
    Bench::unpin_server($s);
    my %side = map {
        my $kind = $_;
        my $now = int time;
        $kind => writing_side($s, Bench::requests("over-$kind", map {
            [$s->build('PUT', sprintf('/%s/k%04d', $bucket{$kind}, $_ % $n),
                as => 'cos', start => $now - 60, end => $now + 7200,
                length => 4 * $KIB)->{head}, 200, 4 * $KIB, 0] } 0 .. $n - 1),
            '-c', 16, '-b', $body, '-t', $Bench::SECONDS);
    } keys %bucket;
    my $r = Bench::alternate(map {
        my $side = $side{$_};
        $_ => sub { Bench::load($side) } } sort keys %side);
    my $ratio = Bench::ratio($r->{plain}, $r->{versioned}, 'rate');
    Bench::report(name => 'PUT 4 KiB over a version | over an object',
        here => Bench::commas(Bench::middle($r->{versioned}, 'rate')) . '/s',
        there => Bench::commas(Bench::middle($r->{plain}, 'rate')) . '/s',
        ratio => $ratio, target => '<= 1.30', good => $ratio <= 1.3,
        note => 'ratio of times, 16 at a time');
    Bench::pin_server($s);
    return;
}

# A page of a prefix in a bucket of many keys, one of which has 10,000 versions,
# beside the same page of a bucket where it has one.
sub deep {
    my $s = Bench::server('deep');
    $s->redis('CONFIG', 'SET', 'auto-aof-rewrite-percentage', 0);
    my (%side, %bid);
    for my $kind (qw(deep flat)) {
        my $bucket = "$kind-1250000000";
        $s->make_bucket($bucket);
        fill($s, $bucket, 1_000_000, sub {
            my ($i) = @_;
            return (key_of($i), object_record(seq => 1, mtime => 1.7e12,
                segs => [[(7 << 20) + int($i / 5000), 64 + $i, 4096]],
                md5 => pack('Q<2', $i, $i)));
        });
        must($s->put("/$bucket?versioning",
            '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
            as => 'cos'), 'versioning');
    }
    my $key = key_of(500);
    my $conn = $s->connect;
    must($s->put("/deep-1250000000/$key", '', as => 'cos', conn => $conn), 'PUT')
        for 1 .. 10_000;
    $conn->close;
    for my $what (qw(keys versions)) {
        my $query = ($what eq 'keys' ? '' : 'versions&') . 'prefix=photos%2F05&max-keys=1000'
            . ($what eq 'keys' ? '' : '&key-marker=photos%2F0501');
        for my $kind (qw(deep flat)) {
            my $now = int time;
            $side{"$what-$kind"} = { %{ Bench::side($s, Bench::requests("$what-$kind",
                [$s->build('GET', "/$kind-1250000000?$query", as => 'cos', start => $now - 60,
                    end => $now + 7200)->{head}, 200, 0, -1]), '-c', 1, '-t', $Bench::SECONDS) },
                also => $s->env('REDIS_PID') };
        }
    }
    my $r = Bench::alternate(map { my $side = $side{$_}; $_ => sub { Bench::load($side) } }
        sort keys %side);
    for my $what (qw(keys versions)) {
        my ($here, $there) = map { page_ms($r->{"$what-$_"}) } qw(deep flat);
        Bench::report(name => "list 1,000 $what beside 10,000 versions | none",
            here => sprintf('%.2f ms', $here), there => sprintf('%.2f ms', $there),
            ratio => $here / $there, target => '<= 1.10', good => $here / $there <= 1.1,
            note => 'a prefix of 100,000 of 1,000,000 keys');
    }
    $s->down;
    return;
}

# CompleteMultipartUpload of 10,000 parts beside the same reads and writes of
# Redis, each as plain commands in one pipeline. The parts are only described:
# what is measured does not read them.
sub complete {
    my $s = hot();
    my $bid = bid_of($s, 'priv-1250000000');
    my $n = 10_000;
    my $md5 = 'x' x 16;
    my @records = map { object_record(seq => $_, mtime => 1.7e12, md5 => $md5,
        segs => [[(7 << 20) + (1 << 19) + $_, 4096, $MIB]]) } 1 .. $n;
    my $xml = '<CompleteMultipartUpload>' . join('', map {
        "<Part><PartNumber>$_</PartNumber><ETag>" . unpack('H*', $md5)
        . '</ETag></Part>' } 1 .. $n) . '</CompleteMultipartUpload>';
    my (@ours, @bare);
    for my $round (0 .. $Bench::ROUNDS) {
        my $key = "/priv-1250000000/complete-$round";
        my $id = must($s->post("$key?uploads", '', as => 'cos'), 'initiate')->xml('UploadId');
        $s->redis('HSET', "P{$bid}$id", map { ($_, $records[$_ - 1]) } 1 .. $n);
        $s->redis('HSET', "c{$bid}", map { ((7 << 20) + (1 << 19) + $_, $MIB + 256) } 1 .. $n)
            if $round == 0;
        my $at = time;
        must($s->post("$key?uploadId=$id", $xml, as => 'cos', timeout => 60), 'complete');
        push @ours, 1000 * (time - $at);

        $s->redis('HSET', "bench-parts", map { ($_, $records[$_ - 1]) } 1 .. $n);
        $at = time;
        my @have = @{ $s->redis('HGETALL', 'bench-parts') };
        my %part = @have;
        $s->redis('SET', 'bench-object', join '', map { substr $part{$_}, 64, 18 } 1 .. $n);
        $s->redis('DEL', 'bench-parts', 'bench-object');
        push @bare, 1000 * (time - $at);
    }
    shift @ours;
    shift @bare;
    my ($here, $there) = map { Bench::median(@$_) } \@ours, \@bare;
    Bench::report(name => 'Complete of 10,000 parts | its records read and written',
        here => sprintf('%.0f ms', $here), there => sprintf('%.0f ms', $there),
        ratio => $here / $there, target => '< 300 ms', good => $here < 300,
        note => sprintf('best %.0f ms', (sort { $a <=> $b } @ours)[0]));
    return;
}

# A copy of 1 GiB beside one of 32 MiB, both of 16 parts in containers of their
# own: what a copy costs is a link for each container, whatever is in it.
sub copy1g {
    my $s = hot();
    my %ms;
    for my $size (32 * $MIB, 1024 * $MIB) {
        my $key = "/priv-1250000000/source-$size";
        my $id = must($s->post("$key?uploads", '', as => 'cos'), 'initiate')->xml('UploadId');
        my ($xml, $part) = ('', Bench::bytes($size / 16));
        for my $i (1 .. 16) {
            my $r = must($s->put("$key?partNumber=$i&uploadId=$id", $part, as => 'cos',
                timeout => 60), 'part');
            $xml .= "<Part><PartNumber>$i</PartNumber><ETag>" . $r->h('etag') . '</ETag></Part>';
        }
        must($s->post("$key?uploadId=$id",
            "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>", as => 'cos',
            timeout => 60), 'complete');
        my @times;
        for my $round (1 .. 2 * $Bench::ROUNDS + 1) {
            my $at = time;
            must($s->put("/priv-1250000000/copy-$size-$round", '', as => 'cos',
                headers => ['x-cos-copy-source', "priv-1250000000.cos.local.localhost$key"
                    =~ s{/priv-1250000000/}{/}r], timeout => 60), 'copy');
            push @times, 1000 * (time - $at);
        }
        $ms{$size} = Bench::median(@times);
    }
    my ($here, $there) = @ms{1024 * $MIB, 32 * $MIB};
    Bench::report(name => 'copy of 1 GiB | of 32 MiB',
        here => sprintf('%.1f ms', $here), there => sprintf('%.1f ms', $there),
        ratio => $here / $there, target => '<= 1.50', good => $here / $there <= 1.5,
        note => '16 parts each');
    return;
}

1;
