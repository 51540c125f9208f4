# Directories of storage classes: what lies where, copies that move bytes, and
# that nothing is lost when the configuration changes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use File::Temp ();
use Test::More;
use Cos;
use Cos::Form;

my $home = File::Temp::tempdir('cos-class.XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $home;
my $conf = sub { join "\n", map { "cos_store_class $_;" } @_ };
my $s = Cos->start(workers => 2, http => $conf->("STANDARD_IA $home/ia", "ARCHIVE $home/cold/",
    "DEEP_ARCHIVE $home/cold") . "\ncos_restore_time ARCHIVE Bulk 0;\ncos_pack_max 64k;"
    . "\ncos_sweep_grace 0;\ncos_container_size 4m;");
my $b = $s->make_bucket('dirs-1250000000');
my $main = $s->env('DATA_DIR');
my $ctl = "$Cos::ROOT/tools/cosctl";

# containers of a directory that hold payloads; packs are in open/ for a while
sub files {
    my ($dir) = @_;
    return sort map { m{([^/]+)$} } grep { m{/[0-9a-f]{12}$} } glob("$dir/open/* $dir/[0-9a-f][0-9a-f]/*");
}
sub solos { grep { hex(substr $_, 7, 1) & 8 } files(@_) }
sub ctl { my $out = `$ctl --env $s->{dir}/env @_ 2>&1`; return ($? >> 8, $out) }
sub verified { my ($rc, $out) = ctl('verify'); is($rc, 0, "$_[0]: cosctl verify") or diag $out }
sub change {
    my ($http) = @_;
    $s->down;
    open my $f, '>', "$s->{dir}/in/http" or die;
    print $f $http, "\n";
    close $f;
    $s->up;
}
my $extra = "cos_restore_time ARCHIVE Bulk 0;\ncos_pack_max 64k;\ncos_sweep_grace 0;\ncos_container_size 4m;";

like Cos::slurp("$home/ia/store.slot"), qr/^\S{36} \d\n$/, 'a marker in each directory';
is scalar(() = Cos::slurp("$main/slots") =~ /^\d \//mg), 2, 'two directories are listed';

my $big = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 1 .. 1310720;
my %class = (std => 'STANDARD', ia => 'STANDARD_IA', cold => 'DEEP_ARCHIVE');
my %dir = (std => $main, ia => "$home/ia", cold => "$home/cold");

for my $k (sort keys %class) {
    my @before = solos($dir{$k});
    my @h = (headers => ['x-amz-storage-class', $class{$k}]);
    is_ok $s->put("/$b/$k-small", "small $k", @h), "$k: small";
    is_ok $s->put("/$b/$k-big", $big, @h), "$k: large";
    is_ok $s->multipart("/$b/$k-parts", [$big, "end $k"], @h), "$k: in parts";
    is scalar(solos($dir{$k})) - @before, 2, "$k: two large containers in its directory";
    ok scalar(grep { !(hex(substr $_, 7, 1) & 8) } files($dir{$k})), "$k: and a pack";
    my $found = `grep -rl "small $k" $home $main 2>/dev/null`;
    my ($where) = $found =~ /^(\S+)$/m;
    is index($where // '', $dir{$k}), 0, "$k: the small one lies there, too" or diag $found;
    next if $k eq 'cold';
    is_ok $s->get("/$b/$k-small"), "$k: small, read", "small $k";
    is_ok $s->get("/$b/$k-big"), "$k: large, read", $big;
    is_ok $s->get("/$b/$k-parts"), "$k: parts, read", $big . "end $k";
}
verified('written');

# so do appends
is_ok $s->post("/$b/app?append&position=0", 'first piece', as => 'cos',
    headers => ['x-cos-storage-class', 'STANDARD_IA']), 'an append';
is_ok $s->post("/$b/app?append&position=11", ' second piece', as => 'cos'), 'another';
is_ok $s->get("/$b/app"), 'read', 'first piece second piece';
for my $piece ('first piece', ' second piece') {
    my ($at) = `grep -rl "$piece" $home $main` =~ /^(\S+)$/m;
    is index($at // '', "$home/ia/"), 0, "$piece lies with its class";
}
verified('appended');

# a change of class moves the bytes, a copy within the class shares them
for my $k (qw(small big parts)) {
    my $data = $k eq 'small' ? 'small std' : $k eq 'big' ? $big : $big . 'end std';
    my ($std, $ia) = (scalar solos($main), scalar solos("$home/ia"));
    is_ok $s->put("/$b/moved-$k", '', headers => ['x-amz-copy-source', "/$b/std-$k",
        'x-amz-storage-class', 'STANDARD_IA']), "copy of $k to another class";
    is_ok $s->get("/$b/moved-$k"), 'read', $data;
    is $s->head("/$b/moved-$k")->h('etag'), $s->head("/$b/std-$k")->h('etag'), 'with the same ETag';
    is scalar(solos($main)), $std, 'nothing more where it came from';
    is scalar(solos("$home/ia")) - $ia, $k eq 'small' ? 0 : 1, 'but where it went';
    is_ok $s->put("/$b/again-$k", '', headers => ['x-amz-copy-source', "/$b/moved-$k",
        'x-amz-storage-class', 'STANDARD_IA']), 'and within that class';
    is_ok $s->get("/$b/again-$k"), 'read', $data;
    # onto itself
    is_ok $s->put("/$b/std-$k", '', headers => ['x-amz-copy-source', "/$b/std-$k",
        'x-amz-storage-class', 'ONEZONE_IA']), 'a class without a directory: onto itself';
    is_ok $s->get("/$b/std-$k"), 'read', $data;
}
my @links = grep { (stat $_)[3] > 1 } glob "$home/ia/open/* $home/ia/??/*";
ok scalar(@links), 'copies within a class are links';
is_error $s->get("/$b/cold-big"), 403, 'InvalidObjectState', 'the archive is closed';
verified('copied');

# forms
for my $size (9, 3_000_000) {
    my @before = solos($dir{ia});
    my @fields = (key => "form-$size", 'x-amz-storage-class' => 'STANDARD_IA');
    my $file = { filename => 'f', body => "form $size " . substr $big, 0, $size };
    my @sig = Cos::Form::sign('v4', $s->{main}, [{ bucket => $b }, ['starts-with', '$key', ''],
        { 'x-amz-storage-class' => 'STANDARD_IA' }]);
    is_status $s->post("/$b", Cos::Form::body([@fields, @sig, file => $file]), as => 'none',
        headers => ['Content-Type' => Cos::Form::type()]), 204, "a form's file of $size bytes";
    is scalar(solos($dir{ia})) - @before, $size > 9 ? 1 : 0, 'a container in the directory of its class';
    my ($where) = `grep -rl "form $size " $home $main 2>/dev/null` =~ /^(\S+)$/m;
    is index($where // '', $dir{ia}), 0, 'its bytes lie there';
    is $s->head("/$b/form-$size", as => 's3')->h('x-amz-storage-class'), 'STANDARD_IA', 'and it says so';
    is_ok $s->get("/$b/form-$size"), 'read', $file->{body};
    $s->delete("/$b/form-$size");
    ok $s->wait_for(sub { solos($dir{ia}) == @before }), 'it goes with its object';
}

# deletions
my $n = solos("$home/ia");
for my $k (qw(again-big ia-big)) {
    ok $s->wait_for(sub { $s->delete("/$b/$k")->status == 204 }), "$k deleted";
}
ok $s->wait_for(sub { solos("$home/ia") == $n - 2 }), 'files go with their objects';
$s->delete("/$b/$_") for qw(ia-small moved-small again-small);

# a worker that dies leaves nothing behind
$s->put("/$b/more-$_", 'm' x 30000, headers => ['x-amz-storage-class', 'STANDARD_IA']) for 1 .. 20;
kill 'KILL', $s->worker_pids;
ok $s->wait_for(sub { $s->worker_pids == 2 && eval { $s->get("/$b/more-20")->status == 200 } }),
    'other workers';
$s->expect_new_workers;
$s->delete("/$b/more-$_") for 1 .. 18;
my ($rc, $out) = ctl('--grace', '0', 'compact');
is $rc, 0, 'recovered and compacted' or diag $out;
is_ok $s->get("/$b/more-$_"), "more-$_", 'm' x 30000 for 19, 20;
my ($where) = `grep -rl mmmmmmmmmmmmmmmm $home $main` =~ /^(\S+)$/m;
is index($where, "$home/ia/"), 0, 'what is moved stays in its directory';
verified('compacted');

# the directories are the store's, whatever the configuration says
change($extra);
is_ok $s->get("/$b/moved-big"), 'without the directives: read', $big;
is_ok $s->put("/$b/new", 'new', headers => ['x-amz-storage-class', 'STANDARD_IA']), 'and written';
$s->delete("/$b/moved-parts");
verified('unconfigured');

# moved to another place
$s->down;
rename "$home/ia", "$home/elsewhere" or die;

change($conf->("STANDARD_IA $home/elsewhere") . $extra);
is_ok $s->get("/$b/moved-big"), 'moved: read', $big;
like Cos::slurp("$main/slots"), qr{^\d \Q$home\E/elsewhere$}m, 'the list says where it is';
verified('moved');

# refusals of nginx -t
sub refused {
    my ($why, $http, $pattern) = @_;
    open my $f, '>', "$s->{dir}/in/http" or die;
    print $f $http, "\n";
    close $f;
    local $@;
    eval { Cos::up($s) };
    like $@, $pattern, $why;
}
$s->down;
mkdir "$home/foreign";
open my $f, '>', "$home/foreign/store.slot" or die;
print $f "00000000-0000-4000-8000-000000000000 1\n";
close $f;
refused('a directory of another store', $conf->("STANDARD_IA $home/foreign") . $extra,
    qr/belongs to another store/);
refused('the data directory', $conf->("STANDARD_IA $main") . $extra, qr/same path name/);
refused('no class', $conf->("COLDEST $home/x") . $extra, qr/no storage class/);
refused('twice', $conf->("COLD $home/x", "COLD $home/y") . $extra, qr/duplicate/);
rename "$home/cold", "$home/away" or die;
refused('a directory that is missing', $extra, qr{cold" belongs to the data directory});
rename "$home/away", "$home/cold" or die;
change($conf->("ARCHIVE $home/cold") . $extra);
$s->expect_new_workers;
is_status $s->post("/$b/cold-big?restore", '<RestoreRequest><Days>1</Days></RestoreRequest>'), 202,
    'back again';

# Redis anew from all of them
$s->down;
$s->up;
my %want = map { $_ => $s->get("/$b/$_")->body } qw(moved-big std-parts more-19 new);
$s->redis('FLUSHALL');
($rc, $out) = ctl('rebuild');
is $rc, 0, 'cosctl rebuild' or diag $out;
ok $s->wait_for(sub { $s->head("/$b/new")->status == 200 }, 20), 'workers go on';
is $s->get("/$b/$_")->body, $want{$_}, "rebuilt: $_" for sort keys %want;
is $s->head("/$b/cold-big")->h('x-amz-storage-class'), 'DEEP_ARCHIVE', 'and its class';
like $s->head("/$b/cold-big")->h('x-amz-restore'), qr/ongoing/, 'being restored still';
verified('rebuilt');

$s->done(workers_change => 1, allow => qr/exited on signal 9/);
