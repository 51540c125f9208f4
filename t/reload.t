# Reload, quit and killed workers under load: no request fails that need not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Time::HiRes qw(sleep time);
use Test::More;
use Cos;
use CosFail;

my $s = Cos->start(workers => 2, http => 'cos_pack_max 64k;');
my $b = $s->make_bucket('moving-1250000000');
my $small = bytes(3000);
my $large = bytes(400_000);
my $first = bytes(5 * 1024 * 1024);
$s->put("/$b/small", $small);
$s->put("/$b/large", $large);


# --- load ----------------------------------------------------------------------------

# Runs code in a child until it is stopped; it returns lines of text.
sub child {
    my ($code) = @_;
    pipe my $in, my $out or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $in;
        my $stop = 0;
        local $SIG{TERM} = sub { $stop = 1 };
        alarm 60;
        my @said = eval { $code->(\$stop) };
        push @said, "died $@" if $@;
        print $out map { s/\n/ /gr . "\n" } @said;
        close $out;
        POSIX::_exit(0);
    }
    close $out;
    return { pid => $pid, in => $in };
}

sub stop_all {
    kill 'TERM', map { $_->{pid} } @_;
    my @said;
    for my $k (@_) {
        push @said, readline $k->{in};
        waitpid $k->{pid}, 0;
    }
    chomp @said;
    return @said;
}

