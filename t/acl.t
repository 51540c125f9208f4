# Access control lists of buckets and objects: what canned forms and grants open.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Digest::SHA qw(sha256_hex);

my $s = Cos->start(conf => 'location /closed-1250000000 { cos_public_list off; }');

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
    is_error $s->req('PUT', "$t?acl", as => $as, body => '<AccessControlPolicy>'), 400,
        $as eq 's3' ? 'MalformedACLError' : 'MalformedXML', "$as: a broken document";
    is_error $s->req('PUT', "/$b/none?acl", as => $as, body => '', headers => ["$p-acl", 'private']), 404,
        'NoSuchKey', "$as: of an object that is not there";
    is_error $s->req('PUT', "$t?acl", as => $as, who => 'alt', body => '',
        headers => ["$p-acl", 'private']), 403, 'AccessDenied', "$as: by somebody else";
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

# --- grants ------------------------------------------------------------------------

# A user of the store's own, beside the accounts of the root keys.
my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' user add carol 2>&1`;
is $?, 0, 'a user' or diag $out;
my ($carol) = $out =~ /^uid +(\d+)/m;
$s->{carol} = [$out =~ /^access key +(\w+)/m, $out =~ /^secret key +(\w+)/m];
my ($main, $alt) = (100000000001, 100000000002);

sub id_of { my ($as, $uid) = @_; return $as eq 's3' ? sha256_hex($uid) : "qcs::cam::uin/$uid:uin/$uid" }
sub user { my ($as, $uid) = @_; return '<ID>' . id_of($as, $uid) . '</ID>' }
sub group {
    my ($as, $name) = @_;
    return '<URI>http://' . ($as eq 's3' ? 'acs.amazonaws.com' : 'cam.qcloud.com') . "/groups/global/$name</URI>";
}
# A document: pairs of a grantee and a permission.
sub document {
    my ($as, $owner, @g) = @_;
    my $text = '';
    while (my ($who, $may) = splice @g, 0, 2) {
        $text .= "<Grant><Grantee>$who</Grantee><Permission>$may</Permission></Grant>";
    }
    return "<AccessControlPolicy><Owner>$owner</Owner><AccessControlList>$text</AccessControlList>"
        . '</AccessControlPolicy>';
}
# What GET ?acl shows, short: "READ:<id or group>".
sub shown {
    my ($r) = @_;
    my @g;
    for my $grant ($r->body =~ m{<Grant>(.*?)</Grant>}g) {
        my ($who) = $grant =~ m{<(?:ID|URI)>(?:http[^<]*/)?([^<]*)<};
        my ($may) = $grant =~ m{<Permission>(\w+)<};
        push @g, "$may:$who";
    }
    return join ' ', @g;
}
# Status of GET, PUT, GET ?acl, PUT ?acl of a target, by one after the other.
sub rights {
    my ($as, $who, $get, $put, $acl) = @_;
    my @as = $who eq 'none' ? (as => 'none') : (as => $as, who => $who);
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    return join '', map { $_->status == 200 ? 'y' : $_->status == 403 ? 'n' : '?' . $_->status }
        $s->get($get, @as), $s->put($put, 'x', @as), $s->get("$acl?acl", @as),
        # last: it takes all rights away
        $s->put("$acl?acl", '', @as, headers => ["$p-acl", 'private']);
}

