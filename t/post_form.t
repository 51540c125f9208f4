# Uploads from HTML forms (PostObject): what is stored, how it is answered, who
# may do it, and that a bad form leaves nothing behind.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes ();
use Digest::MD5 qw(md5_base64 md5_hex);
use MIME::Base64 qw(encode_base64);
use Cos;
use Cos::Form;

my $s = Cos->start(tls => 1, conf => 'cos_upload_buffer 64k;', http => 'cos_pack_max 64k;');
my $b = $s->make_bucket('forms-1250000000');
my $open = $s->make_bucket('open-1250000000', headers => ['x-amz-acl' => 'public-read-write']);
my $port = $s->port;

my @base = ({ bucket => $b }, ['starts-with', '$key', '']);

# Sends a body as a form.
sub send_form {
    my ($body, %o) = @_;
    return $s->post($o{target} // "/$b", $body, as => 'none', %o,
        headers => [@{ $o{headers} || [] }, 'Content-Type' => $o{type} // Cos::Form::type()]);
}

# A signed form. conditions: beside @base; fields: before the file.
sub upload {
    my ($how, %o) = @_;
    my @fields = @{ $o{fields} || [] };
    unshift @fields, key => $o{key} if defined $o{key};
    my @sig = Cos::Form::sign($how, $o{who} // $s->{main},
        [@{ $o{base} || \@base }, @{ $o{conditions} || [] }], %{ $o{sign} || {} });
    my $file = { filename => $o{filename} // 'local name.txt', type => 'image/png',
        body => $o{body} // 'the file' };
    return send_form(Cos::Form::body([@fields, @sig, file => $file, @{ $o{after} || [] }],
        %{ $o{form} || {} }), %{ $o{req} || {} });
}

my $before;
sub remember { $before = join ' ', sort grep { !/\.lock$/ } keys %{ $s->data_files } }
sub nothing_left {
    my ($name) = @_;
    my $now = sub { join ' ', sort grep { !/\.lock$/ } keys %{ $s->data_files } };
    ok $s->wait_for(sub { $now->() eq $before }, 5), "$name: no file is left";
}


# --- what is stored, and how it is answered ------------------------------------------------

for my $how (qw(cos v4 v2)) {
    my $id = $how eq 'cos' ? 'x-cos' : 'x-amz';
    my $r = upload($how, key => "a/$how.txt");
    is_status $r, 204, "$how: a form";
    is $r->body, '', "$how: no body";
    is $r->h('etag'), '"' . md5_hex('the file') . '"', "$how: ETag";
    is $r->h('location'), "http://127.0.0.1:$port/$b/a/$how.txt", "$how: where it is";
    ok $r->h("$id-request-id"), "$how: request id of its dialect";
    $r = $s->get("/$b/a/$how.txt");
    is_ok $r, "$how: the object", 'the file';
    is $r->h('content-type'), 'application/octet-stream',
        "$how: the type of the file's part means nothing";

    $r = upload($how, key => "m/$how.txt", fields => [
            'Content-Type' => 'text/plain', 'Cache-Control' => 'no-store',
            'Content-Disposition' => 'attachment', "$id-meta-Colour" => 'red and blue',
            acl => 'public-read', success_action_status => '201',
            'Content-MD5' => md5_base64('the file') . '==', 'X-Ignore-This' => 'whatever',
        ], conditions => [
            ['starts-with', '$Content-Type', 'text/'], ['eq', '$Cache-Control', 'no-store'],
            ['starts-with', '$content-disposition', ''], { "$id-meta-colour" => 'red and blue' },
            { acl => 'public-read' }, { success_action_status => '201' },
            ['starts-with', '$Content-MD5', ''],
        ]);
    is_status $r, 201, "$how: with many fields, answered 201";
    is $r->xml('Key'), "m/$how.txt", "$how: Key of the answer";
    is $r->xml('Bucket'), $b, "$how: Bucket of the answer";
    is $r->xml('Location'), "http://127.0.0.1:$port/$b/m/$how.txt", "$how: Location";
    like $r->body, qr/<ETag>(?:"|&quot;)[0-9a-f]{32}(?:"|&quot;)<\/ETag>/, "$how: ETag";
    $r = $s->get("/$b/m/$how.txt", as => 'none');
    is_ok $r, "$how: everybody may read it", 'the file';
    is $r->h('content-type'), 'text/plain', "$how: Content-Type";
    is $r->h('cache-control'), 'no-store', "$how: Cache-Control";
    is $r->h('content-disposition'), 'attachment', "$how: Content-Disposition";
    is $r->h('x-cos-meta-colour'), 'red and blue', "$how: metadata";
}

{
    my $r = upload('v4', key => 's', fields => [success_action_status => '200'],
        conditions => [['eq', '$success_action_status', '200']]);
    is_status $r, 200, 'success_action_status 200';
    is $r->body, '', 'no body';
    is_status upload('v4', key => 's', fields => [success_action_status => '404'],
        conditions => [['eq', '$success_action_status', '404']]), 204, 'another status is 204';
    is_status upload('cos', key => 's', fields => [success_action_status => '200']), 200,
        'COS: it needs no condition';
    is_status upload('cos', key => 's', fields => ['Content-Type' => '']), 204,
        'COS: an empty field is not set';

    for my $case (['http://h.example/done', 'http://h.example/done?'],
        ['https://h.example/d?a=1', 'https://h.example/d?a=1&'],
        ['https://h.example/d#part', 'https://h.example/d?', '#part'])
    {
        my ($to, $begin, $end) = (@$case, '');
        $r = upload('v4', key => 'dir/r 1', fields => [success_action_redirect => $to],
            conditions => [['starts-with', '$success_action_redirect', '']]);
        is_status $r, 303, "redirect to $to";
        is $r->h('location'),
            "${begin}bucket=$b&key=dir/r%201&etag=%22" . md5_hex('the file') . "%22$end",
            'with bucket, key and ETag';
    }
    for my $bad ("javascript:alert(1)", "//h.example/", "http://h.example/\r\nSet-Cookie: a=b",
        "http://")
    {
        $r = upload('v4', key => 'r', fields => [success_action_redirect => $bad],
            conditions => [['starts-with', '$success_action_redirect', '']]);
        is_status $r, 204, 'no redirect to what is no http address';
        is $r->h('set-cookie'), undef, 'and nothing of it in the answer';
    }
}

{
    my $r = upload('v4', key => 'up/${filename}', filename => 'C:\\dir\\photo 1.jpg');
    is_status $r, 204, '${filename}';
    is_ok $s->get("/$b/up/photo%201.jpg"), 'is the base name', 'the file';
    is_status upload('v4', key => '${filename}', filename => ''), 400, 'and may not be all';
    is_status upload('cos', key => 'x/${filename}', filename => '/a/b/n',
        conditions => [{ key => 'x/n' }]), 204, 'a policy speaks of the key it makes';
    is_error upload('cos', key => 'x/${filename}', filename => '../other',
        conditions => [['starts-with', '$key', 'y/']]), 403, 'AccessDenied', 'and holds it to it';
    is_error upload('cos', key => '/leading'), 400, 'InvalidObjectName', 'a name COS has not';
    is_error upload('v4', key => 'k' x 1025), 400, 'KeyTooLongError', 'a long key';
}

{
    my $r = upload('v4', key => 'tagged', fields => [tagging => '<Tagging><TagSet><Tag>'
            . '<Key>a b</Key><Value>1+2</Value></Tag></TagSet></Tagging>'],
        conditions => [['starts-with', '$tagging', '']]);
    is_status $r, 204, 'tags';
    my $tags = $s->get("/$b/tagged?tagging");
    is_status $tags, 200, 'asked for';
    is $tags->xml('Key'), 'a b', 'a tag';
    is $tags->xml('Value'), '1+2', 'and its value';
    is_error upload('v4', key => 'tagged', fields => [tagging => '<Tagging'],
        conditions => [['starts-with', '$tagging', '']]), 400, 'MalformedXML', 'tags that are none';

    $r = upload('v4', key => 'sealed', fields => ['x-amz-server-side-encryption' => 'AES256'],
        conditions => [{ 'x-amz-server-side-encryption' => 'AES256' }]);
    is_status $r, 204, 'encrypted';
    is $r->h('x-amz-server-side-encryption'), 'AES256', 'and the answer says so';
    is_ok $s->get("/$b/sealed"), 'and it can be read', 'the file';

    $r = upload('cos', key => 'sealed', fields => ['x-cos-forbid-overwrite' => 'true'],
        conditions => [{ 'x-cos-forbid-overwrite' => 'true' }]);
    is_error $r, 409, 'FileAlreadyExists', 'x-cos-forbid-overwrite';

    $r = upload('v4', key => 'summed', fields => ['x-amz-checksum-crc32' => 'AAAAAA=='],
        conditions => [['starts-with', '$x-amz-checksum-crc32', '']]);
    is_error $r, 400, 'BadDigest', 'a checksum that is wrong';
    is_error upload('v4', key => 'm', fields => ['Content-MD5' => md5_base64('x') . '=='],
        conditions => [['starts-with', '$content-md5', '']]), 400, 'BadDigest', 'a wrong MD5';
}

# A request's own headers mean nothing: nobody has signed them.
{
    my $r = upload('v4', key => 'headers', req => {
        headers => ['x-amz-acl' => 'public-read', 'x-amz-meta-a' => 'b',
            'Cache-Control' => 'no-store'] });
    is_status $r, 204, 'headers of the request';
    $r = $s->get("/$b/headers");
    is $r->h('x-amz-meta-a') // $r->h('cache-control'), undef, 'are not stored';
    is_error $s->get("/$b/headers", as => 'none'), 403, 'AccessDenied', 'and set no ACL';
}


# --- bodies in every shape --------------------------------------------------------------------

my $big = join '', map { chr(($_ * 7919 + ($_ >> 8)) & 255) } 1 .. 300_000;
my $tricky = "\r\n--" . $Cos::Form::BOUNDARY;
for my $case (
    ['empty', ''], ['a line end', "\r\n"], ['carriage returns', "\r" x 70000],
    ['beginnings of the boundary', join 'x', map { substr $tricky, 0, $_ } 1 .. length($tricky) - 1],
    ['beginnings at buffers\' ends', (substr($tricky, 0, 20) . 'y' x 44) x 5000],
    ['of some size', $big], ['larger than memory', $big x 12])
{
    my ($name, $bytes) = @$case;
    is_status upload('v4', key => 'shape', body => $bytes), 204, "$name";
    my $r = $s->get("/$b/shape");
    ok $r->body eq $bytes, "$name: the same bytes";
}

{
    my @sig = Cos::Form::sign('v4', $s->{main}, \@base);
    my $form = sub {
        my ($bytes) = @_;
        return Cos::Form::body([key => 'pieces', @sig, file => { filename => 'f', body => $bytes },
            after => 'ignored'], preamble => "to be ignored\r\n", epilogue => "and this\r\n--");
    };
    my $bytes = substr($big, 0, 400) . substr($tricky, 0, -1) . "\r\r\n-";
    for my $size (1, 7, 61) {
        my $c = $s->connect;
        my $req = $s->build('POST', "/$b", as => 'none', body => $form->($bytes),
            headers => ['Content-Type' => Cos::Form::type()]);
        $c->send($req->{head});
        for (my $at = 0; $at < length $req->{wire}; $at += $size) {
            $c->send(substr $req->{wire}, $at, $size);
            Time::HiRes::sleep(0.0002) if $size > 1 || $at % 16 == 0;
        }
        my $r = $c->recv('POST');
        is_status $r, 204, "in pieces of $size";
        $c->close;
        ok $s->get("/$b/pieces")->body eq $bytes, "in pieces of $size: the same bytes";
        $s->delete("/$b/pieces");
    }
    is_status send_form($form->($big), chunked => 1000), 204, 'chunked';
    ok $s->get("/$b/pieces")->body eq $big, 'chunked: the same bytes';
    my $r = send_form($form->('x'), expect => 1);
    is_status $r, 204, 'with 100 Continue';

    # the connection goes on
    my $c = $s->connect;
    for (1 .. 2) {
        is_status send_form($form->('again'), conn => $c), 204, 'on one connection';
    }
    is_ok $s->get("/$b/pieces", conn => $c), 'and a GET behind it', 'again';
    $c->close;

    $r = send_form(Cos::Form::body([key => 'quoted', @sig, file => { body => 'q' }],
        boundary => 'a b:c'), type => 'multipart/form-data; charset=utf-8; boundary="a b:c"');
    is_status $r, 204, 'a quoted boundary';
}


# curl, over HTTP/2, and another client's boundaries
{
    open my $f, '>:raw', $s->dir . '/upload.bin' or die;
    print $f $big x 5;
    close $f;
    for my $http ('--http2', '--http1.1') {
        my @sig = Cos::Form::sign('v4', $s->{main}, [@base, ['starts-with', '$x-amz-meta-a', '']]);
        my @args = ('-F', 'key=curl/${filename}', '--form-string', 'x-amz-meta-a=a;b "c"');
        while (@sig) { my ($n, $v) = splice @sig, 0, 2; push @args, '-F', "$n=$v" }
        my $out = $s->curl($http, '-o', '/dev/null', '-w', '%{http_code}', @args, '-F',
            'file=@' . $s->dir . '/upload.bin', "https://127.0.0.1:$s->{tls_port}/$b");
        is $out, 204, "curl $http";
        my $r = $s->get("/$b/curl/upload.bin");
        ok $r->body eq $big x 5, "curl $http: the same bytes";
        is $r->h('x-amz-meta-a'), 'a;b "c"', "curl $http: a field";
        $s->delete("/$b/curl/upload.bin");
    }
}


# --- who may -----------------------------------------------------------------------------------

{
    is_error upload('v4', key => 'k', who => $s->{alt}), 403, 'AccessDenied', 'another account';
    is_error upload('cos', key => 'k', who => ['AKIDnobody', 'x']), 403, 'InvalidAccessKeyId',
        'nobody\'s key';
    for my $how (qw(cos v4 v2)) {
        is_error upload($how, key => 'k', who => [$s->{main}[0], 'wrong']), 403,
            'SignatureDoesNotMatch', "$how: a wrong secret";
    }
    is_error upload('cos', key => 'k', sign => { key_time => '1000;2000' }), 403, 'AccessDenied',
        'a key time that has ended';
    is_error upload('cos', key => 'k', fields => ['x-cos-security-token' => 'token']), 400,
        'InvalidToken', 'a token';
    is_error upload('v4', key => 'k', fields => ['x-amz-security-token' => 'token'],
        conditions => [['starts-with', '$x-amz-security-token', '']]), 400, 'InvalidToken',
        'a token of S3';

    my $form = Cos::Form::body([key => 'anon', file => { filename => 'f', body => 'by nobody' }]);
    is_error send_form($form), 403, 'AccessDenied', 'nobody, where nobody may write';
    is_status send_form($form, target => "/$open"), 204, 'nobody, where everybody may';
    is_ok $s->get("/$open/anon", as => 'none'), 'and it is there', 'by nobody';
    is_status send_form($form, target => '/', host => "$open.localhost:$port"), 204,
        'with the bucket in the host';
    is send_form($form, target => '/', host => "$open.localhost:$port")->h('location'),
        "http://$open.localhost:$port/anon", 'and in the answer';
    is_error send_form($form, target => '/none-1250000000'), 404, 'NoSuchBucket', 'no bucket';

    # a form says who asks, and nothing else does
    for my $as (qw(s3 cos)) {
        is_error $s->post("/$b", $form, as => $as, headers => ['Content-Type' => Cos::Form::type()]),
            400, 'InvalidArgument', "$as: a signature in the header";
        is_error $s->post("/$b", $form, as => $as, presign => 60,
            headers => ['Content-Type' => Cos::Form::type()]),
            400, 'InvalidArgument', "$as: a signature in the query";
    }
}


# --- policies ------------------------------------------------------------------------------------

remember();
for my $how (qw(cos v4)) {
    my $denied = sub {
        my ($name, $message, %o) = @_;
        my $r = upload($how, key => 'k', %o);
        is_error $r, 403, 'AccessDenied', "$how: $name";
        like $r->xml('Message'), $message, "$how: $name: the message";
    };
    $denied->('expired', qr/^Invalid according to Policy: Policy expired/, sign => { life => -5 });
    $denied->('another key', qr/Policy Condition failed: \[(?:"|&quot;)eq(?:"|&quot;), (?:"|&quot;)\$key/,
        conditions => [{ key => 'other' }]);
    $denied->('a field too many', qr/Extra input fields: x-(?:cos|amz)-meta-a/,
        fields => [($how eq 'cos' ? 'x-cos' : 'x-amz') . '-meta-a' => 'b']);
    $denied->('an ACL nobody signed', qr/Extra input fields: acl/, fields => [acl => 'public-read']);
    $denied->('a field too few', qr/Policy Condition failed/,
        conditions => [['starts-with', '$Content-Type', '']]);
    $denied->('no bucket in it', qr/Extra input fields: bucket/,
        base => [['starts-with', '$key', '']]);
    $denied->('another bucket', qr/Policy Condition failed/,
        base => [['starts-with', '$key', ''], { bucket => 'other' }]);
    $denied->('one type of a list', qr/Policy Condition failed/,
        fields => ['Content-Type' => 'image/png,text/html'],
        conditions => [['starts-with', '$Content-Type', 'image/']]);

    for my $bad ('e30=', 'bm90IGpzb24=', '***', encode_base64('[]', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z"}', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z","conditions":[]}', ''),
        encode_base64('{"expiration":"tomorrow","conditions":[{"bucket":"b"}]}', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z","conditions":[{}]}', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z","conditions":[["content-length-range",0]]}', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z","conditions":[["content-length-range",-1,0]]}', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z","CONDITIONS":[{"bucket":"b"}]}', ''),
        encode_base64('{"expiration":"2040-01-01T00:00:00Z","conditions":[["like","$key","a"]]}', ''))
    {
        # a text that is no base64 cannot be signed in COS' way
        my $r = upload($how, key => 'k', sign => { policy => $bad });
        is $r->status . ' ' . $r->code, $bad eq '***' && $how eq 'cos' ? '403 SignatureDoesNotMatch'
            : '400 InvalidPolicyDocument', "$how: policy $bad";
    }

    is_error upload($how, key => 'k', conditions => [['content-length-range', 1, 7]]), 400,
        'EntityTooLarge', "$how: too large";
    is_error upload($how, key => 'k', conditions => [['content-length-range', 9, 20]]), 400,
        'EntityTooSmall', "$how: too small";
    is_error upload($how, key => 'k', body => 'x' x 300000,
        conditions => [['content-length-range', 0, 299999]]), 400, 'EntityTooLarge',
        "$how: too large, in a file of its own";
    is_error upload($how, key => 'k', body => 'x' x 300000,
        conditions => [['content-length-range', 300001, 400000]]), 400, 'EntityTooSmall',
        "$how: too small, in a file of its own";
    is_status upload($how, key => 'ok', conditions => [['content-length-range', 8, 8]]), 204,
        "$how: just right";
    is_status upload($how, key => 'ok', fields => ['CONTENT-type' => 'image/png, image/gif'],
        conditions => [['STARTS-WITH', '$cOnTeNt-TyPe', 'image/']]), 204,
        "$how: names without case, a list of types";
}
nothing_left('policies');

{
    my @sig = Cos::Form::sign('v4', $s->{main}, \@base);
    my %sig = @sig;
    my $with = sub {
        my (%change) = @_;
        return send_form(Cos::Form::body([key => 'k', %{ { %sig, %change } },
            file => { filename => 'f', body => 'x' }]));
    };
    is_error $with->(policy => ''), 400, 'InvalidArgument', 'a signature without a policy';
    is_error $with->('x-amz-signature' => ''), 400, 'InvalidArgument', 'a policy without one';
    is_error $with->('x-amz-credential' => 'a/b'), 400, 'InvalidArgument', 'half a credential';
    is_error $with->('x-amz-date' => '20200101T000000Z'), 400, 'InvalidArgument', 'another date';
    is_error $with->('q-ak' => 'x'), 400, 'InvalidArgument', 'two signatures';
    is_error $with->('policy' => $sig{policy} . 'AAAA'), 403, 'SignatureDoesNotMatch',
        'another policy';
    is_error send_form(Cos::Form::body([key => 'k', policy => 'e30=',
        file => { filename => 'f', body => 'x' }])), 400, 'InvalidArgument', 'only a policy';
}


# --- forms that are none ----------------------------------------------------------------------------

remember();
{
    my @sig = Cos::Form::sign('v4', $s->{main}, \@base);
    my $file = { filename => 'f', body => 'x' x 100 };
    my $form = sub { Cos::Form::body([key => 'bad', @sig, @_]) };

    is_error send_form('a=b', type => 'application/x-www-form-urlencoded'), 412,
        'RequestIsNotMultiPartContent', 'another kind of form';
    is_error $s->post("/$b", 'x', as => 'none'), 412, 'RequestIsNotMultiPartContent', 'no type';
    is_error send_form($form->(file => $file), type => 'multipart/form-data'), 400,
        'MalformedPOSTRequest', 'no boundary';
    is_error send_form('nothing', type => 'multipart/form-data; boundary=x'), 400,
        'MalformedPOSTRequest', 'no part';
    is_error send_form(Cos::Form::body([@sig, file => $file])), 400, 'UserKeyMustBeSpecified',
        'no key';
    is_error send_form(Cos::Form::body([@sig, file => $file, key => 'bad'])), 400,
        'UserKeyMustBeSpecified', 'the key after the file';
    is_error send_form($form->()), 400, 'IncorrectNumberOfFilesInPostRequest', 'no file';
    is_error send_form($form->(file => $file, file => $file)), 400,
        'IncorrectNumberOfFilesInPostRequest', 'two files';
    is_error send_form($form->(key => 'again', file => $file)), 400, 'InvalidArgument',
        'two keys';
    for my $name ("x-cos-meta-a: 1\rSet-Cookie: evil=1\rX-Y", "X-Amz-Meta-a\tb", 'x-amz-meta-a b',
        "x-bce-meta-\x7f", "x-cos-meta-\xc3\xa4", 'x-amz-storage-class:', "x-amz-acl\r")
    {
        for my $to ($b, $open) {
            is_error send_form(Cos::Form::body([key => 'bad', $to eq $b ? @sig : (),
                $name => 'v', file => $file]), target => "/$to"), 400, 'MalformedPOSTRequest',
                'no name of a header: ' . $name =~ s/[^ -~]/?/gr;
            is_error $s->get("/$to/bad"), 404, 'NoSuchKey', 'and nothing is stored';
        }
    }
    is_status send_form(Cos::Form::body([key => 'odd', "x-cos-meta-a.b_c!#\$%&'*+^`|~-1" => 'v',
        'a field: of no meaning' => 'v', file => $file]), target => "/$open"), 204,
        'all that a header may be named, and other fields as they like';
    is $s->head("/$open/odd")->h("x-amz-meta-a.b_c!#\$%&'*+^`|~-1"), 'v', 'the metadata';
    $s->delete("/$open/odd");
    is_error send_form($form->('x-ignore-a' => 'y' x 21000, file => $file)), 400,
        'MaxPostPreDataLengthExceeded', 'too much before the file';
    is_error send_form($form->((map { ("x-ignore-$_" => '') } 1 .. 120), file => $file)), 400,
        'MaxPostPreDataLengthExceeded', 'too many fields before it';
    is_error send_form(Cos::Form::body([key => 'bad', @sig, file => $file], preamble => 'x' x 90000)),
        400, 'MaxPostPreDataLengthExceeded', 'too much before the form';
    is_status send_form($form->(file => $file, after => 'y' x 200000)), 204,
        'and as much as you like after it';
    $s->delete("/$b/bad");

    for my $case (['', 'no closing boundary'], ["\r\n", 'another boundary at the end'],
        ['-', 'half of one'], ["-x", 'and half of one'])
    {
        my ($end, $name) = @$case;
        for my $bytes ('x' x 100, 'x' x 300000) {
            is_error send_form(Cos::Form::body([key => 'bad', @sig,
                file => { filename => 'f', body => $bytes }], end => $end)), 400,
                'MalformedPOSTRequest', $name;
        }
    }
    for my $head ("Content-Disposition: form-data\r\n", "Content-Disposition: attachment; name=\"a\"\r\n",
        "Content-Type: text/plain\r\n", "Content-Disposition: form-data; name=\"a\r\n",
        "no colon\r\n", "Content-Disposition: form-data; name=\"a\"\n",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"\r\n",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n",
        'Content-Disposition: form-data; name="' . 'n' x 5000 . "\"\r\n")
    {
        is_error send_form("--$Cos::Form::BOUNDARY\r\n${head}\r\nvalue\r\n"
            . $form->(file => $file)), 400, 'MalformedPOSTRequest',
            'a part with ' . substr($head, 0, 40) =~ s/[\r\n]+/ /gr;
    }
    is_error $s->get("/$b/bad"), 404, 'NoSuchKey', 'none of them was stored';

    # clients that leave
    for my $bytes ('x' x 1000, 'x' x 300000) {
        my $c = $s->connect;
        my $req = $s->build('POST', "/$b", as => 'none',
            body => $form->(file => { filename => 'f', body => $bytes }),
            headers => ['Content-Type' => Cos::Form::type()]);
        $c->send($req->{head} . substr $req->{wire}, 0, length($req->{wire}) - 20);
        Time::HiRes::sleep(0.1);
        $c->close;
    }
    ok $s->wait_for(sub { $s->get("/$b/bad")->status == 404 }), 'nor what was broken off';
    nothing_left('forms');
}

is_error send_form(Cos::Form::body([key => 'k', file => { filename => 'f', body => 'x' }]),
    target => "/$open?versionId=null"), 400, 'InvalidArgument', 'no version of what is new';

$s->done;
