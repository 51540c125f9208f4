# How often: cos_limit_req by address, bucket and user, over all workers, in
# front of other handlers, and what nginx -t says about it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

# one in a minute: no token comes back while this runs
my $b = 'limits-1250000000';
my $port = Cos::free_port();
my $s = Cos->start(workers => 2, http => <<"END");
cos_limits_zone 64k;
set_real_ip_from 127.0.0.0/8;
real_ip_header X-From;
cos_base_domains localhost;
server {
    listen 127.0.0.1:$port;
    server_name address.test;
    cos on;
    cos_limit_req address rate=2r/m burst=3;
    location /free- { cos_limit_req off; }
}
server {
    listen 127.0.0.1:$port;
    server_name bucket.test;
    cos on;
    cos_limit_req bucket rate=1r/m burst=4;
}
server {
    listen 127.0.0.1:$port;
    server_name user.test;
    cos on;
    cos_limit_req user rate=1r/m burst=2;
}
server {
    listen 127.0.0.1:$port;
    server_name form.test;
    cos on;
    cos_limit_req bucket rate=1r/m burst=1;
}
server {
    listen 127.0.0.1:$port;
    server_name fast.test;
    cos on;
    cos_limit_req address rate=50r/s burst=1;
}
server {
    listen 127.0.0.1:$port;
    server_name other.test;
    cos_limit_req address rate=1r/m burst=2;
    location / { try_files /nothing \@inner; }
    location \@inner { return 200 "other"; }
}
END

$s->make_bucket($_, as => 'cos', headers => ['x-cos-acl', 'public-read'])
    for $b, 'free-1250000000', 'second-1250000000';
is_ok $s->put("/$_/a", 'body', as => 'cos', headers => ['x-cos-acl', 'public-read']), "an object in $_"
    for $b, 'free-1250000000', 'second-1250000000';

