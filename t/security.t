# What a hostile client may try with what others signed, and with names and
# shapes of requests that no honest client sends.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes ();
use Cos;
use Cos::Sign qw(enc);

my $s = Cos->start;
my $mine = $s->make_bucket('mine-1250000000');
my $shared = $s->make_bucket('shared-1250000000');
is_status $s->put("/$mine/k", 'for me'), 200, 'a private object';
is_status $s->put("/$shared/k", 'for a friend'), 200, 'one that a link is given away to';

my $port = $s->port;
my %host = map { $_ => "$_.localhost:$port" } $mine, $shared;

# The target of a link that is given away, and a request with it.
sub presigned {
    my ($method, $target, $as, %o) = @_;
    return $s->build($method, $target, as => $as, presign => 600, host => $host{$shared}, %o)
        ->{target};
}

sub with_link {
    my ($method, $link, %o) = @_;
    return $s->req($method, $link, as => 'none', host => $host{$shared}, %o);
}


# --- one request, one host --------------------------------------------------------------

# The bucket comes from the host that nginx takes, the signature is proved with
# the Host header: they have to be the same.
for my $as (qw(s3 cos bce)) {
    my $link = presigned('GET', '/k', $as);
    is_ok with_link('GET', $link), "$as: the link", 'for a friend';
    is_ok with_link('GET', "http://$host{$shared}$link"), "$as: the link in absolute form",
        'for a friend';
    is_ok with_link('GET', "http://" . uc($host{$shared}) . $link), "$as: in capitals",
        'for a friend';
    is_error with_link('GET', "http://$host{$mine}$link"), 400, 'InvalidRequest',
        "$as: the link with another bucket in the request line";
    is_error with_link('GET', "http://$mine.localhost$link"), 400, 'InvalidRequest',
        "$as: without the port";
    is_error with_link('GET', "http://localhost/$mine$link"), 400, 'InvalidRequest',
        "$as: path style in the request line";
}
is_error $s->get("http://$host{$mine}/k", as => 'none', host => "$mine.localhost.evil:$port"),
    400, 'InvalidRequest', 'anonymous: another host that begins like it';
is_error $s->get('/k', as => 'none', host => "$mine.localhost.:$port"), 403, 'AccessDenied',
    'anonymous: a host with its closing dot';


# --- one signature, one operation ---------------------------------------------------------

# COS signs the parameters that are listed and no others.
my $acl = '<AccessControlPolicy><AccessControlList><Grant>'
    . '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">'
    . '<URI>http://cam.qcloud.com/groups/global/AllUsers</URI></Grantee>'
    . '<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>';
my $id = $s->post("/$shared/big?uploads", '')->xml('UploadId');

for my $form ([presign => 600], [sign_merged => 1]) {
    my $name = "link ($form->[0])";
    my $link = sub { $s->build($_[0], $_[1], as => 'cos', host => $host{$shared}, @$form)->{target} };
    my $refused = sub {
        my ($method, $target, $add, %o) = @_;
        my $r = with_link($method, $link->($method, $target) . "&$add", %o);
        is_error $r, 403, 'AccessDenied', "$name: $method $target does not become $add";
    };
    $refused->('GET', '/k', 'acl');
    $refused->('GET', '/k', '%61cl=');
    $refused->('PUT', '/k', 'acl', body => $acl);
    $refused->('GET', '/', 'acl');
    $refused->('GET', '/', 'uploads');
    $refused->('GET', '/', 'location');
    $refused->('PUT', '/', 'acl', body => $acl);
    $refused->('GET', '/big', "uploadId=$id");
    $refused->('DELETE', '/big', "uploadId=$id");
    $refused->('PUT', '/big', "uploadId=$id&partNumber=1", body => 'x');
    $refused->('PUT', "/big?uploadId=$id", 'partNumber=1', body => 'x');
    $refused->('POST', '/', 'delete', body => '<Delete><Object><Key>k</Key></Object></Delete>');
    is_ok with_link('GET', $link->('GET', '/k') . '&response-content-type=text%2Fplain&utm=1'),
        "$name: what does not choose the operation may be added", 'for a friend';
    is_status with_link('GET', $link->('GET', '/k?acl')), 200, "$name: what is signed is done";
    is_status with_link('PUT', $link->('PUT', "/big?partNumber=1&uploadId=$id"), body => 'x'), 200,
        "$name: a part";
}
is_error $s->get("/$shared/k?acl", as => 'cos', unsigned_args => ['acl']), 403, 'AccessDenied',
    'nor in a header';
