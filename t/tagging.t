# Tags of objects: with their bytes, on their own, through copies and uploads.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Digest::MD5 qw(md5_base64);

my $s = Cos->start(workers => 2);
my @keep;    # what a rebuild must bring back: target => tags

sub xml {
    my ($text) = @_;
    my $in = join '', map {
        my ($k, $v) = split /=/, $_, 2;
        "<Tag><Key>$k</Key><Value>" . ($v // '') . '</Value></Tag>';
    } split /&/, $text;
    return "<Tagging><TagSet>$in</TagSet></Tagging>";
}

# The tags of an object as a=b&c=d, or the error.
sub tags {
    my ($t, %o) = @_;
    my $r = $s->get("$t?tagging", %o);
    return $r->code if $r->status != 200;
    return join '&', map { m{<Key>(.*?)</Key><Value>(.*?)</Value>} ? "$1=$2" : '?' }
        $r->body =~ m{<Tag>(.*?)</Tag>}g;
}

for my $as (qw(s3 cos)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my $b = $s->make_bucket("tags-$as-1250000000", as => $as);
    my @as = (as => $as);
    my $t = "/$b/o";

    is_status $s->put($t, 'x', @as), 200, "$as: an object";
    is_ok $s->get("$t?tagging", @as), "$as: its tags";
    is tags($t, @as), '', "$as: are none";
    is $s->head($t, @as)->h("$p-tagging-count"), undef, "$as: and not counted";

    my $before = $s->head($t, @as);
    is_status $s->put("$t?tagging", xml('b=2&a=1'), @as,
        headers => ['Content-MD5', md5_base64(xml('b=2&a=1')) . '==']), 200, "$as: set";
    is tags($t, @as), 'a=1&b=2', "$as: read";
    my $r = $s->head($t, @as);
    is $r->h("$p-tagging-count"), 2, "$as: counted by HEAD";
    is $s->get($t, @as)->h("$p-tagging-count"), 2, "$as: counted by GET";
    is $r->h($_), $before->h($_), "$as: $_ stays" for qw(etag last-modified content-length content-type);
    is_ok $s->get($t, @as), "$as: the bytes stay", 'x';
    is_status $s->put("$t?tagging", xml('c=3'), @as), 200, "$as: replaced";
    is tags($t, @as), 'c=3', "$as: by these alone";
    is_status $s->delete("$t?tagging", @as), 204, "$as: removed";
    is tags($t, @as), '', "$as: none are left";
    is_status $s->delete("$t?tagging", @as), 204, "$as: removed again";
    is_status $s->put("$t?tagging", xml('d=4'), @as), 200, "$as: set again";
    is_status $s->put("$t?tagging", xml(''), @as), 200, "$as: an empty set";
    is tags($t, @as), '', "$as: is none";

    # with the bytes
    is_status $s->put($t, 'x', @as, headers => ["$p-tagging", 'z=9&key%201=v%2F+w&plain']), 200,
        "$as: with the bytes";
    is tags($t, @as), 'key 1=v/ w&plain=&z=9', "$as: sorted and decoded";
    is_status $s->put($t, 'y', @as), 200, "$as: overwritten";
    is tags($t, @as), '', "$as: without them";
    is_status $s->put($t, 'y', @as, headers => ["$p-tagging", '']), 200, "$as: an empty header";
    is_status $s->put($t, 'y', @as, headers => ["$p-tagging", '%E4%B8%AD=%C3%A4']), 200, "$as: other letters";
    is tags($t, @as), "\xe4\xb8\xad=\xc3\xa4", "$as: are read";

    # limits
    my $ten = join '&', map { "k$_=v" } 0 .. 9;
    is_status $s->put($t, 'x', @as, headers => ["$p-tagging", $ten]), 200, "$as: ten tags";
    is $s->head($t, @as)->h("$p-tagging-count"), 10, "$as: ten";
    my $long = 'k' x 128 . '=' . 'v' x 256;
    is_status $s->put($t, 'x', @as, headers => ["$p-tagging", $long]), 200, "$as: long ones";
    is tags($t, @as), $long, "$as: are kept";
    push @keep, [$t, tags($t, @as), @as];
    for my $bad ("$ten&k10=v", 'a=1&a=2', '=1', 'a=%zz', 'a=<', 'k' x 129 . '=v', 'k=' . 'v' x 257,
        $as eq 's3' ? 'aws:a=1' : 'qcs:a=1', 'a=%00')
    {
        my $name = length $bad > 30 ? substr($bad, 0, 27) . '...' : $bad;
        my @h = (headers => ["$p-tagging", $bad]);
        is_error $s->put("/$b/bad", 'x', @as, @h), 400, 'InvalidTag', "$as: PUT with $name";
        is_error $s->post("/$b/bad?uploads", '', @as, @h), 400, 'InvalidTag', "$as: upload with $name";
        next if $bad =~ /[<%]/ || $bad =~ /^=/;
        is_error $s->put("$t?tagging", xml($bad), @as), 400, 'InvalidTag', "$as: set $name";
    }
    is_error $s->get("/$b/bad", @as), 404, 'NoSuchKey', "$as: nothing was stored for those";
    is tags($t, @as), $long, "$as: nor changed";
    is_error $s->put("$t?tagging", '', @as), 400, 'MissingRequestBodyError', "$as: no document";
    is_error $s->put("$t?tagging", '<Tagging>', @as), 400, 'MalformedXML', "$as: no XML";
    is_error $s->put("$t?tagging", '<Tagging/>', @as), 400, 'MalformedXML', "$as: no set";
    is_error $s->put("$t?tagging", xml('a=1'), @as, headers => ['Content-MD5', md5_base64('x') . '==']), 400,
        'BadDigest', "$as: another MD5";
    is_error $s->put("/$b/none?tagging", xml('a=1'), @as), 404, 'NoSuchKey', "$as: of no object";
    is_error $s->get("/$b/none?tagging", @as), 404, 'NoSuchKey', "$as: read of no object";
    is_error $s->delete("/$b/none?tagging", @as), 404, 'NoSuchKey', "$as: removed of no object";

    # who
    is_status $s->put("/$b/open", 'x', @as, headers => ["$p-acl", 'public-read', "$p-tagging", 'a=1']), 200,
        "$as: a public object";
    for my $who (['alt', who => 'alt'], ['nobody', as => 'none']) {
        my ($text, @o) = @$who;
        is_error $s->get("/$b/open?tagging", @as, @o), 403, 'AccessDenied', "$as: read by $text";
        is_error $s->put("/$b/open?tagging", xml('b=2'), @as, @o), 403, 'AccessDenied', "$as: set by $text";
        is_error $s->delete("/$b/open?tagging", @as, @o), 403, 'AccessDenied', "$as: removed by $text";
        my $r = $s->get("/$b/open", @as, @o);
        is_ok $r, "$as: the object for $text", 'x';
        is $r->h('x-amz-tagging-count') // $r->h('x-cos-tagging-count'), undef, "$as: not counted for $text";
    }
    is tags("/$b/open", @as), 'a=1', "$as: as it was";

    # copies
    my $src = "/$b/src";
    $s->put($src, 'src', @as, headers => ["$p-tagging", 'from=source', "$p-meta-m", '1']);
    my $from = $as eq 's3' ? $src : "$b.cos.ap-beijing.myqcloud.com/src";
    $from = $src;
    my @copies = (
        ['as it is', [], 'from=source'],
        ['COPY', ["$p-tagging-directive", 'COPY', "$p-tagging", 'to=copy'], 'from=source'],
        ['REPLACE', ["$p-tagging-directive", 'REPLACE', "$p-tagging", 'to=copy'], 'to=copy'],
        ['REPLACE by none', ["$p-tagging-directive", 'REPLACE'], ''],
        ['other metadata', ["$p-metadata-directive", 'REPLACE', "$p-meta-m", '2'], 'from=source'],
    );
    for my $c (@copies) {
        my ($text, $h, $want) = @$c;
        is_status $s->put("/$b/copy", '', @as, headers => ["$p-copy-source", $from, @$h]), 200,
            "$as: copy, $text";
        is tags("/$b/copy", @as), $want, "$as: copy, $text: tags";
        is $s->head("/$b/copy", @as)->h("$p-meta-m"), $text eq 'other metadata' ? 2 : 1, "$as: copy, $text: metadata";
    }
    is_error $s->put("/$b/copy", '', @as, headers => ["$p-copy-source", $from, "$p-tagging-directive", 'MOVE']),
        400, 'InvalidArgument', "$as: copy, an unknown directive";
    is_status $s->put($src, '', @as, headers => ["$p-copy-source", $from, "$p-tagging-directive", 'REPLACE',
        "$p-tagging", 'on=itself']), 200, "$as: copy onto itself";
    is tags($src, @as), 'on=itself', "$as: changes tags";
    push @keep, [$src, 'on=itself', @as];

    # uploads, and objects of several containers
    my $big = "/$b/big";
    is_status $s->multipart($big, ['p' x (5 << 20), 'q' x 1000], @as, headers => ["$p-tagging", 'up=load']), 200,
        "$as: multipart";
    is tags($big, @as), 'up=load', "$as: multipart: tags";
    is_status $s->put("$big?tagging", xml('set=later'), @as), 200, "$as: multipart: set";
    is tags($big, @as), 'set=later', "$as: multipart: other tags";
    is_ok $s->get($big, @as), "$as: multipart: bytes", 'p' x (5 << 20) . 'q' x 1000;
    push @keep, [$big, 'set=later', @as];

    # of the ACL and the tags, neither undoes the other
    is_status $s->put("$big?acl", '', @as, headers => ["$p-acl", 'public-read']), 200, "$as: ACL of it";
    is tags($big, @as), 'set=later', "$as: tags stay";
    is_status $s->put("$big?tagging", xml('set=last'), @as), 200, "$as: tags of it";
    is $s->get($big, as => 'none')->status, 200, "$as: ACL stays";
    $keep[-1][1] = 'set=last';
}

is_error $s->get('/tags-s3-1250000000/o?tagging', as => 'bce'), 501, 'NotImplemented', 'BOS: not in that dialect';

# Tags of versions: each has its own, and changing them makes no version.
{
    my $b = $s->make_bucket('versions');
    my $t = "/$b/o";
    $s->put($t, 'null');
    is_status $s->put("/$b?versioning",
        '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'), 200, 'versioning';
    my @v = map { my $r = $s->put($t, $_, headers => ['x-amz-tagging', "v=$_"]); $r->h('x-amz-version-id') } 1, 2;
    isnt $v[0], $v[1], 'two versions';
    is tags($t), 'v=2', 'the current one';
    my $of = sub {
        my $r = $s->get("$t?tagging&versionId=$_[0]");
        is $r->h('x-amz-version-id'), $_[0], "version $_[0]: named";
        return join '&', map { m{<Key>(.*?)</Key><Value>(.*?)</Value>} ? "$1=$2" : '?' }
            $r->body =~ m{<Tag>(.*?)</Tag>}g;
    };
    is $of->($v[0]), 'v=1', 'tags of the older one';
    is $of->('null'), '', 'tags of the oldest';
    my $r = $s->put("$t?tagging&versionId=$v[0]", xml('v=new'));
    is_status $r, 200, 'the older one gets others';
    is $r->h('x-amz-version-id'), $v[0], 'and is named';
    is_status $s->put("$t?tagging&versionId=null", xml('v=null')), 200, 'so does the oldest';
    is $of->($v[0]), 'v=new', 'there they are';
    is $of->('null'), 'v=null', 'and there';
    is tags($t), 'v=2', 'the current one has its own';
    is_ok $s->get($t), 'and its bytes', '2';
    is_ok $s->get("$t?versionId=$v[0]"), 'as has the older one', '1';
    is scalar(() = $s->get("/$b?versions")->body =~ /<Version>/g), 3, 'no version more';
    is_status $s->delete("$t?tagging&versionId=$v[0]"), 204, 'removed from the older one';
    is $of->($v[0]), '', 'so it has none';
    is tags($t), 'v=2', 'the current one does';
    is_status $s->put("$t?tagging", xml('v=3')), 200, 'the current one gets others';
    is $of->($v[1]), 'v=3', 'of the same version';
    $s->delete($t);
    is_error $s->get("$t?tagging"), 404, 'NoSuchKey', 'a delete marker has none';
    is $of->($v[1]), 'v=3', 'what it hides does';
}

# Many at once: one of them wins, none is half done, the bytes stay.
{
    my $t = '/tags-s3-1250000000/race';
    $s->put($t, 'race');
    my @c;
    for my $i (1 .. 12) {
        my $c = $s->connect(timeout => 30);
        my $req = $i % 3 ? $s->build('PUT', "$t?tagging", body => xml("n=$i"))
            : $s->build('PUT', "$t?acl", body => '', headers => ['x-amz-acl', 'public-read']);
        $c->send($req->{head} . $req->{wire});
        push @c, $c;
    }
    my %got;
    $got{ $_->recv('PUT')->status }++ for @c;
    is_deeply [sort keys %got], [200], 'at once: all succeed';
    like tags($t), qr/^n=\d+$/, 'at once: one is left';
    is_ok $s->get($t, as => 'none'), 'at once: and the ACL', 'race';
    push @keep, [$t, tags($t)];
}

# Metadata: 2 KB of names and values, counted without the prefix
for my $as (qw(s3 cos)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my $t = "/tags-$as-1250000000/meta";
    my @h = ("$p-meta-a", 'v' x 1000, "$p-meta-bc", 'w' x 1045);
    is_status $s->put($t, 'x', as => $as, headers => \@h), 200, "$as: 2,048 bytes of metadata";
    my $r = $s->head($t, as => $as);
    is $r->h("$p-meta-bc"), 'w' x 1045, "$as: are kept";
    is_error $s->put($t, 'y', as => $as, headers => [@h, "$p-meta-d", '']), 400, 'MetadataTooLarge',
        "$as: one more";
    is_error $s->post("$t?uploads", '', as => $as, headers => [@h, "$p-meta-d", '']), 400, 'MetadataTooLarge',
        "$as: one more, of an upload";
    is_ok $s->get($t, as => $as), "$as: the old object is there", 'x';
    my @stored = ('Cache-Control', 'no-cache', 'Content-Disposition', 'attachment; filename="a"',
        'Content-Encoding', 'x-own', 'Content-Language', 'de, en', 'Content-Type', 'text/x-own; charset=utf-8',
        'Expires', 'Wed, 21 Oct 2037 07:28:00 GMT');
    is_status $s->put($t, 'x', as => $as, headers => [@h, @stored]), 200, "$as: other headers do not count";
    $r = $s->head($t, as => $as);
    while (my ($n, $v) = splice @stored, 0, 2) { is $r->h($n), $v, "$as: $n" }
}

SKIP: {
    my $ctl = "$Cos::ROOT/build/cosctl";
    skip 'no cosctl', 1 unless -x $ctl;
    $s->redis('FLUSHALL');
    my $out = `'$ctl' --env '@{[$s->dir]}/env' rebuild 2>&1`;
    is $?, 0, 'rebuild' or diag $out;
    ok $s->in_service('/tags-s3-1250000000'), 'in service again';
    for my $k (@keep) {
        my ($t, $want, @o) = @$k;
        is tags($t, @o), $want, "after a rebuild: $t";
    }
    $out = `'$ctl' --env '@{[$s->dir]}/env' verify 2>&1`;
    is $?, 0, 'verify is clean' or diag $out;
}

$s->done;
