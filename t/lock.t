# Object lock: retention and legal holds of versions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX qw(strftime);
use Test::More;
use Digest::MD5 qw(md5_base64);
use Cos;

my $s = Cos->start;
my $b = $s->make_bucket('lock-1250000000', headers => ['x-amz-bucket-object-lock-enabled', 'true']);
my $plain = $s->make_bucket('plain-1250000000');
my $day = 86400;

sub date { strftime '%Y-%m-%dT%H:%M:%S.000Z', gmtime(time + $_[0]) }
sub retention {
    my ($mode, $until) = @_;
    return '<Retention>' . (defined $mode ? "<Mode>$mode</Mode>" : '')
        . (defined $until ? "<RetainUntilDate>$until</RetainUntilDate>" : '') . '</Retention>';
}
# What proves the body 'x', which S3 wants with a lock.
my @proof = ('Content-MD5', md5_base64('x') . '==');
sub hold { "<LegalHold><Status>$_[0]</Status></LegalHold>" }

my $id = 'x-amz-version-id';
my @bypass = (headers => ['x-amz-bypass-governance-retention', 'true']);

# --- retention ---------------------------------------------------------------------------
my $r = $s->put("/$b/k", 'locked');
my $v = $r->h($id);
ok $v, 'a version';
is_error $s->get("/$b/k?retention"), 404, 'NoSuchObjectLockConfiguration', 'no retention at first';
is $s->head("/$b/k")->h('x-amz-object-lock-mode'), undef, 'nor in HEAD';
my $until = date(10 * $day);
is_ok $s->put("/$b/k?retention", retention('GOVERNANCE', $until)), 'PutObjectRetention';
$r = $s->get("/$b/k?retention");
is_ok $r, 'GetObjectRetention';
is $r->xml('Mode'), 'GOVERNANCE', 'its mode';
is $r->xml('RetainUntilDate'), $until, 'its date';
for my $m (qw(GET HEAD)) {
    $r = $s->req($m, "/$b/k");
    is $r->h('x-amz-object-lock-mode'), 'GOVERNANCE', "$m: mode";
    is $r->h('x-amz-object-lock-retain-until-date'), $until, "$m: date";
    is $r->h($id), $v, "$m: the version it was";
}
is_ok $s->get("/$b/k"), 'the bytes are where they were', 'locked';

# deleting
is_error $s->delete("/$b/k?versionId=$v"), 403, 'AccessDenied', 'a locked version stays';
is_error $s->delete("/$b/k?versionId=$v", as => 'cos'), 409, 'ObjectLocked', 'as COS says it';
is_error $s->delete("/$b/k?versionId=$v", who => 'alt', @bypass), 403, 'AccessDenied', 'others cannot bypass';
$r = $s->post("/$b?delete", "<Delete><Object><Key>k</Key><VersionId>$v</VersionId></Object></Delete>",
    headers => ['Content-MD5', do { require Digest::MD5; Digest::MD5::md5_base64(
        "<Delete><Object><Key>k</Key><VersionId>$v</VersionId></Object></Delete>") . '==' }]);
is_ok $r, 'DeleteObjects';
is $r->xml('Code'), 'AccessDenied', 'says the same of it';
is_ok $s->get("/$b/k?versionId=$v"), 'it is still there', 'locked';
is_status $s->delete("/$b/k"), 204, 'a delete marker does not touch it';
is_ok $s->get("/$b/k?versionId=$v"), 'the version is still there', 'locked';

# changing
my $t = "/$b/k?retention&versionId=$v";
is_ok $s->put($t, retention('GOVERNANCE', date(11 * $day))), 'longer';
is_error $s->put($t, retention('GOVERNANCE', date(9 * $day))), 403, 'AccessDenied', 'not shorter';
is_error $s->put($t, retention()), 403, 'AccessDenied', 'not none';
is_error $s->put($t, retention('GOVERNANCE', date(9 * $day)), as => 'cos'), 409, 'ObjectLocked',
    'COS has another word for it';