for my $as (qw(s3 cos)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my $own = user($as, $main);
    my $b = "g-$as-1250000000";
    $s->make_bucket($b, as => $as);
    my %may = (READ => 'ynnn', WRITE => 'nynn', READ_ACP => 'nnyn', WRITE_ACP => 'nnny', FULL_CONTROL => 'yyyy');

    # each permission of a bucket, by document and by header, to whom and to nobody else
    for my $who (['alt', $alt], ['carol', $carol]) {
        my ($name, $uid) = @$who;
        for my $perm (sort keys %may) {
            is_status $s->put("/$b?acl", document($as, $own, $own, 'FULL_CONTROL', user($as, $uid), $perm),
                as => $as), 200, "$as: bucket: $perm to $name";
            my ($all) = shown($s->get("/$b?acl", as => $as));
            is $all, "FULL_CONTROL:" . id_of($as, $main) . " $perm:" . id_of($as, $uid), "$as: $perm: shown";
            is rights($as, 'none', "/$b", "/$b/w", "/$b"), 'nnnn', "$as: bucket: $perm: not to anybody";
            is rights($as, $name eq 'alt' ? 'carol' : 'alt', "/$b", "/$b/w", "/$b"), 'nnnn',
                "$as: bucket: $perm: not to another account";
            is rights($as, $name, "/$b", "/$b/w", "/$b"), $may{$perm}, "$as: bucket: $perm: what it permits";
        }
        (my $header = "$p-grant-read-acp") =~ s/read-acp/full-control/ if $uid == $carol;
        $header ||= "$p-grant-read-acp";
        my $id = $as eq 's3' ? id_of('s3', $uid) : $uid;
        is_status $s->put("/$b?acl", '', as => $as, headers => [$header, qq(id="$id")]), 200, "$as: by $header";
        is rights($as, $name, "/$b", "/$b/w", "/$b"), $uid == $carol ? 'yyyy' : 'nnyn', "$as: what that permits";
        is_status $s->put("/$b?acl", '', as => $as, headers => ["$p-acl", 'private']), 200, "$as: private";
    }

    # and of an object
    my %read = (READ => 'ynnn', WRITE => 'nnnn', READ_ACP => 'nnyn', WRITE_ACP => 'nnny', FULL_CONTROL => 'ynyy');
    for my $perm (sort keys %read) {
        $s->put("/$b/o", 'x', as => $as);
        is_status $s->put("/$b/o?acl", document($as, $own, $own, 'FULL_CONTROL', user($as, $carol), $perm),
            as => $as), 200, "$as: object: $perm";
        is rights($as, 'none', "/$b/o", "/$b/o", "/$b/o"), 'nnnn', "$as: object: $perm: not to anybody";
        is rights($as, 'alt', "/$b/o", "/$b/o", "/$b/o"), 'nnnn', "$as: object: $perm: not to others";
        is rights($as, 'carol', "/$b/o", "/$b/o", "/$b/o"), $read{$perm}, "$as: object: $perm: what it permits";
        is_ok $s->get("/$b/o", as => $as), "$as: object: $perm: its owner reads", 'x';
    }

    # groups, with what no canned form says
    $s->put("/$b/o", 'x', as => $as);
    my $doc = document($as, $own, $own, 'FULL_CONTROL', group($as, 'AuthenticatedUsers'), 'READ_ACP',
        group($as, 'AllUsers'), 'READ', user($as, $alt), 'WRITE_ACP', user($as, $alt), 'READ_ACP');
    is_status $s->put("/$b/o?acl", $doc, as => $as), 200, "$as: groups and an account";
    my $r = $s->get("/$b/o?acl", as => $as);
    is shown($r), 'READ_ACP:AuthenticatedUsers READ:AllUsers FULL_CONTROL:' . id_of($as, $main) . ' READ_ACP:'
        . id_of($as, $alt) . ' WRITE_ACP:' . id_of($as, $alt), "$as: groups first";
    is_status $s->put("/$b/o?acl", $r->body, as => $as), 200, "$as: what is shown can be set";
    is shown($s->get("/$b/o?acl", as => $as)), shown($r), "$as: and is the same";
    is rights($as, 'none', "/$b/o", "/$b/o", "/$b/o"), 'ynnn', "$as: everybody";
    is rights($as, 'carol', "/$b/o", "/$b/o", "/$b/o"), 'ynyn', "$as: every account";
    is rights($as, 'alt', "/$b/o", "/$b/o", "/$b/o"), 'ynyy', "$as: the account, which closes it";
    is rights($as, 'none', "/$b/o", "/$b/o", "/$b/o"), 'nnnn', "$as: and it is closed";

    # headers of whatever creates: all five permissions
    my $id = $as eq 's3' ? id_of('s3', $carol) : $carol;
    my @all = map { ("$p-grant-$_", qq(id="$id")) } qw(read write read-acp write-acp full-control);
    my $want = join ' ', $as eq 'cos' ? 'FULL_CONTROL:' . id_of($as, $main) : (),
        map { "$_:" . id_of($as, $carol) } qw(READ WRITE READ_ACP WRITE_ACP FULL_CONTROL);
    my $sorted = sub { join ' ', sort split / /, shown($_[0]) };
    is_status $s->put("/h-$as-1250000000", '', as => $as, headers => [@all]), 200, "$as: a bucket with grants";
    is $sorted->($s->get("/h-$as-1250000000?acl", as => $as)), join(' ', sort split / /, $want), "$as: all shown";
    is rights($as, 'carol', "/h-$as-1250000000", "/h-$as-1250000000/x", "/h-$as-1250000000"), 'yyyy', "$as: all there";
    for (['put', sub { $s->put("/$b/put", 'x', as => $as, headers => [@_]) }],
        ['copy', sub { $s->put("/$b/copy", '', as => $as, headers => ["$p-copy-source", "/$b/o", @_]) }],
        $as eq 'cos' ? ['append', sub { $s->post("/$b/append?append&position=0", 'x', as => 'cos',
            headers => [@_]) }] : (),
        ['parts', sub {
            my $r = $s->post("/$b/parts?uploads", '', as => $as, headers => [@_]);
            return $r if $r->status != 200;
            my $u = $r->xml('UploadId');
            my $etag = $s->put("/$b/parts?partNumber=1&uploadId=$u", 'x', as => $as)->h('etag');
            return $s->post("/$b/parts?uploadId=$u", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
                . "<ETag>$etag</ETag></Part></CompleteMultipartUpload>", as => $as) }])
    {
        my ($key, $make) = @$_;
        is_status $make->(@all), 200, "$as: $key with grants";
        is $sorted->($s->get("/$b/$key?acl", as => $as)), join(' ', sort split / /, $want), "$as: $key: shown";
        is $s->get("/$b/$key", as => $as, who => 'carol')->status, 200, "$as: $key: counts";
        is $s->get("/$b/$key", as => $as, who => 'alt')->status, 403, "$as: $key: and no more than that";
        is_error $make->("$p-grant-read", $as eq 's3' ? 'id="' . id_of('s3', 5) . '"' : 'id="5"'), 400,
            'InvalidArgument', "$as: $key: nobody's id";
        is_error $make->("$p-grant-read", 'emailAddress="a@b.c"'), 400, 'UnresolvableGrantByEmailAddress',
            "$as: $key: nobody's address";
        is_error $make->("$p-grant-else", qq(id="$id")), 501, 'NotImplemented', "$as: $key: no such permission";
    }
    # a copy begins anew
    is_status $s->put("/$b/plain", '', as => $as, headers => ["$p-copy-source", "/$b/put"], who => 'carol'), 403,
        "$as: who reads one object of a bucket writes none";
    $s->put("/$b?acl", '', as => $as, headers => ["$p-acl", 'public-read-write']);
    is_status $s->put("/$b/plain", '', as => $as, headers => ["$p-copy-source", "/$b/put"], who => 'carol'), 200,
        "$as: a copy";
    is shown($s->get("/$b/plain?acl", as => $as, who => 'carol')), 'FULL_CONTROL:' . id_of($as, $carol),
        "$as: is its maker's alone";
    $s->put("/$b?acl", '', as => $as, headers => ["$p-acl", 'private']);
    is $s->delete("/$b/plain", as => $as)->status, 204, "$as: its bucket's owner may delete it";

    # refusals, which change nothing
    my $before = shown($s->get("/$b/o?acl", as => $as));
    for ([user($as, 5), 'InvalidArgument', 'an account that is not there'], ['<ID>_foo</ID>', 'InvalidArgument', 'no id'],
        ['<URI>http://x/</URI>', 'InvalidArgument', 'no group'],
        ['<EmailAddress>a@b.c</EmailAddress>', 'UnresolvableGrantByEmailAddress', 'an address'])
    {
        my ($who, $code, $name) = @$_;
        is_error $s->put("/$b/o?acl", document($as, $own, $own, 'FULL_CONTROL', $who, 'READ'), as => $as), 400, $code,
            "$as: object: $name";
        is_error $s->put("/$b?acl", document($as, $own, $own, 'FULL_CONTROL', $who, 'READ'), as => $as), 400, $code,
            "$as: bucket: $name";
    }
    my $bad = $as eq 's3' ? 'MalformedACLError' : 'MalformedXML';
    is_error $s->put("/$b/o?acl", document($as, $own, $own, 'FLY'), as => $as), 400, $bad, "$as: no permission";
    is_error $s->put("/$b/o?acl", document($as, $own, ($own, 'READ') x 101), as => $as), 400, $bad, "$as: 101 grants";
    is_error $s->put("/$b/none", 'x', as => $as, headers => ["$p-grant-read", 'id="_foo"']), 400, 'InvalidArgument',
        "$as: header: no id";
    is $s->get("/$b/none", as => $as)->status, 404, "$as: and nothing is stored";
    is shown($s->get("/$b/o?acl", as => $as)), $before, "$as: the ACL is what it was";

    # a signature has to cover what grants
    $r = $s->put("/$b/late", 'x', as => $as, late => ["$p-grant-read", qq(id="$id")]);
    is_status $r, 403, "$as: a grant that nobody signed";

    # what others write with grants to the bucket's owner
    $s->put("/$b?acl", document($as, $own, $own, 'FULL_CONTROL', user($as, $carol), 'WRITE'), as => $as);
    is_status $s->put("/$b/theirs", 'x', as => $as, who => 'carol', headers => ["$p-acl", 'private']), 200,
        "$as: another account writes";
    is $s->get("/$b/theirs", as => $as)->status, 403, "$as: and keeps it to itself";
    for (['bucket-owner-read', 'READ'], ['bucket-owner-full-control', 'FULL_CONTROL']) {
        my ($acl, $perm) = @$_;
        is_status $s->put("/$b/theirs?acl", '', as => $as, who => 'carol', headers => ["$p-acl", $acl]), 200,
            "$as: $acl";
        is $sorted->($s->get("/$b/theirs?acl", as => $as, who => 'carol')), join(' ', sort
            "FULL_CONTROL:" . id_of($as, $carol), "$perm:" . id_of($as, $main)), "$as: $acl: shown";
        is $s->get("/$b/theirs", as => $as)->status, 200, "$as: $acl: counts";
    }

    # public access block
    my $block = sub { is_status $s->put("/$b?publicAccessBlock", '<PublicAccessBlockConfiguration>' . join('', map
        "<$_>true</$_>", @_) . '</PublicAccessBlockConfiguration>', as => 's3'), 200, "$as: block: @_" };
    $s->put("/$b/o?acl", $doc, as => $as);
    $block->('IgnorePublicAcls');
    is $s->get("/$b/o", as => 'none')->status, 403, "$as: groups do not count";
    is $s->get("/$b/o?acl", as => $as, who => 'carol')->status, 403, "$as: nor that of all accounts";
    is $s->get("/$b/o?acl", as => $as, who => 'alt')->status, 200, "$as: accounts do";
    $block->('BlockPublicAcls');
    is $s->get("/$b/o", as => 'none')->status, 200, "$as: what is there counts";
    is_error $s->put("/$b/o?acl", $doc, as => $as), 403, 'AccessDenied', "$as: a document to groups";
    is_error $s->put("/$b/o", 'y', as => $as, headers => ["$p-grant-read", 'uri="http://' . ($as eq 's3'
        ? 'acs.amazonaws.com' : 'cam.qcloud.com') . '/groups/global/AllUsers"']), 403, 'AccessDenied',
        "$as: a header to them";
    is_status $s->put("/$b/o?acl", document($as, $own, $own, 'FULL_CONTROL', user($as, $alt), 'READ'), as => $as), 200,
        "$as: to an account";
    $s->delete("/$b?publicAccessBlock");

    # ownership
    my $ownership = sub { $s->put("/$b?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>$_[0]"
        . '</ObjectOwnership></Rule></OwnershipControls>', as => 's3') };
    $s->put("/$b?acl", document($as, $own, $own, 'FULL_CONTROL', user($as, $carol), 'WRITE'), as => $as);
    is_error $ownership->('BucketOwnerEnforced'), 400, 'InvalidBucketAclWithObjectOwnership',
        "$as: grants and an enforced owner";
    is_status $s->put("/$b?acl", '', as => $as, headers => ["$p-acl", 'private']), 200, "$as: no grants";
    is_status $ownership->('BucketOwnerEnforced'), 200, "$as: enforced";
    is $s->get("/$b/o", as => $as, who => 'alt')->status, 403, "$as: grants do not count";
    is $s->get("/$b/theirs", as => $as)->status, 200, "$as: everything is the owner's";
    is shown($s->get("/$b/o?acl", as => $as)), 'FULL_CONTROL:' . id_of($as, $main), "$as: and shown so";
    is_error $s->put("/$b/o?acl", document($as, $own, $own, 'FULL_CONTROL'), as => $as), 400,
        'AccessControlListNotSupported', "$as: no ACLs";
    is_error $s->put("/$b/new", 'x', as => $as, headers => ["$p-grant-read", qq(id="$id")]), 400,
        'AccessControlListNotSupported', "$as: nor grants";
    is_status $ownership->('ObjectWriter'), 200, "$as: as it was";
    is $s->get("/$b/o", as => $as, who => 'alt')->status, 200, "$as: they count again";
}