is_error $s->get("/$shared/k", as => 'none'), 403, 'AccessDenied', 'the object is still private';
is_status $s->get("/$shared/big?uploadId=$id"), 200, 'the upload is still there';

# Its signatures know names in lower case only.
is_status $s->put("/$shared/pub/a", ''), 200, 'a key to list';
for (['/?prefix=pub%2F', 's/prefix=/Prefix=/'], ['/?max-keys=1', 's/max-keys=/Max-Keys=/'],
    ['/?delimiter=b&prefix=', 's/delimiter=/DELIMITER=/'],
    ["/big?uploadId=$id", 's/uploadId=/uploadid=/'])
{
    my ($target, $change) = @$_;
    my $link = presigned('GET', $target, 'cos');
    is_status with_link('GET', $link), 200, "cos: $target";
    eval "\$link =~ $change" or die "nothing to change in $link\n";
    is_error with_link('GET', $link), 501, 'NotImplemented', "cos: $target with $change";
}


# --- files ----------------------------------------------------------------------------------

# Everything that holds a secret key or the bytes of objects.
for my $name (qw(env conf data redis)) {
    my $mode = (stat $s->dir . "/$name")[2];
    is $mode & 077, 0, "$name is for its owner only";
}


# --- logs -----------------------------------------------------------------------------------

is_error $s->get('/x%0a2000/01/01%2000:00:00%20[warn]%20forged%0d%1b/k', as => 'none'), 400,
    'InvalidBucketName', 'a line end in a bucket name';
is_error $s->get('/x%0aforged', as => 's3', who => ['nobody', 'x']), 400, 'InvalidBucketName',
    'the same, of somebody unknown';
is_error $s->get('/x%0aforged?policy', as => 'none'), 400, 'InvalidBucketName', 'nor elsewhere';
unlike $s->error_log, qr/^(?!\d{4}\/\d\d\/\d\d )/m, 'no line of the log begins where it likes';
unlike $s->error_log, qr/[\0-\x09\x0b-\x1f]/, 'and none holds control characters';


# --- time -------------------------------------------------------------------------------------

# The least of five tries, in milliseconds: how long a worker is busy with it.
sub busy {
    my ($bytes) = @_;
    my $least = 1e9;
    for (1 .. 5) {
        my $c = $s->connect;
        $c->send(substr $bytes, 0, -1);
        Time::HiRes::sleep(0.02);
        my $from = Time::HiRes::time();
        $c->send(substr $bytes, -1);
        $c->recv('GET');
        my $ms = (Time::HiRes::time() - $from) * 1000;
        $least = $ms if $ms < $least;
        $c->close;
    }
    return $least;
}

# Names that are encoded a hundred times over, among many headers. A known
# access key is all it takes: the list is read before the signature is proved.
my $now = time;
my $times = $now - 60 . ';' . ($now + 900);
my $list = join ';', ('%' . '25' x 120 . '61') x 28;
my $ms = busy("GET /$shared/k HTTP/1.1\r\nHost: $s->{host}\r\n"
    . "Authorization: q-sign-algorithm=sha1&q-ak=$s->{main}[0]&q-sign-time=$times"
    . "&q-key-time=$times&q-header-list=$list&q-url-param-list=&q-signature=" . '0' x 40 . "\r\n"
    . "a:1\r\n" x 30 . "b:1\r\n" x 900 . "\r\n");
cmp_ok $ms, '<', 20 * $Cos::SLOW, 'a list of signed headers that is long to decode';

$s->done;
