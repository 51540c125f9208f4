# Access control lists of buckets and objects: what each canned form opens.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $s = Cos->start;

# status of a request by anybody, by another account, by the owner
sub who_may {
    my ($as, $method, $t, @o) = @_;
    return join ' ', map { $s->req($method, $t, @$_, @o)->status }
        ([as => 'none'], [who => 'alt', as => $as], [who => 'main', as => $as]);
}

for my $as (qw(s3 cos)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';

    for (['private', '403 403 200'], ['public-read', '200 200 200'],
        ['public-read-write', '200 200 200'], ['authenticated-read', '403 200 200'])
    {
        my ($acl, $list) = @$_;
        my $b = "b-$as-$acl-1250000000";
        is_status $s->req('PUT', "/$b", as => $as, body => '', headers => ["$p-acl", $acl]), 200,
            "$as: bucket $acl";
        is who_may($as, 'GET', "/$b"), $list, "$as: bucket $acl: who may list";
        is who_may($as, 'HEAD', "/$b"), $list, "$as: bucket $acl: who may HEAD";
        is who_may($as, 'GET', "/$b?acl"), '403 403 200', "$as: bucket $acl: who may read the ACL";
        is who_may($as, 'PUT', "/$b/w", body => 'x'),
            $acl eq 'public-read-write' ? '200 200 200' : '403 403 200',
            "$as: bucket $acl: who may write";
        my $r = $s->get("/$b?acl", as => $as);
        is_ok $r, "$as: bucket $acl: its ACL";
        my @groups = $r->all('URI');
        my %want = (private => 0, 'public-read' => 1, 'public-read-write' => 2,
            'authenticated-read' => 1);
        is scalar(@groups), $want{$acl}, "$as: bucket $acl: grants to groups";
        like $groups[0], qr/AllUsers$/, "$as: bucket $acl: all users" if $acl =~ /public/;
    }

    my $b = "o-$as-1250000000";
    $s->make_bucket($b);
    for (['private', '403 403 200'], ['public-read', '200 200 200'], ['authenticated-read', '403 200 200'],
        ['bucket-owner-read', '403 403 200'], ['bucket-owner-full-control', '403 403 200'])
    {
        my ($acl, $read) = @$_;
        is_status $s->put("/$b/$acl", 'x', as => $as, headers => ["$p-acl", $acl]), 200, "$as: object $acl";
        is who_may($as, 'GET', "/$b/$acl"), $read, "$as: object $acl: who may read";
        is who_may($as, 'HEAD', "/$b/$acl"), $read, "$as: object $acl: who may HEAD";
        is who_may($as, 'GET', "/$b/$acl?acl"), '403 403 200', "$as: object $acl: who may read the ACL";
        is who_may($as, 'PUT', "/$b/$acl?acl", body => ''), '403 403 400',
            "$as: object $acl: a change to nothing is refused";
        is who_may($as, 'PUT', "/$b/$acl", body => 'x', headers => ["$p-acl", $acl]), '403 403 200',
            "$as: object $acl: who may write";
    }
    is $s->get("/$b", as => 'none')->status, 403, "$as: readable objects do not open the listing";
    is $s->get("/$b/missing", as => 'none')->status, 403, "$as: nor do they say what is missing";

    # changes
    my $t = "/$b/change";
    $s->put($t, 'x', as => $as);
    is who_may($as, 'GET', $t), '403 403 200', "$as: private at first";
    is_status $s->req('PUT', "$t?acl", as => $as, body => '', headers => ["$p-acl", 'public-read']), 200,
        "$as: opened by a header";
    is who_may($as, 'GET', $t), '200 200 200', "$as: at once";
    my $doc = $s->get("$t?acl", as => $as)->body;
    is_status $s->req('PUT', "$t?acl", as => $as, body => '', headers => ["$p-acl", 'private']), 200,
        "$as: closed by a header";
    is who_may($as, 'GET', $t), '403 403 200', "$as: at once";
    is_status $s->req('PUT', "$t?acl", as => $as, body => $doc), 200, "$as: opened by the document of before";
    is who_may($as, 'GET', $t), '200 200 200', "$as: at once";
    is_ok $s->get($t), "$as: the object is what it was", 'x';

    is_error $s->put("/$b/bad", 'x', as => $as, headers => ["$p-acl", 'everybody']), 400, 'InvalidArgument',
        "$as: an unknown ACL";
    is_error $s->req('PUT', "$t?acl", as => $as, body => '<AccessControlPolicy>'), 400, 'MalformedXML',
        "$as: a broken document";
    is_error $s->req('PUT', "/$b/none?acl", as => $as, body => '', headers => ["$p-acl", 'private']), 404,
        'NoSuchKey', "$as: of an object that is not there";
    is_error $s->req('PUT', "$t?acl", as => $as, who => 'alt', body => '',
        headers => ["$p-acl", 'private']), 403, 'AccessDenied', "$as: by somebody else";

    # grants that no canned form expresses are refused, not dropped
    my $grant = $doc;
    $grant =~ s/READ</WRITE_ACP</;
    my $r = $s->req('PUT', "$t?acl", as => $as, body => $grant);
    is_error $r, 501, 'NotImplemented', "$as: a grant that is not honoured";
    $r = $s->put("/$b/bad", 'x', as => $as, headers => ["$p-grant-read", 'id="100000000002"']);
    is_error $r, 501, 'NotImplemented', "$as: a grant header that is not honoured";
    is_error $s->get("/$b/bad"), 404, 'NoSuchKey', "$as: nothing was stored for it";
}

# COS: an object without an ACL follows its bucket, one with an ACL does not.
my $b = $s->make_bucket('inherit-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
$s->put("/$b/default", 'x', as => 'cos');
$s->put("/$b/private", 'x', as => 'cos', headers => ['x-cos-acl', 'private']);
is who_may('s3', 'GET', "/$b/default"), '200 200 200', 'cos: default in a public bucket';
is who_may('s3', 'GET', "/$b/private"), '403 403 200', 'cos: private in a public bucket';
is_status $s->req('PUT', "/$b?acl", as => 'cos', body => '', headers => ['x-cos-acl', 'private']), 200,
    'cos: the bucket is closed';
is who_may('s3', 'GET', "/$b/default"), '403 403 200', 'cos: and default with it';

$s->done;
