# Uploads of many pieces, which are received, hashed and written at the same time:
# all bytes in their places, and nothing left of those that break in the middle.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_base64);
use Time::HiRes qw(sleep);
use Test::More;
use Cos;
use CosFail;

# several turns of both buffers, and ends that fit none of them
my $s = Cos->start(http => 'cos_upload_buffer 16k; cos_pack_max 16k;');
my $b = $s->make_bucket('pieces-1250000000');
my $data = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 300_001;
my ($pid) = $s->worker_pids;
$s->put("/$b/keep", 'x');

for my $n (16_384, 16_385, 20_480, 20_481, 32_769, 65_536, 500_000, length $data) {
    my $body = substr $data, 0, $n;
    my %form = (
        'as it is' => {},
        'chunked' => { chunked => 5000 },
        'in tiny chunks' => { chunked => 700 },
        'aws-chunked' => { stream => { signed => 1, size => 8192 } },
        'aws-chunked, large chunks' => { stream => { signed => 1, size => 200_000 } },
        'both' => { chunked => 3000, stream => { signed => 1, size => 10_000 } },
    );
    for my $form (sort keys %form) {
        is_status $s->put("/$b/k", $body, %{ $form{$form} }), 200, "$n bytes, $form";
        is_ok $s->get("/$b/k"), "$n bytes, $form: back", $body;
    }
}

# slowly, so that the loop waits for the client and for threads by turns
{
    my $req = $s->build('PUT', "/$b/k", body => $data);
    my $c = $s->connect;
    $c->send($req->{head});
    my $at = 0;
    for my $i (1 .. 60) {
        my $n = 1 + $i * 7919 % 60_000;
        $c->send(substr $req->{wire}, $at, $n);
        $at += $n;
        last if $at >= length $data;
        sleep 0.002 if $i % 3;
    }
    $c->send(substr $req->{wire}, $at) if $at < length $data;
    is_status $c->recv('PUT'), 200, 'bit by bit';
    is_ok $s->get("/$b/k"), 'bit by bit: back', $data;
}
$s->delete("/$b/k");

sub nothing {
    my ($when) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_error $s->get("/$b/no"), 404, 'NoSuchKey', "$when: no object";
    ok $s->wait_for(sub { !open_files($s) }), "$when: no file";
}

for my $bad (0, 1, 2, 3, 40, 70) {
    is_error $s->put("/$b/no", $data, stream => { signed => 1, size => 16_384, bad_chunk => $bad }),
        403, 'SignatureDoesNotMatch', "chunk $bad is wrong";
    nothing("chunk $bad is wrong");
}
is_error $s->put("/$b/no", $data, headers => ['Content-MD5', md5_base64('other') . '==']), 400,
    'BadDigest', 'another MD5';
nothing('another MD5');

# the second piece never comes, or only half of it, while the first is written
for my $share (17_000, 33_000, 40_000, 500_000) {
    for my $how ('close', 'half') {
        my $req = $s->build('PUT', "/$b/no", body => $data);
        my $c = $s->connect(timeout => 5);
        $c->send($req->{head} . substr $req->{wire}, 0, $share);
        if ($how eq 'half') {
            $c->finish;
            my $r = eval { $c->recv('PUT') };
            ok !$r || $r->status == 400, "$share bytes, then half-closed";
        }
        $c->close;
        nothing("$share bytes, then $how");
    }
}

# broken and cut off: what came first is what is told, if anything is
{
    my $req = $s->build('PUT', "/$b/no", body => $data,
        stream => { signed => 1, size => 16_384, bad_chunk => 1 });
    my $c = $s->connect(timeout => 5);
    $c->send($req->{head} . substr $req->{wire}, 0, 60_000);
    $c->finish;
    my $r = eval { $c->recv('PUT') };
    is $r && $r->status, 403, 'broken, then half-closed';
    nothing('broken, then half-closed');
}
is kill(0, $pid), 1, 'the same worker';
is_ok $s->get("/$b/keep"), 'others are there', 'x';
$s->done;
