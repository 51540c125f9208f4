# A raw HTTP/1 client over sockets: every byte of a request is the test's, so
# that tests can say what no well-behaved client would.
package Cos::Http;

use strict;
use warnings;
use Errno qw(EAGAIN EWOULDBLOCK EINTR EPIPE ECONNRESET);
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time);

$SIG{PIPE} = 'IGNORE';

sub new {
    my ($class, $port, %o) = @_;
    my $sock = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp')
        or die "connect 127.0.0.1:$port: $!\n";
    $sock->blocking(0);
    return bless {
        sock => $sock, in => '', timeout => $o{timeout} // 30, eof => 0,
    }, $class;
}

sub close { my $s = shift; close $s->{sock} if $s->{sock}; delete $s->{sock} }

# No more bytes will come from us.
sub finish { shutdown $_[0]{sock}, 1 }

# Reads what is there; false at the end or after $wait seconds.
sub _fill {
    my ($s, $wait) = @_;
    return 0 if $s->{eof};
    my $sel = IO::Select->new($s->{sock});
    return 0 unless $sel->can_read($wait);
    my $n = sysread $s->{sock}, $s->{in}, 65536, length $s->{in};
    return 1 if $n;
    return 1 if !defined $n && ($! == EAGAIN || $! == EINTR);
    $s->{reset} = 1 if !defined $n;
    $s->{eof} = 1;
    return 0;
}

# Sends bytes; stops early when the server has answered already (a refusal in
# the middle of an upload) or has closed. Returns how many were sent.
sub send {
    my ($s, $bytes) = @_;
    my $sent = 0;
    my $until = time + $s->{timeout};
    my $sel = IO::Select->new($s->{sock});
    while ($sent < length $bytes) {
        my ($r, $w) = IO::Select->select($sel, $sel, undef, $until - time);
        die "timeout sending\n" if !$w && !$r;
        if ($r && @$r) {
            $s->_fill(0);
            last if $s->{eof} || $s->{in} =~ m{\AHTTP/1\.[01] [2-5]};
        }
        next unless $w && @$w;
        my $n = syswrite $s->{sock}, $bytes, 262144, $sent;
        if (!defined $n) {
            next if $! == EAGAIN || $! == EINTR || $! == EWOULDBLOCK;
            last if $! == EPIPE || $! == ECONNRESET;
            die "send: $!\n";
        }
        $sent += $n;
    }
    return $sent;
}

sub _need {
    my ($s, $have) = @_;
    my $until = time + $s->{timeout};
    until ($have->()) {
        my $left = $until - time;
        die "timeout waiting for an answer; got: " . substr($s->{in}, 0, 200) . "\n"
            if $left <= 0;
        next if $s->_fill($left);
        return $have->() if $s->{eof};
    }
    return 1;
}

# Reads one answer to a request of that method. undef when the server closed
# without one. 1xx answers are collected in {interim}.
sub recv {
    my ($s, $method) = @_;
    my @interim;
    while (1) {
        $s->_need(sub { $s->{in} =~ /\r\n\r\n/ }) or return undef;
        $s->{in} =~ s/\A(.*?\r\n)\r\n//s;
        my @lines = split /\r\n/, $1;
        my ($v, $status, $reason) = shift(@lines) =~ m{^HTTP/(1\.[01]) (\d{3}) ?(.*)$}s
            or die "not an HTTP answer: $1\n";
        my (%h, @list);
        for (@lines) {
            my ($n, $val) = /^([^:\s]+):\s*(.*?)\s*$/s or die "bad header line: $_\n";
            push @list, [$n, $val];
            $h{lc $n} = exists $h{lc $n} ? "$h{lc $n}, $val" : $val;
        }
        if ($status < 200) { push @interim, $status; next }
        my $r = bless {
            version => $v, status => $status, reason => $reason, headers => \%h,
            list => \@list, interim => \@interim, body => '', complete => 1,
        }, 'Cos::Response';
        $s->_body($r, $method);
        return $r;
    }
}

sub _body {
    my ($s, $r, $method) = @_;
    my $h = $r->{headers};
    return if $method eq 'HEAD' || $r->{status} =~ /^(204|304)$/;
    if (($h->{'transfer-encoding'} // '') =~ /chunked/i) {
        while (1) {
            $r->{complete} = 0, return unless $s->_need(sub { $s->{in} =~ /\r\n/ });
            $s->{in} =~ s/\A([0-9a-fA-F]+)[^\r]*\r\n// or die "bad chunk\n";
            my $n = hex $1;
            my $ok = $s->_need(sub { length $s->{in} >= $n + 2 });
            $r->{body} .= substr $s->{in}, 0, $n, '';
            $r->{complete} = 0, return unless $ok;
            substr $s->{in}, 0, 2, '';
            last if $n == 0;
        }
    } elsif (defined $h->{'content-length'}) {
        my $n = $h->{'content-length'};
        $r->{complete} = $s->_need(sub { length $s->{in} >= $n }) ? 1 : 0;
        $r->{body} = substr $s->{in}, 0, $n, '';
    } else {
        1 while $s->_need(sub { $s->{eof} }) && !$s->{eof};
        $r->{body} = $s->{in};
        $s->{in} = '';
    }
}

# True when the server closes the connection within that many seconds without
# sending anything more.
sub closed {
    my ($s, $wait) = @_;
    my $until = time + ($wait // 5);
    while (!$s->{eof}) {
        my $left = $until - time;
        return 0 if $left <= 0;
        $s->_fill($left);
        return 0 if length $s->{in};
    }
    return 1;
}


package Cos::Response;

use strict;
use warnings;

sub status { $_[0]{status} }
sub body { $_[0]{body} }
sub h { $_[0]{headers}{lc $_[1]} }

# How many header lines of that name there are.
sub count { my ($r, $n) = @_; scalar grep { lc $_->[0] eq lc $n } @{ $r->{list} } }

my %entity = (lt => '<', gt => '>', amp => '&', quot => '"', apos => "'");

sub unescape {
    my $t = shift;
    $t =~ s{&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));}
        {defined $1 ? chr hex $1 : defined $2 ? chr $2 : $entity{$3}}ge;
    return $t;
}

# Text of every element of that name, in document order.
sub all {
    my ($r, $tag) = @_;
    my @v;
    while ($r->{body} =~ m{<\Q$tag\E(?:\s[^>]*)?(?:/>|>([^<]*)</\Q$tag\E>)}g) {
        push @v, unescape($1 // '');
    }
    return @v;
}

sub xml { ($_[0]->all($_[1]))[0] }

# Every element of that name with its children, as answers of their own.
sub parts {
    my ($r, $tag) = @_;
    my @v;
    push @v, bless { %$r, body => $1 }, ref $r
        while $r->{body} =~ m{<\Q$tag\E(?:\s[^>]*)?>(.*?)</\Q$tag\E>}gs;
    return @v;
}

# The code of an error document of any dialect.
sub code {
    my $r = shift;
    return $1 if $r->{body} =~ /^\s*\{.*?"code"\s*:\s*"([^"]*)"/s;
    return undef unless $r->{body} =~ /<Error>/;
    return $r->xml('Code');
}

sub message {
    my $r = shift;
    return $1 if $r->{body} =~ /^\s*\{.*?"message"\s*:\s*"([^"]*)"/s;
    return $r->xml('Message');
}

sub etag { my $e = $_[0]->h('etag'); $e =~ tr/"//d if defined $e; $e }

1;
