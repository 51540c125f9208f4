# What a user may have in all of his buckets: counted by each commit, heeded by
# all of them at once, kept by a rebuild.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cos;
use Test::More;

my $s = Cos->start(workers => 2);
my $root = $s->{main};

sub ctl {
    my $out = `$Cos::ROOT/build/cosctl --env @{[$s->dir]}/env @_ 2>&1`;
    return ($? >> 8, $out);
}

sub quota { my ($rc, $out) = ctl('user', 'quota', @_); is $rc, 0, "user quota @_" or diag $out; return $out }

# What cosctl shows, which verify compares with the records.
sub uses {
    my ($objects, $bytes, $name) = @_;
    like quota('alice'), qr/^objects +$objects of .*\nbytes +$bytes of /, $name;
    return;
}

sub wrap { return "<$_[0]>$_[1]</$_[0]>" }

my ($rc, $out) = ctl('user', 'add', 'alice');
my ($uid) = $out =~ /^uid +(\d+)/m;
my ($ak) = $out =~ /^access key +(\w+)/m;
my ($sk) = $out =~ /^secret key +(\w+)/m;
$s->{main} = [$ak, $sk];
my ($A, $B) = map { '/' . $s->make_bucket("$_-1250000000") } qw(a b);
my $R = '/' . $s->make_bucket('root-1250000000', who => $root);

my @no = (403, 'QuotaExceeded');

subtest 'over all buckets' => sub {
    is_status $s->put("$A/1", 'x' x 100), 200, 'before there are limits';
    is quota('alice'), "objects  1 of any number\nbytes    100 of any number\n", 'none';
    is quota('alice', '--bytes 1000 --objects 4'), "objects  1 of 4\nbytes    100 of 1000\n", 'limited';
    is_status $s->put("$B/1", 'x' x 900), 200, 'as much as may be';
    my $r = $s->put("$A/2", 'x');
    is_error $r, @no, 'a byte more';
    is $r->xml('Message'), 'The owner of the bucket would exceed his quota.', 'says whose';
    is_error $s->put("$B/1", 'x' x 901), @no, 'a larger one in its place';
    is_status $s->put("$B/1", 'x' x 400), 200, 'a smaller one';
    is_status $s->put("$A/2", 'x' x 500), 200, 'makes room';
    is_status $s->put("$A/3", ''), 200, 'an empty one';
    is_error $s->put("$A/4", ''), @no, 'one too many';
    is_error $s->put("$A/4", '', headers => ['x-amz-copy-source', "$A/3"]), @no, 'a copy';
    is_error $s->multipart("$B/4", ['']), @no, 'an upload';
    is_status $s->put("$R/1", 'x' x 5000, who => $root), 200, 'others are not limited';
    is_status $s->put("$A/1?tagging", wrap(Tagging => '<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>')),
        200, 'tags take nothing';
    uses(4, 1000, 'exact');
    is_status $s->delete("$A/$_"), 204, 'deleted' for 2, 3;
    is_status $s->delete("$A/none"), 204, 'what was not there';
    uses(2, 500, 'less');
    is_status $s->put("$B?acl", '', headers => ['x-amz-acl', 'public-read-write']), 200, 'a bucket for all';
    is_error $s->put("$B/r", 'x' x 501, who => $root), @no, 'the owner of the bucket pays for others';
};

subtest 'appends, uploads, versions' => sub {
    quota('alice', '--bytes 2000 --objects 8');
    is_status $s->post("$A/log?append&position=0", 'x' x 100, as => 'cos'), 200, 'an append';
    is_status $s->post("$A/log?append&position=100", 'x' x 100, as => 'cos'), 200, 'another';
    uses(3, 700, 'both count, once');
    is_error $s->post("$A/log?append&position=200", 'x' x 1301, as => 'cos'), @no, 'too much';
    is_status $s->delete("$A/log"), 204, 'deleted';
    my $r = $s->post("$A/up?uploads", '');
    my $id = $r->xml('UploadId');
    my $etag = $s->put("$A/up?partNumber=1&uploadId=$id", 'x' x 600)->h('etag');
    uses(2, 500, 'parts do not count');
    my $done = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>$etag</ETag></Part>"
        . '</CompleteMultipartUpload>';
    is_status $s->post("$A/up?uploadId=$id", $done), 200, 'complete';
    is_status $s->post("$A/up?uploadId=$id", $done), 200, 'once more';
    uses(3, 1100, 'completion does, once');
    is_status $s->put("$B?versioning", wrap(VersioningConfiguration => wrap(Status => 'Enabled'))), 200, 'versions';
    is_status $s->put("$B/1", 'x' x 400), 200, 'a version';
    uses(4, 1500, 'counts beside the one before');
    is_status $s->delete("$B/1"), 204, 'a delete marker';
    uses(5, 1500, 'is an object');
    is_error $s->put("$B/1", 'x' x 501), @no, 'too much';
    my @v = $s->get("$B?versions")->body =~ m{<VersionId>(\w+)</VersionId>}g;
    is_status $s->delete("$B/1?versionId=$_"), 204, "version $_ goes" for @v;
    uses(2, 700, 'nothing is left of it');
    is_status $s->put("$B/m$_", 'x'), 200, 'a version' for 1 .. 6;
    $r = $s->post("$B?delete", wrap(Delete => wrap(Object => wrap(Key => 'm1'))));
    like $r->body, qr{<Code>QuotaExceeded</Code><Message>The owner}, 'no room for a marker';
    my @m = $s->get("$B?versions")->body =~ m{<Key>(m\d)</Key><VersionId>(\w+)}g;
    while (my ($k, $v) = splice @m, 0, 2) {
        is_status $s->delete("$B/$k?versionId=$v"), 204, "$k goes";
    }
    uses(2, 700, 'again');
};