# S3: an owner may leave himself out, but not out of the ACL; another owner cannot be named.
{
    my $own = user('s3', $main);
    my $b = $s->make_bucket('left-1250000000');
    $s->put("/$b/foo", 'x');
    is_status $s->put("/$b?acl", document('s3', $own)), 200, 's3: no grants at all';
    is shown($s->get("/$b?acl")), '', 's3: none shown';
    is_ok $s->get("/$b/foo"), 's3: objects have their own', 'x';
    is_error $s->put("/$b/bar", 'x'), 403, 'AccessDenied', 's3: the owner cannot write';
    is_error $s->get("/$b"), 403, 'AccessDenied', 's3: nor list';
    is_error $s->put("/$b?acl", document('s3', user('s3', $alt), $own, 'FULL_CONTROL')), 403, 'AccessDenied',
        's3: another owner';
    is_error $s->put("/$b?acl", document('s3', $own, $own, 'READ'), headers => ['x-amz-acl', 'private']), 400,
        'UnexpectedContent', 's3: header and document';
    is_error $s->put("/$b?acl", '', headers => ['x-amz-acl', 'private', 'x-amz-grant-read', 'id="' . id_of('s3', $alt)
        . '"']), 400, 'InvalidRequest', 's3: canned and grants';
    is_status $s->put("/$b?acl", '', headers => ['x-amz-acl', 'private']), 200, 's3: the owner may change the ACL';
    is_status $s->put("/$b/bar", 'x'), 200, 's3: and writes again';
    is_status $s->put("/$b?acl", '', headers => ['x-amz-acl', 'log-delivery-write']), 200, 's3: log delivery';
    is shown($s->get("/$b?acl")), 'WRITE:LogDelivery READ_ACP:LogDelivery FULL_CONTROL:' . id_of('s3', $main),
        's3: shown';
}

