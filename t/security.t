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

$s->done;
