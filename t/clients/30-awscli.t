# The AWS command line, the distribution's and, when another is first in PATH,
# that one too: they differ in the checksums they send.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Cos;
use Cos::Client;
use Cos::Sign qw(enc);

my @bins = need('aws');
my ($other) = grep { -x } map { "$_/aws" } split /:/, $ENV{PATH};
push @bins, $other if $other && $other !~ m{^/(usr/)?bin/};
my $s = Cos->start(workers => 2);
my $d = $s->dir;

open my $f, '>', "$d/aws.conf" or die;
print $f "[default]\nregion = $s->{region}\noutput = json\ns3 =\n    addressing_style = path\n"
    . "    signature_version = s3v4\n    multipart_chunksize = 8MB\n";
close $f;
$ENV{AWS_CONFIG_FILE} = "$d/aws.conf";
$ENV{AWS_SHARED_CREDENTIALS_FILE} = '/dev/null';
$ENV{AWS_ACCESS_KEY_ID} = $s->env('ACCESS_KEY');
$ENV{AWS_SECRET_ACCESS_KEY} = $s->env('SECRET_KEY');
$ENV{AWS_EC2_METADATA_DISABLED} = 'true';
$ENV{AWS_PAGER} = '';
$ENV{AWS_MAX_ATTEMPTS} = 1;
$ENV{LC_ALL} = 'C.UTF-8';
my $md5 = big_file("$d/big", 64);
open $f, '>', "$d/small" or die; print $f 'small contents'; close $f;

my $n = 0;
for my $bin (@bins) {
    my $b = 'awscli' . ++$n . '-1250000000';
    my @cmd = ($bin, '--endpoint-url', $s->env('ENDPOINT'));
    my ($version) = run($bin, '--version') =~ m{^(aws-cli/\S+)};
    note $version;
    my $json = sub { my ($name, @args) = @_;
        my $out = runs("$version: $name", @cmd, @args);
        return eval { JSON::PP::decode_json($out) } || {} };

    runs("$version: mb", @cmd, 's3', 'mb', "s3://$b");
    like runs("$version: ls", @cmd, 's3', 'ls'), qr/\Q$b\E/, 'the bucket is listed';
    runs("$version: head-bucket", @cmd, 's3api', 'head-bucket', '--bucket', $b);
    is $json->('location', 's3api', 'get-bucket-location', '--bucket', $b)->{LocationConstraint},
        $s->{region}, 'location';
    runs("$version: cp", @cmd, 's3', 'cp', '--only-show-errors', "$d/small", "s3://$b/dir/small");
    is run(@cmd, 's3', 'cp', '--only-show-errors', "s3://$b/dir/small", '-'), 'small contents', 'came back';
    runs("$version: 64 MiB in parts", @cmd, 's3', 'cp', '--only-show-errors', "$d/big", "s3://$b/big");
    runs("$version: back", @cmd, 's3', 'cp', '--only-show-errors', "s3://$b/big", "$d/big.back");
    is file_md5("$d/big.back"), $md5, 'whole';
    like runs("$version: ls with delimiter", @cmd, 's3', 'ls', "s3://$b/"), qr/PRE dir\/\n.*67108864 big$/m, 'ls';
    my $r = $json->('a range', 's3api', 'get-object', '--bucket', $b, '--key', 'dir/small', '--range',
        'bytes=6-9', "$d/range");
    is $r->{ContentRange}, 'bytes 6-9/14', 'Content-Range';
    is Cos::slurp("$d/range"), 'cont', 'its bytes';
    runs("$version: copy", @cmd, 's3', 'cp', '--only-show-errors', "s3://$b/dir/small", "s3://$b/copy");
    is $s->get("/$b/copy")->body, 'small contents', 'copied';
    # version 2 would copy tags as well, and the store has none
    my @props = $version =~ m{/2} ? ('--copy-props', 'metadata-directive') : ();
    runs("$version: copy in parts", @cmd, 's3', 'cp', '--only-show-errors', @props, "s3://$b/big",
        "s3://$b/big2");
    is $s->head("/$b/big2")->h('content-length'), 64 << 20, 'whole';

    my $url = runs("$version: presign", @cmd, 's3', 'presign', "s3://$b/dir/small");
    chomp $url;
    is $s->curl($url), 'small contents', 'presigned GET';

    $json->('metadata', 's3api', 'put-object', '--bucket', $b, '--key', 'meta', '--body', "$d/small",
        '--metadata', 'colour=blue,two-words=x y', '--content-type', 'text/x-a', '--cache-control', 'no-cache');
    $r = $json->('head', 's3api', 'head-object', '--bucket', $b, '--key', 'meta');
    is_deeply $r->{Metadata}, { colour => 'blue', 'two-words' => 'x y' }, 'metadata came back';
    is $r->{ContentType}, 'text/x-a', 'type';
    is $r->{CacheControl}, 'no-cache', 'cache control';

    my @odd = (@ODD_KEYS, 'a/./b');
    for my $k (@odd) {
        $json->("put $k", 's3api', 'put-object', '--bucket', $b, '--key', "odd/$k", '--body', "$d/small");
        is $s->get("/$b/odd/" . enc($k, 1))->body, 'small contents', "$k: the same key for others";
    }
    $r = $json->('list', 's3api', 'list-objects-v2', '--bucket', $b, '--prefix', 'odd/', '--page-size', 3);
    is_deeply [map { my $k = $_->{Key}; utf8::encode($k); $k } @{ $r->{Contents} }],
        [sort map { "odd/$_" } @odd], 'odd keys are listed, page by page';
    $r = $json->('list v1', 's3api', 'list-objects', '--bucket', $b, '--delimiter', '/');
    is_deeply [map { $_->{Prefix} } @{ $r->{CommonPrefixes} }], ['dir/', 'odd/'], 'common prefixes';

    open my $f, '>', "$d/delete.json" or die;
    print $f JSON::PP->new->latin1->encode({ Objects => [map { my $k = $_; utf8::decode($k); { Key => "odd/$k" } }
        @odd] });
    close $f;
    $r = $json->('delete-objects', 's3api', 'delete-objects', '--bucket', $b, '--delete', "file://$d/delete.json");
    is scalar(@{ $r->{Deleted} || [] }), scalar @odd, 'all deleted';
    is_deeply $r->{Errors} || [], [], 'no errors';

    $json->('put-object-acl', 's3api', 'put-object-acl', '--bucket', $b, '--key', 'copy', '--acl', 'public-read');
    is $s->get("/$b/copy", as => 'none')->status, 200, 'public';
    $r = $json->('get-object-acl', 's3api', 'get-object-acl', '--bucket', $b, '--key', 'copy');
    is scalar(@{ $r->{Grants} || [] }), 2, 'two grants';

    mkdir "$d/tree$n"; for my $k (1 .. 5) { open my $f, '>', "$d/tree$n/$k" or die; print $f $k; close $f }
    runs("$version: sync", @cmd, 's3', 'sync', '--only-show-errors', "$d/tree$n", "s3://$b/tree");
    is run(@cmd, 's3', 'sync', '--dryrun', "$d/tree$n", "s3://$b/tree"), '', 'nothing left to do';
    runs("$version: rm --recursive", @cmd, 's3', 'rm', '--only-show-errors', '--recursive', "s3://$b");
    runs("$version: rb", @cmd, 's3', 'rb', "s3://$b");
    is $s->head("/$b")->status, 404, 'the bucket is gone';
}

$s->done;
