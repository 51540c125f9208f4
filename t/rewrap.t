# cosctl sse rewrap: another master key for everything, with writers beside it
# and killed again and again; nothing but the key changes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cos;
use Test::More;

my $s = Cos->start(workers => 2, http => 'cos_pack_max 64k;');
my $P = '/plain-1250000000';
my $V = '/versions-1250000000';
$s->make_bucket($_) for 'plain-1250000000', 'versions-1250000000';
my $ctl = "$Cos::ROOT/build/cosctl --env @{[$s->dir]}/env";
my @AES = ('x-amz-server-side-encryption', 'AES256');
my $keys = $s->env('SSE_KEYS');
my $old = Cos::slurp($keys);
my $new = '2 ' . 'ab' x 32 . "\n";

sub use_keys {
    open my $f, '>', $keys or die "$keys: $!";
    print $f @_;
    close $f or die $!;
    my %was = map { $_ => 1 } $s->worker_pids;
    $s->signal('HUP');
    $s->wait_for(sub { my @now = $s->worker_pids; @now == 2 && !grep { $was{$_} } @now })
        or die 'no new workers';
    $s->expect_new_workers;
    $s->in_service($P) or die 'the new workers are not ready';
    return;
}

sub rewrap {
    my $out = `$ctl sse rewrap 2>&1`;
    return ($? >> 8, $out);
}

sub verified { my $out = `$ctl verify 2>&1`; is $? >> 8, 0, "verify is clean $_[0]" or diag $out }

# Target => body, and what a client is told of it.
my (%body, %told);

