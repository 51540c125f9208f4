# Configurations of buckets: what is kept, refused, removed, and survives.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Digest::MD5 qw(md5_base64);

my $s = Cos->start(workers => 2);
my %name = (s3 => 'x-amz', cos => 'x-cos');

# The document without prolog and namespace.
sub doc {
    my ($r) = @_;
    my $t = $r->body;
    $t =~ s/^<\?xml[^>]*\?>\s*//;
    $t =~ s/ xmlns="[^"]*"//g;
    return $t;
}

sub wrap { my ($root, $in) = @_; return "<$root>$in</$root>" }

# kind, what is set, what is read afterwards (by default the same), status of PUT,
# status and code (or document) when it is not there, whether it can be removed
my $rule = '<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>%s</SSEAlgorithm>'
    . '</ApplyServerSideEncryptionByDefault>%s</Rule>';
my %kinds = (
    s3 => [
        ['tagging', wrap(Tagging => '<TagSet><Tag><Key>b c</Key><Value>x/y+z</Value></Tag>'
                . '<Tag><Key>a</Key><Value></Value></Tag></TagSet>'),
            undef, 204, 'InvalidTag|NoSuchTagSet', 1],
        ['encryption', wrap(ServerSideEncryptionConfiguration => sprintf $rule, 'AES256', ''),
            wrap(ServerSideEncryptionConfiguration => sprintf $rule, 'AES256',
                '<BucketKeyEnabled>false</BucketKeyEnabled>'),
            200, 'ServerSideEncryptionConfigurationNotFoundError', 1],
        ['quota', wrap(QuotaConfiguration => '<MaxBytes>1000000</MaxBytes><MaxObjects>10</MaxObjects>'),
            undef, 200, 'NoSuchQuotaConfiguration', 1],
        ['publicAccessBlock', wrap(PublicAccessBlockConfiguration =>
                '<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls>'
                . '<BlockPublicPolicy>true</BlockPublicPolicy>'
                . '<RestrictPublicBuckets>false</RestrictPublicBuckets>'),
            undef, 200, 'NoSuchPublicAccessBlockConfiguration', 1],
        ['ownershipControls', wrap(OwnershipControls =>
                '<Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule>'),
            undef, 200, 'OwnershipControlsNotFoundError', 1],
        ['requestPayment', wrap(RequestPaymentConfiguration => '<Payer>Requester</Payer>'),
            undef, 200, wrap(RequestPaymentConfiguration => '<Payer>BucketOwner</Payer>'), 0],
        ['versioning', wrap(VersioningConfiguration => '<Status>Enabled</Status>'),
            undef, 200, wrap(VersioningConfiguration => ''), 0],
    ],
    cos => [
        ['tagging', wrap(Tagging => '<TagSet><Tag><Key>team</Key><Value>web</Value></Tag></TagSet>'),
            undef, 204, 'NoSuchTagSet', 1],
        ['encryption', wrap(ServerSideEncryptionConfiguration => sprintf $rule, 'AES256', ''),
            undef, 200, 'NoSuchEncryptionConfiguration', 1],
        ['cors', wrap(CORSConfiguration => '<CORSRule><ID>&amp;</ID><AllowedOrigin>http://*.test</AllowedOrigin>'
                . '<AllowedMethod>GET</AllowedMethod></CORSRule><ResponseVary>true</ResponseVary>'),
            undef, 200, 'NoSuchCORSConfiguration', 1],
        ['object-lock', wrap(ObjectLockConfiguration => '<ObjectLockEnabled>Enabled</ObjectLockEnabled>'
                . '<Rule><DefaultRetention><Days>30</Days></DefaultRetention></Rule>'),
            wrap(ObjectLockConfiguration => '<ObjectLockEnabled>Enabled</ObjectLockEnabled>'
                . '<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule>'),
            200, 'NoSuchObjectLockConfiguration', 0],
    ],
);
# tags come back in the order of their keys
$kinds{s3}[0][2] = wrap(Tagging => '<TagSet><Tag><Key>a</Key><Value></Value></Tag>'
    . '<Tag><Key>b c</Key><Value>x/y+z</Value></Tag></TagSet>');
$kinds{s3}[0][4] = 'NoSuchTagSet';

