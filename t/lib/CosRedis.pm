package CosRedis;

# A private Redis on a unix socket in a directory of its own, and a client that
# speaks RESP2 with it. Core Perl only. All text is bytes.
#
#   my $r = CosRedis->start(appendfsync => 'no');   # options override defaults
#   $r->cmd('SET', 'k', 'v');       # reply: scalar, undef (nil) or array ref;
#                                   # an error reply dies
#   $r->try('SET');                 # an error reply: CosRedis::Error object
#   $r->pipeline(\@commands);       # replies in order, errors as objects
#   my $other = $r->client;         # one more connection
#   $r->stop;                       # also when the object goes away

use strict;
use warnings;
use File::Temp ();
use IO::Socket::UNIX;
use POSIX ();
use Time::HiRes qw(sleep time);

{
    package CosRedis::Error;
    sub text { return $_[0]{text} }
}

sub start {
    my ($class, %opt) = @_;
    my $dir = File::Temp->newdir('cosredis-XXXXXX', TMPDIR => 1);
    my $socket = "$dir/redis.sock";
    my %conf = (
        port => 0, unixsocket => $socket, dir => "$dir",
        logfile => "$dir/redis.log", save => '', appendonly => 'yes',
        appendfsync => 'always', daemonize => 'no',
        'zset-max-listpack-value' => 2048, %opt,
    );

    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null' or POSIX::_exit(127);
        exec('redis-server', map { ("--$_", $conf{$_}) } sort keys %conf)
            or POSIX::_exit(127);
    }

    my $self = bless { pid => $pid, owner => $$, dir => $dir,
                       socket => $socket }, $class;
    my $until = time + 20;
    until ($self->_connect && $self->_answers) {
        my $gone = waitpid($pid, POSIX::WNOHANG()) == $pid;
        $self->{pid} = 0 if $gone;
        die "redis-server did not start:\n" . $self->log
            if $gone || time > $until;
        sleep 0.02;
    }
    return $self;
}

sub client {
    my ($self) = @_;
    my $new = bless { socket => $self->{socket} }, ref $self;
    $new->_connect or die "connect $self->{socket}: $!";
    return $new;
}

sub socket_path { return $_[0]{socket} }
sub dir { return "$_[0]{dir}" }
sub pid { return $_[0]{pid} }

sub log {
    my ($self) = @_;
    open my $fh, '<', "$self->{dir}/redis.log" or return '';
    local $/;
    return scalar <$fh>;
}

sub stop {
    my ($self) = @_;
    return unless $self->{pid} && $self->{owner} == $$;
    local $?;
    kill 'TERM', $self->{pid};
    my $until = time + 10;
    until (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
        kill 'KILL', $self->{pid} if time > $until;
        sleep 0.01;
    }
    $self->{pid} = 0;
    return;
}

sub DESTROY { $_[0]->stop; return }

# The function library of this tree.
sub load {
    my ($self) = @_;
    my $tool = __FILE__ =~ s{[^/]*\z}{}r . '../../tools/library.sh';
    open my $fh, '-|', 'sh', $tool or die "$tool: $!";
    my $library = do { local $/; <$fh> };
    close $fh or die "$tool failed";
    return $self->cmd('FUNCTION', 'LOAD', 'REPLACE', $library);
}

# $r->fcall($function, \@keys, @args)
sub fcall {
    my ($self, $name, $keys, @args) = @_;
    return $self->cmd('FCALL', $name, scalar @$keys, @$keys, @args);
}

sub cmd {
    my ($self, @args) = @_;
    my $reply = $self->try(@args);
    die "Redis: " . $reply->text . "\n" if ref $reply eq 'CosRedis::Error';
    return $reply;
}

sub try {
    my ($self, @args) = @_;
    return $self->pipeline([\@args])->[0];
}

# Sent in slices: a server that waits for its replies to be read does not read
# further commands.
sub pipeline {
    my ($self, $commands) = @_;
    my @replies;
    for (my $i = 0; $i < @$commands; $i += 200) {
        my $last = $i + 199 < $#$commands ? $i + 199 : $#$commands;
        my $out = '';
        for my $c (@$commands[$i .. $last]) {
            $out .= '*' . @$c . "\r\n";
            $out .= '$' . length($_) . "\r\n$_\r\n" for @$c;
        }
        $self->_write($out);
        push @replies, $self->_reply for $i .. $last;
    }
    return \@replies;
}

sub _connect {
    my ($self) = @_;
    $self->{in} = '';
    $self->{at} = 0;
    $self->{sock} = IO::Socket::UNIX->new(Peer => $self->{socket});
    return defined $self->{sock};
}

sub _answers {
    my ($self) = @_;
    my $reply = $self->try('PING');
    return !ref $reply && $reply eq 'PONG';
}

sub _write {
    my ($self, $out) = @_;
    my $off = 0;
    while ($off < length $out) {
        my $n = syswrite $self->{sock}, $out, length($out) - $off, $off;
        die "Redis: write: $!\n" unless $n;
        $off += $n;
    }
    return;
}

sub _more {
    my ($self) = @_;
    if ($self->{at} > 1 << 20) {
        substr $self->{in}, 0, $self->{at}, '';
        $self->{at} = 0;
    }
    my $n = sysread $self->{sock}, $self->{in}, 1 << 18, length $self->{in};
    die "Redis: connection closed\n" unless $n;
    return;
}

sub _line {
    my ($self) = @_;
    my $end;
    while (($end = index $self->{in}, "\r\n", $self->{at}) < 0) {
        $self->_more;
    }
    my $line = substr $self->{in}, $self->{at}, $end - $self->{at};
    $self->{at} = $end + 2;
    return $line;
}

sub _reply {
    my ($self) = @_;
    my $line = $self->_line;
    my $type = substr $line, 0, 1, '';

    return $line if $type eq '+' || $type eq ':';
    return bless { text => $line }, 'CosRedis::Error' if $type eq '-';

    if ($type eq '$') {
        return undef if $line < 0;
        $self->_more while length($self->{in}) - $self->{at} < $line + 2;
        my $bytes = substr $self->{in}, $self->{at}, $line;
        $self->{at} += $line + 2;
        return $bytes;
    }
    if ($type eq '*') {
        return undef if $line < 0;
        return [map { $self->_reply } 1 .. $line];
    }
    die "Redis: unknown reply type $type\n";
}

1;
