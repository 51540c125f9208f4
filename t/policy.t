# Bucket policies, in both grammars and dialects.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sum;

my $s = Cos->start(workers => 2);
my ($main, $alt) = (100000000001, 100000000002);    # of tools/cosdev
my @alt = (who => 'alt');
my @none = (as => 'none');

sub json {
    my ($v) = @_;
    return join '', '[', join(',', map { json($_) } @$v), ']' if ref $v eq 'ARRAY';
    return join '', '{', join(',', map { "\"$_\":" . json($v->{$_}) } sort keys %$v), '}' if ref $v eq 'HASH';
    return "\"$v\"";
}

# A statement of S3's, everything of a bucket unless it says otherwise.
sub st {
    my ($b, %o) = @_;
    return { Effect => 'Allow', Principal => '*', Resource => ["arn:aws:s3:::$b", "arn:aws:s3:::$b/*"], %o };
}
sub s3 { return json({ Version => '2012-10-17', Statement => [@_] }) }

sub cst {
    my ($b, %o) = @_;
    return { effect => 'allow', principal => { qcs => ['qcs::cam::anyone:anyone'] },
        resource => ["qcs::cos:*:uid/1250000000:$b/*"], %o };
}
sub c2 { return json({ version => '2.0', statement => [@_] }) }

sub set {
    my ($b, $text, $name, %o) = @_;
    return is_status $s->put("/$b?policy", $text, %o), 204, $name;
}

# --- the document ------------------------------------------------------------

{
    my $b = $s->make_bucket('doc-1250000000');
    my $text = s3(st($b, Action => 's3:GetObject'));
    is_error $s->get("/$b?policy"), 404, 'NoSuchBucketPolicy', 'S3: none yet';
    is_error $s->get("/$b?policy", as => 'cos'), 404, 'NoSuchPolicy', 'COS: none yet';
    set($b, $text, 'S3: put');
    my $r = $s->get("/$b?policy");
    is $r->{body}, $text, 'S3: get';
    is $r->h('content-type'), 'application/json', 'S3: its type';
    is $s->get("/$b?policy", as => 'cos')->{body}, $text, 'COS: get';
    my $own = c2(cst($b, action => 'name/cos:GetObject', sid => 'caf'));
    set($b, $own, 'COS: put', as => 'cos');
    is $s->get("/$b?policy", as => 'cos')->{body}, $own, 'COS: another one';
    for my $as (qw(cos s3)) {
        is_status $s->delete("/$b?policy", as => $as), 204, "$as: delete";
        is_status $s->delete("/$b?policy", as => $as), 204, "$as: delete what is not there";
    }
    is_error $s->get("/$b?policy"), 404, 'NoSuchBucketPolicy', 'gone';
    is_error $s->put("/$b?policy", $text, @alt), 403, 'AccessDenied', 'put by somebody else';
    is_error $s->get("/$b?policy", @alt), 403, 'AccessDenied', 'get by somebody else';
    is_error $s->delete("/$b?policy", @none), 403, 'AccessDenied', 'delete by nobody';
    is_error $s->get("/$b?policy", as => 'bce'), 501, 'NotImplemented', 'BOS: none';

    is_error $s->put("/$b?policy", s3(st($b, Action => 's3:GetObject', Sid => 'x' x 21000))), 400, 'MalformedPolicy',
        'S3: too large';
    is_error $s->put("/$b?policy", 'x' x 21000, as => 'cos'), 400, 'PolicyFull', 'COS: too large';
    my %bad = (
        'no JSON' => '{',
        'an array' => '[]',
        'no statement' => '{"Version":"2012-10-17"}',
        'another version' => json({ Version => '2013-01-01', Statement => [st($b, Action => 's3:GetObject')] }),
        'unknown action' => s3(st($b, Action => 's3:GetObjekt')),
        'unknown service' => s3(st($b, Action => 'ec2:GetObject')),
        'unknown operator' => s3(st($b, Action => 's3:*', Condition => { StringIs => { 's3:prefix' => 'a' } })),
        'unknown key' => s3(st($b, Action => 's3:*', Condition => { StringEquals => { 's3:color' => 'a' } })),
        'unknown element' => s3(st($b, Action => 's3:*', Conditions => {})),
        'another bucket' => s3(st($b, Action => 's3:*', Resource => 'arn:aws:s3:::other/*')),
        'no resource' => s3({ Effect => 'Allow', Principal => '*', Action => 's3:*' }),
        'no principal' => s3({ Effect => 'Allow', Action => 's3:*', Resource => "arn:aws:s3:::$b" }),
        'malformed principal' => s3(st($b, Action => 's3:*', Principal => { AWS => 'nobody' })),
        'allow NotPrincipal' => s3({ Effect => 'Allow', NotPrincipal => { AWS => $alt }, Action => 's3:*',
            Resource => "arn:aws:s3:::$b" }),
        'bad address' => s3(st($b, Action => 's3:*', Condition => { IpAddress => { 'aws:SourceIp' => '10.0.0.1/33' } })),
        'actions of objects on a bucket' => s3(st($b, Action => 's3:GetObject', Resource => "arn:aws:s3:::$b")),
        'effect' => s3(st($b, Action => 's3:*', Effect => 'allow')),
        'COS action in S3' => s3(st($b, Action => 'name/cos:GetObject')),
        'S3 action in COS' => c2(cst($b, action => 's3:GetObject')),
        'COS: case of an action' => c2(cst($b, action => 'name/cos:getObject')),
        'COS: NotAction' => c2({ %{ cst($b) }, notAction => 'name/cos:GetObject' }),
        'COS: another bucket' => c2(cst($b, action => 'cos:*', resource => 'qcs::cos:*:uid/1250000000:x-1250000000/*')),
        'COS: another account' => c2(cst($b, action => 'cos:*', resource => "qcs::cos:*:uid/1250000009:$b/*")),
    );
    for my $what (sort keys %bad) {
        my $r = $s->put("/$b?policy", $bad{$what}, as => $what =~ /COS/ ? 'cos' : 's3');
        is_error $r, 400, 'MalformedPolicy', $what;
    }
    like $s->put("/$b?policy", s3(st($b, Action => 's3:*'), st($b, Action => 's3:Nix', Sid => 'two')))->{body},
        qr/statement 2 \(two\): unknown action: .*s3:Nix/, 'the message names the statement';
    is_error $s->get("/$b?policy"), 404, 'NoSuchBucketPolicy', 'nothing of that was kept';
}

