# A site in a real browser: pages, scripts, fonts, deep links, redirects, what is
# not there, and a release that changes between two visits.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Test::More;
use Cos;
use Cos::Client;

my $chromium = need('chromium');
my $home = File::Temp::tempdir(CLEANUP => 1);
my $s = Cos->start(workers => 2);
my $port = $s->port;
my %o = (as => 'cos');
my $b = $s->make_bucket('www-1250000000', %o, headers => ['x-cos-acl', 'public-read-write']);
my $site = "http://$b.cos-website.ap-local.localhost:$port";
my %page = (
    'r1/index.html' => ['text/html; charset=utf-8', '<!doctype html><link rel="stylesheet" href="/style.css">'
        . '<p>index</p><script type="module" src="/app.mjs"></script>'],
    'r1/docs/index.html' => ['text/html', '<p>docs</p>'],
    'r1/about.html' => ['text/html', '<p>about</p>'],
    'r1/404.html' => ['text/html', '<p>nothing here</p>'],
    'r1/style.css' => ['text/css', 'p { color: rgb(1, 2, 3); }'],
    'r1/font.woff2' => ['font/woff2', 'x' x 100],
    'r1/app.mjs' => ['text/javascript', <<'END'],
const out = [];
const ok = (yes, what) => out.push((yes ? '' : 'not ') + 'ok ' + what);
const get = async (path, o) => { const r = await fetch(path, o); return { r, text: await r.text() }; };
const color = () => getComputedStyle(document.querySelector('p')).color;
try {
  ok(document.readyState !== 'loading' && color() === 'rgb(1, 2, 3)', 'the style sheet is applied');
  let a = await get('/docs');
  ok(a.r.redirected && a.r.url.endsWith('/docs/') && a.text.includes('docs'), 'a folder');
  a = await get('/about');
  ok(a.r.status === 200 && a.text.includes('about'), 'without .html');
  a = await get('/no/such/page?x=1');
  ok(a.r.status === 404 && a.text.includes('nothing here'), 'what is not there');
  a = await get('/old/about.html');
  ok(a.r.redirected && a.text.includes('about'), 'a rule');
  a = await get('/moved');
  ok(a.r.redirected && a.r.url.endsWith('/docs/'), 'an object that moved');
  a = await get('/font.woff2');
  ok(a.r.headers.get('content-type') === 'font/woff2' && a.text.length === 100, 'a font');
  a = await get('/font.woff2', { headers: { Range: 'bytes=10-19' } });
  ok(a.r.status === 206 && a.text.length === 10, 'a range');
  a = await get('/', { method: 'HEAD' });
  ok(a.r.status === 200 && a.text === '', 'HEAD');
  a = await get('/', { method: 'POST', body: 'x' });
  ok(a.r.status === 405, 'POST');
  const frame = document.createElement('iframe');
  frame.src = '/docs/?deep=link#there';
  await new Promise((done) => { frame.onload = done; document.body.append(frame); });
  ok(frame.contentDocument.body.textContent.includes('docs'), 'a page in a frame');
} catch (e) { ok(false, 'no exception: ' + e); }
await fetch('/done/' + encodeURIComponent(out.join('\n')));
END
);
for my $key (sort keys %page) {
    is_ok $s->put("/$b/$key", $page{$key}[1], %o, headers => ['Content-Type', $page{$key}[0]]), "put $key";
}
is_status $s->put("/$b/r1/moved", '', %o, headers => ['x-cos-website-redirect-location', '/docs/']), 200, 'an object that moved';
is_status $s->put("/$b?website", '<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
    . '<ErrorDocument><Key>404.html</Key></ErrorDocument><AutoAddressing><Status>Enabled</Status></AutoAddressing>'
    . '<RoutingRules><RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition><Redirect>'
    . '<ReplaceKeyPrefixWith></ReplaceKeyPrefixWith></Redirect></RoutingRule></RoutingRules>'
    . '<KeyPrefix>r1/</KeyPrefix></WebsiteConfiguration>', %o), 200, 'a site';

my $pid = fork // die "fork: $!";
if (!$pid) {
    setpgrp 0, 0;
    open STDOUT, '>', "$home/log";
    open STDERR, '>&', \*STDOUT;
    exec $chromium, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-dev-shm-usage
        --disable-background-networking --disable-component-update --disable-sync), "--user-data-dir=$home/profile",
        "$site/" or exit 127;
}
# the page tells the log what came out
my $log = $s->dir . '/logs/access.log';
my $out = $s->wait_for(sub { Cos::slurp($log) =~ m{GET /done/(\S+)} && $1 }, 60);
kill 'TERM', -$pid;
$s->wait_for(sub { waitpid($pid, 1) }, 10) or kill 'KILL', -$pid;
ok $out, 'the page came to its end' or diag substr Cos::slurp("$home/log"), -2000;
my $done = 0;
for (split /\n/, Cos::Sign::dec($out // '')) {
    if (/^(not )?ok (.*)/s) { ok(!$1, $2); $done++ }
}
cmp_ok $done, '>=', 11, 'all that it does';
$s->done;
