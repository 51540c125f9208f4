# Storage classes: what is taken, what is shown in which dialect, copies.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Cos;

my $s = Cos->start;
my $b = $s->make_bucket('class-1250000000');

# given => shown to COS, shown to S3; undef: as STANDARD, which is not said
my @classes = (
    STANDARD => undef, undef,
    Standard_IA => 'STANDARD_IA', 'STANDARD_IA',
    INTELLIGENT_TIERING => 'INTELLIGENT_TIERING', 'INTELLIGENT_TIERING',
    ARCHIVE => 'ARCHIVE', 'GLACIER',
    GLACIER => 'ARCHIVE', 'GLACIER',
    DEEP_ARCHIVE => 'DEEP_ARCHIVE', 'DEEP_ARCHIVE',
    MAZ_STANDARD => 'MAZ_STANDARD', undef,
    MAZ_STANDARD_IA => 'MAZ_STANDARD_IA', 'STANDARD_IA',
    MAZ_INTELLIGENT_TIERING => 'MAZ_INTELLIGENT_TIERING', 'INTELLIGENT_TIERING',
    COLD => 'COLD', 'GLACIER_IR',
    GLACIER_IR => 'COLD', 'GLACIER_IR',
    ONEZONE_IA => 'STANDARD_IA', 'ONEZONE_IA',
    REDUCED_REDUNDANCY => undef, 'REDUCED_REDUNDANCY',
);

while (my ($given, $cos, $s3) = splice @classes, 0, 3) {
    for my $as (qw(cos s3)) {
        my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
        my $shown = $as eq 's3' ? $s3 : $cos;
        my $r = $s->put("/$b/k-$given", "of $given", as => $as,
            headers => ["$p-storage-class", $given]);
        is_ok $r, "$as: PUT as $given";
        is $r->h("$p-storage-class"), $shown, "$as: its answer";
        $r = $s->head("/$b/k-$given", as => $as);
        is_status $r, 200, "$as: HEAD of $given";
        is $r->h("$p-storage-class"), $shown, "$as: shown by HEAD";
        $r = $s->get("/$b?prefix=k-$given&max-keys=1", as => $as);
        is $r->xml('StorageClass'), $shown // 'STANDARD', "$as: and in the listing";
    }
}

for my $as (qw(cos s3 bce)) {
    my $p = { s3 => 'x-amz', cos => 'x-cos', bce => 'x-bce' }->{$as};
    for my $bad ('NONE', 'OUTPOSTS', 'STANDARD IA', 'EXPRESS_ONEZONE') {
        my $r = $s->put("/$b/bad", 'x', as => $as, headers => ["$p-storage-class", $bad]);
        is_error $r, 400, 'InvalidStorageClass', "$as: $bad is none" if $as ne 'bce';
        is_status $r, 400, "$as: $bad is none" if $as eq 'bce';
    }
    is_ok $s->put("/$b/empty", 'x', as => $as, headers => ["$p-storage-class", '']), "$as: an empty header";
}
is_status $s->head("/$b/bad"), 404, 'nothing is left of what was refused';

# uploads in parts: the class of the upload
for my $as (qw(cos s3)) {
    my $p = $as eq 's3' ? 'x-amz' : 'x-cos';
    my $name = $as eq 's3' ? 'GLACIER' : 'ARCHIVE';
    my $k = "/$b/parts-$as";
    my $r = $s->post("$k?uploads", '', as => $as, headers => ["$p-storage-class", 'ARCHIVE']);
    my $id = $r->xml('UploadId');
    $r = $s->put("$k?partNumber=1&uploadId=$id", 'part', as => $as);
    my $tag = $r->h('etag');
    $r = $s->get("$k?uploadId=$id", as => $as);
    is $r->xml('StorageClass'), $name, "$as: ListParts";
    $r = $s->get("/$b?uploads", as => $as);
    is $r->xml('StorageClass'), $name, "$as: ListMultipartUploads";
    $r = $s->post("$k?uploadId=$id", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        . "<ETag>$tag</ETag></Part></CompleteMultipartUpload>", as => $as);
    is_ok $r, "$as: completed";
    $r = $s->head($k, as => $as);
    is $r->h("$p-storage-class"), $name, "$as: the class of what was completed";
}
is_error $s->post("/$b/x?uploads", '', headers => ['x-amz-storage-class', 'NONE']), 400,
    'InvalidStorageClass', 'an upload of no class';

# copies: STANDARD unless they say otherwise, and a change onto itself
for my $size (20, 300_000) {
    my $data = 'x' x $size;
    $s->put("/$b/src", $data, headers => ['x-amz-storage-class', 'STANDARD_IA',
        'x-amz-meta-a', 'b', 'Content-Type', 'text/x']);
    my $r = $s->put("/$b/dst", '', headers => ['x-amz-copy-source', "/$b/src"]);
    is_ok $r, "copy of $size bytes";
    is $s->head("/$b/dst")->h('x-amz-storage-class'), undef, 'does not inherit the class';
    $r = $s->put("/$b/src", '', headers => ['x-amz-copy-source', "/$b/src",
        'x-amz-storage-class', 'ONEZONE_IA']);
    is_ok $r, 'onto itself with another class';
    is $r->h('x-amz-storage-class'), 'ONEZONE_IA', 'its answer says so';
    $r = $s->get("/$b/src");
    is_ok $r, 'and back', $data;
    is $r->h('x-amz-storage-class'), 'ONEZONE_IA', 'the new class';
    is $r->h('x-amz-meta-a'), 'b', 'the metadata is kept';
    is $r->h('content-type'), 'text/x', 'and the type';
    is_error $s->put("/$b/src", '', headers => ['x-amz-copy-source', "/$b/src"]), 400,
        'InvalidRequest', 'onto itself with nothing new';
}

# the log says the class, too
is_ok $s->get("/$b/k-STANDARD"), 'still there', 'of STANDARD';

$s->done;
