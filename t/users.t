# Users of an account, groups, keys: who may do what, at once in all workers,
# and after a rebuild.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Cos;
use Test::More;

my $s = Cos->start(workers => 2);
my $root = $s->{main};
my $dir = $s->dir;

sub ctl {
    my $out = `$Cos::ROOT/build/cosctl --env $dir/env @_ 2>&1`;
    return ($? >> 8, $out);
}
sub done_ok { my ($rc, $out) = ctl(@_); is $rc, 0, "cosctl @_" or diag $out; return $out }
sub refused { my ($like, @args) = @_; my ($rc, $out) = ctl(@args); is $rc, 1, "refused: @args"; like $out, $like, 'says why'; return }

sub pair {
    my ($out) = @_;
    my ($ak) = $out =~ /^access key +(\w+)/m;
    my ($sk) = $out =~ /^secret key +(\w+)/m;
    return [$ak, $sk];
}

sub policy_file {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name" or die $!;
    print $fh $text;
    close $fh;
    return "$dir/$name";
}

# In all workers: as many requests as it takes to meet each of them.
sub always { my ($want, $name, $do) = @_; is join(' ', map { $do->()->status } 1 .. 8), join(' ', ($want) x 8), $name; return }

my $alice = pair(done_ok('user', 'add', 'alice'));
my $bob = pair(my $added = done_ok('user', 'add', 'bob', '--account', 'alice', '--email', 'bob@example.com'));
my ($uid) = done_ok('user', 'show', 'alice') =~ /^uid +(\d+)/m;
like $added, qr/^account +$uid$/m, 'names the account';
my $B = '/' . $s->make_bucket('docs-1250000000', who => $alice);
my $R = '/' . $s->make_bucket('root-1250000000', who => $root);
is_status $s->put("$B/$_", "text $_", who => $alice), 200, "put $_" for 'a/1', 'b/1';

subtest 'nothing without a policy' => sub {
    for my $dialect ('cos', 's3') {
        my @o = (who => $bob, as => $dialect);
        is_error $s->get("$B/a/1", @o), 403, 'AccessDenied', "$dialect: read";
        is_error $s->put("$B/new", 'x', @o), 403, 'AccessDenied', "$dialect: write";
        is_error $s->get($B, @o), 403, 'AccessDenied', "$dialect: list";
        is_error $s->get('/', @o), 403, 'AccessDenied', "$dialect: buckets";
        is_error $s->put('/bobs-1250000000', '', @o), 403, 'AccessDenied', "$dialect: new bucket";
        is_error $s->get("$B?acl", @o), 403, 'AccessDenied', "$dialect: ACL";
        is_error $s->delete("$B/a/1", @o), 403, 'AccessDenied', "$dialect: delete";
    }
};

subtest 'own policies' => sub {
    my $cos = policy_file('cos.json', '{"version":"2.0","statement":[{"effect":"allow",'
        . '"action":["name/cos:GetObject","name/cos:PutObject"],'
        . "\"resource\":[\"qcs::cos::uid/$uid:docs-1250000000/a/*\"]}]}");
    done_ok('user', 'policy', 'bob', 'put', $cos);
    always(200, 'allowed', sub { $s->get("$B/a/1", who => $bob) });
    is_status $s->put("$B/a/2", 'x', who => $bob), 200, 'writes';
    always(403, 'elsewhere', sub { $s->get("$B/b/1", who => $bob) });
    is_error $s->delete("$B/a/1", who => $bob), 403, 'AccessDenied', 'another action';
    like $s->get("$B/a/2", who => $alice)->body, qr/^x$/, 'it is the account\'s';
    like done_ok('user', 'policy', 'bob', 'get'), qr/"name\/cos:GetObject"/, 'shown as it was given';

    my $s3 = policy_file('s3.json', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        . '"Action":"s3:GetObject","Resource":"arn:aws:s3:::docs-1250000000/b/*"}]}');
    done_ok('user', 'policy', 'bob', 'put', $s3);
    always(200, 'the other grammar', sub { $s->get("$B/b/1", who => $bob, as => 's3') });
    always(403, 'instead of the first', sub { $s->get("$B/a/1", who => $bob) });

    refused(qr/is no policy for a user: /, 'user', 'policy', 'bob', 'put', policy_file('bad.json', '{"version":"2.0"}'));
    refused(qr/is no policy for a user: .*principal/i, 'user', 'policy', 'bob', 'put',
        policy_file('for.json', '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:root"},"Action":"s3:*","Resource":"*"}]}'));
    refused(qr/cannot open/, 'user', 'policy', 'bob', 'put', "$dir/none.json");
    refused(qr/is an account/, 'user', 'policy', 'alice', 'put', $s3);
    always(200, 'what was refused changed nothing', sub { $s->get("$B/b/1", who => $bob) });
    done_ok('user', 'policy', 'bob', 'delete');
    always(403, 'deleted', sub { $s->get("$B/b/1", who => $bob) });
};

