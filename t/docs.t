# The documents: every directive, variable and operation is in them and nothing
# else is, files that they name exist, links lead somewhere.
use strict;
use warnings;
use FindBin;
use File::Basename qw(dirname);
use Test::More;

my $ROOT = "$FindBin::Bin/..";
chdir $ROOT or die "$ROOT: $!\n";

sub text {
    my ($name) = @_;
    open my $f, '<:raw', $name or die "$name: $!\n";
    local $/;
    return scalar <$f>;
}

# A document without its blocks of code.
sub prose {
    my ($name) = @_;
    my $t = text($name);
    $t =~ s/^```.*?^```$//gms;
    return $t;
}

sub same {
    my ($have, $want, $name) = @_;
    my %have = map { $_ => 1 } @$have;
    my %want = map { $_ => 1 } @$want;
    my @missing = grep { !$have{$_} } sort keys %want;
    my @extra = grep { !$want{$_} } sort keys %have;
    ok(!@missing && !@extra, $name)
        or diag("missing: @missing\nnot in the code: @extra");
    return;
}

my $module = 'ngx_cos_module/module/ngx_http_cos_module.c';
my $directives = text('docs/directives.md');

# --- directives ------------------------------------------------------------

my ($table) = text($module) =~ /^static ngx_command_t\s+commands\[\] = \{(.*?)^\};/ms;
my %flags = $table =~ /ngx_string\("(\w+)"\),\s*([A-Z0-9_|\s]+?),/g;
ok(scalar keys %flags, 'the table of directives is found');

my %section = $directives =~ /^### (\w+)\n(.*?)(?=^##)/gms;
same([keys %section], [keys %flags], 'docs/directives.md has the directives of the table');

