# Buckets: made, named, listed, owned, removed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $s = Cos->start;
my $port = $s->port;

for my $as (qw(s3 cos bce)) {
    my $b = "life-$as-1250000000";
    my $r = $s->req('PUT', "/$b", as => $as, body => '');
    is_status $r, 200, "$as: create";
    is $r->body, '', "$as: no body";
    is_status $s->head("/$b", as => $as), 200, "$as: HEAD";
    is_status $s->head("/$b/", as => $as), 200, "$as: HEAD with a closing slash";
    is_status $s->head("/$b", as => $as, who => 'alt'), 403, "$as: HEAD by somebody else";
    is_status $s->head("/no-$b", as => $as), 404, "$as: HEAD of none";
    is_ok $s->get("/$b?location", as => $as), "$as: location";
    $r = $s->get('/', as => $as);
    is_ok $r, "$as: list buckets";
    like $r->body, qr/\Q$b\E/, "$as: it is listed";
    unlike $s->get('/', as => $as, who => 'alt')->body, qr/\Q$b\E/, "$as: not for somebody else";
    is_error $s->put("/$b/k", 'x', as => $as, who => 'alt'), 403, 'AccessDenied',
        "$as: somebody else puts nothing";
    is_status $s->put("/$b/k", 'x', as => $as), 200, "$as: put";
    is_error $s->delete("/$b", as => $as), 409, 'BucketNotEmpty', "$as: not empty";
    is_error $s->delete("/$b", as => $as, who => 'alt'), 403, 'AccessDenied', "$as: not one's own";
    is_status $s->delete("/$b/k", as => $as), 204, "$as: emptied";
    is_status $s->delete("/$b", as => $as), 204, "$as: removed";
    is_status $s->head("/$b", as => $as), 404, "$as: gone";
    is_error $s->delete("/$b", as => $as), 404, 'NoSuchBucket', "$as: removed again";
    is_error $s->get("/$b/k", as => $as), 404, 'NoSuchBucket', "$as: an object in none";
    is_error $s->put("/$b/k", 'x', as => $as), 404, 'NoSuchBucket', "$as: put into none";
}

my $b = $s->make_bucket('own-1250000000');
is_error $s->req('PUT', "/$b", body => ''), 409, 'BucketAlreadyOwnedByYou', 'create again';
is_error $s->req('PUT', "/$b", body => '', who => 'alt'), 409, 'BucketAlreadyExists',
    'create by somebody else';
is_error $s->req('PUT', '/anon-1250000000', body => '', as => 'none'), 403, 'AccessDenied',
    'create by nobody';
is_error $s->get('/', as => 'none'), 403, 'AccessDenied', 'list by nobody';

# A bucket that is made again is a new one.
$s->put("/$b/old", 'x');
$s->delete("/$b/old");
is_status $s->delete("/$b"), 204, 'remove';
is_status $s->req('PUT', "/$b", body => '', who => 'alt'), 200, 'somebody else takes the name';
is_error $s->get("/$b"), 403, 'AccessDenied', 'and it is theirs now';
is scalar($s->get("/$b", who => 'alt')->all('Key')), 0, 'empty';

# By host.
for my $host ('vh-1250000000.localhost', 'vh-1250000000.s3.ap-local.localhost',
    'vh-1250000000.cos.ap-local.localhost')
{
    is_status $s->req('PUT', '/', body => '', host => "$host:$port"), 200, "create on $host";
    is_ok $s->get('/', host => "$host:$port"), "list on $host";
    is_status $s->delete('/', host => "$host:$port"), 204, "remove on $host";
}
is_ok $s->get('/', as => 'cos', host => "cos.ap-local.localhost:$port"), 'service endpoint of a region';
is_ok $s->get('/', as => 'cos', host => "service.cos.localhost:$port"), 'service endpoint';
is_ok $s->get('/', host => "s3.ap-local.localhost:$port"), 's3 service endpoint';

# Names.
for my $name ('ab', 'a' x 64, 'Upper', 'under_score', '-lead', 'trail-', 'a..b', '192.168.1.1', 'dot.-dash',
    'xn--abc', '.lead', 'trail.', 'sp ace', 'per%cent')
{
    my $r = $s->req('PUT', '/' . Cos::Sign::enc($name), body => '');
    is_error $r, 400, 'InvalidBucketName', "s3: name '$name'";
}
for my $name ('abc', 'a' x 63, 'with.dots', 'with-dashes-', '123')
{
    next if $name =~ /-$/;
    is_status $s->req('PUT', "/$name", body => ''), 200, "s3: name '$name'";
}
for my $name ('noappid', 'no-appid', '-lead-1250000000', 'Upper-1250000000', 'dots.in-1250000000') {
    is_error $s->req('PUT', "/$name", as => 'cos', body => ''), 400, 'InvalidBucketName',
        "cos: name '$name'";
}

# The region in the document.
my $doc = sub { '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    . "<LocationConstraint>$_[0]</LocationConstraint></CreateBucketConfiguration>" };
is_status $s->req('PUT', '/region-1250000000', body => $doc->('ap-local')), 200, 'with its region';
is $s->get('/region-1250000000?location')->xml('LocationConstraint'), 'ap-local', 'which comes back';
is_error $s->req('PUT', '/bad-1250000000', body => '<CreateBucketConfiguration>'), 400, 'MalformedXML',
    'a broken document';
is_error $s->req('PUT', '/bad-1250000000', body => $doc->('no such region!')), 400,
    'InvalidLocationConstraint', 'a region that cannot be';
is_status $s->head('/bad-1250000000'), 404, 'neither made a bucket';

my $p = Cos->start(conf => 'cos_region ap-pinned;');
is_error $p->req('PUT', '/other-1250000000', region => 'ap-pinned', body => $doc->('eu-frankfurt')), 400,
    'InvalidLocationConstraint', 'another region than the pinned one';
$p->done(more => 1);

$s->done;