subtest 'presets' => sub {
    done_ok('user', 'policy', 'bob', 'attach', 'QcloudCOSReadOnlyAccess');
    always(200, 'reads', sub { $s->get("$B/b/1", who => $bob) });
    is_status $s->get($B, who => $bob), 200, 'lists';
    is_status $s->get('/', who => $bob), 200, 'lists buckets';
    is_error $s->put("$B/b/1", 'x', who => $bob), 403, 'AccessDenied', 'and does not write';
    is_error $s->get("$R/none", who => $bob), 403, 'AccessDenied', 'nor read what is another account\'s';
    done_ok('user', 'policy', 'bob', 'detach', 'QcloudCOSReadOnlyAccess');
    always(403, 'detached', sub { $s->get("$B/b/1", who => $bob) });
    done_ok('user', 'policy', 'bob', 'attach', 'QcloudCOSGetServiceAccess');
    is_status $s->get('/', who => $bob), 200, 'GetService';
    is_error $s->get($B, who => $bob), 403, 'AccessDenied', 'and nothing else';
    done_ok('user', 'policy', 'bob', 'detach', 'QcloudCOSGetServiceAccess');
    refused(qr/there is no preset/, 'user', 'policy', 'bob', 'attach', 'Everything');
};

subtest 'groups' => sub {
    my $eve = pair(done_ok('user', 'add', 'eve', '--account', 'alice'));
    done_ok('group', 'add', 'staff', '--account', 'alice');
    refused(qr/exists/, 'group', 'add', 'staff', '--account', 'alice');
    refused(qr/Give --account/, 'group', 'add', 'other');
    done_ok('group', 'member', 'staff', 'add', $_) for 'bob', 'eve';
    always(403, 'no rights yet', sub { $s->get("$B/b/1", who => $bob) });
    done_ok('group', 'policy', 'staff', 'attach', 'QcloudCOSFullAccess');
    always(200, 'all members', sub { $s->get("$B/b/1", who => $bob) });
    is_status $s->put("$B/b/2", 'x', who => $eve), 200, 'may write';
    is_status $s->put('/eves-1250000000', '', who => $eve), 200, 'and make a bucket';
    is_status $s->get('/eves-1250000000', who => $alice), 200, 'that is the account\'s';
    is_error $s->get("$R/none", who => $eve), 403, 'AccessDenied', 'not where another account is';
    done_ok('user', 'policy', 'eve', 'put', policy_file('deny.json',
        '{"version":"2.0","statement":[{"effect":"deny","action":"cos:*","resource":"*"}]}'));
    always(403, 'who is denied it is denied', sub { $s->get("$B/b/1", who => $eve) });
    done_ok('user', 'policy', 'eve', 'delete');
    like done_ok('group', 'list'), qr/^staff .*QcloudCOSFullAccess: (bob eve|eve bob)$/m, 'shown';
    done_ok('group', 'member', 'staff', 'remove', 'eve');
    always(403, 'who left', sub { $s->get("$B/b/1", who => $eve) });
    always(200, 'who stayed', sub { $s->get("$B/b/1", who => $bob) });
    refused(qr/no user of the group's account/, 'group', 'member', 'staff', 'add', 'alice');
    refused(qr/add USER or remove USER/, 'group', 'member', 'staff', 'put', 'bob');
    done_ok('user', 'delete', 'eve');
    is_error $s->get("$B/b/1", who => $eve), 403, 'InvalidAccessKeyId', 'a user that was removed';
};

subtest 'keys' => sub {
    my $second = pair(done_ok('key', 'add', 'bob'));
    always(200, 'the first works', sub { $s->get("$B/b/1", who => $bob) });
    always(200, 'and the second', sub { $s->get("$B/b/1", who => $second) });
    done_ok('key', 'disable', $$bob[0]);
    always(403, 'one is disabled', sub { $s->get("$B/b/1", who => $bob) });
    always(200, 'the other works', sub { $s->get("$B/b/1", who => $second) });
    like done_ok('key', 'list', 'bob'), qr/^bob +$$bob[0] +disabled/m, 'shown';
    done_ok('key', 'enable', $$bob[0]);
    done_ok('key', 'delete', $$second[0]);
    is_error $s->get("$B/b/1", who => $second), 403, 'InvalidAccessKeyId', 'deleted';
    always(200, 'enabled', sub { $s->get("$B/b/1", who => $bob) });
    refused(qr/the account's only key/, 'key', 'delete', $$alice[0]);
    refused(qr/there is no access key/, 'key', 'delete', 'AKIDNONE');

    my $new = pair(done_ok('user', 'rotate', $$bob[0]));
    always(403, 'the old one', sub { $s->get("$B/b/1", who => $bob) });
    always(200, 'the new one', sub { $s->get("$B/b/1", who => $new) });
    $bob = $new;

    done_ok('user', 'disable', 'bob');
    is_error $s->get("$B/b/1", who => $bob), 403, 'InvalidAccessKeyId', 'the user is disabled';
    always(403, 'in all workers', sub { $s->get("$B/b/1", who => $bob) });
    done_ok('user', 'enable', 'bob');
    always(200, 'and enabled', sub { $s->get("$B/b/1", who => $bob) });
    refused(qr/is an account/, 'user', 'disable', 'alice');
};

subtest 'names' => sub {
    refused(qr/exists/, 'user', 'add', 'bob', '--account', 'alice');
    refused(qr/is a user, not an account/, 'user', 'add', 'sue', '--account', 'bob');
    refused(qr/there is no user/, 'user', 'add', 'sue', '--account', 'nobody');
    refused(qr/no e-mail address/, 'user', 'add', 'sue', '--account', 'alice', '--email', 'sue');
    refused(qr/no comma/, 'user', 'add', 'a,b', '--account', 'alice');
    refused(qr/is an account/, 'user', 'delete', 'alice');

    # the record of a user is no credential
    my ($number) = done_ok('user', 'show', 'bob') =~ /^uid +(\d+)/m;
    for my $key ("\@$number", '@g/staff') {
        is_error $s->get("$B/b/1", who => [$key, ''], as => $_), 403, 'InvalidAccessKeyId', "$key, $_" for 'cos', 's3';
    }
};

subtest 'a rebuild' => sub {
    done_ok('user', 'quota', 'alice', '--objects', '1000');
    done_ok('key', 'delete', pair(done_ok('key', 'add', 'alice'))->[0]);
    my @before = map { done_ok(@$_) } ['user', 'show', 'bob'], ['group', 'list'], ['user', 'list'];
    $s->redis('FLUSHALL');
    done_ok('rebuild');
    is_deeply [map { done_ok(@$_) } ['user', 'show', 'bob'], ['group', 'list'], ['user', 'list']], \@before, 'the same';
    $s->wait_for(sub { $s->get("$B/b/1", who => $alice)->status == 200 });
    always(200, 'rights', sub { $s->get("$B/b/1", who => $bob) });
    done_ok('group', 'delete', 'staff');
    always(403, 'without the group', sub { $s->get("$B/b/1", who => $bob) });
    my ($n) = done_ok('user', 'show', 'bob') =~ /^uid +(\d+)/m;
    my ($m) = done_ok('user', 'add', 'zoe') =~ /^uid +(\d+)/m;
    cmp_ok $m, '>', $n, 'numbers of users are not given twice';
};

my ($rc, $out) = ctl('verify');
is $rc, 0, 'verify' or diag $out;

$s->done;