my %kept;
for my $as (qw(s3 cos)) {
    for my $kind (@{ $kinds{$as} }) {
        my ($sub, $set, $get, $status, $unset, $removable) = @$kind;
        $get //= $set;
        my $b = $s->make_bucket(lc "$as-$sub-1250000000", as => $as);
        my $t = "/$b?$sub";
        my $n = "$as $sub";

        my $r = $s->get($t, as => $as);
        if ($unset =~ /^</) {
            is_ok $r, "$n: before";
            is doc($r), $unset, "$n: its default";
        } else {
            is_error $r, 404, $unset, "$n: before";
        }

        is_status $s->put($t, $set, as => $as, headers => ['Content-MD5', md5_base64($set) . '==']), $status,
            "$n: set";
        $r = $s->get($t, as => $as);
        is_ok $r, "$n: read";
        is doc($r), $get, "$n: what was set";
        is $r->h('content-type'), 'application/xml', "$n: type";
        is_status $s->put($t, $set, as => $as), $status, "$n: set once more";
        is_status $s->put($t, doc($r), as => $as), $status, "$n: what was read can be set";

        is_error $s->put($t, '', as => $as), 400, 'MissingRequestBodyError', "$n: nothing";
        is_error $s->put($t, '<x', as => $as), 400, 'MalformedXML', "$n: no XML";
        is_error $s->put($t, '<Other/>', as => $as), 400, 'MalformedXML', "$n: another document";
        (my $twice = $set) =~ s{(<[^>]*>)(.*)(<[^>]*>)$}{$1$2$2$3};
        is $s->put($t, $twice, as => $as)->code, 'MalformedXML',
            "$n: everything twice";
        (my $more = $set) =~ s{(</[^>]*>)$}{<Other/>$1};
        is_error $s->put($t, $more, as => $as), 400, 'MalformedXML', "$n: an unknown element";
        is_error $s->put($t, $set, as => $as, headers => ['Content-MD5', md5_base64('x') . '==']), 400,
            'BadDigest', "$n: another MD5";
        is_error $s->put($t, $set . ' ' x 70000, as => $as), 400, 'XMLSizeLimit', "$n: too large";
        is doc($s->get($t, as => $as)), $get, "$n: nothing of that was kept";

        for my $who (['alt', who => 'alt'], ['nobody', as => 'none']) {
            my ($text, @o) = @$who;
            my @as = ('as', $as);
            is_error $s->get($t, @as, @o), 403, 'AccessDenied', "$n: read by $text";
            is_error $s->put($t, $set, @as, @o), 403, 'AccessDenied', "$n: set by $text";
        }
        is_error $s->get("/missing-1250000000?$sub", as => $as), 404, 'NoSuchBucket', "$n: of no bucket";

        $kept{$b} = [$as, $sub, $get];
        next unless $removable;
        is_error $s->delete($t, as => $as, who => 'alt'), 403, 'AccessDenied', "$n: removed by alt";
        is_status $s->delete($t, as => $as), 204, "$n: removed";
        is_error $s->get($t, as => $as), 404, $unset, "$n: is gone";
        is_status $s->delete($t, as => $as), 204, "$n: removed again";
        is_status $s->put($t, $set, as => $as), $status, "$n: and set again";
    }
}

# BOS has three of them, in JSON.
{
    my $b = $s->make_bucket('bos-1250000000', as => 'bce');
    my @bos = (as => 'bce');
    is_ok $s->get("/$b?versioning", @bos), 'bos versioning', '{"status":"none"}';
    is_status $s->put("/$b?versioning", '{"status":"enabled"}', @bos), 200, 'bos versioning: set';
    is_ok $s->get("/$b?versioning", @bos), 'bos versioning: read', '{"status":"enabled"}';
    is_error $s->get("/$b?quota", @bos), 404, 'NoSuchQuotaConfiguration', 'bos quota: none';
    is_status $s->put("/$b?quota", '{"maxObjectCount" : 50, "maxCapacityMegaBytes" : 12334424}', @bos), 200,
        'bos quota: set';
    is_ok $s->get("/$b?quota", @bos), 'bos quota: read',
        '{"maxObjectCount":50,"maxCapacityMegaBytes":12334424}';
    like $s->get("/$b?quota")->body, qr{<MaxBytes>12933580980224</MaxBytes><MaxObjects>50<}, 'the same for S3';
    is_status $s->delete("/$b?quota", @bos), 204, 'bos quota: removed';
    is_status $s->put("/$b?encryption", '{"encryptionAlgorithm":"AES256"}', @bos), 200, 'bos encryption: set';
    is_ok $s->get("/$b?encryption", @bos), 'bos encryption: read', '{"encryptionAlgorithm":"AES256"}';
    is_error $s->put("/$b?quota", '{"maxObjectCount":1', @bos), 400, 'MalformedJSON', 'bos: no JSON';
    for my $sub (qw(tagging object-lock ownershipControls)) {
        is_error $s->get("/$b?$sub", @bos), 501, 'NotImplemented', "bos $sub: not in that dialect";
    }
}

