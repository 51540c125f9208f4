# Rows about websites. Part of bench/run.

use strict;
use warnings;

our ($KIB);

# The index document of a folder of a hot site, whose configuration has an error
# document and 20 rules that do not fit, beside stock nginx with "index" and
# "error_page" and the same bytes.
sub website {
    my $s = hot();
    my $b = 'www-1250000000';
    my $bytes = Bench::bytes(4 * $KIB);
    my @args = ('-c', 16, '-t', $Bench::SECONDS);
    $s->make_bucket($b, as => 'cos', headers => ['x-cos-acl', 'public-read']);
    must($s->put("/$b/docs/index.html", $bytes, as => 'cos', headers => ['Content-Type', 'text/html']), 'PUT');
    my $rules = join '', map {
        "<RoutingRule><Condition><KeyPrefixEquals>old$_/</KeyPrefixEquals></Condition>"
            . "<Redirect><ReplaceKeyPrefixWith>new$_/</ReplaceKeyPrefixWith></Redirect></RoutingRule>"
    } 1 .. 20;
    must($s->put("/$b?website", '<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
        . "<ErrorDocument><Key>404.html</Key></ErrorDocument><RoutingRules>$rules</RoutingRules></WebsiteConfiguration>",
        as => 'cos'), 'PUT ?website');

    my $host = "$b.cos-website.ap-local.localhost";
    my $r = $s->get('/docs/', as => 'none', host => $host);
    die "website: not as it should be\n" unless $r->status == 200 && $r->body eq $bytes;
    my $ours = Bench::side($s, Bench::requests('website',
        ["GET /docs/ HTTP/1.1\r\nHost: $host\r\n\r\n", 200, 0, length $bytes]), @args);

    my $stock = Bench::static();
    my $dir = "$Bench::DIR/www/site";
    mkdir $_ for $dir, "$dir/docs";
    Bench::spew("$dir/docs/index.html", $bytes);
    my $theirs = { %$stock, args => \@args, file => Bench::requests('static-website',
        [Bench::get_head('/site/docs/', $stock->{port}), 200, 0, length $bytes]) };
    $r = Bench::alternate(ours => sub { Bench::load($ours) }, static => sub { Bench::load($theirs) });
    Bench::compare('website: index of a folder, 4 KiB | nginx with index', $r->{ours}, $r->{static}, '0.80');
    return;
}

1;
