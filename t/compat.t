# docs/compatibility.md against the code: no operation or header is promised
# that is not there, and none is there that it does not name.
use strict;
use warnings;
use FindBin;
use Test::More;

my $ROOT = "$FindBin::Bin/..";
chdir $ROOT or die "$ROOT: $!\n";

sub text {
    my ($name) = @_;
    open my $f, '<:raw', $name or die "$name: $!\n";
    local $/;
    return scalar <$f>;
}

my $doc = text('docs/compatibility.md');

# The rows of the tables in a section, each a list of cells.
sub rows {
    my ($section) = @_;
    my ($t) = $doc =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms or die "no section $section\n";
    my @rows = map { [map { s/^\s+|\s+$//gr } (split /\|/, $_, -1)[1 .. tr/|// - 1]] } $t =~ /^(\|.*\|)$/gm;
    return grep { $_->[0] !~ /^-+$/ && $_->[-1] ne 'remarks' } @rows;
}

# --- operations --------------------------------------------------------------

my ($list) = text('include/cos_name.h') =~ /#define COS_OP_LIST\(X\)(.*?)\n\n/s;
my %name = $list =~ /X\((\w+), "(\w+)"\)/g;
my %first = text('ngx_cos_module/module/ngx_http_cos_ops.c') =~ /\[COS_OP_(\w+)\]\s*=\s*\{\s*(\w+)/g;
is_deeply([sort keys %first], [sort keys %name], 'every operation has a first step');

my %built;    # by name: whether it does anything
$built{ $name{$_} } = $first{$_} ne 'ngx_http_cos_unsupported' for keys %name;
cmp_ok(scalar(grep { $_ } values %built), '>', 40, 'operations that are built are found');

my %named;
for my $api (qw(COS S3 BOS)) {
    my (%seen, @rows);
    for my $row (@rows = rows($api)) {
        my ($what, $here, $state, $remark) = @$row;
        my $n = "$api: $what";
        is(scalar @$row, 4, "$n: four cells");
        ok(!$seen{$what}++, "$n: once");
        my @here = $here =~ /`(\w+)`/g;
        $named{$_}++ for @here;
        if ($state eq 'no') {
            is($here, '-', "$n: is no operation");
            next;
        }
        like($state, qr/^(?:yes|partly)$/, "$n: state");
        ok(@here && !(grep { !$built{$_} } @here), "$n: $here is built");
        isnt($remark, '', "$n: what is missing") if $state eq 'partly';
    }
    ok(scalar @rows, "$api has a table");
}
for my $op (sort grep { $built{$_} } keys %built) {
    ok($named{$op} || $op eq 'ListObjectsV2' && $named{$op}, "$op is in a table");
}

# The S3 table has all that the clients know.
SKIP: {
    my @known = split ' ', qx(python3 -c 'import botocore.session
print(*botocore.session.get_session().get_service_model("s3").operation_names)' 2>/dev/null) // '';
    skip 'no botocore', 1 unless @known;
    my %row = map { $_->[0] => 1 } rows('S3');
    is_deeply([grep { !$row{$_} } @known], [], 'S3: every operation of botocore');
}

# --- headers -----------------------------------------------------------------

# All source text; the names that files give to parts of header names are
# written out.
my ($code, %literal, %asked) = ('');
for my $file (glob 'ngx_cos_module/*/*.c') {
    my $t = text($file);
    my %macro = $t =~ /^#define (\w+)\s+"([a-z0-9-]+)"$/gm;
    for my $m (keys %macro) {
        $t =~ s/\b$m\s+"/"$macro{$m}/g;
        $t =~ s/\b$m\b/"$macro{$m}"/g;
    }
    # families of headers with the same ends
    my @family = map { /^server-side|^copy-source/ ? $_ : () } values %macro;
    while ($t =~ /customer_value\(ctx, family, "([a-z0-9-]+)"\)/g) {
        for my $f (grep { /customer-$/ } @family) { $literal{"$f$1"} = $asked{"x-*-$f$1"} = 1 }
    }
    if (grep { /-$/ } @family) {
        my ($base) = grep { !/-$/ } @family;
        $literal{"$base$1"} = 1 while $t =~ /"(-[a-z0-9-]+)"/g;
    }
    $literal{$1} = 1 while $t =~ /"((?:x-(?:cos|amz|bce)-)?[a-z0-9-]+)"/g;
    $asked{"x-*-$1"} = 1
        while $t =~ /\b(?:ngx_http_cos_header|given)\(ctx,\s*"([a-z0-9-]+)"/g;
    $asked{"x-*-$1"} = 1
        while $t =~ /ngx_http_cos_owner_expected\([^()"]*,\s*"([a-z0-9-]+)"/g;
    $asked{$1} = 1 while $t =~ /\bcos_header\([^()"]*,\s*"([a-z0-9-]+)"/g;
    $code .= $t;
}

# The row of a name that the code has: its own, or that of all prefixes.
my %row;
sub row_of { my ($n) = @_; return $row{$n} || $row{ $n =~ s/^x-(?:cos|amz|bce)-/x-*-/r } }

for my $r (rows('Headers of requests')) {
    my ($name) = $r->[0] =~ /^`([\w*-]+)`$/ or fail("$r->[0]: a name in backquotes");
    ok(!$row{$name}, "$name: once");
    $row{$name} = { name => $name, state => $r->[1], remark => $r->[2] };
}

my ($unsupported) = $code =~ /^unsupported\([^)]*\)\n\{(.*?)^\}/ms;
my @refused = $unsupported =~ /"([a-z-]{3,})"/g;
@refused = grep { !/^x-/ } @refused;
ok(scalar @refused, 'the headers that are refused are found');

for my $name (sort keys %row) {
    my $state = $row{$name}{state};
    my $key = $name =~ s/^x-(?:\*|cos|amz|bce)-//r;
    my $refused = $name =~ /^x-/ && grep { index($key, $_) == 0 } @refused;
    if ($name =~ /[^x]-\*$|^x-\w+-.*\*$/) {
        my $stem = $key =~ s/\*$//r;
        ok($code =~ /\bx-(?:amz|cos)-\Q$stem\E"|"\Q$stem\E"/, "$name: is looked at");
    } elsif ($state eq 'yes') {
        ok($literal{$name} || $literal{$key} && $name =~ /^x-\*/ || (grep { $literal{"x-$_-$key"} } qw(cos amz bce)),
            "$name: is looked at");
    } elsif ($state eq 'refused') {
        ok($refused || (grep { (row_of($_) // 0) == $row{$name} } keys %asked), "$name: is refused");
    } elsif ($state eq 'ignored' || $state eq 'by nginx') {
        ok(!$refused && !$asked{$name}, "$name: nobody looks at it");
    } else {
        fail("$name: the state $state");
    }
}
for my $name (sort keys %asked) {
    my $r = row_of($name);
    ok($r && $r->{state} =~ /^(?:yes|refused)$/, "$name: has its row");
}
for my $name (@refused) {
    ok((grep { /^x-\*-\Q$name\E/ && $row{$_}{state} =~ /^(?:yes|refused)$/ } keys %row), "$name: has its row");
}

done_testing;
