# Versions: every overwrite keeps what was there, deletions hide it, each version
# can be read, changed and removed, and a listing shows them in their order.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(md5_b64);

my $s = Cos->start;

sub versioning {
    my ($b, $state, %o) = @_;
    my $xml = "<VersioningConfiguration><Status>$state</Status></VersioningConfiguration>";
    is_status $s->put("/$b?versioning", $xml, %o), 200, "versioning $state";
}

sub vid { my ($r, $as) = @_; $r->h(($as // 's3') eq 'cos' ? 'x-cos-version-id' : 'x-amz-version-id') }
sub mark { $_[0]->h('x-amz-delete-marker') }

# What a listing of versions shows: kind, key, id, latest.
sub shown {
    my ($r) = @_;
    my ($body, @v) = ($r->body);
    while ($body =~ m{<(Version|DeleteMarker)>(.*?)</\1>}gs) {
        my ($kind, $x) = ($1, $2);
        my ($key) = $x =~ m{<Key>(.*?)</Key>};
        my ($id) = $x =~ m{<VersionId>(.*?)</VersionId>};
        my ($latest) = $x =~ m{<IsLatest>(.*?)</IsLatest>};
        push @v, [ $kind eq 'Version' ? 'v' : 'm', $key, $id, $latest eq 'true' ? 1 : 0 ];
    }
    return @v;
}

sub listed { my ($b, $q) = @_; my $r = $s->get("/$b?versions" . ($q // ''), as => 's3'); die $r->body if $r->status != 200; return shown($r) }


# --- enabled ------------------------------------------------------------------------------

my $b = $s->make_bucket('versions-1250000000', as => 's3');
is_status $s->put("/$b/a", 'before'), 200, 'PUT before versioning';
is vid($s->get("/$b/a")), undef, 'no version id before versioning';
versioning($b, 'Enabled', as => 's3');

my %o = (as => 's3');
is vid($s->get("/$b/a", %o)), 'null', 'what was there is the null version';
my $r1 = $s->put("/$b/a", 'one', %o);
my $r2 = $s->put("/$b/a", 'two', %o);
my ($v1, $v2) = (vid($r1), vid($r2));
like $v1, qr/^[0-9a-f]{16}$/, 'PUT tells the version id';
isnt $v1, $v2, 'each PUT has its own';
is_ok $s->get("/$b/a", %o), 'GET', 'two';
is vid($s->get("/$b/a", %o)), $v2, 'GET tells the version';
is_ok $s->get("/$b/a?versionId=$v1", %o), 'GET of a version', 'one';
is_ok $s->get("/$b/a?versionId=$v2", %o), 'GET of the current version', 'two';
is_ok $s->get("/$b/a?versionId=null", %o), 'GET of the null version', 'before';
is_status $s->head("/$b/a?versionId=$v1", %o), 200, 'HEAD of a version';
is_ok $s->get("/$b/a?versionId=$v1", as => 'cos'), 'GET of a version, COS', 'one';
is_error $s->get("/$b/a?versionId=00000000000000ff", %o), 404, 'NoSuchVersion', 'no such version';
is_error $s->get("/$b/a?versionId=nonsense", %o), 400, 'InvalidArgument', 'a malformed version id';
is_error $s->get("/$b/a?versionId=$v1&versionId=$v2", %o), 400, 'InvalidArgument', 'two version ids';
is_error $s->put("/$b/a?versionId=$v1", 'x', %o), 400, 'InvalidArgument', 'PUT of a version';
is_status $s->get("/$b/a?versionId=$v1", %o, headers => [ Range => 'bytes=1-1' ]), 206, 'a range of a version';
is_deeply [ listed($b) ],
    [ [ v => 'a', $v2, 1 ], [ v => 'a', $v1, 0 ], [ v => 'a', 'null', 0 ] ], 'listing of versions';
is scalar($s->get("/$b", %o)->all('Key')), 1, 'listing of objects shows one';

# deletions
my $d = $s->delete("/$b/a", %o);
is_status $d, 204, 'DELETE';
is mark($d), 'true', 'DELETE says that it made a marker';
my $m = vid($d);
is_error $s->get("/$b/a", %o), 404, 'NoSuchKey', 'GET behind a marker';
is mark($s->get("/$b/a", %o)), 'true', 'GET tells of the marker';
is vid($s->get("/$b/a", %o)), $m, 'and of its version';
is_status $s->head("/$b/a", %o), 404, 'HEAD behind a marker';
is_error $s->get("/$b/a?versionId=$m", %o), 405, 'MethodNotAllowed', 'GET of the marker';
is scalar($s->get("/$b", %o)->all('Key')), 0, 'listing of objects shows none';
is_ok $s->get("/$b/a?versionId=$v2", %o), 'the versions are still there', 'two';
is_deeply [ listed($b) ], [ [ m => 'a', $m, 1 ], [ v => 'a', $v2, 0 ], [ v => 'a', $v1, 0 ],
    [ v => 'a', 'null', 0 ] ], 'listing with a marker';
is_error $s->delete("/$b", %o), 409, 'BucketNotEmpty', 'a bucket with versions is not empty';
my $dm = $s->delete("/$b/a?versionId=$m", %o);
is_status $dm, 204, 'DELETE of the marker';
is mark($dm), 'true', 'which says that it was one';
is_ok $s->get("/$b/a", %o), 'the key is back', 'two';
is_status $s->delete("/$b/a?versionId=$v2", %o), 204, 'DELETE of the current version';
is_ok $s->get("/$b/a", %o), 'the one before it is current', 'one';
is_status $s->delete("/$b/a?versionId=null", %o), 204, 'DELETE of the null version';
is_error $s->get("/$b/a?versionId=null", %o), 404, 'NoSuchVersion', 'is gone';
is_status $s->delete("/$b/a?versionId=$v1", %o), 204, 'DELETE of the last version';
is_error $s->get("/$b/a", %o), 404, 'NoSuchKey', 'nothing left';
is mark($s->get("/$b/a", %o)), undef, 'no marker either';
is_deeply [ listed($b) ], [], 'nothing listed';
is_status $s->delete("/$b/a?versionId=$v1", %o), 204, 'DELETE of a version that is gone';
is mark($s->delete("/$b/nothing", %o)), 'true', 'DELETE of a key that never was makes a marker';
is_status $s->delete("/$b/nothing?versionId=" . (listed($b))[0][2], %o), 204, 'and that can go';

# restoring by copy, ACL, conditions
$v1 = vid($s->put("/$b/k", 'first', %o));
$v2 = vid($s->put("/$b/k", 'second', %o));
my $c = $s->put("/$b/k", '', %o, headers => [ 'x-amz-copy-source' => "/$b/k?versionId=$v1", 'x-amz-metadata-directive' => 'REPLACE' ]);
is_status $c, 200, 'an old version copied over';
is_ok $s->get("/$b/k", %o), 'is current', 'first';
isnt vid($c), $v1, 'as a new version';
is $c->h('x-amz-copy-source-version-id'), $v1, 'which tells its source';
is_status $s->put("/$b/k?acl&versionId=$v2", '', %o, headers => [ 'x-amz-acl' => 'public-read' ]), 200, 'ACL of a version';
is_ok $s->get("/$b/k?versionId=$v2", as => 'none'), 'makes that version public', 'second';
is_error $s->get("/$b/k?versionId=$v1", as => 'none'), 403, 'AccessDenied', 'and no other';
is_deeply [ map { $_->[2] } listed($b) ], [ vid($c), $v2, $v1 ], 'and changes no order';
is_status $s->put("/$b/k?acl", '', %o, headers => [ 'x-amz-acl' => 'public-read' ]), 200, 'ACL of the current version';
is vid($s->get("/$b/k", %o)), vid($c), 'which stays that version';
is_error $s->put("/$b/k", 'x', %o, headers => [ 'If-None-Match' => '*' ]), 412, 'PreconditionFailed', 'If-None-Match';
is_status $s->delete("/$b/k", %o), 204, 'a marker';
is_status $s->put("/$b/k", 'again', %o, headers => [ 'If-None-Match' => '*' ]), 200, 'If-None-Match behind a marker';

# multi-delete and multipart
my $big = 'x' x 1048576;
my $mp = $s->multipart("/$b/k", [ $big, 'end' ], as => 'cos');
is_status $mp, 200, 'multipart upload';
my $vm = vid($s->head("/$b/k", %o));
is_ok $s->get("/$b/k?versionId=$vm", %o), 'is a version', $big . 'end';
my $xml = "<Delete><Object><Key>k</Key><VersionId>$v1</VersionId></Object><Object><Key>k</Key></Object>"
    . '<Object><Key>none</Key><VersionId>zz</VersionId></Object></Delete>';
my $md = $s->post("/$b?delete", $xml, %o, headers => [ 'Content-MD5' => md5_b64($xml) ]);
is_ok $md, 'multi-delete';
my @del = $md->parts('Deleted');
is $del[0]->xml('VersionId'), $v1, 'of a version';
is $del[1]->xml('DeleteMarker'), 'true', 'of a key: a marker';
like $del[1]->xml('DeleteMarkerVersionId'), qr/^[0-9a-f]{16}$/, 'with its id';
is $md->xml('Code'), 'NoSuchVersion', 'a malformed version id is its own error';
is_error $s->get("/$b/k", %o), 404, 'NoSuchKey', 'hidden';
is_error $s->get("/$b/k?versionId=$v1", %o), 404, 'NoSuchVersion', 'gone';


# what must not be: versions of others, odd ids, a key twice
my $pub = $s->make_bucket('public-1250000000', as => 's3', headers => [ 'x-amz-acl' => 'public-read-write' ]);
versioning($pub, 'Enabled', %o);
my $mine = vid($s->put("/$pub/k", 'mine', %o));
is_status $s->delete("/$pub/k", as => 'none'), 204, 'anybody may hide a key of a public bucket';
is_error $s->delete("/$pub/k?versionId=$mine", as => 'none'), 403, 'AccessDenied', 'but not remove a version';
$xml = "<Delete><Object><Key>k</Key><VersionId>$mine</VersionId></Object></Delete>";
$md = $s->post("/$pub?delete", $xml, as => 'none', headers => [ 'Content-MD5' => md5_b64($xml), 'x-amz-meta-a' => 'b' ]);
is $md->xml('Code'), 'AccessDenied', 'nor several';
is_ok $s->get("/$pub/k?versionId=$mine", %o), 'it is still there', 'mine';
is_error $s->get("/$pub/k?versionId=ffffffffffffffff", %o), 400, 'InvalidArgument', 'a version id above all numbers';
$xml = "<Delete>" . "<Object><Key>k</Key><VersionId>$mine</VersionId></Object>" x 2 . '</Delete>';
$md = $s->post("/$pub?delete", $xml, %o, headers => [ 'Content-MD5' => md5_b64($xml) ]);
is scalar($md->parts('Deleted')), 2, 'a version named twice is deleted, twice';
$s->put("/$pub/full", 'x', %o);
$s->redis('CONFIG', 'SET', 'maxmemory', 1);
is_status $s->put("/$pub/more", 'x', %o), 507, 'full memory: PUT';
is_status $s->delete("/$pub/full", %o), 204, 'full memory: DELETE';
$xml = '<Delete><Object><Key>full</Key></Object></Delete>';
$md = $s->post("/$pub?delete", $xml, %o, headers => [ 'Content-MD5' => md5_b64($xml) ]);
is scalar($md->parts('Deleted')), 1, 'full memory: several';
$s->redis('CONFIG', 'SET', 'maxmemory', 0);


# --- suspended -------------------------------------------------------------------------------

my $sb = $s->make_bucket('suspended-1250000000', as => 's3');
versioning($sb, 'Enabled', %o);
my $old = vid($s->put("/$sb/x", 'kept', %o));
versioning($sb, 'Suspended', %o);
is vid($s->put("/$sb/x", 'null one', %o)), 'null', 'PUT makes the null version';
is vid($s->put("/$sb/x", 'null two', %o)), 'null', 'and again';
is_deeply [ listed($sb) ], [ [ v => 'x', 'null', 1 ], [ v => 'x', $old, 0 ] ], 'there is one of them';
is_ok $s->get("/$sb/x?versionId=$old", %o), 'the old one is kept', 'kept';
is_status $s->put("/$sb/x?acl", '', %o, headers => [ 'x-amz-acl' => 'public-read' ]), 200, 'ACL of the null version';
$d = $s->delete("/$sb/x", %o);
is vid($d), 'null', 'DELETE makes a null marker';
is_deeply [ listed($sb) ], [ [ m => 'x', 'null', 1 ], [ v => 'x', $old, 0 ] ], 'in its place';
versioning($sb, 'Enabled', %o);
my $new = vid($s->put("/$sb/x", 'new', %o));
is_deeply [ listed($sb) ], [ [ v => 'x', $new, 1 ], [ m => 'x', 'null', 0 ], [ v => 'x', $old, 0 ] ], 'the null marker was displaced';
versioning($sb, 'Suspended', %o);
is vid($s->put("/$sb/x", 'null three', %o)), 'null', 'PUT';
is_deeply [ listed($sb) ], [ [ v => 'x', 'null', 1 ], [ v => 'x', $new, 0 ], [ v => 'x', $old, 0 ] ], 'replaces the null marker further down';
is_status $s->delete("/$sb/x?versionId=null", %o), 204, 'DELETE of the null version';
is_ok $s->get("/$sb/x", %o), 'the one before it', 'new';


# --- listings ---------------------------------------------------------------------------------

my $lb = $s->make_bucket('listed-1250000000', as => 's3');
is_deeply [ listed($lb) ], [], 'an empty bucket';
$s->put("/$lb/z", 'x', %o);
is_deeply [ listed($lb) ], [ [ v => 'z', 'null', 1 ] ], 'a bucket that never had versions';
like $s->get("/$lb?versions", as => 'cos')->body, qr{<VersionId></VersionId>|<VersionId/>}, 'COS: with an empty id';
versioning($lb, 'Enabled', %o);
my @all = ([ v => 'z', 'null', 1 ]);
for my $key ('a', 'a/b', 'a/c', 'b', "c\xc3\xa9", 'd/1', 'd/2') {
    my @mine;
    for my $i (1 .. 4) {
        $_->[3] = 0 for @mine;
        unshift @mine, $i == 3 ? [ m => $key, vid($s->delete($s->path($lb, $key), %o)), 1 ]
            : [ v => $key, vid($s->put($s->path($lb, $key), "v$i", %o)), 1 ];
    }
    splice @all, -1, 0, @mine;
}
is_deeply [ listed($lb) ], \@all, 'all versions';
for my $max (1, 2, 3, 5, 7) {
    my ($km, $vm, @got, $pages) = ('', '');
    while ($pages++ < 60) {
        my $r = $s->get("/$lb?versions&max-keys=$max" . (length $km ? '&key-marker=' . enc($km) : '')
            . (length $vm ? "&version-id-marker=$vm" : ''), %o);
        push @got, shown($r);
        last if $r->xml('IsTruncated') ne 'true';
        ($km, $vm) = ($r->xml('NextKeyMarker'), $r->xml('NextVersionIdMarker') // '');
    }
    is_deeply \@got, \@all, "by pages of $max";
}
is_deeply [ listed($lb, '&prefix=a/') ], [ grep { $_->[1] =~ m{^a/} } @all ], 'with a prefix';
my $lr = $s->get("/$lb?versions&delimiter=/", %o);
is_deeply [ shown($lr) ], [ grep { $_->[1] !~ m{/} } @all ], 'with a delimiter: versions';
is_deeply [ map { $_->xml('Prefix') } $lr->parts('CommonPrefixes') ], [ 'a/', 'd/' ], 'and common prefixes';
is_deeply [ listed($lb, '&key-marker=a/c') ], [ grep { $_->[1] gt 'a/c' } @all ], 'behind a key';
is_error $s->get("/$lb?versions&version-id-marker=$v1", %o), 400, 'InvalidArgument', 'a version marker alone';
is_error $s->get("/$lb?versions&max-keys=x", %o), 400, 'InvalidArgument', 'a malformed limit';
like $s->get("/$lb?versions&encoding-type=url", %o)->body, qr{<Key>c%C3%A9</Key>}, 'encoded keys';

# --- a random history against a model ------------------------------------------------------------

srand 7;
my $rb = $s->make_bucket('random-1250000000', as => 's3');
versioning($rb, 'Enabled', %o);
my ($state, %model) = ('Enabled');    # key => newest first: [ kind, id, body ]
my $conn = $s->connect;
for my $i (1 .. 400) {
    my $key = ('p', 'q', 'r/1', 'r/2')[rand 4];
    my $v = $model{$key} ||= [];
    my $what = rand;
    if ($what < .03) {
        $state = $state eq 'Enabled' ? 'Suspended' : 'Enabled';
        $s->put("/$rb?versioning", "<VersioningConfiguration><Status>$state</Status></VersioningConfiguration>", %o)->status == 200
            or die "versioning: $state\n";
    } elsif ($what < .7) {
        my $r = $what < .5 ? $s->put("/$rb/$key", "body $i", %o, conn => $conn) : $s->delete("/$rb/$key", %o, conn => $conn);
        my $id = vid($r);
        @$v = grep { $_->[1] ne 'null' } @$v if $id eq 'null';
        unshift @$v, [ $what < .5 ? 'v' : 'm', $id, "body $i" ];
    } elsif ($what < .8 && @$v) {
        my $one = $v->[rand @$v];
        next if $one->[0] eq 'm';
        $s->put("/$rb/$key?tagging&versionId=$one->[1]", '<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>',
            %o, conn => $conn)->status == 200 or die "tagging\n";
    } elsif (@$v) {
        my ($one) = splice @$v, rand @$v, 1;
        $s->delete("/$rb/$key?versionId=$one->[1]", %o, conn => $conn)->status == 204 or die "delete\n";
    }
}

sub check_random {
    my ($when) = @_;
    my (@want, @wrong);
    for my $key (sort keys %model) {
        my $v = $model{$key};
        push @want, map { [ $v->[$_][0], $key, $v->[$_][1], $_ == 0 ? 1 : 0 ] } 0 .. $#$v;
        for my $one (@$v) {
            my $r = $s->get("/$rb/$key?versionId=$one->[1]", %o, conn => $conn);
            push @wrong, "$key $one->[1]" unless $one->[0] eq 'm' ? $r->status == 405 : $r->body eq $one->[2];
        }
        my $r = $s->get("/$rb/$key", %o, conn => $conn);
        push @wrong, $key unless @$v && $v->[0][0] eq 'v' ? $r->body eq $v->[0][2] : $r->status == 404;
    }
    is_deeply [ listed($rb) ], \@want, "$when: all versions in their order";
    is_deeply \@wrong, [], "$when: each reads as it was written";
    is_deeply [ map { $_->xml('Key') } $s->get("/$rb", %o)->parts('Contents') ],
        [ grep { @{ $model{$_} } && $model{$_}[0][0] eq 'v' } sort keys %model ], "$when: current objects";
}
check_random('random history');


# --- the disk tells the same ----------------------------------------------------------------------

sub ctl {
    my (@args) = @_;
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' @args 2>&1`;
    is $?, 0, "cosctl @args" or diag $out;
    return $out;
}

my %before = map { $_ => [ listed($_) ] } $b, $sb, $lb, $pub;
ctl('verify');
$s->redis('FLUSHALL');
ctl('rebuild');
ok $s->in_service("/$lb", %o), 'in service again';
is_deeply [ listed($_) ], $before{$_}, "after a rebuild: $_" for $b, $sb, $lb, $pub;
check_random('after a rebuild');
ctl('verify');

my @current = grep { $_->[0] eq 'v' && $_->[3] } @all;
my $stat = ctl('bucket', 'stat', $lb);
like $stat, qr/^objects +@{[ scalar @current ]}$/m, 'bucket stat: objects';
like $stat, qr/^versions +@{[ @all - @current ]}$/m, 'bucket stat: versions';
is ctl('bucket', 'du', $lb, 'a/'), "objects  2\nbytes    4\n", 'bucket du';
is ctl('bucket', 'du', $lb, "''"), "objects  8\nbytes    15\n", 'bucket du of all';

$conn->close;
$s->done;