# --- allow --------------------------------------------------------------------

for my $g (qw(s3 cos)) {
    my $b = $s->make_bucket("allow-$g-1250000000");
    my $policy = sub { $g eq 's3' ? s3(map { st($b, Action => $_->[0], %{ $_->[2] // {} }) } @_)
            : c2(map { cst($b, action => $_->[1], %{ $_->[3] // {} }) } @_) };
    is_status $s->put("/$b/pub/a", 'one'), 200, "$g: an object";
    is_status $s->put("/$b/priv/a", 'two'), 200, "$g: another";
    for my $who (\@alt, \@none) {
        is_error $s->get("/$b/pub/a", @$who), 403, 'AccessDenied', "$g: @$who: denied";
    }
    set($b, $policy->(['s3:GetObject', ['name/cos:GetObject', 'name/cos:HeadObject'],
        { Resource => "arn:aws:s3:::$b/pub/*" }, { resource => "qcs::cos:*:uid/1250000000:$b/pub/*" }]), "$g: readable");
    for my $who (\@alt, \@none, [as => 'cos', @alt]) {
        is $s->get("/$b/pub/a", @$who)->{body}, 'one', "$g: @$who: read";
        is_status $s->head("/$b/pub/a", @$who), 200, "$g: @$who: head";
        is_error $s->get("/$b/priv/a", @$who), 403, 'AccessDenied', "$g: @$who: not that";
        is_error $s->get("/$b/pub/missing", @$who), 403, 'AccessDenied', "$g: @$who: missing is denied";
        is_error $s->get("/$b", @$who), 403, 'AccessDenied', "$g: @$who: no list";
        is_error $s->put("/$b/pub/a", 'x', @$who), 403, 'AccessDenied', "$g: @$who: no write";
        is_error $s->delete("/$b/pub/a", @$who), 403, 'AccessDenied', "$g: @$who: no delete";
    }
    set($b, $policy->(['s3:ListBucket', ['name/cos:GetBucket', 'name/cos:HeadBucket']]), "$g: listable");
    is_status $s->get("/$b", @none), 200, "$g: list";
    is_status $s->head("/$b", @alt), 200, "$g: head of the bucket";
    is_error $s->get("/$b/pub/a", @none), 403, 'AccessDenied', "$g: still not readable";
    is_error $s->get("/$b/pub/missing", @none), 404, 'NoSuchKey', "$g: missing is told to those who may list";
    set($b, $policy->(['s3:PutObject', ['name/cos:PutObject', 'name/cos:InitiateMultipartUpload', 'name/cos:UploadPart',
        'name/cos:CompleteMultipartUpload']]), "$g: writable");
    is_status $s->put("/$b/new", 'x', @alt), 200, "$g: write";
    is_status $s->post("/$b/big?uploads", '', @none), 200, "$g: begin an upload";
    is_error $s->get("/$b/big?uploadId=0000", @none), 403, 'AccessDenied', "$g: listing its parts is something else";
    set($b, $policy->(['s3:*', '*']), "$g: everything");
    is_status $s->delete("/$b/new", @alt), 204, "$g: delete";
    is_status $s->get("/$b?acl", @alt), 200, "$g: see the ACL";
    is_status $s->get("/$b/pub/a?acl", @alt), 200, "$g: see that of an object";
    is_status $s->put("/$b?tagging", '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>', @alt),
        204, "$g: configure the bucket";
    is_status $s->get("/$b/pub/a?tagging", @none), 200, "$g: tags";
    for my $who (\@alt, \@none) {
        is_error $s->get("/$b?policy", @$who), 403, 'AccessDenied', "$g: @$who: but not the policy itself";
        is_error $s->put("/$b?policy", $policy->(['s3:*', '*']), @$who), 403, 'AccessDenied', "$g: @$who: nor set it";
        is_error $s->delete("/$b?policy", @$who), 403, 'AccessDenied', "$g: @$who: nor remove it";
    }
    is_status $s->delete("/$b?policy"), 204, "$g: its owner does";
    is_error $s->get("/$b", @alt), 403, 'AccessDenied', "$g: that was that";
}

# --- who ------------------------------------------------------------------------

{
    my $b = $s->make_bucket('who-1250000000');
    $s->put("/$b/o", 'x');
    my $try = sub {
        my ($policy, $want, $name) = @_;
        set($b, $policy, "$name: put");
        my $got = join ' ', map { $s->get("/$b/o", @$_)->status } [], \@alt, \@none;
        is $got, $want, $name;
    };
    $try->(s3(st($b, Action => 's3:GetObject', Principal => { AWS => "arn:aws:iam::$alt:root" })), '200 200 403', 'an account');
    $try->(s3(st($b, Action => 's3:GetObject', Principal => { AWS => $alt })), '200 200 403', 'by number');
    $try->(s3(st($b, Action => 's3:GetObject', Principal => { CanonicalUser => $alt })), '200 200 403', 'by id');
    $try->(s3(st($b, Action => 's3:GetObject', Principal => { AWS => ['arn:aws:iam::77:root', '*'] })), '200 200 200', 'all');
    $try->(s3(st($b, Action => 's3:GetObject', Principal => { AWS => "arn:aws:iam::$alt:user/bob" })), '200 403 403', 'a user');
    $try->(c2(cst($b, action => 'cos:GetObject', principal => { qcs => ["qcs::cam::uin/$alt:uin/$alt"] })), '200 200 403',
        'COS: an account');
    $try->(c2(cst($b, action => 'cos:GetObject', principal => { qcs => ["qcs::cam::uin/$alt:uin/77"] })), '200 403 403',
        'COS: a sub-account');
    $try->(c2(cst($b, action => 'cos:GetObject', principal => { qcs => ['qcs::cam::anonymous:anonymous'] })), '200 403 200',
        'COS: anonymous only');
    $try->(s3(st($b, Action => 's3:GetObject'), st($b, Action => 's3:GetObject', Effect => 'Deny', Principal => { AWS => $alt })),
        '200 403 200', 'deny wins');
    $try->(s3(st($b, Action => 's3:GetObject', Effect => 'Deny'), st($b, Action => 's3:*')), '403 403 403', 'for the owner, too');
    $try->(s3(st($b, Action => 's3:GetObject'), { Effect => 'Deny', NotPrincipal => { AWS => $main }, Action => 's3:GetObject',
        Resource => "arn:aws:s3:::$b/*" }), '200 403 403', 'all but one are denied');
    $try->(s3(st($b, NotAction => 's3:GetObject')), '200 403 403', 'NotAction');
    $try->(s3({ Effect => 'Allow', Principal => '*', Action => 's3:GetObject', NotResource => "arn:aws:s3:::$b/o" }),
        '200 403 403', 'NotResource');
    $try->(s3(st($b, Action => 's3:Get*', Resource => "arn:aws:s3:::$b/?")), '200 200 200', 'wildcards');

    set($b, s3(st($b, Action => 's3:*', Effect => 'Deny')), 'everything is denied');
    is_error $s->get("/$b"), 403, 'AccessDenied', 'the owner, too';
    is_status $s->get("/$b?policy"), 200, 'but the owner may see the policy';
    is_status $s->put("/$b?policy", s3(st($b, Action => 's3:*', Effect => 'Deny'))), 204, 'change it';
    is_status $s->delete("/$b?policy"), 204, 'and remove it';
    is_status $s->get("/$b"), 200, 'the bucket is back';
}

# --- users of the account ------------------------------------------------------------

sub ctl {
    my $out = `$Cos::ROOT/build/cosctl --env @{[$s->dir]}/env @_ 2>&1`;
    is $?, 0, "cosctl @_" or diag $out;
    return $out;
}
sub pair { return [map { $_[0] =~ /^$_ key +(\w+)/m } qw(access secret)] }

sub policy_of {
    my ($user, @statement) = @_;
    open my $fh, '>', $s->dir . '/policy.json' or die $!;
    print $fh json({ Version => '2012-10-17', Statement => \@statement });
    close $fh;
    ctl('user', 'policy', $user, 'put', $s->dir . '/policy.json');
}

my $alice = pair(ctl('user', 'add', 'alice'));
my ($uid) = ctl('user', 'show', 'alice') =~ /^uid +(\d+)/m;
my @bob = (who => pair(ctl('user', 'add', 'bob', '--account', 'alice')));

{
    my $b = $s->make_bucket('self-1250000000', who => $alice);
    policy_of('bob', { Effect => 'Allow', Action => 's3:*', Resource => '*' });
    my $deny = s3(st($b, Action => 's3:PutBucketPolicy', Effect => 'Deny',
        Principal => { AWS => "arn:aws:iam::$uid:user/bob" }));
    is_error $s->put("/$b?policy", $deny, @bob), 403, 'AccessDenied', 'what takes that from who asks is refused';
    is_error $s->put("/$b?policy", $deny, @bob, headers => ['x-amz-confirm-remove-self-bucket-access' => 'perhaps']), 400,
        'InvalidArgument', 'or misunderstood';
    is_status $s->put("/$b?policy", $deny, @bob, headers => ['x-amz-confirm-remove-self-bucket-access' => 'true']), 204,
        'unless it is meant';
    is_error $s->put("/$b?policy", $deny, @bob), 403, 'AccessDenied', 'and so it is';
    is_status $s->get("/$b?policy", @bob), 200, 'which was not denied';

    policy_of('bob', { Effect => 'Allow', Action => 's3:*', Resource => '*' },
        { Effect => 'Deny', Action => 's3:CreateBucket', Resource => 'arn:aws:s3:::taken-*' });
    is_error $s->put('/taken-1250000000', '', @bob), 403, 'AccessDenied', 'a name that is denied cannot be created';
    is_status $s->put('/free-1250000000', '', @bob), 200, 'another can';
    policy_of('bob', { Effect => 'Allow', Action => 's3:CreateBucket', Resource => 'arn:aws:s3:::mine-*' });
    is_status $s->put('/mine-1250000000', '', @bob), 200, 'a name that is allowed';
    is_error $s->put('/other-1250000000', '', @bob), 403, 'AccessDenied', 'another is not';

    policy_of('bob', { Effect => 'Allow', Action => 's3:PutObject', Resource => "arn:aws:s3:::$b/*" });
    $s->delete("/$b?policy", who => $alice);
    is_status $s->put("/$b/o", 'x', @bob), 200, 'PutObject';
    for my $h (['x-amz-acl' => 'public-read'], ['x-cos-acl' => 'public-read'], ['x-amz-tagging' => 'a=b']) {
        is_error $s->put("/$b/o", 'x', @bob, headers => $h), 403, 'AccessDenied', "not $h->[0] with it";
        is_error $s->post("/$b/o?uploads", '', @bob, headers => $h), 403, 'AccessDenied', "nor with an upload in parts";
        is_status $s->put("/$b/o", 'x', who => $alice, headers => $h), 200, "the account does";
    }
    policy_of('bob', { Effect => 'Allow', Action => ['s3:PutObject', 's3:PutObjectAcl', 's3:PutObjectTagging'],
        Resource => "arn:aws:s3:::$b/*" });
    is_status $s->put("/$b/o", 'x', @bob, headers => ['x-amz-acl' => 'public-read', 'x-amz-tagging' => 'a=b']), 200,
        'with actions of their own';

    policy_of('bob', { Effect => 'Allow', Action => ['s3:PutObject', 's3:GetObject'], Resource => "arn:aws:s3:::$b/*" });
    my @copy = (@bob, headers => ['x-amz-copy-source' => "/$b/o"]);
    is_error $s->put("/$b/copy", '', @copy), 403, 'AccessDenied', 'a copy does not carry tags, either';
    is_status $s->head("/$b/copy", who => $alice), 404, 'nothing was copied';
    is_status $s->put("/$b/copy", '', @bob, headers => ['x-amz-copy-source' => "/$b/o", 'x-amz-tagging-directive' => 'REPLACE']),
        200, 'without them';
    policy_of('bob', { Effect => 'Allow', Action => ['s3:PutObject', 's3:GetObject', 's3:PutObjectTagging'],
        Resource => "arn:aws:s3:::$b/*" });
    is_error $s->put("/$b/copy", '', @copy), 403, 'AccessDenied', 'who may give them, has to see them';
    policy_of('bob', { Effect => 'Allow', Action => ['s3:PutObject', 's3:GetObject', 's3:*ObjectTagging'],
        Resource => "arn:aws:s3:::$b/*" });
    is_status $s->put("/$b/copy", '', @copy), 200, 'who may do both copies them';
    policy_of('bob', { Effect => 'Allow', Action => 's3:*', Resource => "arn:aws:s3:::$b/*" },
        { Effect => 'Deny', Action => 's3:PutObject', Resource => '*',
            Condition => { StringEquals => { 's3:RequestObjectTag/a' => 'b' } } });
    is_error $s->put("/$b/copy", '', @copy), 403, 'AccessDenied', 'tags of a copy are tags that it is given';

    policy_of('bob', { Effect => 'Allow', Action => 's3:GetObjectAttributes', Resource => "arn:aws:s3:::$b/*" });
    $s->put("/$b/a", 'x', who => $alice);
    my @attr = (@bob, headers => ['x-amz-object-attributes' => 'ETag']);
    is_error $s->get("/$b/a?attributes", @attr), 403, 'AccessDenied', 'attributes need the right to read';
    policy_of('bob', { Effect => 'Allow', Action => ['s3:GetObjectAttributes', 's3:GetObject'],
        Resource => "arn:aws:s3:::$b/*" });
    is_status $s->get("/$b/a?attributes", @attr), 200, 'with it';
}

# --- conditions -----------------------------------------------------------------------

{
    my $b = $s->make_bucket('cond-1250000000');
    $s->put("/$b/o", 'x', headers => ['x-amz-tagging' => 'security=public&n=5']);
    $s->put("/$b/p", 'x', headers => ['x-amz-tagging' => 'security=private']);
    $s->put("/$b/q", 'x');
    my $get = sub { my ($key, @h) = @_; $s->get("/$b/$key", @alt, headers => \@h)->status };
    my $when = sub {
        my ($action, $condition, $name) = @_;
        set($b, s3(st($b, Action => $action, Condition => $condition)), $name);
    };

    $when->('s3:GetObject', { StringEquals => { 's3:ExistingObjectTag/security' => 'public' } }, 'by a tag');
    is join(' ', map { $get->($_) } qw(o p q)), '200 403 403', 'read by tag';
    $when->('s3:GetObject', { NumericLessThanEquals => { 's3:ExistingObjectTag/n' => '5' } }, 'by a number');
    is join(' ', map { $get->($_) } qw(o p q)), '200 403 403', 'read by number';
    $when->('s3:GetObject', { StringNotEqualsIfExists => { 's3:ExistingObjectTag/security' => 'private' } }, 'if exists');
    is join(' ', map { $get->($_) } qw(o p q)), '200 403 200', 'a tag that is not there';
    $when->('s3:GetObject', { Null => { 's3:ExistingObjectTag/security' => 'true' } }, 'null');
    is join(' ', map { $get->($_) } qw(o p q)), '403 403 200', 'no tag at all';

    $when->('s3:GetObject', { StringLike => { 'aws:Referer' => ['http://www.example.com/*', 'http://example.com/*'] } },
        'by referer');
    is $get->('o', Referer => 'http://www.example.com/index.html'), 200, 'the right one';
    is $get->('o', Referer => 'http://example.org/'), 403, 'another';
    is $get->('o'), 403, 'none';
    $when->('s3:GetObject', { StringEquals => { 'aws:UserAgent' => 'me' } }, 'by user agent');
    is $get->('o', 'User-Agent' => 'me'), 200, 'the right one';
    is $get->('o', 'User-Agent' => 'you'), 403, 'another';

    $when->('s3:GetObject', { IpAddress => { 'aws:SourceIp' => '127.0.0.0/8' } }, 'by address');
    is $get->('o'), 200, 'from here';
    $when->('s3:GetObject', { NotIpAddress => { 'aws:SourceIp' => ['10.0.0.0/8', '127.0.0.1'] } }, 'by address, negated');
    is $get->('o'), 403, 'not from here';
    $when->('s3:GetObject', { IpAddress => { 'aws:SourceIp' => '2001:db8::/32' } }, 'IPv6');
    is $get->('o'), 403, 'not from there';
    $when->('s3:GetObject', { Bool => { 'aws:SecureTransport' => 'true' } }, 'by TLS');
    is $get->('o'), 403, 'without TLS';
    $when->('s3:GetObject', { DateLessThan => { 'aws:CurrentTime' => '2099-01-01T00:00:00Z' } }, 'by date');
    is $get->('o'), 200, 'before it';
    $when->('s3:GetObject', { DateLessThan => { 'aws:CurrentTime' => '2020-01-01' } }, 'by a day');
    is $get->('o'), 403, 'after it';

    $when->('s3:ListBucket', { StringLike => { 's3:prefix' => 'home/*' }, NumericLessThanEquals => { 's3:max-keys' => '10' } },
        'by listing');
    is_status $s->get("/$b?prefix=home/a&max-keys=10", @alt), 200, 'that listing';
    is_error $s->get("/$b?prefix=home/a&max-keys=11", @alt), 403, 'AccessDenied', 'too many keys';
    is_error $s->get("/$b?prefix=hom&max-keys=1", @alt), 403, 'AccessDenied', 'another prefix';
    is_error $s->get("/$b", @alt), 403, 'AccessDenied', 'all of it';

    set($b, s3(st($b, Action => 's3:PutObject'),
        st($b, Action => 's3:PutObject', Effect => 'Deny', Condition => { StringLike => { 's3:x-amz-acl' => 'public*' } })),
        'no public ACLs');
    is_status $s->put("/$b/new", 'x', @alt), 200, 'without an ACL';
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-acl' => 'public-read']), 403, 'AccessDenied', 'with a public one';

    set($b, s3(st($b, Action => 's3:PutObject', Condition => { StringEquals => { 's3:RequestObjectTag/a' => 'b' } }),
        st($b, Action => 's3:PutObjectTagging',
            Condition => { 'ForAllValues:StringLike' => { 's3:RequestObjectTagKeys' => ['a', 'b*'] } })), 'by tags that are given');
    is_error $s->put("/$b/new", 'x', @alt), 403, 'AccessDenied', 'none';
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-tagging' => 'a=c']), 403, 'AccessDenied', 'the wrong one';
    is_status $s->put("/$b/new", 'x', @alt, headers => ['x-amz-tagging' => 'a=b&c=d']), 200, 'the right one';
    my $tags = sub { '<Tagging><TagSet>' . join('', map { "<Tag><Key>$_</Key><Value>v</Value></Tag>" } @_) . '</TagSet></Tagging>' };
    is_status $s->put("/$b/o?tagging", $tags->('a', 'bc'), @alt), 200, 'tags in a document';
    is_error $s->put("/$b/o?tagging", $tags->('a', 'x'), @alt), 403, 'AccessDenied', 'others';

    set($b, s3(st($b, Action => 's3:PutObject'), st($b, Action => 's3:PutObjectAcl', Effect => 'Deny'),
        st($b, Action => 's3:PutObjectTagging', Effect => 'Deny')), 'ACL and tags are denied');
    is_status $s->put("/$b/new", 'x', @alt), 200, 'without them';
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-acl' => 'private']), 403, 'AccessDenied', 'with an ACL';
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-tagging' => 'a=b']), 403, 'AccessDenied', 'with tags';

    set($b, s3(st($b, Action => 's3:PutObject'), st($b, Action => 's3:PutObject', Effect => 'Deny',
        Condition => { Null => { 's3:x-amz-server-side-encryption' => 'true' } }),
        st($b, Action => 's3:PutObject', Effect => 'Deny',
            Condition => { StringNotEquals => { 's3:x-amz-server-side-encryption' => 'AES256' } })), 'encrypted only');
    is_error $s->put("/$b/new", 'x', @alt), 403, 'AccessDenied', 'plain';
    is_error $s->put("/$b/new", 'x'), 403, 'AccessDenied', 'by the owner, too';
    isnt $s->put("/$b/new", 'x', @alt, headers => ['x-amz-server-side-encryption' => 'AES256'])->status, 403, 'encrypted';
    is_error $s->put("/$b/new?x-amz-server-side-encryption=AES256", 'x', @alt), 403, 'AccessDenied',
        'a parameter is no header';

    set($b, s3(st($b, Action => 's3:PutObject', Condition => { StringEquals => { 's3:x-amz-acl' => 'public-read' } })),
        'what names the header allows it');
    is_status $s->put("/$b/new", 'x', @alt, headers => ['x-amz-acl' => 'public-read']), 200, 'with it';
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-acl' => 'public-read', 'x-amz-tagging' => 'a=b']), 403,
        'AccessDenied', 'not another one';
    set($b, s3(st($b, Action => 's3:PutObject')), 'PutObject alone');
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-acl' => 'public-read']), 403, 'AccessDenied', 'is not for ACLs';

    set($b, s3(st($b, Action => 's3:PutObject'), st($b, Action => 's3:PutObject', Effect => 'Deny',
        Condition => { StringEquals => { 's3:x-amz-storage-class' => 'GLACIER' } })), 'no archives');
    is_error $s->put("/$b/new", 'x', @alt, headers => ['x-amz-storage-class' => $_]), 403, 'AccessDenied', "as $_"
        for 'GLACIER', 'glacier', 'ARCHIVE';
    is_status $s->put("/$b/new", 'x', @alt, headers => ['x-amz-storage-class' => 'STANDARD_IA']), 200, 'another class';

    $when->('s3:ListBucket', { StringEquals => { 's3:prefix' => 'home/' } }, 'by prefix');
    is_error $s->get("/$b?Prefix=home/", @alt), 501, 'NotImplemented', 'spelled as no listing reads it';
    is_error $s->get("/$b?prefix=other/&prefix=home/", @alt), 403, 'AccessDenied', 'twice: the first is read';

    set($b, c2(cst($b, action => 'cos:*'), cst($b, action => 'cos:PutObject', effect => 'deny',
        condition => { numeric_greater_than => { 'cos:content-length' => 5 } })), 'no more than five bytes');
    is_status $s->put("/$b/new", 'x' x 5, @alt, as => 'cos'), 200, 'five';
    is_error $s->put("/$b/new", 'x' x 6, @alt, as => 'cos'), 403, 'AccessDenied', 'six';
    is_error $s->put("/$b/new", 'x' x 6, @alt, as => 'cos', chunked => 3), 403, 'AccessDenied', 'what cannot be told is denied';
    is_status $s->put("/$b/new", 'x' x 5, @alt, stream => { signed => 1 }), 200, 'five, framed';
    is_error $s->put("/$b/new", 'x' x 6, @alt, stream => { signed => 1 }), 403, 'AccessDenied', 'six, framed';
    is_error $s->put("/$b/new", 'x' x 6, @alt, headers => ['x-amz-decoded-content-length' => 1]), 403, 'AccessDenied',
        'six that are not framed';
    set($b, c2(cst($b, action => 'cos:PutObject', condition => { numeric_less_than => { 'cos:content-length' => 100 } })),
        'small ones are allowed');
    is_status $s->put("/$b/new", 'x' x 5, @alt, as => 'cos'), 200, 'five are';
    is_error $s->put("/$b/new", 'x' x 5, @alt, as => 'cos', chunked => 3), 403, 'AccessDenied', 'what cannot be told is not';

    set($b, c2(cst($b, action => 'cos:GetObject', condition => { ip_equal => { 'qcs:ip' => ['127.0.0.1'] },
        bool_equal => { 'cos:secure-transport' => 'false' } })), 'COS: by address');
    is $get->('o'), 200, 'COS: from here';
    set($b, c2(cst($b, action => 'cos:GetBucket', condition => { string_equal => { 'cos:prefix' => 'a%2Fb' } })), 'COS: by prefix');
    is_status $s->get("/$b?prefix=a%2Fb", @alt, as => 'cos'), 200, 'COS: encoded as it is compared';
    is_error $s->get("/$b?prefix=c", @alt, as => 'cos'), 403, 'AccessDenied', 'COS: another';
    is_error $s->get("/$b", @alt, as => 'cos'), 403, 'AccessDenied', 'COS: none';
    set($b, c2(cst($b, action => 'cos:GetBucket', condition => { string_equal_if_exist => { 'cos:prefix' => 'a' } })),
        'COS: if it exists');
    is_status $s->get("/$b", @alt, as => 'cos'), 200, 'COS: it does not';
    set($b, c2(cst($b, action => 'cos:PutObject', condition => { string_equal => { 'cos:x-cos-acl' => 'private' } })),
        'COS: by ACL');
    is_error $s->put("/$b/new", 'x', @alt, as => 'cos'), 403, 'AccessDenied', 'COS: without';
    is_status $s->put("/$b/new", 'x', @alt, as => 'cos', headers => ['x-cos-acl' => 'private']), 200, 'COS: with it';
}

# --- copies, many keys, versions, links -------------------------------------------------

{
    my ($from, $to) = ($s->make_bucket('from-1250000000'), $s->make_bucket('to-1250000000', @alt));
    $s->put("/$from/public/a", 'a');
    $s->put("/$from/private/a", 'b');
    my $copy = sub { my ($key, $target) = @_; $s->put("/$target/copy", '', @alt, headers => ['x-amz-copy-source' => "/$from/$key"]) };
    is_error $copy->('public/a', $to), 403, 'AccessDenied', 'copy from what may not be read';
    set($from, s3(st($from, Action => 's3:GetObject', Resource => "arn:aws:s3:::$from/public/*")), 'some may be read');
    is_status $copy->('public/a', $to), 200, 'copy from there';
    is_error $copy->('private/a', $to), 403, 'AccessDenied', 'and not from elsewhere';
    set($from, s3(st($from, Action => 's3:GetObject'), st($from, Action => 's3:PutObject',
        Condition => { StringLike => { 's3:x-amz-copy-source' => "*$from/public/*" } })), 'copies only of the public');
    is_status $copy->('public/a', $from), 200, 'such a copy';
    is_error $copy->('private/a', $from), 403, 'AccessDenied', 'another';
    set($from, s3(st($from, Action => ['s3:GetObject', 's3:PutObject']), st($from, Action => 's3:PutObject', Effect => 'Deny',
        Condition => { StringLike => { 's3:x-amz-copy-source' => "$from/private/*" } })), 'no copies of the private');
    is_error $copy->($_, $from), 403, 'AccessDenied', "as $_" for 'private/a', 'privat%65/a', '%70rivate%2Fa';
    is_status $copy->('public/a', $from), 200, 'others are copied';

    set($from, s3(st($from, Action => 's3:DeleteObject', Resource => "arn:aws:s3:::$from/public/*")), 'some may be deleted');
    my $doc = '<Delete><Object><Key>public/a</Key></Object><Object><Key>private/a</Key></Object></Delete>';
    my $r = $s->post("/$from?delete", $doc, @alt, headers => ['Content-MD5' => Cos::Sum::md5_b64($doc)]);
    is_status $r, 200, 'many are deleted';
    like $r->{body}, qr{<Deleted><Key>public/a</Key></Deleted>}, 'the one';
    like $r->{body}, qr{<Error><Key>private/a</Key><Code>AccessDenied</Code>}, 'and not the other';
    is_status $s->get("/$from/private/a"), 200, 'which is still there';
    is_error $s->get("/$from/public/a"), 404, 'NoSuchKey', 'as the one is not';

    $s->put("/$from/$_", 'x', headers => ['x-amz-tagging' => "keep=$_"]) for qw(yes no);
    set($from, s3(st($from, Action => 's3:DeleteObject'), st($from, Action => 's3:DeleteObject', Effect => 'Deny',
        Condition => { StringEquals => { 's3:ExistingObjectTag/keep' => 'yes' } })), 'what is tagged is kept');
    is_error $s->delete("/$from/yes", @alt), 403, 'AccessDenied', 'alone';
    for my $when ('alone in its bucket', 'with versions') {
        $doc = '<Delete><Object><Key>yes</Key></Object><Object><Key>no</Key></Object><Object><Key>none</Key></Object></Delete>';
        $r = $s->post("/$from?delete", $doc, @alt, headers => ['Content-MD5' => Cos::Sum::md5_b64($doc)]);
        like $r->{body}, qr{<Error><Key>yes</Key><Code>AccessDenied</Code>}, "$when: among many, too";
        like $r->{body}, qr{<Deleted><Key>$_</Key>}, "$when: $_ is deleted" for qw(no none);
        is_status $s->get("/$from/yes"), 200, "$when: kept";
        is_error $s->get("/$from/no"), 404, 'NoSuchKey', "$when: gone";
        $s->put("/$from?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
        $s->put("/$from/no", 'x', headers => ['x-amz-tagging' => 'keep=no']);
    }
    my $kept = $s->put("/$from/yes", 'x', headers => ['x-amz-tagging' => 'keep=yes'])->h('x-amz-version-id');
    set($from, s3(st($from, Action => 's3:DeleteObjectVersion'), st($from, Action => 's3:DeleteObjectVersion',
        Effect => 'Deny', Condition => { StringEquals => { 's3:ExistingObjectTag/keep' => 'yes' } })), 'and its versions');
    $doc = "<Delete><Object><Key>yes</Key><VersionId>$kept</VersionId></Object></Delete>";
    $r = $s->post("/$from?delete", $doc, @alt, headers => ['Content-MD5' => Cos::Sum::md5_b64($doc)]);
    like $r->{body}, qr{<Code>AccessDenied</Code>}, 'a version is kept';
    set($from, s3(st($from, Action => 's3:DeleteObjectVersion', Condition => { StringEquals => { 's3:VersionId' => $kept } })),
        'that version may go');
    $r = $s->post("/$from?delete", $doc, @alt, headers => ['Content-MD5' => Cos::Sum::md5_b64($doc)]);
    like $r->{body}, qr{<Deleted><Key>yes</Key>}, 'it is the one in the document that counts';

    my $v = $s->make_bucket('vers-1250000000');
    $s->put("/$v?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
    my $id = $s->put("/$v/o", '1')->h('x-amz-version-id');
    set($v, s3(st($v, Action => 's3:GetObject')), 'what is current may be read');
    is_status $s->get("/$v/o", @none), 200, 'the current version';
    is_error $s->get("/$v/o?versionId=$id", @none), 403, 'AccessDenied', 'by its id it is another action';
    set($v, s3(st($v, Action => ['s3:GetObjectVersion', 's3:DeleteObject'],
        Condition => { StringEquals => { 's3:VersionId' => $id } }), st($v, Action => 's3:DeleteObject')), 'that version');
    is_status $s->get("/$v/o?versionId=$id", @none), 200, 'read';
    is_status $s->get("/$v/o?versionid=&versionId=$id", @none), 200, 'an empty one before it is none';
    is_error $s->delete("/$v/o?versionId=$id", @alt), 403, 'AccessDenied', 'not deleted';
    is_status $s->delete("/$v/o", @alt), 204, 'only marked';
    set($v, c2(cst($v, action => ['cos:GetObject', 'cos:DeleteObject'])), 'COS: versions are no other action');
    is_status $s->get("/$v/o?versionId=$id", @none), 200, 'COS: read';
    is_status $s->delete("/$v/o?versionId=$id", @alt), 204, 'COS: deleted';
}

# --- what is public ------------------------------------------------------------------------

{
    my $b = $s->make_bucket('public-1250000000');
    $s->put("/$b/o", 'x');
    my $is = sub {
        my ($want, $name) = @_;
        is $s->get("/$b?policyStatus")->xml('IsPublic'), $want, $name;
    };
    $is->('false', 'a bucket is not');
    $s->put("/$b?acl", '', headers => ['x-amz-acl' => 'public-read']);
    $is->('true', 'one with a public ACL is');
    $s->put("/$b?acl", '', headers => ['x-amz-acl' => 'private']);
    my @case = (
        [true => 'everyone', st($b, Action => 's3:ListBucket')],
        [false => 'from an address', st($b, Action => 's3:*', Condition => { IpAddress => { 'aws:SourceIp' => '8.8.8.8/32' } })],
        [true => 'from everywhere', st($b, Action => 's3:*', Condition => { IpAddress => { 'aws:SourceIp' => '0.0.0.0/0' } })],
        [true => 'by referer', st($b, Action => 's3:*', Condition => { StringLike => { 'aws:Referer' => 'x' } })],
        [false => 'an account', st($b, Action => 's3:*', Principal => { AWS => $alt })],
        [false => 'denied', st($b, Action => 's3:GetObject', Effect => 'Deny')],
        [false => 'from a network', st($b, Action => 's3:*', Condition => { StringEquals => { 'aws:SourceVpc' => 'vpc-1' } })],
    );
    my $block = sub {
        $s->put("/$b?publicAccessBlock", '<PublicAccessBlockConfiguration>' . join('', map { "<$_>true</$_>" } @_)
            . '</PublicAccessBlockConfiguration>');
    };
    for my $case (@case) {
        my ($want, $name, $st) = @$case;
        set($b, s3($st), "$name: put");
        $is->($want, $name);
        $s->delete("/$b?policy");
        $block->('BlockPublicPolicy');
        is $s->put("/$b?policy", s3($st))->status, $want eq 'true' ? 403 : 204, "$name: with public policies blocked";
        $s->delete("/$b?publicAccessBlock");
        $s->delete("/$b?policy");
    }
    is_error $s->get("/$b?policyStatus", @alt), 403, 'AccessDenied', 'not for everybody';
    set($b, s3(st($b, Action => 's3:GetObject')), 'public');
    is_status $s->get("/$b/o", @none), 200, 'readable';
    $block->('RestrictPublicBuckets');
    is_error $s->get("/$b/o", @none), 403, 'AccessDenied', 'restricted';
    is_error $s->get("/$b/o", @alt), 403, 'AccessDenied', 'for other accounts, too';
    is_status $s->get("/$b/o"), 200, 'not for its own';
}

# --- objects of others -------------------------------------------------------------------

{
    my $b = $s->make_bucket('foreign-1250000000');
    set($b, s3(st($b, Action => ['s3:PutObject', 's3:GetObject'])), 'all may write and read');
    is_status $s->put("/$b/theirs", 'x', @alt), 200, 'written by another account';
    is_error $s->get("/$b/theirs", @none), 403, 'AccessDenied', 'a policy gives nothing of what is not its bucket\'s';
    is_status $s->get("/$b/theirs", @alt), 200, 'its owner reads it';
    set($b, s3(st($b, Action => 's3:*')), 'all may do everything');
    for my $sub (qw(acl tagging)) {
        is_error $s->get("/$b/theirs?$sub", @none), 403, 'AccessDenied', "a policy does not show its $sub";
        is_error $s->put("/$b/theirs?$sub", '', @none, headers => ['x-amz-acl' => 'public-read']), 403, 'AccessDenied',
            "nor change its $sub" if $sub eq 'acl';
        is_status $s->get("/$b/theirs?$sub", @alt), 200, "its owner sees its $sub";
    }
    my $t = '<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>';
    is_error $s->put("/$b/theirs?tagging", $t, @none), 403, 'AccessDenied', 'nor tags';
    is_error $s->delete("/$b/theirs?tagging", @none), 403, 'AccessDenied', 'nor removes them';
    is_error $s->get("/$b/theirs", @none), 403, 'AccessDenied', 'so it stays what it was';
    is_status $s->get("/$b/theirs?acl"), 200, 'the bucket\'s owner sees it';
    set($b, s3(st($b, Action => 's3:GetObject', Effect => 'Deny')), 'and denies all of it');
    is_error $s->get("/$b/theirs", @alt), 403, 'AccessDenied', 'its owner, too';
}

# --- after a restart, in every worker ------------------------------------------------------

{
    my $b = $s->make_bucket('stay-1250000000');
    $s->put("/$b/o", 'x');
    set($b, s3(st($b, Action => 's3:GetObject')), 'readable');
    is join(' ', map { $s->get("/$b/o", @none)->status } 1 .. 20), join(' ', (200) x 20), 'by all workers';
    $s->delete("/$b?policy");
    is join(' ', map { $s->get("/$b/o", @none)->status } 1 .. 20), join(' ', (403) x 20), 'and by none';
}

$s->done;
