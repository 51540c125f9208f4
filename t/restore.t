# Archived objects: refused until restored, restoring by the clock.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $s = Cos->start(workers => 2, http => <<'END');
cos_restore_time ARCHIVE Expedited 1s;
cos_restore_time ARCHIVE Standard 1h;
cos_restore_time DEEP_ARCHIVE Standard 1s;
END
my $b = $s->make_bucket('restore-1250000000');
my %p = (s3 => 'x-amz', cos => 'x-cos');

sub document {
    my ($days, $tier, $how) = @_;
    $how ||= 'CASJobParameters';
    return '<RestoreRequest>' . (defined $days ? "<Days>$days</Days>" : '')
        . (defined $tier ? "<$how><Tier>$tier</Tier></$how>" : '') . '</RestoreRequest>';
}

for my $as (qw(cos s3)) {
    my ($p, $name) = ($p{$as}, $as eq 's3' ? 'GLACIER' : 'ARCHIVE');
    my $how = $as eq 's3' ? 'GlacierJobParameters' : 'CASJobParameters';
    my $k = "/$b/$as";
    is_ok $s->put($k, 'frozen', as => $as, headers => ["$p-storage-class", $name]), "$as: PUT";

    my $r = $s->get($k, as => $as);
    is_error $r, 403, 'InvalidObjectState', "$as: GET of an archived object";
    is $r->xml('StorageClass'), $name, "$as: says its class";
    is_error $s->get($k, as => $as, headers => ['Range', 'bytes=0-1']), 403, 'InvalidObjectState',
        "$as: nor a range";
    is_error $s->put("/$b/copy", '', as => $as, headers => ["$p-copy-source", $k]), 403,
        'InvalidObjectState', "$as: nor a copy";
    is_error $s->put($k, '', as => $as, headers => ["$p-copy-source", $k, "$p-storage-class",
        'STANDARD']), 403, 'InvalidObjectState', "$as: nor another class";
    $r = $s->head($k, as => $as);
    is_status $r, 200, "$as: HEAD works";
    is $r->h('content-length'), 6, "$as: with its length";
    is $r->h("$p-restore"), undef, "$as: no word of restoring";

    # asked for, slowly
    is_error $s->post("$k?restore", document(1, 'Quick', $how), as => $as), 400, 'InvalidArgument',
        "$as: an unknown tier";
    is_error $s->post("$k?restore", document(0, 'Bulk', $how), as => $as), 400, 'InvalidArgument',
        "$as: no day";
    is_error $s->post("$k?restore", document(undef, 'Bulk', $how), as => $as), 400, 'MalformedXML',
        "$as: no days";
    is_error $s->post("$k?restore", 'x', as => $as), 400, 'MalformedXML', "$as: no document";
    $r = $s->post("$k?restore", document(2, 'Standard', $how), as => $as);
    is_status $r, 202, "$as: accepted";
    is length $r->body, 0, "$as: without a body";
    $r = $s->head($k, as => $as);
    is $r->h("$p-restore"), 'ongoing-request="true"', "$as: it is under way";
    like $r->h('x-cos-restore-status'), qr/^tier="standard"; request-date="\w{3}, [^"]+ GMT"$/,
        "$as: its tier" if $as eq 'cos';
    is_error $s->get($k, as => $as), 403, 'InvalidObjectState', "$as: not readable yet";
    is_error $s->post("$k?restore", document(2, 'Standard', $how), as => $as), 409,
        'RestoreAlreadyInProgress', "$as: asked for again";
    is_error $s->post("$k?restore", document(2, 'Bulk', $how), as => $as), 409,
        'RestoreAlreadyInProgress', "$as: slower";

    # metadata changes do not touch it
    is_ok $s->put("$k?acl", '', as => $as, headers => ["$p-acl", 'private']), "$as: PUT ?acl";
    is $s->head($k, as => $as)->h("$p-restore"), 'ongoing-request="true"', "$as: still under way";

    # fast
    if ($as eq 's3') {
        is_status $s->post("$k?restore", document(2, 'Expedited', $how)), 202, 's3: made faster';
    } else {
        is_error $s->post("$k?restore", document(2, 'Expedited'), as => $as), 409,
            'RestoreAlreadyInProgress', 'cos: cannot be made faster';
        $k .= '-fast';
        $s->put($k, 'frozen', as => $as, headers => ["$p-storage-class", $name]);
        is_status $s->post("$k?restore", document(2, 'Expedited'), as => $as), 202, 'cos: fast';
    }
    ok $s->wait_for(sub { $s->get($k, as => $as)->status == 200 }), "$as: readable a second later";
    $r = $s->get($k, as => $as);
    is_ok $r, "$as: GET", 'frozen';
    is $r->h("$p-storage-class"), $name, "$as: its class is what it was";
    my $until = qr/^ongoing-request="false", expiry-date="(\w{3}, \d\d \w{3} \d{4} 00:00:00 GMT)"$/;
    like $r->h("$p-restore"), $until, "$as: for some days";
    my ($before) = $r->h("$p-restore") =~ $until;
    is_ok $s->get($k, as => $as, headers => ['Range', 'bytes=0-1'])->status == 206
        ? $s->get($k, as => $as) : $r, "$as: a range";

    # longer
    is_status $s->post("$k?restore", document(9, 'Expedited', $how), as => $as), 200,
        "$as: asked for more days";
    my ($after) = $s->head($k, as => $as)->h("$p-restore") =~ $until;
    isnt $after, $before, "$as: so many more";

    # now it can be copied, and given another class
    is_ok $s->put("/$b/copy", '', as => $as, headers => ["$p-copy-source", $k]), "$as: a copy";
    is_ok $s->get("/$b/copy"), "$as: is not archived", 'frozen';
    is_ok $s->put($k, '', as => $as, headers => ["$p-copy-source", $k, "$p-storage-class",
        'STANDARD']), "$as: another class";
    $r = $s->get($k, as => $as);
    is_ok $r, "$as: thawed", 'frozen';
    is $r->h("$p-restore"), undef, "$as: no longer restored";
    my $code = $as eq 's3' ? [403, 'InvalidObjectState'] : [405, 'RestoreNonArchiveObject'];
    is_error $s->post("$k?restore", document(1, 'Bulk', $how), as => $as), @$code,
        "$as: nothing to restore";
    is_error $s->post("/$b/none?restore", document(1), as => $as), 404, 'NoSuchKey', "$as: no such key";
    is_error $s->post("$k?restore", document(1), as => $as, who => 'alt'), 403, 'AccessDenied',
        "$as: somebody else";
    is_error $s->post("$k?restore", document(1), as => 'none'), 403, 'AccessDenied', "$as: anonymous";
}

