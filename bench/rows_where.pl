# Rows about rules on from where a bucket is read. Part of bench/run.

use strict;
use warnings;
use Digest::MD5 ();

our ($KIB, $MIB);

# One public object in a bucket with 100 CORS rules and 30 entries of hotlink
# protection beside the same object in one without. Both sides are asked by the
# same request, from an origin of the last rule; half of the rules are patterns.
# The answer with rules has 300 bytes of headers more.
sub where {
    my $s = hot();
    my $bytes = Bench::bytes(4 * $KIB);
    my @args = ('-c', 16, '-t', $Bench::SECONDS);
    my $rules = join '', map {
        my $host = $_ % 2 ? "*.site$_.example.com" : "www.site$_.example.com";
        "<CORSRule><AllowedOrigin>https://$host</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
            . '<AllowedMethod>PUT</AllowedMethod><AllowedHeader>*</AllowedHeader>'
            . '<MaxAgeSeconds>600</MaxAgeSeconds><ExposeHeader>ETag</ExposeHeader></CORSRule>'
    } 1 .. 100;
    my $domains = join '', map { '<Domain>' . ($_ % 2 ? '*.' : 'www.') . "site$_.example.com</Domain>" } 71 .. 100;
    my %doc = (cors => "<CORSConfiguration>$rules</CORSConfiguration>",
        referer => '<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType>'
            . "<DomainList>$domains</DomainList></RefererConfiguration>");
    my @sides;
    for my $kind (qw(rules none)) {
        my $b = "where-$kind-1250000000";
        $s->make_bucket($b, as => 'cos', headers => ['x-cos-acl', 'public-read']);
        must($s->put("/$b/o", $bytes, as => 'cos'), 'PUT');
        if ($kind eq 'rules') {
            must($s->put("/$b?$_", $doc{$_}, as => 'cos', headers => ['Content-MD5',
                Digest::MD5::md5_base64($doc{$_}) . '==']), $_) for sort keys %doc;
        }
        my $site = 'https://www.site100.example.com';
        my $r = $s->get("/$b/o", as => 'none', headers => [Origin => $site, Referer => "$site/"]);
        die "where: $kind: not as it should be\n"
            unless $r->body eq $bytes && ($r->h('access-control-allow-origin') // '') eq ($kind eq 'rules' ? $site : '');
        my $head = "GET /$b/o HTTP/1.1\r\nHost: 127.0.0.1:" . $s->port . "\r\nOrigin: $site\r\nReferer: $site/\r\n\r\n";
        my $side = Bench::side($s, Bench::requests("where-$kind", [$head, 200, 0, length $bytes]), @args);
        push @sides, $kind => sub { Bench::load($side) };
    }
    my $r = Bench::alternate(@sides);
    Bench::compare('GET 4 KiB, 100 CORS rules, 30 hotlink entries | none', $r->{rules}, $r->{none}, '0.85');
    return;
}

1;