is_ok $s->put($t, retention('GOVERNANCE', date(9 * $day)), @bypass), 'shorter, bypassing';
is_error $s->put($t, retention('COMPLIANCE', date(1 * $day))), 403, 'AccessDenied', 'not shorter by mode';
is_error $s->put($t, retention('GOVERNANCE', date(20 * $day)),
    late => ['x-amz-bypass-governance-retention', 'true']), 403, 'AccessDenied',
    'the bypass must be signed';
is_ok $s->put($t, retention(), @bypass), 'none, bypassing';
is_error $s->get($t), 404, 'NoSuchObjectLockConfiguration', 'none';
is_ok $s->put($t, retention('COMPLIANCE', date(20 * $day))), 'COMPLIANCE';
is_error $s->put($t, retention('COMPLIANCE', date(19 * $day)), @bypass), 403, 'AccessDenied',
    'COMPLIANCE knows no bypass';
is_error $s->put($t, retention('GOVERNANCE', date(30 * $day)), @bypass), 403, 'AccessDenied',
    'and does not become GOVERNANCE';
is_error $s->delete("/$b/k?versionId=$v", @bypass), 403, 'AccessDenied', 'nor does it go';
is_ok $s->put($t, retention('COMPLIANCE', date(21 * $day))), 'but it grows';

# documents
is_error $s->put($t, retention('COMPLIANCE', date(-10))), 400, 'InvalidArgument', 'a date in the past';
is_error $s->put($t, retention('COMPLIANCE')), 400, 'MalformedXML', 'no date';
is_error $s->put($t, retention('OTHER', date(100))), 400, 'MalformedXML', 'another mode';
is_error $s->put($t, retention('COMPLIANCE', 'x')), 400, 'MalformedXML', 'no date at all';
is_error $s->put($t, ''), 400, 'MissingRequestBodyError', 'no document';
is_error $s->put("/$b/none?retention", retention('COMPLIANCE', $until)), 404, 'NoSuchKey', 'no key';
is_error $s->get("/$b/none?retention"), 404, 'NoSuchKey', 'no key to get';
is_error $s->put("/$b/k?retention&versionId=0000000000000001", retention('COMPLIANCE', $until)),
    404, 'NoSuchVersion', 'no version';
is_error $s->put($t, retention('COMPLIANCE', $until), who => 'alt'), 403, 'AccessDenied', 'not his bucket';

# it ends
$r = $s->put("/$b/short", 'x', headers => [@proof, 'x-amz-object-lock-mode', 'COMPLIANCE',
    'x-amz-object-lock-retain-until-date', date(3)]);
is_ok $r, 'PUT with a retention';
my $sv = $r->h($id);
is_error $s->delete("/$b/short?versionId=$sv"), 403, 'AccessDenied', 'for now';
ok $s->wait_for(sub { $s->delete("/$b/short?versionId=$sv")->status == 204 }), 'and then it may go';
is_error $s->get("/$b/short?versionId=$sv"), 404, 'NoSuchVersion', 'it is gone';

# --- legal holds ---------------------------------------------------------------------------
$v = $s->put("/$b/h", 'held')->h($id);
is_error $s->get("/$b/h?legal-hold"), 404, 'NoSuchObjectLockConfiguration', 'no hold at first';
is_ok $s->put("/$b/h?legal-hold", hold('ON')), 'PutObjectLegalHold';
is $s->get("/$b/h?legal-hold")->xml('Status'), 'ON', 'GetObjectLegalHold';
is $s->head("/$b/h")->h('x-amz-object-lock-legal-hold'), 'ON', 'HEAD';
is_error $s->delete("/$b/h?versionId=$v", @bypass), 403, 'AccessDenied', 'a hold has no bypass';
is_ok $s->put("/$b/h?acl", '', headers => ['x-amz-acl', 'public-read']), 'its ACL can change';
is $s->get("/$b/h", as => 'none')->h('x-amz-object-lock-legal-hold'), undef, 'strangers are not told';
is $s->get("/$b/h?legal-hold")->xml('Status'), 'ON', 'still held';
is_error $s->put("/$b/h?legal-hold", hold('MAYBE')), 400, 'MalformedXML', 'neither ON nor OFF';
is_ok $s->put("/$b/h?legal-hold", hold('OFF')), 'OFF';
is $s->get("/$b/h?legal-hold")->xml('Status'), 'OFF', 'is said';
is $s->head("/$b/h")->h('x-amz-object-lock-legal-hold'), 'OFF', 'in HEAD, too';
is_status $s->delete("/$b/h?versionId=$v"), 204, 'and it may go';