sub told {
    my ($r) = @_;
    return join "\n", map { "$_: " . ($r->h($_) // '-') } qw(etag last-modified x-amz-version-id
        x-amz-server-side-encryption x-amz-tagging-count x-amz-meta-a content-length);
}

# A worker that is busy may lose its Redis for a moment.
sub head_of {
    my ($t) = @_;
    my $r;
    $s->wait_for(sub { ($r = $s->head($t))->status == 200 }) or die "HEAD $t: " . $r->status;
    return told($r);
}

sub keep {
    my ($t, $body) = @_;
    $body{$t} = $body;
    $told{$t} = head_of($t);
    return;
}

sub all_there {
    my ($when) = @_;
    my @bad;
    for my $t (sort keys %body) {
        my $r = $s->get($t);
        my $now = told($s->head($t));
        push @bad, "$t: " . $r->status . ($r->body ne $body{$t} ? ', other bytes' : '')
            . ($now ne $told{$t} ? ", $now" : '')
            if $r->status != 200 || $r->body ne $body{$t} || $now ne $told{$t};
    }
    is "@bad[0 .. ($#bad < 5 ? $#bad : 5)]", '', scalar(keys %body) . " objects as they were $when";
    return;
}

for my $n (1 .. 400) {
    $s->put("$P/$n", "object $n", headers => [@AES, 'x-amz-meta-a', $n])->status == 200 or die;
    keep("$P/$n", "object $n");
}
my $large = join '', map { sprintf '%07d;', $_ } 1 .. 60_000;
is_status $s->put("$P/large", $large, headers => [@AES, 'x-amz-acl', 'private']), 200, 'a large one';
keep("$P/large", $large);
my @parts = ('a' x 5_300_000, 'the end');
$s->multipart("$P/parts", \@parts, headers => \@AES);
keep("$P/parts", join '', @parts);
is_status $s->put("$P/kms", 'named', headers => ['x-amz-server-side-encryption', 'aws:kms']), 200,
    'one under a named key';
keep("$P/kms", 'named');
is_status $s->put("$P/clear", 'clear'), 200, 'one in the clear';
keep("$P/clear", 'clear');

# null versions: of before there were versions, and of those that were hidden
is_status $s->put("$V/before", 'null', headers => \@AES), 200, 'a null version';
is_status $s->put("$V/hidden", 'null too', headers => \@AES), 200, 'another';
my $r = $s->put("$V?versioning", '<VersioningConfiguration><Status>Enabled</Status>'
    . '</VersioningConfiguration>');
is_status $r, 200, 'versioning';
for my $n (1 .. 3) {
    my $id = $s->put("$V/hidden", "version $n", headers => \@AES)->h('x-amz-version-id');
    keep("$V/hidden?versionId=$id", "version $n");
}
keep("$V/hidden?versionId=null", 'null too');
keep("$V/before", 'null');
is_status $s->put("$V/marked", 'below a marker', headers => \@AES), 200, 'a version';
my $id = $s->head("$V/marked")->h('x-amz-version-id');
keep("$V/marked?versionId=$id", 'below a marker');
is_status $s->delete("$V/marked"), 204, 'hidden by a delete marker';

# an upload that was begun under the old key
$r = $s->post("$P/open?uploads", '', headers => \@AES);
is_status $r, 200, 'an upload';
my $upload = $r->xml('UploadId');
my $etag = $s->put("$P/open?partNumber=1&uploadId=$upload", 'in time')->h('etag');

my ($rc, $out) = rewrap();
is $rc, 0, 'with the keys as they are there is nothing to do';
like $out, qr/^rewrapped +0$/m, 'and nothing is done';

use_keys($new, $old);
all_there('with two keys');

subtest 'killed, with writers beside it' => sub {
    my $pid = fork // die;
    if (!$pid) {
        # changes tags of what is being rewrapped, until it is ended
        $s->{sock} = undef;
        local $SIG{TERM} = sub { exec 'true' };
        for my $n (map { (1 .. 400) } 1 .. 1000) {
            $s->put("$P/$n?tagging", "<Tagging><TagSet><Tag><Key>k</Key><Value>$n</Value></Tag>"
                . '</TagSet></Tagging>');
        }
        exec 'false';
    }
    my $killed = 0;
    for my $try (1 .. 12) {
        my $child = fork // die;
        if (!$child) {
            open STDOUT, '>', '/dev/null';
            open STDERR, '>', '/dev/null';
            exec split(/ /, $ctl), 'sse', 'rewrap' or exec 'false';
        }
        select undef, undef, undef, 0.012 * $try;
        $killed += kill 'KILL', $child;
        waitpid $child, 0;
    }
    is $killed, 12, 'killed';
    ($rc, $out) = rewrap();
    is $rc, 1, 'the upload is still open';
    like $out, qr/^open uploads +1$/m, 'which is said';
    like $out, qr/^left +0$/m, 'all else is done';
    kill 'TERM', $pid;
    waitpid $pid, 0;
    ($rc, $out) = rewrap();
    like $out, qr/^rewrapped +0$/m, 'writers left nothing under the old key' or diag $out;
    $told{"$P/$_"} = head_of("$P/$_") for 1 .. 400;
    like $told{"$P/400"}, qr/x-amz-meta-a: 400/, 'metadata stay';
};
is_status $s->post("$P/open?uploadId=$upload", '<CompleteMultipartUpload><Part><PartNumber>1'
    . "</PartNumber><ETag>$etag</ETag></Part></CompleteMultipartUpload>"), 200, 'completed';
keep("$P/open", 'in time');
($rc, $out) = rewrap();
is $rc, 0, 'rewrapped' or diag $out;
like $out, qr/^rewrapped +1$/m, 'what the upload has become';

use_keys($new);
all_there('without the old key');
($rc, $out) = rewrap();
is $rc, 0, 'nothing needs it';
ok $s->wait_for(sub { `$ctl verify 2>&1`; $? == 0 }, 30), 'what was killed is recovered';
verified('');
$s->redis('FLUSHALL');
$out = `$ctl rebuild 2>&1`;
is $? >> 8, 0, 'rebuild' or diag $out;
ok $s->in_service($P), 'in service again';
all_there('after a rebuild');
verified('after it');

# what cannot be opened is named, and left alone
is_status $s->put("$P/later", 'later', headers => \@AES), 200, 'under the new key';
use_keys($old);
($rc, $out) = rewrap();
is $rc, 1, 'the key is not there';
like $out, qr{"1" of bucket id \w+, key "2": no key of this id opens}, 'which is said';
like $out, qr/^left +[1-9]\d\d$/m, 'of all';
use_keys($new);
is_ok $s->get("$P/later"), 'nothing was changed', 'later';

# mistakes
$out = `$ctl sse rewrap --sse-keys /nowhere 2>&1`;
like $out, qr{cannot open "/nowhere"}, 'no file';
open my $f, '>', $s->dir . '/bad' or die;
print $f "1 abc\n";
close $f;
$out = `$ctl sse rewrap --sse-keys @{[$s->dir]}/bad 2>&1`;
like $out, qr/line 1: expected "ID KEY"/, 'no key';
is $? >> 8, 1, 'is a failure';

$s->done;