# What excludes what.
{
    my $enabled = wrap(VersioningConfiguration => '<Status>Enabled</Status>');
    my $suspended = wrap(VersioningConfiguration => '<Status>Suspended</Status>');
    my $lock = sub { wrap(ObjectLockConfiguration => '<ObjectLockEnabled>Enabled</ObjectLockEnabled>'
        . ($_[0] ? "<Rule><DefaultRetention>$_[0]</DefaultRetention></Rule>" : '')) };

    my $b = $s->make_bucket('lock', headers => ['x-amz-bucket-object-lock-enabled', 'true']);
    like $s->get("/$b?versioning")->body, qr/Enabled/, 'a bucket with a lock has versioning';
    is doc($s->get("/$b?object-lock")), $lock->(), 'and a lock';
    is_error $s->put("/$b?versioning", $suspended), 409, 'InvalidBucketState', 'which it cannot lose';
    is_status $s->put("/$b?versioning", $enabled), 200, 'enabled once more';
    my $years = '<Mode>GOVERNANCE</Mode><Years>2</Years>';
    is_status $s->put("/$b?object-lock", $lock->($years)), 200, 'default retention';
    is doc($s->get("/$b?object-lock")), $lock->($years), 'is read';
    is_status $s->put("/$b?object-lock", $lock->()), 200, 'and can be given up';
    is doc($s->get("/$b?object-lock")), $lock->(), 'the lock cannot';
    is_error $s->put("/$b?object-lock", $lock->('<Mode>GOVERNANCE</Mode><Days>0</Days>')), 400,
        'InvalidRetentionPeriod', 'no days';
    is_error $s->put("/$b?object-lock", $lock->('<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>')), 400,
        'MalformedXML', 'days and years';

    $b = $s->make_bucket('late');
    is_error $s->put("/$b?object-lock", $lock->()), 409, 'InvalidBucketState', 'a lock without versioning';
    is_status $s->put("/$b?versioning", $enabled), 200, 'with versioning';
    is_status $s->put("/$b?object-lock", $lock->()), 200, 'there may be one';
    is_error $s->put("/$b?versioning", wrap(VersioningConfiguration =>
        '<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>')), 501, 'NotImplemented', 'MFA delete';

    # COS' retention policy only grows, and excludes versions
    $b = $s->make_bucket('worm-1250000000', as => 'cos');
    my @cos = (as => 'cos');
    my $days = sub { $lock->("<Days>$_[0]</Days>") };
    is_status $s->put("/$b?object-lock", $days->(10), @cos), 200, 'policy of 10 days';
    is_status $s->put("/$b?object-lock", $days->(20), @cos), 200, 'extended';
    is_error $s->put("/$b?object-lock", $days->(19), @cos), 409, 'InvalidLockedTime', 'not shortened';
    is_status $s->put("/$b?object-lock", $days->(20), @cos), 200, 'the same is no change';
    is_error $s->put("/$b?object-lock", $days->(0), @cos), 400, 'InvalidRetentionPeriod', 'no days';
    is_error $s->put("/$b?object-lock", $days->(36501), @cos), 400, 'InvalidArgument', 'too many';
    is_error $s->put("/$b?object-lock", $lock->(), @cos), 501, 'NotImplemented', 'without a period';
    like $s->get("/$b?object-lock", @cos)->body, qr{<Days>20</Days>}, '20 days';
    is_error $s->put("/$b?versioning", $enabled, @cos), 409, 'InvalidBucketState', 'and no versions';
    is_error $s->put("/$b?object-lock", $lock->()), 409, 'InvalidBucketState', 'nor a lock of S3';
    $b = $s->make_bucket('versions-1250000000', as => 'cos');
    is_status $s->put("/$b?versioning", $suspended, @cos), 200, 'a bucket that has versioning suspended';
    is_error $s->put("/$b?object-lock", $days->(10), @cos), 409, 'InvalidBucketState', 'has no policy';

    is_error $s->put('/bad', '', headers => ['x-amz-bucket-object-lock-enabled', 'maybe']), 400,
        'InvalidArgument', 'a lock, maybe';
    is $s->head('/bad')->status, 404, 'made no bucket';
}