# A request on a connection that is kept. A client that finds its idle
# connection closed sends again, as all clients do; anything else is a failure.
sub kept {
    my ($conn, $method, $target, $body) = @_;
    for my $try (1, 2) {
        my $fresh = !$$conn;
        $$conn ||= $s->connect(timeout => 20);
        my $req = $s->build($method, $target, defined $body ? (body => $body) : ());
        my $r = eval {
            # whether the server has closed meanwhile is seen before it is used
            $$conn->_fill(0);
            $$conn->{eof} ? undef : do {
                $$conn->send($req->{head} . $req->{wire});
                $$conn->recv($method);
            };
        };
        die $@ if $@;
        if ($r) {
            if (($r->h('connection') // '') eq 'close' || !$r->{complete}) {
                $$conn->close;
                undef $$conn;
            }
            return $r;
        }
        my $clean = !length $$conn->{in} && !$fresh;
        $$conn->close;
        undef $$conn;
        die "$method $target: closed without an answer\n" unless $clean;
    }
    die "$method $target: closed twice\n";
}

# One client: mixes what it does, notes what it has stored. lenient: broken
# connections are counted, not failures.
sub client {
    my ($id, $keep, $lenient) = @_;
    return sub {
        my ($stop) = @_;
        my ($conn, $n, $broken, @said) = (undef, 0, 0);
        my $ask = sub {
            my $r = eval { kept(\$conn, @_) };
            # a body that a killed worker did not finish is a broken connection, too
            undef $r if $lenient && $r && !$r->{complete} && $r->status == 200;
            if (!$r) {
                die $@ unless $lenient;
                $broken++;
                $conn->close if $conn;
                undef $conn;
                return;
            }
            if (!$keep && $conn) { $conn->close; undef $conn }
            return $r;
        };
        until ($$stop) {
            $n++;
            my $body = bytes($n % 3 ? 2000 + $n : 100_000 + $n, $n);
            my $r = $ask->('PUT', "/$b/c$id-$n", $body);
            if ($r && $r->status == 200) { push @said, "stored c$id-$n " . length($body) . " $n" }
            elsif ($r) { push @said, "failed PUT " . $r->status . ' ' . ($r->code // '') }

            $r = $ask->('GET', $n % 2 ? "/$b/small" : "/$b/large");
            push @said, 'failed GET ' . $r->status . ' ' . length $r->body
                if $r && ($r->status != 200 || $r->body ne ($n % 2 ? $small : $large));

            if ($n % 8 == 1 && $id == 1) {
                my $ok = eval {
                    my $t = "/$b/m$id-$n";
                    my $u = $ask->('POST', "$t?uploads", '')->xml('UploadId');
                    my @e = map { $ask->('PUT', "$t?partNumber=$_&uploadId=$u",
                        $_ == 1 ? $first : $small)->h('etag') } 1, 2;
                    my $k = 0;
                    my $xml = join '', map { $k++;
                        "<Part><PartNumber>$k</PartNumber><ETag>$_</ETag></Part>" } @e;
                    $ask->('POST', "$t?uploadId=$u",
                        "<CompleteMultipartUpload>$xml</CompleteMultipartUpload>")->status == 200;
                };
                push @said, $ok ? "multi m$id-$n" : $lenient ? () : "failed multipart $@";
            }
        }
        push @said, "broken $broken";
        return @said;
    };
}

sub check_load {
    my ($when, @said) = @_;
    my @failed = grep { !/^(?:stored|multi|broken)/ } @said;
    is scalar(@failed), 0, "$when: no request failed" or diag join "\n", @failed[0 .. ($#failed < 9 ? $#failed : 9)];
    my @stored = map { [split] } grep { /^stored/ } @said;
    cmp_ok scalar(@stored), '>', 20, "$when: " . @stored . ' objects stored';
    my @wrong = grep { my (undef, $k, $len, $seed) = @$_;
        my $r = $s->get("/$b/$k"); $r->status != 200 || $r->body ne bytes($len, $seed) } @stored;
    is scalar(@wrong), 0, "$when: all of them readable" or diag join ' ', map { $_->[1] } @wrong;
    my @multi = map { /^multi (.*)/ ? $1 : () } @said;
    is scalar(grep { my $r = $s->get("/$b/$_"); $r->status != 200 || $r->body ne $first . $small } @multi),
        0, "$when: and " . @multi . ' of parts';
    return;
}

sub replaced {
    my (%old) = map { $_ => 1 } @_;
    return $s->wait_for(sub {
        my @p = $s->worker_pids;
        return @p == 2 && !grep { $old{$_} } @p;
    }, 15);
}


# --- reload ------------------------------------------------------------------------------

{
    my @kids = map { child(client($_, $_ % 2)) } 1 .. 4;
    sleep 0.5;
    for (1 .. 3) {
        my @old = $s->worker_pids;
        $s->signal('HUP');
        ok replaced(@old), 'reloaded: the old workers are gone';
        sleep 0.3;
    }
    check_load('reload', stop_all(@kids));
}


# --- a worker is killed ----------------------------------------------------------------------

{
    my @kids = map { child(client(10 + $_, $_ % 2, 1)) } 1 .. 4;
    sleep 0.5;
    for (1 .. 3) {
        my ($victim) = $s->worker_pids;
        kill 'KILL', $victim;
        ok $s->wait_for(sub { my @p = $s->worker_pids; @p == 2 && !grep { $_ == $victim } @p }),
            'killed: a new worker came';
        sleep 0.4;
    }
    ok all_ready($s, $b), 'killed: all workers are in service';
    my @said = stop_all(@kids);
    my ($broken) = (0);
    $broken += $_ for map { /^broken (\d+)/ ? $1 : () } @said;
    # each kill breaks what that worker was doing; a new worker that has not
    # yet found Redis says 503
    cmp_ok $broken, '<=', 3 * 4 + 3, "killed: only its own connections broke ($broken)";
    my @refused = grep { /^failed .* 503/ } @said;
    diag 'answered 503 by workers that were beginning: ' . @refused if @refused;
    check_load('killed', grep { !/^failed (?:PUT|GET) 503/ } @said);
    ok $s->wait_for(sub { !open_files($s) }, 20), 'killed: nothing is left in open/'
        or diag join ' ', open_files($s);
    $s->expect_new_workers;
}


# --- quit ---------------------------------------------------------------------------------------

{
    my @up = map {
        my $c = $s->connect(timeout => 20);
        my $body = $_ == 3 ? $small : $first;
        my $req = $s->build('PUT', "/$b/quit-$_", body => $body,
            $_ == 2 ? (stream => { signed => 1 }) : ());
        $c->send($req->{head} . substr $req->{wire}, 0, length($req->{wire}) / 2);
        { c => $c, rest => substr($req->{wire}, length($req->{wire}) / 2), body => $body, key => "quit-$_" }
    } 1 .. 3;
    my $down = $s->connect(timeout => 20);
    $down->send($s->build('GET', "/$b/m1-1")->{head});
    $down->_fill(5);
    my $idle = $s->connect(timeout => 5);
    $idle->send($s->build('GET', "/$b/small")->{head});
    is_ok $idle->recv('GET'), 'a connection that is kept', $small;

    my @old = $s->worker_pids;
    $s->signal('QUIT');
    ok $idle->closed(5), 'quit: an idle connection is closed';
    sleep 0.3;
    for (@up) {
        $_->{c}->send($_->{rest});
        is_status $_->{c}->recv('PUT'), 200, "quit: upload $_->{key} is finished";
    }
    is_ok $down->recv('GET'), 'quit: so is a download', $first . $small;
    $_->close for $down, map { $_->{c} } @up;
    ok $s->wait_for(sub { !grep { kill 0, $_ } @old }), 'quit: the workers are gone';
    ok $s->wait_for(sub { !kill 0, $s->env('NGINX_PID') }), 'quit: the master too';
    $s->up;
    is_ok $s->get("/$b/$_->{key}"), "after a start: $_->{key}", $_->{body} for @up;
}

$s->done(allow => qr/exited on signal 9/);