# --- of new objects -------------------------------------------------------------------------
my @lock = ('x-amz-object-lock-mode', 'GOVERNANCE', 'x-amz-object-lock-retain-until-date', $until);
is_ok $s->put("/$b/new", 'x', headers => [@proof, @lock, 'x-amz-object-lock-legal-hold', 'ON']), 'PUT';
$r = $s->head("/$b/new");
is $r->h('x-amz-object-lock-mode'), 'GOVERNANCE', 'mode';
is $r->h('x-amz-object-lock-legal-hold'), 'ON', 'hold';
is_ok $s->put("/$b/copy", '', headers => ['x-amz-copy-source', "/$b/new"]), 'copy';
is $s->head("/$b/copy")->h('x-amz-object-lock-mode'), undef, 'a copy does not inherit the lock';
is $s->head("/$b/copy")->h('x-amz-object-lock-legal-hold'), undef, 'nor does it inherit the hold';
is_ok $s->put("/$plain/copy", '', headers => ['x-amz-copy-source', "/$b/new"]), 'copy to a bucket without lock';
is_status $s->delete("/$plain/copy"), 204, 'which keeps nothing';
is_ok $s->put("/$b/copy", '', headers => ['x-amz-copy-source', "/$b/new", @lock]), 'copy with a lock';
is $s->head("/$b/copy")->h('x-amz-object-lock-mode'), 'GOVERNANCE', 'has it';
is_ok $s->multipart("/$b/parts", ['part'], headers => [@lock, 'x-amz-object-lock-legal-hold', 'ON']),
    'an upload with a lock';
is $s->head("/$b/parts")->h('x-amz-object-lock-legal-hold'), 'ON', 'has the hold';
is $s->head("/$b/parts")->h('x-amz-object-lock-retain-until-date'), $until, 'has it';
my @bad = (
    ['InvalidArgument', 'mode alone', 'x-amz-object-lock-mode', 'GOVERNANCE'],
    ['InvalidArgument', 'date alone', 'x-amz-object-lock-retain-until-date', $until],
    ['InvalidArgument', 'past', 'x-amz-object-lock-mode', 'GOVERNANCE',
        'x-amz-object-lock-retain-until-date', date(-5)],
    ['InvalidArgument', 'no mode', 'x-amz-object-lock-mode', 'X',
        'x-amz-object-lock-retain-until-date', $until],
    ['InvalidArgument', 'no hold', 'x-amz-object-lock-legal-hold', 'X'],
);
for (@bad) {
    my ($code, $name, @h) = @$_;
    is_error $s->put("/$b/bad", 'x', headers => [@proof, @h]), 400, $code, "PUT: $name";
}
for my $h (\@lock, ['x-amz-object-lock-legal-hold', 'ON']) {
    $r = $s->put("/$b/bad", 'x', headers => $h);
    is_error $r, 400, 'InvalidRequest', "$h->[0] without a proof";
    like $r->xml('Message'), qr/^Content-MD5 OR x-amz-checksum-/, 'says what is missing';
}
is_status $s->head("/$b/bad"), 404, 'nothing is left of them';
is_ok $s->put("/$b/sum", 'x', headers => ['x-amz-checksum-crc32', 'jNwWgw==', @lock]), 'a checksum will do';
is_ok $s->put("/$b/trailer", 'x', headers => \@lock,
    stream => { trailers => [['x-amz-checksum-crc32', 'jNwWgw==']] }), 'behind the body as well';
is_ok $s->put("/$b/cos", 'x', as => 'cos', headers => [map { s/amz/cos/r } @lock]), 'COS asks for none';
is_error $s->put("/$plain/k", 'x', headers => [@proof, @lock]), 400, 'InvalidRequest', 'a bucket without lock';
is_error $s->put("/$plain/k", 'x', headers => [@proof, 'x-amz-object-lock-legal-hold', 'ON']), 400,
    'InvalidRequest', 'nor holds';
