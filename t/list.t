# Listings of both versions against a model, page by page.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;
use Cos::Sign qw(enc dec);

my $s = Cos->start;
my $bk = $s->make_bucket('list-1250000000');
my $c = $s->connect;

srand 4711;
my %keys;
$keys{$_} = 1 for qw(a a/ a/b a/b/c a/b/d a/c b b/ b//c c/d/e/f/g zz zz/ zz/1 zz/2), 'sp ace', 'pl+us',
    "uni\xe8\x85\xbe", "amp&<>\"'", 'a%2Fb', "\x7f", "~", "photos/2024/1.jpg", "photos/2024/2.jpg",
    'photos/b.jpg', "ff\xff", "ff\xff\xff/x", "ff\xff/";
for (1 .. 250) {
    my $k = join '/', map { join '', map { chr(97 + int rand 3) } 1 .. 1 + rand 3 } 1 .. 1 + rand 4;
    $keys{$k} = 1;
}
my @all = sort keys %keys;
for (@all) {
    my $r = $s->put("/$bk/" . enc($_, 1), length . " bytes of key", conn => $c);
    BAIL_OUT("put: " . $r->status . $r->body) if $r->status != 200;
}

# What a listing of that prefix and delimiter after that point holds.
sub model {
    my ($prefix, $delim, $after) = @_;
    my (@items, %seen);
    for my $k (@all) {
        next if substr($k, 0, length $prefix) ne $prefix;
        my $item = [$k, 0];
        if ($delim ne '') {
            my $at = index $k, $delim, length $prefix;
            $item = [substr($k, 0, $at + length $delim), 1] if $at >= 0;
        }
        next if $item->[1] && $seen{ $item->[0] }++;
        next if $after ne '' && $item->[0] le $after;
        next if $after ne '' && $k le $after;
        push @items, $item;
    }
    return @items;
}

# All pages of one version, checked as they come; the items in order.
sub listing {
    my ($v2, $prefix, $delim, $max, $after, $as) = @_;
    my (@items, $token);
    my $marker = $after;
    for my $page (1 .. 400) {
        my @q = ('encoding-type=url', 'max-keys=' . $max);
        push @q, 'prefix=' . enc($prefix) if $prefix ne '';
        push @q, 'delimiter=' . enc($delim) if $delim ne '';
        if ($v2) {
            push @q, 'list-type=2';
            push @q, 'start-after=' . enc($after) if $after ne '';
            push @q, 'continuation-token=' . enc($token) if defined $token;
        } else {
            push @q, 'marker=' . enc($marker) if $marker ne '';
        }
        my $r = $s->get("/$bk?" . join('&', @q), as => $as, conn => $c);
        return "status $r->{status} $r->{body}" if $r->status != 200;
        my @k = map { [dec($_), 0] } map { $_->xml('Key') } $r->parts('Contents');
        my @p = map { [dec($_->xml('Prefix')), 1] } $r->parts('CommonPrefixes');
        return 'more than max-keys' if @k + @p > $max;
        return 'KeyCount is wrong' if $v2 && $r->xml('KeyCount') != @k + @p;
        my @page = sort { $a->[0] cmp $b->[0] } @k, @p;
        return 'keys are not in order' if join(',', map { $_->[0] } @k)
            ne join ',', sort map { $_->[0] } @k;
        push @items, @page;
        return \@items if $r->xml('IsTruncated') eq 'false';
        return 'truncated and empty' if !@page;
        $token = $r->xml('NextContinuationToken');
        my $next = $r->xml('NextMarker');
        return 'no NextMarker' if !$v2 && !defined $next && ($as eq 'cos' || $delim ne '');
        $marker = defined $next ? dec($next) : $page[-1][0];
        return 'no token' if $v2 && !defined $token;
    }
    return 'no end';
}

for my $as (qw(s3 cos)) {
    for my $v2 ($as eq 's3' ? (0, 1) : (0)) {
        for my $q (['', ''], ['', '/'], ['a', '/'], ['a/', '/'], ['a/b', '/'], ['a/b/', '/'],
            ['zz/', '/'], ['b/', '/'], ['b', ''], ['nothing', '/'], ['', 'b'], ['', '/b'], ['c/d/', '/'],
            ["ff\xff", '/'], ['photos/', '/'], ['', '', 'a/b'], ['', '/', 'a/'], ['', '/', 'a/zzz'],
            ['a', '', 'a/b/c'], ['', '/', 'zzzz'], ['a/', '/', 'b'])
        {
            my ($prefix, $delim, $after) = (@$q, '');
            my @want = model($prefix, $delim, $after);
            for my $max (1000, 7, 1) {
                next if $max == 1 && @want > 60;
                my $got = listing($v2, $prefix, $delim, $max, $after, $as);
                my $name = sprintf '%s v%d prefix=%s delimiter=%s after=%s max=%d', $as, 1 + $v2,
                    map({ enc($_) } $prefix, $delim, $after), $max;
                is_deeply $got, \@want, $name;
            }
        }
    }
}


# --- the document -------------------------------------------------------------------------

my $r = $s->get("/$bk?prefix=photos%2F&delimiter=%2F&max-keys=1", as => 'cos');
is_ok $r, 'cos listing';
is $r->h('content-type'), 'application/xml', 'content type';
is $r->xml('Name'), $bk, 'Name';
is $r->xml('Prefix'), 'photos/', 'Prefix';
is $r->xml('Marker'), '', 'Marker is there though empty';
is $r->xml('MaxKeys'), 1, 'MaxKeys';
is $r->xml('Delimiter'), '/', 'Delimiter';
is $r->xml('NextMarker'), 'photos/2024/', 'NextMarker is the common prefix';
unlike $r->body, qr/xmlns=/, 'COS documents have no namespace';
$r = $s->get("/$bk?prefix=photos%2Fb", as => 'cos');
my ($entry) = $r->parts('Contents');
is $entry->xml('Key'), 'photos/b.jpg', 'Key';
is $entry->xml('Size'), length '12 bytes of key', 'Size';
like $entry->xml('ETag'), qr/^"[0-9a-f]{32}"$/, 'ETag has its quotes';
like $entry->xml('LastModified'), qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'LastModified';
is $entry->xml('StorageClass'), 'STANDARD', 'StorageClass';
$r = $s->get("/$bk?list-type=2&prefix=photos%2Fb");
like $r->body, qr{xmlns="http://s3.amazonaws.com/doc/2006-03-01/"}, 'S3 documents have theirs';
is scalar($r->all('Owner')), 0, 'V2: no owner unless asked for';
$r = $s->get("/$bk?list-type=2&prefix=photos%2Fb&fetch-owner=true");
like $r->xml('ID'), qr/^[0-9a-f]{64}$/, 'V2: owner when asked for';
$r = $s->get("/$bk?prefix=" . enc("amp&<>\"'"));
is $r->xml('Key'), "amp&<>\"'", 'special characters are escaped';
is $s->get("/$bk?max-keys=0")->xml('IsTruncated'), 'false', 'max-keys=0 lists nothing';
is scalar($s->get("/$bk?max-keys=5000")->all('Key')), scalar(@all) > 1000 ? 1000 : scalar(@all),
    'max-keys above 1000 is cut';
for my $q ('max-keys=-1', 'max-keys=abc', 'max-keys=1e9', 'encoding-type=base64',
    'list-type=2&continuation-token=%21%21')
{
    is_error $s->get("/$bk?$q"), 400, 'InvalidArgument', $q;
}
is_error $s->get('/nowhere-1250000000'), 404, 'NoSuchBucket', 'a bucket that does not exist';

# A listing is true at once after each change.
for my $n (1 .. 20) {
    $s->put("/$bk/live-$n", 'x', conn => $c);
    my @k = $s->get("/$bk?prefix=live-", conn => $c)->all('Key');
    is scalar @k, 1, "a new key is listed at once ($n)" if $n % 5 == 0;
    $s->delete("/$bk/live-$n", conn => $c);
}
is scalar($s->get("/$bk?prefix=live-", conn => $c)->all('Key')), 0, 'deleted keys are not';

$s->done;