# A retention policy holds what is there, and lets new objects come.
{
    my @cos = (as => 'cos');
    my $b = $s->make_bucket('kept-1250000000', @cos);
    my $t = "/$b/o";
    is_status $s->put($t, 'x', @cos), 200, 'an object';
    is_status $s->put("/$b?object-lock", wrap(ObjectLockConfiguration => '<ObjectLockEnabled>Enabled'
        . '</ObjectLockEnabled><Rule><DefaultRetention><Days>1</Days></DefaultRetention></Rule>'), @cos), 200,
        'is kept for a day';
    is_error $s->put($t, 'y', @cos), 409, 'ObjectLocked', 'not overwritten';
    is_error $s->put($t, 'y'), 403, 'AccessDenied', 'not overwritten, S3';
    is_error $s->delete($t, @cos), 409, 'ObjectLocked', 'not deleted';
    is_error $s->delete($t), 403, 'AccessDenied', 'not deleted, S3';
    is_error $s->put($t, '', @cos, headers => ['x-cos-copy-source', "/$b/o", 'x-cos-metadata-directive',
        'Replaced', 'x-cos-meta-a', 'b']), 409, 'ObjectLocked', 'not copied onto itself';
    is_error $s->multipart($t, ['z'], @cos), 409, 'ObjectLocked', 'not replaced by an upload';
    my $list = '<Delete><Object><Key>o</Key></Object></Delete>';
    like $s->post("/$b?delete", $list, @cos, headers => ['Content-MD5', md5_base64($list) . '=='])->body,
        qr{<Code>ObjectLocked</Code>}, 'not deleted among others';
    is_ok $s->get($t, @cos), 'is what it was', 'x';
    is_status $s->put("$t?tagging", wrap(Tagging => '<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>'),
        @cos), 200, 'tags destroy nothing';
    is_status $s->put("/$b/new", 'x', @cos), 200, 'a new object';
    is_error $s->delete("/$b", @cos), 409, 'BucketNotEmpty', 'the bucket stays, too';
}

# A quota holds new bytes and objects, not what is there.
{
    my $b = $s->make_bucket('quota');
    my $quota = sub { wrap(QuotaConfiguration => "<MaxBytes>$_[0]</MaxBytes><MaxObjects>$_[1]</MaxObjects>") };
    $s->put("/$b/a", 'x' x 100);
    is_status $s->put("/$b?quota", $quota->(250, 2)), 200, '250 bytes, two objects';
    is_status $s->put("/$b/b", 'x' x 100), 200, 'one more';
    is_error $s->put("/$b/c", ''), 403, 'QuotaExceeded', 'a third';
    is_error $s->put("/$b/b", 'x' x 151), 403, 'QuotaExceeded', 'one that is too large';
    is_status $s->put("/$b/b", 'x' x 150), 200, 'as large as may be';
    is_error $s->put("/$b/c", '', headers => ['x-amz-copy-source', "/$b/a"]), 403, 'QuotaExceeded', 'a copy';
    is_error $s->multipart("/$b/c", ['x']), 403, 'QuotaExceeded', 'an upload';
    is $s->get("/$b/c")->status, 404, 'nothing was stored';
    is_status $s->put("/$b/a?tagging", wrap(Tagging => '<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>')),
        200, 'tags take nothing';
    is_status $s->put("/$b?quota", $quota->(10, 1)), 200, 'less than there is';
    is_ok $s->get("/$b/b"), 'what is there stays', 'x' x 150;
    is_status $s->put("/$b/b?acl", '', headers => ['x-amz-acl', 'public-read']), 200, 'and can be changed';
    is_status $s->put("/$b/b", 'x' x 149), 200, 'and made smaller';
    is_status $s->delete("/$b/b"), 204, 'and deleted';
    is_error $s->put("/$b/b", ''), 403, 'QuotaExceeded', 'not to come back';
    is_status $s->put("/$b?quota", $quota->(0, 0)), 200, 'no limit';
    is_error $s->get("/$b?quota"), 404, 'NoSuchQuotaConfiguration', 'is no quota';
    is_status $s->put("/$b/b", 'x' x 1000), 200, 'all may come';
    is_status $s->put("/$b?quota", $quota->(0, 2)), 200, 'two objects again';
}

