# What the tests of real clients share: finding the client, running it, the
# keys that clients trip over, and passing on what a driver reports.
package Cos::Client;

use strict;
use warnings;
use Cwd ();
use Digest::MD5 ();
use Test::More;

use Exporter 'import';
our @EXPORT = qw(need node_modules run runs driver big_file file_md5 @ODD_KEYS);

# What the user has configured for other stores must not reach these.
delete @ENV{ grep { /^(?:AWS|RCLONE|NODE_EXTRA)_/ || /_proxy$/i } keys %ENV };

our $DIR = Cwd::abs_path(__FILE__) =~ s{/t/lib/Cos/Client\.pm$}{/t/clients}r;

# Valid UTF-8 and printable: what every client can name on a command line.
our @ODD_KEYS = ('with space', 'plus+plus', 'per%cent', 'encoded%20already', "uni-\xe8\x85\xbe\xe8\xae\xaf",
    'a//b', "quote'single", 'quote"double', 'amp&and=equals', 'colon:semi;comma,', 'at@dollar$hash#',
    'paren(s)[b]{c}', 'tilde~', 'star*', 'deep/er/and/deeper', 'dot.dot/.hidden');

# The path of a command; without it the test is skipped, or fails where it is
# required (continuous integration).
sub need {
    my ($cmd) = @_;
    for my $dir ('/usr/bin', '/bin', split /:/, $ENV{PATH}) {
        return "$dir/$cmd" if -x "$dir/$cmd" && -f _;
    }
    BAIL_OUT("$cmd is not installed") if $ENV{COS_REQUIRE_CLIENTS};
    plan skip_all => "$cmd is not installed";
}

# Installs the pinned JavaScript clients when they are not there yet.
sub node_modules {
    my $node = need('node');
    my $npm = need('npm');
    open my $lock, '>', "$DIR/.npm.lock" or die "$DIR/.npm.lock: $!\n";
    require Fcntl;
    flock $lock, Fcntl::LOCK_EX();
    my $stamp = "$DIR/node_modules/.package-lock.json";
    if (!-e $stamp || -M $stamp > -M "$DIR/package-lock.json") {
        my $out = `cd '$DIR' && timeout 300 '$npm' ci --no-audit --no-fund 2>&1`;
        if ($?) {
            BAIL_OUT("npm ci failed:\n$out") if $ENV{COS_REQUIRE_CLIENTS};
            plan skip_all => 'the JavaScript clients cannot be installed (npm ci failed)';
        }
        utime undef, undef, $stamp;
    }
    return $node;
}

# Runs a command and returns its output, both streams; $? tells the rest.
sub run {
    my @cmd = @_;
    my $pid = open my $out, '-|';
    die "fork: $!\n" unless defined $pid;
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        open STDIN, '<', '/dev/null';
        exec 'timeout', 240, @cmd or exit 127;
    }
    binmode $out;
    local $/;
    my $text = <$out>;
    close $out;
    return $text // '';
}

# The same as a test: the command succeeds.
sub runs {
    my ($name, @cmd) = @_;
    my $text = run(@cmd);
    ok($? == 0, $name) or diag(join(' ', @cmd) . "\n" . substr $text, -2000);
    return $text;
}

# A program that prints "ok NAME" and "not ok NAME" lines and "done" at last.
sub driver {
    my ($s, $name, %o) = @_;
    my @cmd = ref $name ? @$name : $name;
    local $ENV{ENDPOINT} = $s->env('ENDPOINT');
    local $ENV{PORT} = $s->port;
    local $ENV{REGION} = $s->env('REGION');
    local $ENV{ACCESS_KEY} = $s->env('ACCESS_KEY');
    local $ENV{SECRET_KEY} = $s->env('SECRET_KEY');
    local $ENV{ODD_KEYS} = join "\n", @ODD_KEYS;
    my $prefix = $o{prefix} ? "$o{prefix}: " : '';
    my $done = 0;
    for (split /\n/, run(@cmd)) {
        if (/^(not )?ok (.*)$/) { ok(!$1, "$prefix$2") }
        elsif ($_ eq 'done') { $done = 1 }
        else { diag($_) }
    }
    ok($done && $? == 0, "${prefix}came to its end");
}

# A file of that many MiB that nothing compresses or deduplicates.
sub big_file {
    my ($path, $mib) = @_;
    open my $in, '<:raw', '/dev/urandom' or die;
    open my $out, '>:raw', $path or die "$path: $!\n";
    for (1 .. $mib) { sysread $in, my $buf, 1048576; print $out $buf }
    close $out or die "$path: $!\n";
    return file_md5($path);
}

sub file_md5 {
    open my $f, '<:raw', $_[0] or return "no file $_[0]";
    return Digest::MD5->new->addfile($f)->hexdigest;
}

1;
