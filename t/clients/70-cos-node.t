# cos-nodejs-sdk-v5, the COS dialect with the bucket in the host; and
# qcloud-cos-sts, which gets it temporary keys.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Cos;
use Cos::Client;

my $node = node_modules();
my $s = Cos->start(workers => 2, conf => "cos_domains example.com;");
driver($s, [$node, "$FindBin::Bin/drivers/cos_node.js"]);
driver($s, [$node, "$FindBin::Bin/drivers/cos_sts.js"], prefix => 'STS');
$s->done;
