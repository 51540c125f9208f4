# s3cmd, the command line of many backup scripts.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Cos;
use Cos::Client;
use Cos::Sign qw(enc);

my $bin = need('s3cmd');
my $s = Cos->start(workers => 2);
my $d = $s->dir;
my $b = 's3cmd-1250000000';

open my $f, '>', "$d/s3cfg" or die;
print $f "[default]\n", map { "$_->[0] = $_->[1]\n" } ['access_key', $s->env('ACCESS_KEY')],
    ['secret_key', $s->env('SECRET_KEY')], ['host_base', $s->{host}], ['host_bucket', $s->{host}],
    ['use_https', 'False'], ['bucket_location', $s->{region}], ['signature_v2', 'False'];
close $f;
my @cmd = ($bin, '-c', "$d/s3cfg", '--no-progress');
local $ENV{LC_ALL} = 'C.UTF-8';

sub write_file { my ($name, $text) = @_; open my $f, '>:raw', "$d/$name" or die; print $f $text; close $f; "$d/$name" }

runs('mb', @cmd, 'mb', "s3://$b");
like runs('ls of buckets', @cmd, 'ls'), qr{s3://\Q$b\E}, 'the bucket is listed';
my $small = write_file('small.txt', 'small contents');
runs('put', @cmd, 'put', '--add-header=x-amz-meta-colour: blue', '--mime-type=text/x-small', $small, "s3://$b/dir/small.txt");
runs('get', @cmd, 'get', '--force', "s3://$b/dir/small.txt", "$d/back.txt");
is file_md5("$d/back.txt"), file_md5($small), 'came back';
my $info = runs('info', @cmd, 'info', "s3://$b/dir/small.txt");
like $info, qr/MIME type:\s+text\/x-small/, 'type';
like $info, qr/x-amz-meta-colour:\s+blue/, 'metadata';
like $info, qr/ACL:.*FULL_CONTROL/, 'ACL';

my $md5 = big_file("$d/big", 64);
runs('put of 64 MiB in parts', @cmd, 'put', '--multipart-chunk-size-mb=15', "$d/big", "s3://$b/big");
runs('get of 64 MiB', @cmd, 'get', '--force', "s3://$b/big", "$d/big.back");
is file_md5("$d/big.back"), $md5, 'came back whole';
truncate "$d/big.back", 30_000_000;
runs('get --continue (a range)', @cmd, 'get', '--continue', "s3://$b/big", "$d/big.back");
is file_md5("$d/big.back"), $md5, 'continued';

runs("put $_", @cmd, 'put', $small, "s3://$b/odd/$_") for @ODD_KEYS;
my $ls = runs('ls -r', @cmd, 'ls', '-r', "s3://$b/odd/");
like $ls, qr{\Qs3://$b/odd/$_\E$}m, "listed: $_" for @ODD_KEYS;
for my $k (@ODD_KEYS) {
    unlink "$d/odd.back";
    runs("get $k", @cmd, 'get', '--force', "s3://$b/odd/$k", "$d/odd.back");
    is file_md5("$d/odd.back"), file_md5($small), "$k: contents";
    is $s->get("/$b/odd/" . enc($k, 1))->body, 'small contents', "$k: the same key for others";
}
$ls = runs('ls with delimiter', @cmd, 'ls', "s3://$b/");
like $ls, qr{DIR\s+s3://\Q$b\E/odd/$}m, 'a directory';
like $ls, qr{s3://\Q$b\E/big$}m, 'and a file';

runs('cp', @cmd, 'cp', "s3://$b/dir/small.txt", "s3://$b/copy.txt");
is $s->get("/$b/copy.txt")->body, 'small contents', 'copied';
is $s->head("/$b/copy.txt")->h('x-amz-meta-colour'), 'blue', 'with its metadata';
runs('mv', @cmd, 'mv', "s3://$b/copy.txt", "s3://$b/moved.txt");
is $s->get("/$b/copy.txt")->status, 404, 'moved away';
is $s->get("/$b/moved.txt")->body, 'small contents', 'moved here';
runs('modify', @cmd, 'modify', '--add-header=x-amz-meta-colour: red', "s3://$b/moved.txt");
is $s->head("/$b/moved.txt")->h('x-amz-meta-colour'), 'red', 'modified';
runs('setacl --acl-public', @cmd, 'setacl', '--acl-public', "s3://$b/moved.txt");
is $s->get("/$b/moved.txt", as => 'none')->status, 200, 'public';
runs('setacl --acl-private', @cmd, 'setacl', '--acl-private', "s3://$b/moved.txt");
is $s->get("/$b/moved.txt", as => 'none')->status, 403, 'private';

mkdir "$d/tree"; mkdir "$d/tree/sub";
write_file("tree/$_", "file $_") for 'one', 'two', 'sub/three';
runs('sync up', @cmd, 'sync', "$d/tree/", "s3://$b/tree/");
runs('sync down', @cmd, 'sync', "s3://$b/tree/", "$d/tree2/");
is file_md5("$d/tree2/sub/three"), file_md5("$d/tree/sub/three"), 'synced';
unlike runs('sync again', @cmd, 'sync', "$d/tree/", "s3://$b/tree/"), qr/upload: /, 'nothing left to do';

runs('del of many', @cmd, 'del', map { "s3://$b/odd/$_" } @ODD_KEYS);
is runs('ls afterwards', @cmd, 'ls', '-r', "s3://$b/odd/"), '', 'all deleted';
# AWS version 2
my @v2 = (@cmd, '--signature-v2');
runs('V2: put', @v2, 'put', '--add-header=x-amz-meta-colour: blue', $small, "s3://$b/v2/a b+c");
unlink "$d/v2.back";
runs('V2: get', @v2, 'get', '--force', "s3://$b/v2/a b+c", "$d/v2.back");
is file_md5("$d/v2.back"), file_md5($small), 'V2: came back';
runs('V2: put in parts', @v2, 'put', '--multipart-chunk-size-mb=15', "$d/big", "s3://$b/v2/big");
runs('V2: get', @v2, 'get', '--force', "s3://$b/v2/big", "$d/v2.back");
is file_md5("$d/v2.back"), $md5, 'V2: came back whole';
like runs('V2: ls', @v2, 'ls', "s3://$b/v2/"), qr{v2/big}, 'V2: listed';
runs('V2: cp', @v2, 'cp', "s3://$b/v2/a b+c", "s3://$b/v2/copy");
like runs('V2: info', @v2, 'info', "s3://$b/v2/copy"), qr/x-amz-meta-colour:\s+blue/, 'V2: metadata and ACL';
runs('V2: setacl', @v2, 'setacl', '--acl-public', "s3://$b/v2/copy");
is $s->get("/$b/v2/copy", as => 'none')->status, 200, 'V2: public';
my $link = runs('V2: signurl', @v2, 'signurl', "s3://$b/v2/big", '+60');
chomp $link;
is $s->head($link =~ s{^https?://[^/]+}{}r, as => 'none')->status, 403, 'V2: a link to read is none for HEAD';
is length $s->get($link =~ s{^https?://[^/]+}{}r, as => 'none')->body, -s "$d/big", 'V2: a link';
runs('V2: del', @v2, 'del', "s3://$b/v2/big", "s3://$b/v2/copy");

runs('del -r', @cmd, 'del', '-r', '--force', "s3://$b");
runs('rb', @cmd, 'rb', "s3://$b");
is $s->head("/$b")->status, 404, 'the bucket is gone';

$s->done;