# Tags and ownership at creation
{
    my $b = $s->make_bucket('born-1250000000', as => 'cos', headers => ['x-cos-tagging', 'b=2&a=1']);
    is doc($s->get("/$b?tagging", as => 'cos')), wrap(Tagging => '<TagSet><Tag><Key>a</Key><Value>1</Value></Tag>'
        . '<Tag><Key>b</Key><Value>2</Value></Tag></TagSet>'), 'tags of a new bucket';
    is_error $s->put('/bad-1250000000', '', as => 'cos', headers => ['x-cos-tagging', 'a=1&a=2']), 400,
        'InvalidTag', 'a tag twice';
    my $many = join '', map { "<Tag><Key>k$_</Key><Value>v</Value></Tag>" } 1 .. 51;
    is_error $s->put("/$b?tagging", wrap(Tagging => wrap(TagSet => $many)), as => 'cos'), 400, 'InvalidTag',
        '51 tags';
    $many =~ s{<Tag><Key>k51.*}{};
    is_status $s->put("/$b?tagging", wrap(Tagging => wrap(TagSet => $many)), as => 'cos'), 204, '50 tags';
    for my $key ('qcs:a', 'project1', 'cos:b', 'x' x 129, '', 'a*b') {
        is_error $s->put("/$b?tagging", wrap(Tagging =>
            "<TagSet><Tag><Key>$key</Key><Value>v</Value></Tag></TagSet>"), as => 'cos'), 400, 'InvalidTag',
            'a bad key: ' . substr $key, 0, 20;
    }
    is_error $s->put("/$b?tagging", wrap(Tagging =>
        '<TagSet><Tag><Key>aws:k</Key><Value>v</Value></Tag></TagSet>')), 400, 'InvalidTag', "S3's own keys";
    is_status $s->put("/$b?tagging", wrap(Tagging => '<TagSet></TagSet>')), 204, 'no tags';
    is_error $s->get("/$b?tagging"), 404, 'NoSuchTagSet', 'are none';
}

# Public access block
{
    my $block = sub { wrap(PublicAccessBlockConfiguration => join '', map { "<$_>true</$_>" } @_) };
    my $b = $s->make_bucket('block');
    my $p = $s->make_bucket('public', headers => ['x-amz-acl', 'public-read-write']);
    $s->put("/$_/open", 'x', headers => ['x-amz-acl', 'public-read']) for $b, $p;
    $s->put("/$p/auth", 'x', headers => ['x-amz-acl', 'authenticated-read']);
    is $s->get("/$p/open", as => 'none')->status, 200, 'readable by all';

    is_status $s->put("/$b?publicAccessBlock", $block->('BlockPublicAcls')), 200, 'public ACLs are blocked';
    for my $acl (qw(public-read public-read-write authenticated-read)) {
        my @h = (headers => ['x-amz-acl', $acl]);
        is_error $s->put("/$b/new", 'x', @h), 403, 'AccessDenied', "$acl: PUT";
        is_error $s->post("/$b/new?uploads", '', @h), 403, 'AccessDenied', "$acl: upload";
        is_error $s->put("/$b/new", '', headers => ['x-amz-acl', $acl, 'x-amz-copy-source', "/$b/open"]), 403,
            'AccessDenied', "$acl: copy";
        is_error $s->put("/$b/open?acl", '', @h), 403, 'AccessDenied', "$acl: ACL of an object";
        is_error $s->put("/$b?acl", '', @h), 403, 'AccessDenied', "$acl: ACL of the bucket";
    }
    my $grants = $s->get("/$p?acl")->body;
    is_error $s->put("/$b?acl", $grants), 403, 'AccessDenied', 'by document';
    $grants = $s->get("/$b/open?acl")->body;
    is_error $s->put("/$b/open?acl", $grants), 403, 'AccessDenied', 'of an object, by document';
    is_status $s->put("/$b/new", 'x', headers => ['x-amz-acl', 'private']), 200, 'a private object';
    is $s->get("/$b/open", as => 'none')->status, 200, 'what was public still is';

    is_status $s->put("/$p?publicAccessBlock", $block->('IgnorePublicAcls')), 200, 'public ACLs are ignored';
    is $s->get("/$p/open", as => 'none')->status, 403, 'not readable by all';
    is $s->get("/$p/auth", who => 'alt')->status, 403, 'nor by all accounts';
    is $s->get("/$p", as => 'none')->status, 403, 'nor listed';
    is $s->put("/$p/new", 'x', as => 'none')->status, 403, 'nor written';
    is $s->put("/$b/copy", '', who => 'alt', headers => ['x-amz-copy-source', "/$p/open"])->status, 403,
        'nor copied';
    is_status $s->put("/$p/more", 'x', headers => ['x-amz-acl', 'public-read']), 200, 'they may be set';
    is $s->get("/$p/open")->status, 200, 'the owner reads';
    is_status $s->delete("/$p?publicAccessBlock"), 204, 'removed';
    is $s->get("/$p/open", as => 'none')->status, 200, 'readable again';
    is $s->get("/$p/more", as => 'none')->status, 200, 'this one, too';
}

