# cosctl site: releases of a website that take each other's place in one step.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Path 'make_path';
use Test::More;
use Cos;

my $s = Cos->start(workers => 2);
my $b = $s->make_bucket('www-1250000000', headers => ['x-amz-acl', 'public-read']);
my $host = "$b.s3-website-ap-local.localhost";
my $dir = $s->dir . '/site';

sub file {
    my ($name, $text) = @_;
    make_path("$dir/$1") if $name =~ m{^(.*)/};
    open my $f, '>', "$dir/$name" or die "$name: $!\n";
    print $f $text;
    close $f;
    return;
}
sub ctl {
    my @args = @_;
    my $out = Cos::_run("$Cos::ROOT/tools/cosctl", '--env', $s->dir . '/env', '--bucket', $b, @args);
    return ($? >> 8, $out);
}
sub site { my ($path, %o) = @_; return $s->get($path, as => 'none', host => $host, %o) }

make_path($dir);
my ($rc, $out) = ctl('site', 'deploy', $dir);
is $rc, 1, 'an empty folder';
like $out, qr/no files/, 'is nothing to deploy';
($rc, $out) = ctl('site', 'deploy', "$dir/none");
is $rc, 1, 'a folder that is not there';

file('index.html', 'one');
file('404.html', 'not here');
file('a/index.html', 'a');
file('app.3f2a9c1b77.js', 'code');
file('style.css', 'css');
file('style.css.gz', 'packed');
file("odd +&% \xc3\xa4.txt", 'odd');
file('empty', '');
file('.hidden/x', 'no');
file('.well-known/security.txt', 'contact');
file("many/$_.txt", "n $_") for 1 .. 60;
file('large.bin', 'x' x 3_000_000);
($rc, $out) = ctl('site', 'deploy', "$dir/");
is $rc, 0, 'the first release' or diag $out;
my ($first) = $out =~ /^release\s+(\S+)$/m;
like $out, qr/^files\s+70$/m, 'with all files';
is_ok site('/'), 'is shown', 'one';
is site('/')->h('content-type'), 'text/html; charset=utf-8', 'with its type';
is site('/')->h('cache-control'), 'no-cache', 'asked for again';
is site('/app.3f2a9c1b77.js')->h('cache-control'), 'public, max-age=31536000, immutable', 'a name with a hash: never';
is site('/app.3f2a9c1b77.js')->h('content-type'), 'text/javascript; charset=utf-8', 'a script';
is site('/none')->status . site('/none')->body, '404not here', 'its error document';
is_ok site('/odd%20+%26%25%20%C3%A4.txt'), 'an odd name', 'odd';
is_ok site('/empty'), 'an empty file', '';
is_ok site('/.well-known/security.txt'), 'what is well known', 'contact';
is_status site('/.hidden/x'), 404, 'not what is hidden';
is length(site('/large.bin')->body), 3_000_000, 'a large file';
is_ok site("/many/$_.txt"), "file $_", "n $_" for 1, 60;

# another one, while it is read
file('index.html', 'two');
unlink "$dir/a/index.html";
is_status $s->put("/$b?website", '<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
    . "<KeyPrefix>.site/$first/</KeyPrefix><AutoAddressing><Status>Enabled</Status></AutoAddressing>"
    . '</WebsiteConfiguration>', as => 'cos'), 200, 'the configuration is changed';
my $pid = fork // die;
if (!$pid) { exec "$Cos::ROOT/tools/cosctl", '--env', $s->dir . '/env', '--bucket', $b, 'site', 'deploy', $dir; exit 1 }
my %seen;
my $last = '';
my $order = 1;
until (waitpid $pid, 1) {
    my $body = site('/')->body;
    $order = 0 if $last eq 'two' && $body ne 'two';
    $last = $body;
    $seen{$body}++;
}
is $?, 0, 'the second release';
ok !(grep { !/^(?:one|two)$/ } keys %seen), 'one or the other is shown' or diag join ',', keys %seen;
ok $order, 'and no way back';
is_ok site('/'), 'then the second', 'two' for 1 .. 8;
is_status site('/a/'), 404, 'what it does not have';
like $s->get("/$b?website", as => 'cos')->body, qr/AutoAddressing/, 'the configuration is kept';
($rc, $out) = ctl('site', 'list');
my @list = $out =~ /^(\S+)/gm;
is scalar @list, 2, 'two releases';
like $out, qr/^\Q$list[1]\E  shown$/m, 'of which the second is shown';

# back
($rc, $out) = ctl('site', 'rollback');
is $rc, 0, 'back';
is_ok site('/'), 'to the first', 'one';
is_ok site('/a/'), 'with all of it', 'a';
($rc, $out) = ctl('site', 'rollback');
is $rc, 1, 'no further';
is_ok site('/'), 'still the first', 'one';
($rc, $out) = ctl('site', 'rollback', '--release', 'none');
is $rc, 1, 'a release that is not there';
($rc, $out) = ctl('site', 'rollback', '--release', $list[1]);
is $rc, 0, 'forward';
is_ok site('/'), 'to the second', 'two';

# a deployment that fails changes nothing and leaves nothing
my $before = $s->get("/$b?list-type=2")->xml('KeyCount');
my $long = join '/', ('d' x 200) x 5, 'x.txt';
file($long, 'x');
symlink '/nowhere', "$dir/dangling";
($rc, $out) = ctl('site', 'deploy', $dir);
is $rc, 1, 'a key that is too long';
like $out, qr/KeyTooLong.*the website is as it was/s, 'says so';
is_ok site('/'), 'the site is as it was', 'two';
is $s->get("/$b?list-type=2")->xml('KeyCount'), $before, 'nothing is left';
unlink "$dir/$long";
($rc, $out) = ctl('--env', '/dev/null', '--endpoint', 'http://127.0.0.1:1', 'site', 'list');
is $rc, 1, 'no server';
like $out, qr/cannot connect/, 'says so';
($rc, $out) = ctl('--endpoint', 'https://x', 'site', 'list');
like $out, qr{must begin with http://}, 'another scheme';

# what is not a release is left alone, whatever its name would do to a query
my @alien = ('0&prefix=keep', '2' x 400, '20200101T000000.000Z-12345', '20200101T000000.000Z-12345g', '20200101T000000.000Z-1234567');
is_ok $s->put("/$b/.site/" . ($_ =~ s/&/%26/r =~ s/=/%3D/r) . '/x', 'alien'), 'an object of another name' for @alien;
is_ok $s->put("/$b/keep", 'kept'), 'an object outside';
unlike +(ctl('site', 'list'))[1], qr/^(?:0|2222|20200101)/m, 'they are no releases';

# what is old goes
file('index.html', 'three');
($rc, $out) = ctl('--keep', '2', 'site', 'deploy', $dir);
is $rc, 0, 'the third release' or diag $out;
is_ok site('/'), 'is shown', 'three';
is_ok $s->get("/$b/.site/" . ($_ =~ s/&/%26/r =~ s/=/%3D/r) . '/x'), 'not removed', 'alien' for @alien;
is_ok $s->get("/$b/keep"), 'nor this', 'kept';
($rc, $out) = ctl('site', 'list');
my @now = $out =~ /^(\S+)/gm;
is scalar @now, 2, 'two stay';
is $now[0], $list[1], 'the newest ones';
unlike $s->get("/$b?list-type=2&prefix=.site%2F$first")->body, qr/<Key>/, 'of the oldest nothing is left';

$s->done;