# deep archive; a whole day more than COS keeps copies
$s->put("/$b/deep", 'deep', headers => ['x-amz-storage-class', 'DEEP_ARCHIVE']);
is_error $s->get("/$b/deep"), 403, 'InvalidObjectState', 'deep: refused';
is_error $s->post("/$b/deep?restore", document(1, 'Expedited', 'GlacierJobParameters')), 400,
    'InvalidArgument', 'deep: not in a hurry';
is_error $s->post("/$b/deep?restore", document(366), as => 'cos'), 400, 'InvalidArgument',
    'a year and a day';
is_status $s->post("/$b/deep?restore", document(1)), 202, 'deep: Standard by default';
ok $s->wait_for(sub { $s->get("/$b/deep")->status == 200 }), 'deep: after its time';

# BOS asks in headers
$s->put("/$b/bos", 'bos', as => 'bce', headers => ['x-bce-storage-class', 'ARCHIVE']);
is_status $s->get("/$b/bos", as => 'bce'), 403, 'bos: refused';
is_status $s->post("/$b/bos?restore", '', as => 'bce'), 400, 'bos: no days';
is_status $s->post("/$b/bos?restore", '', as => 'bce', headers => ['x-bce-restore-days', '3',
    'x-bce-restore-tier', 'Expedited']), 202, 'bos: accepted';
is $s->head("/$b/bos", as => 'bce')->h('x-bce-restore'), 'ongoing-request="true"', 'bos: under way';
ok $s->wait_for(sub { $s->get("/$b/bos", as => 'bce')->status == 200 }), 'bos: restored';

# parts of archived objects
$s->put("/$b/a", 'y' x 1000, headers => ['x-amz-storage-class', 'GLACIER']);
my $id = $s->post("/$b/p?uploads", '')->xml('UploadId');
is_error $s->put("/$b/p?partNumber=1&uploadId=$id", '', headers => ['x-amz-copy-source', "/$b/a"]),
    403, 'InvalidObjectState', 'UploadPartCopy of an archived object';
# conditions come first
my $tag = $s->head("/$b/a")->h('etag');
is_status $s->get("/$b/a", headers => ['If-None-Match', $tag]), 304, 'a copy that is still fresh';

$s->done;