# Ownership
{
    my $own = sub { wrap(OwnershipControls => "<Rule><ObjectOwnership>$_[0]</ObjectOwnership></Rule>") };
    my $b = $s->make_bucket('own', headers => ['x-amz-acl', 'public-read-write']);
    $s->put("/$b/theirs", 'x', who => 'alt');
    is $s->get("/$b/theirs")->status, 403, 'what others write is theirs';

    is_status $s->put("/$b?ownershipControls", $own->('BucketOwnerPreferred')), 200, 'preferred';
    $s->put("/$b/given", 'x', who => 'alt', headers => ['x-amz-acl', 'bucket-owner-full-control']);
    $s->put("/$b/kept", 'x', who => 'alt');
    is $s->get("/$b/given", who => 'alt')->status, 403, 'preferred: given to the owner';
    is $s->get("/$b/given")->status, 200, 'preferred: who has it';
    is $s->get("/$b/kept")->status, 403, 'preferred: kept by who wrote it';

    is_error $s->put("/$b?ownershipControls", $own->('BucketOwnerEnforced')), 400,
        'InvalidBucketAclWithObjectOwnership', 'enforced, and a public bucket';
    is_status $s->put("/$b?acl", '', headers => ['x-amz-acl', 'private']), 200, 'the bucket is closed';
    $s->put("/$b/open", 'x', headers => ['x-amz-acl', 'public-read']);
    is_status $s->put("/$b?ownershipControls", $own->('BucketOwnerEnforced')), 200, 'enforced';
    is $s->get("/$b/theirs")->status, 200, 'enforced: all is the owner\'s';
    is $s->get("/$b/theirs", who => 'alt')->status, 403, 'enforced: and nobody else\'s';
    is $s->get("/$b/open", as => 'none')->status, 403, 'enforced: ACLs grant nothing';
    is_error $s->put("/$b/new", 'x', headers => ['x-amz-acl', 'public-read']), 400,
        'AccessControlListNotSupported', 'enforced: an ACL';
    is_status $s->put("/$b/new", 'x', headers => ['x-amz-acl', 'bucket-owner-full-control']), 200,
        'enforced: the one that says so';
    is_error $s->put("/$b/new?acl", '', headers => ['x-amz-acl', 'private']), 400,
        'AccessControlListNotSupported', 'enforced: ACL of an object';
    is_error $s->put("/$b?acl", '', headers => ['x-amz-acl', 'private']), 400,
        'AccessControlListNotSupported', 'enforced: ACL of the bucket';
    is_ok $s->get("/$b/new?acl"), 'enforced: ACLs can be read';
    is_status $s->delete("/$b?ownershipControls"), 204, 'removed';
    is $s->get("/$b/open", as => 'none')->status, 200, 'ACLs count again';

    is_error $s->put('/bad', '', headers => ['x-amz-object-ownership', 'BucketOwnerEnforced', 'x-amz-acl',
        'public-read']), 400, 'InvalidBucketAclWithObjectOwnership', 'new, enforced and public';
    is_error $s->put('/bad', '', headers => ['x-amz-object-ownership', 'Nobody']), 400, 'InvalidArgument',
        'owned by nobody';
    $s->make_bucket('enforced', headers => ['x-amz-object-ownership', 'BucketOwnerEnforced']);
    like $s->get('/enforced?ownershipControls')->body, qr/BucketOwnerEnforced/, 'enforced from the beginning';
}