for my $name (sort keys %flags) {
    my $s = $section{$name} // next;
    my ($syntax) = $s =~ /^\| Syntax \| `(.*?)` \|$/m;
    like($syntax // '', qr/^$name\b.*;$/, "$name: syntax");
    like($s, qr/^\| Default \| .+ \|$/m, "$name: default");
    my ($contexts) = $s =~ /^\| Context \| (.*) \|$/m;
    my %bit = (NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
        NGX_HTTP_LOC_CONF => 'location');
    my @want = sort map { $bit{$_} // () } split /[|\s]+/, $flags{$name};
    is_deeply([sort(($contexts // '') =~ /`(\w+)`/g)], \@want, "$name: contexts");
    like($s, qr/^```nginx\n[^`]*^\s*$name\b[^`]*^```$/ms, "$name: an example");
    like($s, qr/^On reload: /m, "$name: what a reload does");
    like($directives, qr/\[$name\]\(#$name\)/, "$name: in the table of contents");
}

for my $file ('README.md', glob('docs/*.md'), glob('conf/*.conf')) {
    my %seen;
    for my $name (text($file) =~ /^\s*(cos(?:_\w+)?)\s[^\n=]*;/gm) {
        next if $seen{$name}++;
        ok(exists $flags{$name}, "$file: $name is a directive");
    }
}

# --- variables --------------------------------------------------------------

my ($vars) = text('ngx_cos_module/module/ngx_http_cos_vars.c')
    =~ /^static var_t\s+vars\[\] = \{(.*?)^\};/ms;
my @vars = $vars =~ /ngx_string\("(\w+)"\)/g;
ok(scalar @vars, 'the table of variables is found');
for my $file ('docs/directives.md', 'docs/metrics.md') {
    same([text($file) =~ /^\| `\$(cos_\w+)` \|/gm], \@vars, "$file has the variables of the table");
}

# --- operations --------------------------------------------------------------

my ($ops) = text('include/cos_name.h') =~ /#define COS_OP_LIST\(X\)(.*?)\n\n/s;
my @ops = $ops =~ /X\(\w+, "(\w+)"\)/g;
my ($works) = text('README.md') =~ /^## What works\n(.*?)^## /ms;
my @rows = map { /\w+/g } $works =~ /^\| ([^|]*?)(?:: [^|]*)? \| (?:yes|501) \|/gm;
ok(scalar @ops, 'the list of operations is found');
same(\@rows, \@ops, 'the table in README.md has the operations of COS_OP_LIST');

# --- names of files ------------------------------------------------------------

# A name in backquotes that looks like a file's is one, from the root or from
# the rooms' folder; a bare one may lie anywhere.
my %bare = map { s{.*/}{}r => 1 } map { glob "$_/*" } qw(. include t t/unit t/lib docs tools
    tools/ctl fuzz bench conf), glob 'ngx_cos_module/*';

sub exists_somewhere {
    my ($name) = @_;
    for my $from ('', 'ngx_cos_module/') {
        for my $path (glob "$from$name") {
            return 1 if -e $path;
        }
    }
    return 0;
}

# What building and running make, and what is not of this tree.
my $made = qr{^(?:\.?/|build/|run/|data/|logs/|redis/|open/|conf/$|D/|~)};
for my $file ('README.md', 'CONTRIBUTING.md', glob('docs/*.md')) {
    my (%seen, @wrong);
    for my $name (prose($file) =~ /`([\w.*{}\/-]+)`/g) {
        next if $seen{$name}++ || $name =~ $made;
        if ($name =~ m{^([\w.-]+)/}) {
            my $top = $1;
            next unless -d $top || -d "ngx_cos_module/$top"
                || $name =~ m{(?:/|\.(?:c|h|t|pm|lua|md|conf))$};
            push @wrong, $name if !exists_somewhere($name);
        }
        elsif ($name =~ /\.(?:c|h|t|pm|lua|md)$/ && $name !~ /\*/) {
            push @wrong, $name if !$bare{$name};
        }
    }
    is("@wrong", '', "$file: the files that it names exist");
}

# the rooms of the chain, and all rooms are in it
my ($chain) = text('CONTRIBUTING.md') =~ /^    (module > .*)$/m;
my %rooms = map { m{/(\w+)/[^/]+$} ? ($1 => 1) : () } glob 'ngx_cos_module/*/*';
same([($chain // '') =~ /\w+/g], [keys %rooms], "CONTRIBUTING.md's chain has the rooms");
my @told = map { /(\w+)\//g } text('docs/design.md') =~ /^\| ((?:`\w+\/`(?:, )?)+) \|/gm;
same(\@told, [keys %rooms], "docs/design.md's table has them, too");

# --- links -----------------------------------------------------------------------

sub anchors {
    my ($name) = @_;
    my (%seen, @list);
    for my $head (prose($name) =~ /^#+ (.*)$/gm) {
        my $a = lc $head;
        $a =~ s/[^\w\- ]//g;
        $a =~ tr/ /-/;
        push @list, $seen{$a}++ ? "$a-" . ($seen{$a} - 1) : $a;
    }
    return map { $_ => 1 } @list;
}

for my $file ('README.md', 'CONTRIBUTING.md', glob('docs/*.md'), glob('ngx_cos_module/*/*.md'),
    glob('bench/*.md'))
{
    my @wrong;
    for my $link (prose($file) =~ /\]\(([^)\s]+)\)/g) {
        next if $link =~ /^\w+:/;
        my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
        my $to = $path eq '' ? $file : dirname($file) . "/$path";
        push @wrong, $link unless -e $to
            && (!defined $anchor || { anchors($to) }->{$anchor});
    }
    is("@wrong", '', "$file: its links lead somewhere");
}

# --- cosctl ------------------------------------------------------------------------

SKIP: {
    skip 'cosctl is not there', 1 unless -e 'tools/ctl/ctl.c';
    my ($verbs) = text('tools/ctl/ctl.c') =~ /verbs\[\] = \{(.*?)^\};/ms;
    my @verbs = $verbs =~ /^\s*\{ "([a-z ]+)"/gm;
    my @heads = map { /^([a-z]+(?: [a-z]+)?)/ ? $1 : () } map { split /, / }
        text('docs/cosctl.md') =~ /^### (.*)$/gm;
    same(\@heads, \@verbs, 'docs/cosctl.md has the commands of cosctl');
}

# --- form ---------------------------------------------------------------------------

for my $file ('README.md', 'CONTRIBUTING.md', glob('docs/*.md')) {
    my @long = grep { length > 100 && !/^\|/ } split /\n/, text($file);
    is("@long", '', "$file: no line is over 100 columns, rows of tables apart");
}

done_testing;