# COS: who has a bucket's document has the objects that inherit; the header wins; canned and grants add up.
{
    my $own = user('cos', $main);
    my $b = $s->make_bucket('add-1250000000', as => 'cos');
    $s->put("/$b/foo", 'x', as => 'cos');
    is_status $s->put("/$b?acl", document('cos', $own, user('cos', $carol), 'FULL_CONTROL'), as => 'cos'), 200,
        'cos: a document without its owner';
    is shown($s->get("/$b?acl", as => 'cos')), 'FULL_CONTROL:' . id_of('cos', $carol) . ' FULL_CONTROL:'
        . id_of('cos', $main), 'cos: who has full control nevertheless';
    is_ok $s->get("/$b/foo", as => 'cos', who => 'carol'), 'cos: objects inherit', 'x';
    is $s->get("/$b/foo?acl", as => 'cos', who => 'carol')->status, 200, 'cos: all of it';
    is_status $s->put("/$b?acl", document('cos', $own, $own, 'READ'), as => 'cos', headers => ['x-cos-acl',
        'public-read']), 200, 'cos: header and document';
    is shown($s->get("/$b?acl", as => 'cos')), 'READ:AllUsers FULL_CONTROL:' . id_of('cos', $main), 'cos: the header wins';
    is_status $s->put("/$b?acl", '', as => 'cos', headers => ['x-cos-acl', 'public-read', 'x-cos-grant-write',
        qq(id="$alt/100000000012",id="qcs::cam::uin/$carol:uin/$carol")]), 200, 'cos: canned and grants';
    is shown($s->get("/$b?acl", as => 'cos')), 'READ:AllUsers FULL_CONTROL:' . id_of('cos', $main) . " WRITE:qcs::cam::uin/"
        . "$alt:uin/100000000012 WRITE:" . id_of('cos', $carol), 'cos: add up';
    is $s->put("/$b/x", 'x', as => 'cos', who => 'alt')->status, 403, 'cos: a grant to a user is none to its account';
    is shown($s->get("/$b?acl", as => 's3')) =~ m{WRITE:$alt/100000000012} ? 1 : 0, 1, 's3: shows the user';
    is_status $s->put("/$b?acl", $s->get("/$b?acl", as => 's3')->body, as => 's3'), 200, 's3: and reads it back';
    is scalar(() = shown($s->get("/$b?acl", as => 'cos')) =~ m{uin/100000000012}g), 1, 'cos: still the user';
}

