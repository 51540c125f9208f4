# x-cos-traffic-limit: how fast the bytes of one request go, either way.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time sleep);
use Cos;
use Cos::Form;

my $s = Cos->start;
my $b = $s->make_bucket('slow-1250000000', headers => ['x-amz-acl' => 'public-read-write']);
my $name = 'x-cos-traffic-limit';
my $least = 819200;                     # bits a second: 100 KB
my $data = 'x' x 250_000;

# Seconds that it took.
sub took {
    my ($code) = @_;
    my $from = time;
    my $r = $code->();
    return (time - $from, $r);
}

sub slow {
    my ($what, $min, $code, $status, $body) = @_;
    my ($t, $r) = took($code);
    is_status $r, $status // 200, $what;
    ok $t > $min && $t < $min * 3 * $Cos::SLOW + 2, "$what: slowly" or diag "it took $t s";
    ok $r->body eq $body, "$what: the bytes" if defined $body;
    return $r;
}

is_status $s->put("/$b/k", $data), 200, 'an object';
my ($fast) = took(sub { $s->get("/$b/k") });
ok $fast < 1 * $Cos::SLOW, 'without a limit it comes at once';

# --- downloads ------------------------------------------------------------------------------

slow('GET, a header', 1, sub { $s->get("/$b/k", as => 'cos', headers => [$name, $least]) }, 200, $data);
slow('GET, the query', 1, sub { $s->get("/$b/k?$name=$least", as => 'cos') }, 200, $data);
slow('GET, a URL', 1, sub { $s->get("/$b/k?$name=$least", as => 'cos', presign => 60) }, 200, $data);
slow('GET, nobody', 1, sub { $s->get("/$b/k?$name=$least", as => 'none') }, 200, $data)
    if is_status $s->put("/$b/k?acl", '', headers => ['x-amz-acl', 'public-read']), 200,
        'everybody may read it';
slow('GET, the least of several', 1, sub { $s->get("/$b/k?$name=$least", as => 'cos', presign => 60,
    late => [$name, 838860800]) }, 200, $data);
{
    my ($t, $r) = took(sub { $s->get("/$b/k", as => 'cos', headers => [$name, 838860800]) });
    is_ok $r, 'the highest limit', $data;
    ok $t < 1.5 * $Cos::SLOW, 'is none here';
}

# --- uploads ----------------------------------------------------------------------------------

slow('PUT', 2, sub { $s->put("/$b/u", $data, as => 'cos', headers => [$name, $least]) });
slow('PUT, the query', 2, sub { $s->put("/$b/u?$name=$least", $data, as => 'cos') });
is_ok $s->get("/$b/u"), 'it was stored', $data;
slow('PUT, chunked', 2, sub { $s->put("/$b/u", $data, as => 'cos', chunked => 30000,
    headers => [$name, $least]) });
{
    my $r = $s->post("/$b/m?uploads", '', as => 'cos', headers => [$name, $least]);
    is_status $r, 200, 'an upload begins, whatever its parts will do';
    my $id = $r->xml('UploadId');
    slow('UploadPart', 2, sub { $s->put("/$b/m?partNumber=1&uploadId=$id", $data, as => 'cos',
        headers => [$name, $least]) });
    is_status $s->delete("/$b/m?uploadId=$id"), 204, 'aborted';
}
slow('a form', 2, sub {
    my @sig = Cos::Form::sign('cos', $s->{main}, [{ bucket => $b }, { key => 'f' }, { $name => "$least" }]);
    $s->post("/$b", Cos::Form::body([key => 'f', $name => $least, @sig,
        file => { filename => 'f', body => $data }]), as => 'none',
        headers => ['Content-Type', Cos::Form::type()]) }, 204);
is_ok $s->get("/$b/f"), 'it was stored', $data;

# nobody else waits
{
    my $c = $s->connect;
    my $req = $s->build('PUT', "/$b/w", as => 'cos', body => $data, headers => [$name, $least]);
    $c->send($req->{head} . $req->{wire});
    my ($t, $r) = took(sub { $s->get("/$b/k") });
    is_ok $r, 'meanwhile', $data;
    ok $t < 1 * $Cos::SLOW, 'others are not slowed down';
    is_status $c->recv('PUT'), 200, 'and the slow one ends';
    $c->close;

    # a client that leaves
    $c = $s->connect;
    $req = $s->build('PUT', "/$b/left", as => 'cos', body => $data x 4, headers => [$name, $least]);
    $c->send($req->{head} . substr $req->{wire}, 0, 300_000);
    sleep 0.2;
    $c->close;
    sleep 1.5;
    is_error $s->get("/$b/left"), 404, 'NoSuchKey', 'what was broken off is not there';
}

# --- limits that are none -----------------------------------------------------------------------

for my $bad (819199, 838860801, 0, -1, '1e6', 'fast', '819200 ', "$least,$least") {
    next if $bad eq '819200 ';
    for my $as (qw(cos s3)) {
        is_error $s->get("/$b/k", as => $as, headers => [$name, $bad]), 400, 'InvalidArgument',
            "$as: GET with $bad";
        is_error $s->put("/$b/n", 'x', as => $as, headers => [$name, $bad]), 400,
            'InvalidArgument', "$as: PUT with $bad";
    }
    is_error $s->get("/$b/k?$name=$bad", as => 'cos'), 400, 'InvalidArgument', "the query with $bad";
}
is_status $s->put("/$b/n", 'x', as => 'cos', headers => [$name, '']), 200, 'an empty one is none';
is_status $s->head("/$b/k", as => 'cos', headers => [$name, 1]), 200, 'HEAD has nothing to limit';

$s->done;