subtest 'all at once' => sub {
    quota('alice', '--objects 52 --bytes 0');
    my @pids = map {
        my $n = $_;
        my $pid = fork // die;
        if (!$pid) {
            my $ok = 0;
            for my $i (1 .. 30) {
                $ok++ if $s->put(($i % 2 ? $A : $B) . "/c$n-$i", 'x' x $n)->status == 200;
            }
            open my $f, '>', $s->dir . "/ok$n";
            print $f $ok;
            close $f;
            exec 'true';
        }
        $pid;
    } 1 .. 4;
    waitpid $_, 0 for @pids;
    my $ok = 0;
    $ok += Cos::slurp($s->dir . "/ok$_") for 1 .. 4;
    is $ok, 50, 'as many as may be, of 120';
    like quota('alice'), qr/^objects +52 of 52$/m, 'counted';
};

subtest 'limits change and stay' => sub {
    is quota('alice', '--bytes 5000') =~ /of 52\n.*of 5000\n/ ? 1 : 0, 1, 'one of both is set';
    my $was = quota('alice');
    ($rc, $out) = ctl('user', 'rotate', $ak);
    is $rc, 0, 'rotated' or diag $out;
    my ($new) = $out =~ /^access key +(\w+)/m;
    my ($new_sk) = $out =~ /^secret key +(\w+)/m;
    is quota('alice'), $was, 'the user keeps them';
    $s->{main} = [$new, $new_sk];
    ($rc, $out) = ctl('user', 'list');
    like $out, qr/^alice +$uid +$new +enabled +\S+ +52 +\d+ +52 +5000$/m, 'user list shows them';
    ($rc, $out) = ctl('verify');
    is $rc, 0, 'verify' or diag $out;
    $s->redis('HINCRBY', "Q:$uid", 'n', 1);
    ($rc, $out) = ctl('verify');
    is $rc, 1, 'verify finds a wrong count';
    like $out, qr/user $uid: objects 53 are counted, 52 are there/, 'and says which';
    $s->redis('FLUSHALL');
    ($rc, $out) = ctl('rebuild');
    is $rc, 0, 'rebuild' or diag $out;
    $s->wait_for(sub { $s->head($A)->status == 200 }, 20);
    is quota('alice'), $was, 'they are there after a rebuild';
    is_error $s->put("$A/late", 'x'), @no, 'and heeded';
    ($rc, $out) = ctl('verify');
    is $rc, 0, 'verify' or diag $out;
    like quota('alice', 'none'), qr/of any number\n.*of any number/, 'none';
    is_status $s->put("$A/late", 'x' x 9000), 200, 'no limit';
    $s->redis('FLUSHALL');
    ($rc, $out) = ctl('rebuild');
    $s->wait_for(sub { $s->head($A)->status == 200 }, 20);
    like quota('alice'), qr/of any number\n.*of any number/, 'none after a rebuild';
    is quota('alice', '--objects 1 --bytes 1') =~ /^objects +53 of 1\n/ ? 1 : 0, 1, 'less than there is';
    is_ok $s->get("$A/late"), 'what is there stays', 'x' x 9000;
    is_status $s->put("$A/late", 'x' x 8999), 200, 'and may shrink';
    is_status $s->delete("$A/late"), 204, 'and go';
    ($rc, $out) = ctl('verify');
    is $rc, 0, 'verify' or diag $out;
};

subtest 'mistakes' => sub {
    for ([2, 'user', 'quota'], [1, qw(user quota nobody)], [1, qw(user quota alice some)],
        [1, qw(user quota alice --bytes 1k)], [1, qw(user quota alice --objects 9007199254740993)],
        [1, qw(user quota alice none --bytes 1)], [2, qw(user quota alice none none)])
    {
        my ($want, @args) = @$_;
        is +(ctl(@args))[0], $want, "@args";
    }
    like quota('alice'), qr/of 1\n.*of 1\n/, 'nothing changed';
};

$s->done;