$s->put("/$plain/k", 'x');
for my $sub (qw(retention legal-hold)) {
    is_error $s->get("/$plain/k?$sub"), 400, 'InvalidRequest', "GET ?$sub there";
    is_error $s->put("/$plain/k?$sub", hold('ON')), 400, 'InvalidRequest', "PUT ?$sub there";
}
is_error $s->put("/$b/late", 'x', late => \@lock), 403, 'AccessDenied', 'the headers must be signed';

# others may write here, and yet not lock
my $open = $s->make_bucket('open-1250000000', headers => ['x-amz-bucket-object-lock-enabled', 'true',
    'x-amz-acl', 'public-read-write']);
is_ok $s->put("/$open/k", 'x', who => 'alt'), 'somebody else writes';
is_error $s->put("/$open/k", 'x', who => 'alt', headers => [@proof, @lock]), 403, 'AccessDenied',
    'but does not lock';

# --- by default ------------------------------------------------------------------------------
is_ok $s->put("/$b?object-lock", '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>'
    . '<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>2</Days></DefaultRetention></Rule>'
    . '</ObjectLockConfiguration>'), 'a default retention';
my $from = time;
$v = $s->put("/$b/d", 'x')->h($id);
$r = $s->get("/$b/d?retention");
is $r->xml('Mode'), 'GOVERNANCE', 'new objects have it';
my ($got) = $r->xml('RetainUntilDate') =~ /^(.{19})/;
my @near = map { substr date($_ + 2 * $day + $from - time), 0, 19 } -1 .. 5;
ok scalar(grep { $_ eq $got } @near), 'two days from now' or diag "$got @near";
is_error $s->delete("/$b/d?versionId=$v"), 403, 'AccessDenied', 'and stay';
is_status $s->delete("/$b/d?versionId=$v", @bypass), 204, 'unless bypassed';
is_ok $s->put("/$b/d", 'x', headers => [@proof, 'x-amz-object-lock-mode', 'COMPLIANCE',
    'x-amz-object-lock-retain-until-date', date(60)]), 'a lock of its own';
is $s->head("/$b/d")->h('x-amz-object-lock-mode'), 'COMPLIANCE', 'wins';
is_ok $s->multipart("/$b/dp", ['part']), 'an upload';
is $s->head("/$b/dp")->h('x-amz-object-lock-mode'), 'GOVERNANCE', 'has the default, too';

# from completion on, whatever the default was when the upload was begun
my $default = sub { return '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>'
    . ($_[0] ? "<Rule><DefaultRetention><Mode>$_[0]</Mode><Days>$_[1]</Days></DefaultRetention></Rule>" : '')
    . '</ObjectLockConfiguration>' };
my $begin = sub { my ($k, @h) = @_;
    my $u = $s->post("/$b/$k?uploads", '', headers => \@h)->xml('UploadId');
    my $e = $s->put("/$b/$k?partNumber=1&uploadId=$u", 'x')->h('etag');
    return ["/$b/$k?uploadId=$u", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>$e</ETag></Part>"
        . '</CompleteMultipartUpload>'] };
my ($slow, $own, $none) = ($begin->('slow'), $begin->('own', @lock), $begin->('none'));
sleep 2;
my $done = time;
is_ok $s->post(@$slow), 'an upload that took its time';
my ($till) = $s->head("/$b/slow")->h('x-amz-object-lock-retain-until-date') =~ /^(.{19})/;
ok $till ge substr(date(2 * $day + $done - time), 0, 19), 'is kept from its completion on'
    or diag "$till, begun before " . date(2 * $day + $done - time);
is_ok $s->put("/$b?object-lock", $default->('COMPLIANCE', 1)), 'another default';
is_ok $s->post(@$own), 'an upload with a lock';
is $s->head("/$b/own")->h('x-amz-object-lock-retain-until-date'), $until, 'keeps its own';
is_ok $s->put("/$b?object-lock", $default->()), 'no default any more';
is_ok $s->post(@$none), 'an upload that was begun with one';
is $s->head("/$b/none")->h('x-amz-object-lock-mode'), undef, 'has none either';

$s->done;