# a form
{
    my $b = $s->make_bucket('form-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read-write']);
    my $form = sub {
        my (%f) = @_;
        my $text = join '', map { "--b\r\nContent-Disposition: form-data; name=\"$_\"\r\n\r\n$f{$_}\r\n" } sort keys %f;
        return $s->post("/$b", "${text}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx"
            . "\r\n--b--\r\n", as => 'none', headers => ['Content-Type', 'multipart/form-data; boundary=b']);
    };
    is_status $form->(key => 'f', 'x-cos-grant-read' => qq(id="$carol"), 'x-cos-acl' => 'private'), 204,
        'form: with a grant';
    is $s->get("/$b/f", as => 'cos', who => 'carol')->status, 200, 'form: counts';
    is $s->get("/$b/f", as => 'cos', who => 'alt')->status, 403, 'form: and no more';
    is_error $form->(key => 'g', 'x-cos-grant-read' => 'id="5"'), 400, 'InvalidArgument', 'form: nobody';
}

# versions
{
    my $b = $s->make_bucket('ver-1250000000');
    $s->put("/$b?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
    my @v = map { $s->put("/$b/k", $_)->h('x-amz-version-id') } 1, 2;
    my $own = user('s3', $main);
    is_status $s->put("/$b/k?acl&versionId=$v[0]", document('s3', $own, $own, 'FULL_CONTROL', user('s3', $carol), 'READ')),
        200, 'a version: a grant';
    is $s->get("/$b/k?versionId=$v[0]", who => 'carol')->status, 200, 'a version: counts';
    is $s->get("/$b/k", who => 'carol')->status, 403, 'the other one has its own';
    like shown($s->get("/$b/k?acl&versionId=$v[0]")), qr/READ:/, 'a version: shown';
    unlike shown($s->get("/$b/k?acl")), qr/READ:/, 'the other one: not';
}

# BOS
{
    my $b = $s->make_bucket('bos-1250000000');
    my $id = substr sha256_hex($carol), 0, 32;
    is_status $s->put("/$b?acl", qq({"accessControlList":[{"grantee":[{"id":"$id"}],"permission":["READ"]}]}),
        as => 'bce'), 200, 'bos: a grant';
    is $s->get("/$b", who => 'carol')->status, 200, 'bos: counts';
    like $s->get("/$b?acl", as => 'bce')->body, qr/\Q{"grantee":[{"id":"$id"}],"permission":["READ"]}\E/,
        'bos: shown';
    is_error $s->put("/$b?acl", '{"accessControlList":[{"grantee":[{"id":"x"}],"permission":["READ"]}]}',
        as => 'bce'), 400, 'InvalidArgument', 'bos: nobody';
}

# listings that are not everybody's
{
    my $b = $s->make_bucket('closed-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read']);
    $s->put("/$b/k", 'x', as => 'cos');
    is $s->get("/$b", as => 'none')->status, 403, 'cos_public_list off: no listing';
    is $s->get("/$b", as => 'cos', who => 'alt')->status, 403, 'cos_public_list off: not of accounts';
    is $s->head("/$b", as => 'none')->status, 403, 'cos_public_list off: no HEAD';
    is_ok $s->get("/$b/k", as => 'none'), 'cos_public_list off: what inherits is read', 'x';
    is $s->get("/$b/none", as => 'none')->status, 403, 'cos_public_list off: nor what is missing';
    is $s->get("/$b", as => 'cos')->status, 200, 'cos_public_list off: the owner';
    $s->put("/$b?acl", '', as => 'cos', headers => ['x-cos-acl', 'public-read', 'x-cos-grant-read', qq(id="$carol")]);
    is $s->get("/$b", as => 'cos', who => 'carol')->status, 200, 'cos_public_list off: who is named';
}

