# boto3, the distribution's and, when another Python is first in PATH and has
# one, that one too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Cos;
use Cos::Client;

my @pythons = need('python3');
my ($other) = grep { -x } map { "$_/python3" } split /:/, $ENV{PATH};
push @pythons, $other if $other && $other !~ m{^/(usr/)?bin/};
@pythons = grep { run($_, '-c', 'import boto3'); $? == 0 } @pythons;
if (!@pythons) {
    BAIL_OUT('python3-boto3 is not installed') if $ENV{COS_REQUIRE_CLIENTS};
    plan skip_all => 'python3-boto3 is not installed';
}
my $s = Cos->start(workers => 2);
for my $python (@pythons) {
    my $version = run($python, '-c', 'import boto3; print(boto3.__version__, end="")');
    driver($s, [$python, "$FindBin::Bin/drivers/boto3_driver.py"], prefix => "boto3 $version");
    driver($s, [$python, "$FindBin::Bin/drivers/boto3_sts.py"], prefix => "boto3 $version, STS");
}
$s->done;
