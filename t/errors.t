# Refusals: in the dialect of the request, with everything clients look for.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $s = Cos->start;
my $b = $s->make_bucket('err-1250000000');
my $port = $s->port;

# The documents.
my $r = $s->get("/$b/no&such", as => 'cos');
is_error $r, 404, 'NoSuchKey', 'cos';
is $r->h('content-type'), 'application/xml', 'cos: type';
like $r->body, qr/\A<\?xml version=['"]1\.0['"] encoding=['"]utf-8['"] ?\?>\s*<Error>/i, 'cos: prolog';
is $r->xml('Message'), 'The specified key does not exist.', 'cos: message';
is $r->xml('Resource'), "127.0.0.1:$port/$b/no&such", 'cos: host and path';
is $r->xml('RequestId'), $r->h('x-cos-request-id'), 'cos: request id';
is $r->xml('TraceId'), $r->h('x-cos-trace-id'), 'cos: trace id';

$r = $s->get("/$b/no%20such", as => 's3');
is_error $r, 404, 'NoSuchKey', 's3';
is $r->h('content-type'), 'application/xml', 's3: type';
is $r->xml('Key'), 'no such', 's3: key';
is $r->xml('RequestId'), $r->h('x-amz-request-id'), 's3: request id';
is $r->xml('HostId'), $r->h('x-amz-id-2'), 's3: host id';
$r = $s->get('/none-1250000000');
is_error $r, 404, 'NoSuchBucket', 's3: no bucket';
is $r->xml('BucketName'), 'none-1250000000', 's3: its name';

$r = $s->get("/$b/nosuch", as => 'bce');
is_error $r, 404, 'NoSuchKey', 'bce';
like $r->h('content-type'), qr{^application/json}, 'bce: JSON';
like $r->body, qr/"requestId"\s*:\s*"\Q@{[$r->h('x-bce-request-id')]}\E"/, 'bce: request id';

# HEAD says it all in headers.
for my $as (qw(s3 cos bce)) {
    my $c = $s->connect;
    my $r = $s->head("/$b/nosuch", as => $as, conn => $c);
    is_status $r, 404, "$as: HEAD";
    is_status $s->get("/$b/nosuch", as => $as, conn => $c), 404, "$as: the connection goes on";
    $r = $s->delete("/$b/x", as => $as, conn => $c);
    is_status $r, 204, "$as: 204";
    ok defined $r->h('date'), "$as: 204 has a Date";
}

# Which dialect an anonymous request gets.
for (['x-cos-request-id', 'nothing said'], ['x-amz-request-id', 'list-type', query => '?list-type=2'],
    ['x-amz-request-id', 'an x-amz- header', headers => ['x-amz-acl', 'private']],
    ['x-cos-request-id', 'an x-cos- header', headers => ['x-cos-acl', 'private']],
    ['x-bce-request-id', 'an x-bce- header', headers => ['x-bce-acl', 'private']],
    ['x-amz-request-id', 'an S3 host', host => "$b.s3.ap-local.localhost"],
    ['x-cos-request-id', 'a COS host', host => "$b.cos.ap-local.localhost"],
    ['x-amz-request-id', 'x-id', query => '?x-id=GetObject'])
{
    my ($header, $name, %o) = @$_;
    my $r = $s->get(($o{host} ? '/k' : "/$b") . ($o{query} // ''), as => 'none', %o);
    is_error $r, 403, 'AccessDenied', "anonymous, $name";
    ok defined $r->h($header), "anonymous, $name: $header" or diag join ' ', keys %{ $r->{headers} };
}

# Every answer has an id of its own, good ones too.
my %ids;
for my $as (qw(s3 cos bce)) {
    my $h = { s3 => 'x-amz-request-id', cos => 'x-cos-request-id', bce => 'x-bce-request-id' }->{$as};
    for (1 .. 3) {
        for my $r ($s->put("/$b/k", 'x', as => $as), $s->get("/$b/k", as => $as),
            $s->head("/$b/k", as => $as), $s->get("/$b/k", as => $as, headers => ['If-None-Match', '*']),
            $s->get("/$b", as => $as), $s->get("/$b/none", as => $as))
        {
            my $id = $r->h($h) // '';
            ok length $id && !$ids{$id}++, "$as: " . $r->status . ' has an id of its own';
            ok defined $r->h('date'), "$as: " . $r->status . ' has a Date';
        }
    }
}

# What nginx itself refuses looks like ours.
sub raw {
    my ($text, $name) = @_;
    my $c = $s->connect;
    $c->send($text);
    my $r = $c->recv('GET');
    ok $r, "$name: an answer" or return;
    return $r;
}
for (
    ["GET /$b/k HTTP/1.1\r\n\r\n", 'no Host'],
    ["GET /$b/k HTTP/1.1\r\nHost: a b\r\n\r\n", 'a bad Host'],
    ["GET /$b/k HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 'a negative length'],
    ["GET /$b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 'two lengths'],
    ["GET /$b/k HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n", 'a header without a colon'],
    ["GET /$b/k HTTP/1.1\r\nHost: x\r\nX: " . 'y' x 70000 . "\r\n\r\n", 'a huge header'],
    ["GET /$b/" . 'k' x 70000 . " HTTP/1.1\r\nHost: x\r\n\r\n", 'a huge path'],
    ["PUT /$b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 'an unknown coding'],
) {
    my ($text, $name) = @$_;
    my $r = raw($text, $name) or next;
    like $r->status, qr/^(4\d\d|501)$/, "$name: refused";
    ok defined $r->code, "$name: with a document of the API" or diag $r->body;
    ok defined($r->h('x-cos-request-id') // $r->h('x-amz-request-id')), "$name: with an id";
    ok defined $r->h('date'), "$name: with a Date";
    unlike $r->body, qr/nginx/i, "$name: no page of nginx";
}

# Methods and sub-resources that are not ours.
is_error $s->req('PATCH', "/$b/k", as => 's3'), 405, 'MethodNotAllowed', 'PATCH';
is_error $s->req('POST', "/$b/k", as => 's3', body => 'x'), 405, 'MethodNotAllowed', 'POST of an object';
is_error $s->req('DELETE', '/', as => 's3'), 405, 'MethodNotAllowed', 'DELETE of the service';
for my $sub (qw(lifecycle replication logging accelerate)) {
    is_error $s->req('PUT', "/$b?$sub", body => '<x/>'), 501, 'NotImplemented', "PUT ?$sub";
}
is_error $s->get("/$b/k?torrent"), 501, 'NotImplemented', 'GET ?torrent';
is_ok $s->get("/$b/k?unknown=1&x-id=GetObject"), 'unknown parameters are ignored', 'x';
is_error $s->get("/$b/k?acl&tagging"), 400, 'InvalidArgument', 'two sub-resources'
    if $s->get("/$b/k?acl&tagging")->status != 501;
is_error $s->put("/$b/k?partNumber=1", 'x'), 400, 'InvalidArgument', 'partNumber without uploadId';

# Redis away: at once, with Retry-After, and back again when it is back.
kill 'STOP', $s->env('REDIS_PID');
my $began = time;
my $c = $s->connect(timeout => 20);
$r = $s->put("/$b/away", 'x', conn => $c);
is_error $r, 503, 'ServiceUnavailable', 'Redis does not answer';
ok defined $r->h('retry-after'), 'with Retry-After';
cmp_ok time - $began, '<', 10, 'not after long';
kill 'CONT', $s->env('REDIS_PID');
ok $s->wait_for(sub { $s->put("/$b/back", 'x')->status == 200 }, 20), 'it works again';
is_error $s->get("/$b/away"), 404, 'NoSuchKey', 'the refused write left nothing'
    if $s->get("/$b/away")->status != 200;

$s->done;