# The owner that is expected
{
    my $b = $s->make_bucket('expected');
    $s->put("/$b/o", 'x', headers => ['x-amz-acl', 'public-read']);
    my ($me) = $s->get("/$b?acl", as => 'cos')->body =~ m{uin/(\d+)};
    like $me, qr/^\d+$/, 'the owner';
    is $s->get("/$b/o", headers => ['x-amz-expected-bucket-owner', $me])->status, 200, 'the right owner';
    for my $h (1, "x$me", $me . '0') {
        is_error $s->get("/$b/o", headers => ['x-amz-expected-bucket-owner', $h]), 403, 'AccessDenied',
            "another owner: $h";
        is_error $s->put("/$b/c", '', headers => ['x-amz-copy-source', "/$b/o",
            'x-amz-source-expected-bucket-owner', $h]), 403, 'AccessDenied', "another owner of the source: $h";
    }
    is_error $s->put('/bad', '<CreateBucketConfiguration><Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags>'
        . '</CreateBucketConfiguration>'), 501, 'NotImplemented', 'tags in the document of a new bucket';
}

# Requester pays
{
    my $b = $s->make_bucket('pays', headers => ['x-amz-acl', 'public-read-write']);
    $s->put("/$b/o", 'x', headers => ['x-amz-acl', 'public-read']);
    is_status $s->put("/$b?requestPayment", wrap(RequestPaymentConfiguration => '<Payer>Requester</Payer>')), 200,
        'the requester pays';
    my @pay = (headers => ['x-amz-request-payer', 'requester']);
    for my $m ([GET => "/$b/o"], [HEAD => "/$b/o"], [GET => "/$b"], [PUT => "/$b/p"], [DELETE => "/$b/p"]) {
        my ($method, $t) = @$m;
        my @body = $method eq 'PUT' ? (body => 'x') : ();
        my $ok = $method eq 'DELETE' ? 204 : 200;
        is $s->req($method, $t, @body, as => 'none')->status, 403, "$method $t: not by anybody";
        is $s->req($method, $t, @body, as => 'none', @pay)->status, 403, "$method $t: whatever they say";
        is $s->req($method, $t, @body, who => 'alt')->status, 403, "$method $t: not for nothing";
        my $r = $s->req($method, $t, @body, who => 'alt', @pay);
        is $r->status, $ok, "$method $t: by who pays";
        is $r->h('x-amz-request-charged'), 'requester', "$method $t: and is told so";
        $r = $s->req($method, $t, @body);
        is $r->status, $ok, "$method $t: by the owner";
        is $r->h('x-amz-request-charged'), undef, "$method $t: for nothing";
    }
    my $d = $s->make_bucket('dest', who => 'alt');
    is $s->put("/$d/c", '', who => 'alt', headers => ['x-amz-copy-source', "/$b/o"])->status, 403,
        'a copy from there: not for nothing';
    is $s->put("/$d/c", '', who => 'alt', headers => ['x-amz-copy-source', "/$b/o", 'x-amz-request-payer',
        'requester'])->status, 200, 'a copy from there: by who pays';
    is $s->get("/$b/o?x-amz-request-payer=requester", who => 'alt', presign => 60)->status, 200, 'in a signed link';
    is_status $s->put("/$b?requestPayment", wrap(RequestPaymentConfiguration => '<Payer>BucketOwner</Payer>')), 200,
        'the owner pays';
    is $s->get("/$b/o", as => 'none')->status, 200, 'readable by anybody again';
}