# the index of accounts
{
    my $id = sha256_hex($carol);
    is $s->redis('HGET', 'I', $id), $carol, 'carol by her id';
    is $s->redis('HGET', 'I', substr $id, 0, 32), $carol, 'and by that of BOS';
    my $verify = sub { $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' verify 2>&1`; return $? };
    ok $s->wait_for(sub { !$verify->() }, 30), 'cosctl verify' or diag $out;
    my %before = map { $_ => shown($s->get($_, as => 'cos')) } '/add-1250000000?acl', '/g-cos-1250000000/put?acl',
        '/g-s3-1250000000/put?acl', '/ver-1250000000/k?acl';
    $s->redis('FLUSHALL');
    $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' rebuild 2>&1`;
    is $?, 0, 'rebuild' or diag $out;
    $s->wait_for(sub { $s->get('/add-1250000000?acl', as => 'cos')->status == 200 }, 20);
    is $s->redis('HGET', 'I', $id), $carol, 'rebuilt';
    is $s->redis('HGET', 'I', substr $id, 0, 32), $carol, 'also that of BOS';
    is shown($s->get($_, as => 'cos')), $before{$_}, "rebuilt: $_" for sort keys %before;
    is $s->get('/g-cos-1250000000/put', as => 'cos', who => 'carol')->status, 200, 'rebuilt: counts';
}

$s->done;
