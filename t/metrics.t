# The metrics page: its format, what is counted, and docs/metrics.md.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $s = Cos->start(workers => 2);
my $bucket = $s->make_bucket('metrics-1250000000');

# The page as a hash "name{labels}" => value, its comments apart.
sub page {
    my $r = $s->get('/-/metrics', as => 'none', @_);
    die 'metrics: ' . $r->status unless $r->status == 200;
    my (%v, %help, %type, @bad);
    for (split /\n/, $r->body) {
        if (/^# HELP (\S+) (.+)$/) { $help{$1} = $2 }
        elsif (/^# TYPE (\S+) (counter|gauge|histogram)$/) { $type{$1} = $2 }
        elsif (/^([a-z_]+(?:\{(?:[a-z]+="[^"\\]*",?)+\})?) (\d+(?:\.\d+)?)$/) {
            push @bad, "twice: $1" if exists $v{$1};
            $v{$1} = $2;
        }
        else { push @bad, $_ }
    }
    return { v => \%v, help => \%help, type => \%type, bad => \@bad, r => $r };
}

# The page, and how much a value grew since another page.
my $since;
sub grown { my ($p, $name) = @_; return $p->{v}{"ngx_cos_$name"} - $since->{v}{"ngx_cos_$name"} }

# --- format ---------------------------------------------------------------------

$s->put("/$bucket/rare", 'seven b', headers => [ 'x-amz-storage-class' => 'STANDARD_IA' ])->status == 200 or die "PUT\n";
my $p = page();
is $p->{v}{qq(ngx_cos_bucket_objects{bucket="$bucket"})}, 1, 'objects of a bucket';
is $p->{v}{qq(ngx_cos_bucket_bytes{bucket="$bucket"})}, 7, 'their bytes';
is $p->{v}{qq(ngx_cos_bucket_class_bytes{bucket="$bucket",class="STANDARD_IA"})}, 7, 'by storage class';
is $p->{r}->h('content-type'), 'text/plain; version=0.0.4', 'type';
is $p->{r}->h('content-length'), length $p->{r}->body, 'length';
like $p->{r}->body, qr/\n\z/, 'ends with a newline';
is "@{ $p->{bad} }", '', 'every line has the form';
is join(' ', sort keys %{ $p->{help} }), join(' ', sort keys %{ $p->{type} }), 'HELP and TYPE go together';
my %family;
for (keys %{ $p->{v} }) {
    my ($n) = /^([a-z_]+)/;
    $n =~ s/_(?:bucket|sum|count)$// unless $p->{type}{$n};
    $family{$n}++;
}
is join(' ', sort keys %family), join(' ', sort keys %{ $p->{type} }), 'every metric has rows, every row a metric';
is scalar(grep { $p->{type}{$_} eq 'counter' && !/_total$/ } keys %{ $p->{type} }), 0, 'counters end in _total';

my $c = $s->connect;
my $head = $s->head('/-/metrics', as => 'none', conn => $c);
is_status $head, 200, 'HEAD';
cmp_ok $head->h('content-length'), '>', 1000, 'HEAD: length';
is_status $s->get('/-/metrics', as => 'none', conn => $c), 200, 'the connection goes on';
for my $method (qw(PUT POST DELETE OPTIONS)) {
    my $r = $s->req($method, '/-/metrics', as => 'none', body => 'x');
    is_status $r, 405, $method;
    is $r->h('allow'), 'GET, HEAD', "$method: what is allowed";
}

# --- documentation ----------------------------------------------------------------

my %doc;
for (split /\n/, Cos::slurp("$Cos::ROOT/docs/metrics.md")) {
    $doc{$1} = [$2, $3] if /^\| `(ngx_cos_\w+)` \| (\w+) \| (.+?) \|$/;
}
is join(' ', sort keys %doc), join(' ', sort keys %{ $p->{type} }), 'docs/metrics.md has every metric';
for (sort keys %{ $p->{type} }) {
    next unless $doc{$_};
    is "$doc{$_}[0]: $doc{$_}[1]", "$p->{type}{$_}: $p->{help}{$_}", "docs: $_";
}

# --- what is counted ----------------------------------------------------------------

$since = page();
my $body = 'x' x 5000;
is_status $s->put("/$bucket/k$_", $body), 200, "put $_" for 1 .. 10;
is_status $s->get("/$bucket/k$_"), 200, "get $_" for 1 .. 10;
is_status $s->get("/$bucket/k1", headers => ['Range', 'bytes=0-9']), 206, 'range';
is_status $s->head("/$bucket/k1"), 200, 'head';
is_status $s->get("/$bucket/none"), 404, 'none';
is_status $s->get("/$bucket/k1", as => 'none'), 403, 'anonymous';
is_status $s->get("/$bucket"), 200, 'list';
is_status $s->delete("/$bucket/k10"), 204, 'delete';
is_status $s->get("/$bucket/k1", headers => ['If-Match', '"0"']), 412, 'condition';

# a worker counts after it has answered
my $now;
ok $s->wait_for(sub {
    $now = page();
    grown($now, 'responses_total{status="412"}') == 1
        && grown($now, 'requests_total{op="GetObject",class="2xx"}') == 11
}), 'the last answer is counted';

is grown($now, 'requests_total{op="PutObject",class="2xx"}'), 10, 'puts';
is grown($now, 'requests_total{op="GetObject",class="2xx"}'), 11, 'gets';
is grown($now, 'requests_total{op="GetObject",class="4xx"}'), 3, 'gets refused';
is grown($now, 'requests_total{op="HeadObject",class="2xx"}'), 1, 'heads';
is grown($now, 'requests_total{op="DeleteObject",class="2xx"}'), 1, 'deletes';
is grown($now, 'requests_total{op="ListObjects",class="2xx"}'), 1, 'listings';
is grown($now, 'responses_total{status="200"}'), 22, "status 200";
is grown($now, 'responses_total{status="204"}'), 1, "status 204";
is grown($now, 'responses_total{status="206"}'), 1, "status 206";
is grown($now, 'responses_total{status="403"}'), 1, "status 403";
is grown($now, 'responses_total{status="404"}'), 1, "status 404";
is grown($now, 'responses_total{status="412"}'), 1, "status 412";
is grown($now, 'errors_total{error="NO_SUCH_KEY",code="NoSuchKey"}'), 1, 'NoSuchKey';
is grown($now, 'errors_total{error="ACCESS_DENIED",code="AccessDenied"}'), 1, 'AccessDenied';
is grown($now, 'errors_total{error="PRECONDITION_FAILED",code="PreconditionFailed"}'), 1, 'PreconditionFailed';
cmp_ok grown($now, 'received_bytes_total{op="PutObject"}'), '>', 50_000, 'bytes received';
cmp_ok grown($now, 'received_bytes_total{op="PutObject"}'), '<', 70_000, 'bytes received, not twice';
cmp_ok grown($now, 'sent_bytes_total{op="GetObject"}'), '>', 50_000, 'bytes sent';
cmp_ok grown($now, 'sent_bytes_total{op="GetObject"}'), '<', 70_000, 'bytes sent, not twice';

is grown($now, 'request_duration_seconds_count{group="put"}'), 10, 'latency: puts';
is grown($now, 'request_duration_seconds_count{group="get"}'), 15, 'latency: gets';
is grown($now, 'request_duration_seconds_count{group="list"}'), 1, 'latency: listings';
for my $g (qw(get put list other)) {
    my @at;
    for (keys %{ $now->{v} }) {
        next unless /^ngx_cos_request_duration_seconds_bucket\{group="$g",le="(.*)"/;
        push @at, [$1 eq "+Inf" ? 9**9 : $1, $now->{v}{$_}];
    }
    @at = sort { $a->[0] <=> $b->[0] } @at;
    is $at[0][0], '0.0005', "$g: first bound";
    my @down = grep { $at[$_][1] < $at[$_ - 1][1] } 1 .. $#at;
    is "@down", '', "$g: buckets are cumulative";
    is $at[-1][1], $now->{v}{"ngx_cos_request_duration_seconds_count{group=\"$g\"}"}, "$g: +Inf is the count";
}

is $now->{v}{ngx_cos_redis_up}, 1, 'Redis is up';
is $now->{v}{ngx_cos_store_writable}, 1, 'the store is writable';
cmp_ok grown($now, 'redis_calls_total'), '>=', 11, 'calls of Redis';
cmp_ok grown($now, 'redis_call_seconds_total'), '>', 0, 'and their time';
cmp_ok grown($now, 'cache_hits_total'), '>', 0, 'hits of the cache';
ok $s->wait_for(sub {
    # by and by both workers have made a page, and published with it
    $now = page();
    grown($now, 'store_appends_total') >= 11;
}), 'appends, of all workers';
cmp_ok grown($now, 'store_append_bytes_total'), '>=', 50_000, 'bytes appended';
cmp_ok grown($now, 'store_append_batches_total'), '>', 0, 'writes';
cmp_ok grown($now, 'store_append_seconds_total'), '>', 0, 'their time';
cmp_ok grown($now, 'store_opens_total'), '>', 0, 'containers opened';
is grown($now, 'store_append_errors_total'), 0, 'none failed';

# what cannot be named
$since = page();
is_status $s->req('PATCH', "/$bucket/k1", as => 'none'), 405, 'unknown method';
$now = undef;
ok $s->wait_for(sub { $now = page(); grown($now, 'requests_total{op="Unsupported",class="4xx"}') == 1 }),
    'counted as unsupported';

# --- a reload ---------------------------------------------------------------------------

my $before = page();
my $pids = join ' ', $s->worker_pids;
$s->signal('HUP');
ok $s->wait_for(sub {
    my %old = map { $_ => 1 } split ' ', $pids;
    my @workers = $s->worker_pids;
    return @workers >= split(" ", $pids) && !grep { $old{$_} } @workers;
}, 20), 'new workers';
$s->expect_new_workers;
my $after = page();
my @less;
for (sort keys %{ $before->{v} }) {
    my ($name) = /^([a-z_]+)/;
    next if ($before->{type}{$name} // '') eq 'gauge';
    push @less, $_ if ($after->{v}{$_} // -1) < $before->{v}{$_};
}
is "@less", '', 'no counter goes back';
$since = $after;
is_ok $s->get("/$bucket/k1"), 'get after the reload', $body;
ok $s->wait_for(sub { grown(page(), 'requests_total{op="GetObject",class="2xx"}') == 1 }), 'counting goes on';

$s->done;