# What was never configured and cannot be
{
    my $b = $s->make_bucket('plain-1250000000');
    my %want = (
        s3 => { cors => 'NoSuchCORSConfiguration', website => 'NoSuchWebsiteConfiguration',
            lifecycle => 'NoSuchLifecycleConfiguration',
            replication => 'ReplicationConfigurationNotFoundError',
            'inventory&id=a' => 'NoSuchConfiguration', 'analytics&id=a' => 'NoSuchConfiguration',
            'metrics&id=a' => 'NoSuchConfiguration', 'intelligent-tiering&id=a' => 'NoSuchConfiguration',
            logging => '<BucketLoggingStatus></BucketLoggingStatus>',
            notification => '<NotificationConfiguration></NotificationConfiguration>',
            accelerate => '<AccelerateConfiguration></AccelerateConfiguration>',
            inventory => '<ListInventoryConfigurationsResult><IsTruncated>false</IsTruncated>'
                . '</ListInventoryConfigurationsResult>' },
        cos => { cors => 'NoSuchCORSConfiguration', website => 'NoSuchWebsiteConfiguration',
            lifecycle => 'NoSuchLifecycleConfiguration',
            referer => 'NoSuchRefererConfiguration', origin => 'OriginConfigurationNotFoundError',
            replication => 'ReplicationConfigurationNotFoundError',
            'inventory&id=a' => 'InventoryConfigurationNotFoundError',
            logging => '<BucketLoggingStatus></BucketLoggingStatus>',
            accelerate => '<AccelerateConfiguration></AccelerateConfiguration>',
            domain => '<DomainConfiguration></DomainConfiguration>',
            intelligenttiering => '<IntelligentTieringConfiguration></IntelligentTieringConfiguration>' },
    );
    for my $as (sort keys %want) {
        for my $sub (sort keys %{ $want{$as} }) {
            my $r = $s->get("/$b?$sub", as => $as);
            my $w = $want{$as}{$sub};
            if ($w =~ /^</) { is_ok $r, "$as $sub"; is doc($r), $w, "$as $sub: document" }
            else { is_error $r, 404, $w, "$as $sub" }
        }
        is_error $s->get("/$b?$_", as => $as), 501, 'NotImplemented', "$as $_: not known"
            for qw(trash mirroring);
        is_error $s->get("/$b?cors", as => $as, who => 'alt'), 403, 'AccessDenied', "$as: of the owner only";
        for my $sub (qw(lifecycle replication)) {
            is_error $s->put("/$b?$sub", '<X/>', as => $as), 501, 'NotImplemented', "$as $sub: cannot be set";
            is_status $s->delete("/$b?$sub", as => $as), 204, "$as $sub: can be removed";
        }
        is_error $s->delete("/$b?logging", as => $as), 501, 'NotImplemented', "$as logging: cannot be removed";
    }
    is_error $s->get("/$b?lifecycle", as => 'bce'), 404, 'NoSuchLifecycleConfiguration', 'bos lifecycle';
    is_error $s->get("/$b?logging", as => 'bce'), 501, 'NotImplemented', 'bos logging';
}

# Many at once: each change is made to what the others left.
{
    my $b = $s->make_bucket('race');
    my %body = (
        tagging => wrap(Tagging => '<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>'),
        encryption => wrap(ServerSideEncryptionConfiguration => sprintf $rule, 'AES256', ''),
        publicAccessBlock => wrap(PublicAccessBlockConfiguration => '<BlockPublicAcls>true</BlockPublicAcls>'),
        ownershipControls => wrap(OwnershipControls =>
            '<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>'),
        quota => wrap(QuotaConfiguration => '<MaxObjects>7</MaxObjects>'),
        versioning => wrap(VersioningConfiguration => '<Status>Enabled</Status>'),
        requestPayment => wrap(RequestPaymentConfiguration => '<Payer>Requester</Payer>'),
    );
    my @c;
    for my $sub (sort keys %body) {
        my $c = $s->connect(timeout => 30);
        my $req = $s->build('PUT', "/$b?$sub", body => $body{$sub});
        $c->send($req->{head} . $req->{wire});
        push @c, [$sub, $c];
    }
    like $_->[1]->recv('PUT')->status, qr/^20[04]$/, "at once: $_->[0]" for @c;
    for my $sub (sort keys %body) {
        my $r = $s->get("/$b?$sub");
        is_ok $r, "at once: $sub is there";
        my ($value) = $body{$sub} =~ /<(?:Value|SSEAlgorithm|BlockPublicAcls|ObjectOwnership|MaxObjects|Status|Payer)>(\w+)/;
        like $r->body, qr/>\Q$value\E</, "at once: $sub: $value";
    }
}

# All of it survives the loss of Redis.
SKIP: {
    my $ctl = "$Cos::ROOT/build/cosctl";
    skip 'no cosctl', 1 unless -x $ctl;
    $s->redis('FLUSHALL');
    my $out = `'$ctl' --env '@{[$s->dir]}/env' rebuild 2>&1`;
    is $?, 0, 'rebuild' or diag $out;
    ok $s->in_service('/lock'), 'in service again';
    for my $b (sort keys %kept) {
        my ($as, $sub, $get) = @{ $kept{$b} };
        is doc($s->get("/$b?$sub", as => $as)), $get, "after a rebuild: $b";
    }
    is_error $s->put('/quota/c', ''), 403, 'QuotaExceeded', 'after a rebuild: the quota holds';
    is_error $s->delete('/kept-1250000000/new', as => 'cos'), 409, 'ObjectLocked',
        'after a rebuild: the retention policy holds';
    is_error $s->put('/lock?versioning', wrap(VersioningConfiguration => '<Status>Suspended</Status>')), 409,
        'InvalidBucketState', 'after a rebuild: the lock holds';
    $out = `'$ctl' --env '@{[$s->dir]}/env' verify 2>&1`;
    is $?, 0, 'verify is clean' or diag $out;
}

$s->done;
