# Input meant to break things: each is refused, leaves nothing, kills nobody.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sign qw(enc);
use Cos::Sum qw(md5_b64);

my $s = Cos->start;
my $b = $s->make_bucket('bad-1250000000');
is_status $s->put("/$b/k", 'hello'), 200, 'an object';
my $id = enc($s->post("/$b/mpu?uploads", '')->xml('UploadId'));
# t{}: what was deleted when, and this test deletes what it is allowed to put
sub redis_keys { join ' ', grep { !/^t\{/ } sort @{ $s->redis('KEYS', '*') } }
my $keys_before = redis_keys();

# XML, in every place that takes XML.
my %places = (
    'complete' => sub { $s->post("/$b/mpu?uploadId=$id", $_[0], @_[1 .. $#_]) },
    'delete' => sub { $s->post("/$b?delete", $_[0], headers => ['Content-MD5', md5_b64($_[0])], @_[1 .. $#_]) },
    'acl' => sub { $s->put("/$b/k?acl", $_[0], @_[1 .. $#_]) },
    'create' => sub { $s->put('/bad2-1250000000', $_[0], @_[1 .. $#_]) },
);
my $bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' . join('', map {
    my $p = chr(96 + $_); '<!ENTITY ' . chr(97 + $_) . ' "' . "&$p;" x 10 . '">' } 1 .. 12) . ']>';
my %docs = (
    'nothing but text' => 'hello',
    'an open element' => '<Delete><Object>',
    'crossed elements' => '<Delete><a></Delete></a>',
    'two roots' => '<Delete/><Delete/>',
    'a root of another kind' => '<Nonsense><Part/></Nonsense>',
    'an entity bomb' => "$bomb<Delete><Object><Key>&m;</Key></Object></Delete>",
    'an external entity' => '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        . '<Delete><Object><Key>&e;</Key></Object></Delete>',
    'an external DTD' => '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><Delete/>',
    'deep nesting' => '<Delete>' . '<a>' x 5000 . '</a>' x 5000 . '</Delete>',
    'bytes that are not UTF-8' => "<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
    'a NUL' => "<Delete><Object><Key>a\0b</Key></Object></Delete>",
    'UTF-16' => "\xff\xfe<\0D\0e\0",
    'JSON' => '{"delete":["k"]}',
    'an unknown entity' => '<Delete><Object><Key>&nbsp;</Key></Object></Delete>',
    'a huge attribute' => '<Delete a="' . 'x' x 60000 . '"/>',
);
for my $place (sort keys %places) {
    for my $doc (sort keys %docs) {
        my $r = $places{$place}->($docs{$doc});
        ok $r->status == 400 && ($r->code // '') =~ /^(MalformedXML|MalformedACLError|XMLSizeLimit|MissingRequestBodyError)$/,
            "$place: $doc" or diag $r->status, ' ', substr $r->body, 0, 300;
        unlike $r->body, qr/root:/, "$place: $doc tells nothing";
    }
    my $r = $places{$place}->('<x>' . 'y' x 3_000_000 . '</x>');
    ok $r->status == 400 && ($r->code // '') =~ /^(MalformedXML|XMLSizeLimit|EntityTooLarge)$/,
        "$place: three megabytes" or diag $r->status, ' ', substr $r->body, 0, 300;
    next if $place eq 'create';
    $r = $places{$place}->('');
    ok $r->status == 400 && ($r->code // '') =~ /^(MalformedXML|MissingRequestBodyError)$/,
        "$place: no document" or diag $r->status, ' ', substr $r->body, 0, 300;
}
for (['part number 0', 0], ['part number 10001', 10001], ['a negative one', -1], ['a word', 'one'],
    ['a huge one', '9' x 40], ['an empty one', ''])
{
    my ($name, $n) = @$_;
    my $r = $s->post("/$b/mpu?uploadId=$id", '<CompleteMultipartUpload><Part><PartNumber>' . $n
        . '</PartNumber><ETag>"0"</ETag></Part></CompleteMultipartUpload>');
    ok $r->status == 400 && ($r->code // '') =~ /^(InvalidArgument|MalformedXML|InvalidPart)$/, "complete: $name"
        or diag $r->status, ' ', $r->body;
}

# Headers twice.
for my $h ('Content-MD5', 'Content-Type', 'x-amz-acl', 'x-amz-copy-source', 'x-amz-content-sha256',
    'x-amz-date', 'Content-Length', 'Range', 'If-Match')
{
    my $r = $s->put("/$b/twice", 'x', late => [$h, 'one', $h, 'two'], may_close => 1);
    ok !$r || $r->status =~ /^4/ || $h =~ /^(Range|Content-Type|If-Match)$/, "$h twice: "
        . ($r ? $r->status : 'closed');
}
$s->delete("/$b/twice");

# Values that come back must not become lines of their own. nginx refuses raw
# CR, LF and NUL; through the query they arrive encoded.
for my $evil ("a\r\nX-Evil: yes", "a\nX-Evil: yes", "a\rX-Evil: yes", "a\0b", "\r\n\r\n<html>") {
    my $name = enc($evil);
    my $r = $s->get("/$b/k?response-content-type=" . $name);
    is $r->h('x-evil'), undef, "response-content-type=$name: no header of its own";
    ok $r->status == 400 || ($r->status == 200 && $r->body eq 'hello'), "response-content-type=$name: "
        . $r->status;
    $r = $s->get("/$b/k?response-content-disposition=$name&response-cache-control=$name");
    is $r->h('x-evil'), undef, "response-content-disposition=$name: no header of its own";
    $r = $s->get("/$b/" . enc($evil));
    is $r->h('x-evil'), undef, "key $name: no header of its own";
    $r = $s->post("/$b/" . enc($evil, 1) . '?uploads', '') if $evil !~ /\0/;
    is $r->h('x-evil'), undef, "upload of $name: no header of its own";
    $s->delete("/$b/" . enc($evil, 1) . '?uploadId=' . enc($r->xml('UploadId') // 'x')) if $evil !~ /\0/;
    my $c = $s->connect;
    $c->send($s->build('PUT', "/$b/evil", body => 'x', headers => ['x-amz-meta-a', $evil])->{head} . 'x');
    $r = eval { $c->recv('PUT') };
    if ($r && $r->status == 200) {
        is $s->head("/$b/evil")->h('x-evil'), undef, "metadata $name: no header of its own";
        unlike $s->head("/$b/evil")->h('x-amz-meta-a') // '', qr/[\r\n\0]/, "metadata $name: one line";
    } else {
        ok !$r || $r->status =~ /^4/, "metadata $name: refused";
    }
    $c->close;
}
$s->delete("/$b/evil");
for my $n (1 .. 31, 127) {
    next if $n == 9 || $n == 10 || $n == 13;
    my $r = $s->put("/$b/ctl", 'x', headers => ['x-amz-meta-c', 'a' . chr($n) . 'b'], may_close => 1);
    next unless $r && $r->status == 200;
    is $s->head("/$b/ctl")->status, 200, sprintf 'metadata with byte %02x: HEAD works', $n;
}
$s->delete("/$b/ctl");

# Names of metadata: a header's, whoever wrote the record.
for my $name ('a(b', 'a/b', 'a@b', "a\xe4b", 'a"b', 'a{b}', 'a?b') {
    is_error $s->put("/$b/name", 'x', headers => ["x-amz-meta-$name", 'v']), 400, 'InvalidArgument',
        "metadata that is named $name" =~ s/[^ -~]/?/gr;
}
is_error $s->get("/$b/name"), 404, 'NoSuchKey', 'nothing of it was stored';
is_status $s->put("/$b/name", 'x', headers => ['x-amz-meta-good', '1', 'x-amz-meta-axx-evil', '2']), 200,
    'an object with metadata';
{
    my ($at) = grep { /^o\{.*\}name$/ } @{ $s->redis('KEYS', 'o{*') };
    my $record = $s->redis('GET', $at);
    $s->redis('SET', $at, $record =~ s/axx-evil/a\rx-evil/r);
    ok $record =~ /axx-evil/, 'its name is in the record';
    my $r;
    for my $method ('HEAD', 'GET') {
        # a worker may know the record as it was, for a moment
        $s->wait_for(sub {
            $r = $s->req($method, "/$b/name");
            !defined $r->h('x-amz-meta-axx-evil');
        }, 5);
        is_status $r, 200, "$method: a name with a CR in the record";
        is $r->h('x-amz-meta-good'), '1', "$method: the others are answered";
        unlike join(' ', sort keys %{ $r->{headers} }), qr/evil/, "$method: and that is left out";
    }
    $s->redis('SET', $at, $record);
}
$s->delete("/$b/name");

# Queries.
for my $q ('%', '%zz', 'a=%0', '&&&=', '=', 'a=b&a=b&a=b', 'X-Amz-Algorithm=x', 'uploadId', 'partNumber=1',
    'uploads&uploadId=1', 'acl=' . 'x' x 5000, join('&', map { "p$_=1" } 1 .. 200), 'versionId=abc',
    'prefix=%00', 'max-keys=99999999999999999999999', 'list-type=3', "q-signature=1", 'sign=x', 'authorization=x')
{
    for my $t ("/$b/k", "/$b") {
        my $r = $s->get("$t?$q", as => 'none');
        ok $r->status =~ /^(4\d\d|501)$/ && defined $r->code, "?" . substr($q, 0, 40) . ': ' . $r->status;
        my $ok = eval { $s->get("$t?$q"); 1 };
        ok $ok, '?' . substr($q, 0, 40) . ' signed: an answer';
    }
}

# Garbage on the wire.
srand 1;
for my $n (1 .. 40) {
    my $c = $s->connect(timeout => 5);
    my $junk = join '', map { chr int rand 256 } 1 .. 10 + int rand 3000;
    $junk = "PUT /$b/junk HTTP/1.1\r\nHost: x\r\n$junk" if $n % 2;
    $c->send($junk . "\r\n\r\n");
    eval { $c->recv('PUT') };
    $c->close;
}

is_ok $s->get("/$b/k"), 'after all this the object is what it was', 'hello';
is redis_keys(), $keys_before, 'and Redis holds what it held';

$s->done;