sub ask {
    my ($name, %o) = @_;
    my $c = Cos::Http->new($port);
    my $r = $s->req($o{method} // 'GET', $o{t} // "/$b/a", as => 'none', host => "$name.test:$port", %o, conn => $c,
        headers => [($o{from} ? ('X-From', $o{from}) : ()), @{ $o{headers} // [] }, 'Connection', 'close']);
    $c->close;
    return $r;
}
sub statuses { my ($n, @o) = @_; return join ' ', map { ask(@o)->status } 1 .. $n }
sub near {
    my ($r, $most, $name) = @_;
    my $after = $r->h('retry-after') // '';
    return ok($after =~ /\A\d+\z/ && $after >= $most - 20 && $after <= $most, "$name: Retry-After") || diag $after;
}

# --- by address ---------------------------------------------------------------------

is statuses(5, 'address', from => '192.0.2.1'), '200 200 200 503 503', 'the burst, and no more';
my $r = ask('address', from => '192.0.2.1');
is_error $r, 503, 'SlowDown', 'as the API says it';
near $r, 30, 'the next token';
is_status ask('address', from => '192.0.2.1', method => 'HEAD'), 503, 'any request';
is_status ask('address', from => '192.0.2.1', t => '/nobody-1250000000/x'), 503, 'of any bucket';
is_error ask('address', from => '192.0.2.1', as => 's3', who => 'alt'), 503, 'SlowDown', 'signed';
is statuses(2, 'address', from => '192.0.2.2'), '200 200', 'another address';
is ask('address', from => '192.0.2.2', t => "/$b/a?acl&tagging")->status, 400, 'what cannot be read counts';
is ask('address', from => '192.0.2.2')->status, 503, 'as any other';
is statuses(3, 'address', from => '2001:db8:1:2::1'), '200 200 200', 'IPv6';
is ask('address', from => '2001:db8:1:2:ffff::2')->status, 503, 'a network is one';
is ask('address', from => '2001:db8:1:3::1')->status, 200, 'the next is another';
is ask('address', from => '::ffff:192.0.2.1')->status, 503, 'IPv4 in IPv6 is the same address';
is statuses(5, 'address', t => '/free-1250000000/a', from => '192.0.2.1'), '200 200 200 200 200', 'off';

# --- by bucket ----------------------------------------------------------------------

is ask('bucket', t => "/$b/a?acl")->status, 403, 'not allowed' for 1 .. 6;
is statuses(6, 'bucket', from => '192.0.2.9'), '200 200 200 200 503 503', 'what was refused did not count';
$r = ask('bucket', from => '192.0.2.10');
is_error $r, 503, 'SlowDown', 'from another address';
near $r, 60, 'of a bucket';
is_error ask('bucket', as => 's3'), 503, 'SlowDown', 'its owner, too';
is ask('bucket', t => "/$b/new", method => 'PUT', as => 's3', body => 'new')->status, 503, 'writing';
is_status $s->get("/$b/new"), 404, 'which did nothing';
is ask('bucket', t => '/second-1250000000/a')->status, 200, 'another bucket';

# a form passes the gate twice, and is one request
my $form = join '', map { "--x\r\nContent-Disposition: form-data; name=\"$_->[0]\"" . ($_->[2] // '') . "\r\n\r\n$_->[1]\r\n" }
    ['key', 'form'], ['file', 'data', '; filename="f"'];
my @form = (t => '/form-1250000000', method => 'POST', body => "$form--x--\r\n", headers => ['Content-Type', 'multipart/form-data; boundary=x']);
$s->make_bucket('form-1250000000', as => 'cos', headers => ['x-cos-acl', 'public-read-write']);
is ask('form', @form)->status, 204, 'a form';
is ask('form', @form)->status, 503, 'the next';

# --- by user ------------------------------------------------------------------------

is statuses(6, 'user'), '200 200 200 200 200 200', 'nobody is no user';
is statuses(3, 'user', as => 's3'), '200 200 503', 'an account';
is ask('user', as => 'cos')->status, 503, 'in any dialect';
is ask('user', t => '/second-1250000000/a', as => 's3')->status, 503, 'for any bucket';
is ask('user', as => 's3', who => 'alt')->status, 200, 'another account';

# --- time, workers, other handlers --------------------------------------------------

my $end = time + 2;
my %seen;
$seen{ ask('fast', from => '192.0.2.3')->status }++ while time < $end;
ok +($seen{200} // 0) >= 2, 'tokens come back' or diag explain \%seen;
cmp_ok $seen{200}, '<=', 152, 'and no more than fifty in a second';

is statuses(3, 'other', from => '192.0.2.4'), '200 200 503', 'in front of another handler, once for a request';
near ask('other', from => '192.0.2.4'), 60, 'there, too';

$s->signal('HUP');
my %old = map { $_ => 1 } split ' ', $s->{pids};
ok $s->wait_for(sub { my @new = $s->worker_pids; @new == 2 && !grep { $old{$_} } @new }, 20), 'new workers';
$s->expect_new_workers;
is ask('bucket')->status, 503, 'a reload forgets nothing';

# --- what nginx -t says -------------------------------------------------------------

my $nginx = $ENV{COSDEV_NGINX} || (grep { -x } map { "$_/nginx" } split /:/, "$ENV{PATH}:/usr/sbin")[0];
my $conf = do { local (@ARGV, $/) = $s->env('NGINX_CONF'); <> };
sub nginx_t {
    my ($in) = @_;
    open my $f, '>', $s->dir . '/in/t' or die;
    print $f $in;
    close $f;
    open $f, '>', $s->dir . '/t.conf' or die;
    print $f $conf =~ s{in/http"}{in/t"}r;
    close $f;
    return Cos::_run($nginx, '-t', '-p', $s->dir . '/', '-c', $s->dir . '/t.conf');
}
my $rate = 'needs a rate of 1 to 1000000';
my $burst = 'needs a number of 1 to 1000000 in "burst="';
for my $t (
    ['cos_limit_req address rate=1000000r/s;', undef], ['cos_limit_req off;', undef],
    ['cos_limit_req user rate=1r/m; cos_limit_req bucket rate=1r/s burst=7;', undef],
    ['cos_limit_req;', 'invalid number of arguments'], ['cos_limit_req key rate=1r/s;', 'cannot count by "key"'],
    ['cos_limit_req bucket;', $rate], ['cos_limit_req bucket rate=0r/s;', $rate],
    ['cos_limit_req bucket rate=1000001r/s;', $rate], ['cos_limit_req bucket rate=1r/h;', $rate],
    ['cos_limit_req bucket rate=r/s;', $rate], ['cos_limit_req bucket rate=-1r/s;', $rate],
    ['cos_limit_req bucket 1r/s rate=1r/s;', $rate], ['cos_limit_req bucket rate=1r/s burst=0;', $burst],
    ['cos_limit_req bucket rate=1r/s burst=;', $burst], ['cos_limit_req bucket rate=1r/s nodelay;', $burst],
    ['cos_limit_req off; cos_limit_req user rate=1r/s;', 'is "off" and something else'],
    ['cos_limit_req user rate=1r/s; cos_limit_req off;', 'is "off" and something else'],
    ['cos off; cos_limit_req user rate=1r/s;', 'by bucket or user needs "cos on"'],
    ['cos off; cos_limit_req address rate=1r/s;', undef],
    ['cos_limit_req user rate=1r/s;', undef, "cos_limits_zone 100m;\n"],
    [undef, 'it must be at least 64k', "cos_limits_zone 32k;\n"], [undef, 'is duplicate', 'cos_limits_zone 1m;' x 2],
) {
    my ($line, $want, $http) = @$t;
    my $what = ($http // '') . ($line // '');
    my $on = ($line // '') =~ /^cos off/ ? '' : 'cos on;';
    my $out = nginx_t(($http // '') . "server { listen 127.0.0.1:$port; $on\n" . ($line // '') . "\n}\n");
    if (defined $want) {
        like $out, qr/\Q$want\E/, "nginx -t: $what";
        like $out, qr{in/t:\d+}, "nginx -t: $what: file and line";
    } else {
        like $out, qr/test is successful/, "nginx -t: $what";
    }
}

$s->done;
