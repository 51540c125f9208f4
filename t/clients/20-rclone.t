# rclone: checks what it copied by hash, in many streams at a time.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Cos;
use Cos::Client;
use Cos::Sign qw(enc);

my $bin = need('rclone');
my $s = Cos->start(workers => 2);
my $d = $s->dir;
my $b = 'rclone-1250000000';

local $ENV{RCLONE_CONFIG} = "$d/rclone.conf";
open my $f, '>', "$d/rclone.conf" or die;
print $f "[cos]\ntype = s3\nprovider = Other\nforce_path_style = true\n",
    map { "$_->[0] = $_->[1]\n" } ['access_key_id', $s->env('ACCESS_KEY')],
    ['secret_access_key', $s->env('SECRET_KEY')], ['endpoint', $s->env('ENDPOINT')], ['region', $s->{region}];
close $f;
my @cmd = ($bin, '--retries', 1, '--low-level-retries', 2);
my $r = "cos:$b";

runs('mkdir', @cmd, 'mkdir', $r);
like runs('lsd', @cmd, 'lsd', 'cos:'), qr/\Q$b\E/, 'the bucket is listed';

mkdir "$d/$_" for 'tree', 'tree/sub', 'tree/sub/deep';
for my $n (1 .. 30) {
    open my $f, '>:raw', "$d/tree/" . ($n % 3 ? '' : 'sub/deep/') . "file $n+%" or die;
    print $f "contents $n " x ($n * 100);
    close $f;
}
runs('copy of a tree', @cmd, 'copy', "$d/tree", "$r/tree", '--transfers', 8);
runs('check', @cmd, 'check', "$d/tree", "$r/tree");
runs('check --download', @cmd, 'check', '--download', "$d/tree", "$r/tree");
is scalar(split /\n/, runs('lsf -R', @cmd, 'lsf', '-R', '--files-only', "$r/tree")), 30, 'all are listed';
is runs('lsf', @cmd, 'lsf', "$r/tree/sub"), "deep/\n", 'a directory';
runs('sync back', @cmd, 'sync', "$r/tree", "$d/tree2");
runs('check of what came back', @cmd, 'check', "$d/tree", "$d/tree2");

my $md5 = big_file("$d/big", 64);
runs('64 MiB in parts', @cmd, 'copyto', '--s3-upload-cutoff', '5M', '--s3-chunk-size', '5M', "$d/big", "$r/big");
runs('back', @cmd, 'copyto', "$r/big", "$d/big.back");
is file_md5("$d/big.back"), $md5, 'whole';
my $part = run(@cmd, 'cat', '--offset', 5242870, '--count', 20, "$r/big");
open $f, '<:raw', "$d/big" or die;
seek $f, 5242870, 0;
read $f, my $want, 20;
ok $part eq $want, 'a range across parts';
runs('server-side copy', @cmd, 'copyto', "$r/big", "$r/big2");
runs('server-side copy in parts', @cmd, 'copyto', '--s3-copy-cutoff', '10M', '--s3-chunk-size', '8M', "$r/big", "$r/big3");
is $s->head("/$b/$_")->h('content-length'), 64 << 20, "$_ is whole" for 'big2', 'big3';
runs('back', @cmd, 'copyto', "$r/big3", "$d/big3.back");
is file_md5("$d/big3.back"), $md5, 'its bytes too';

# rclone takes its names from a file system's view: no empty segments
my @odd = grep { !m{//} } @ODD_KEYS;
open $f, '>', "$d/odd" or die; print $f 'odd contents'; close $f;
runs("put $_", @cmd, 'copyto', "$d/odd", "$r/odd/$_") for @odd;
my $ls = runs('lsf of odd keys', @cmd, 'lsf', '-R', '--files-only', "$r/odd");
is_deeply [sort split /\n/, $ls], [sort @odd], 'listed as themselves';
is run(@cmd, 'cat', "$r/odd/$_"), 'odd contents', "cat $_" for @odd;
is $s->get("/$b/odd/" . enc($_, 1))->body, 'odd contents', "$_: the same key for others" for @odd;

my $link = runs('link', @cmd, 'link', '--expire', '10m', "$r/odd/with space");
chomp $link;
is $s->curl($link), 'odd contents', 'a presigned link';
runs('metadata', @cmd, 'copyto', '-M', '--header-upload', 'x-amz-meta-colour: blue', "$d/odd", "$r/meta");
is $s->head("/$b/meta")->h('x-amz-meta-colour'), 'blue', 'metadata';
ok defined $s->head("/$b/meta")->h('x-amz-meta-mtime'), 'its modification time';
runs('touch (copy onto itself)', @cmd, 'touch', "$r/meta");

runs('delete', @cmd, 'delete', "$r/odd");
is runs('lsf afterwards', @cmd, 'lsf', "$r/odd"), '', 'deleted';
runs('purge', @cmd, 'purge', $r);
is $s->head("/$b")->status, 404, 'the bucket is gone';

$s->done;
