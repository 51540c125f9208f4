# Symbolic links: made, read, read through, replaced, deleted, and never a way
# around rights.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 qw(md5_hex);
use Test::More;
use Cos;
use Cos::Sign qw(enc);

my $s = Cos->start;
my %o = (as => 'cos');
my $b = $s->make_bucket('links-1250000000', %o);

sub link_to {
    my ($t, $target, %p) = @_;
    my @more = @{ delete $p{headers} // [] };
    return $s->put("$t?symlink", '', %o, %p, headers => ['x-cos-symlink-target', $target, @more]);
}

is_status $s->put("/$b/dir/target", 'the bytes', %o, headers => ['Content-Type', 'text/t', 'x-cos-meta-a', 'b']), 200,
    'a target';
my $r = link_to("/$b/link", 'dir/target');
is_status $r, 200, 'a link';
is $r->etag, md5_hex('dir/target'), 'its ETag';
$r = $s->get("/$b/link?symlink", %o);
is_ok $r, 'read the link', '';
is $r->h('x-cos-symlink-target'), 'dir/target', 'its target';
is $r->etag, md5_hex('dir/target'), 'its ETag';
for my $as (qw(cos s3 bce)) {
    $r = $s->get("/$b/link", as => $as);
    is_ok $r, "$as: through the link", 'the bytes';
    is $r->h('content-type'), 'text/t', "$as: the target's type";
    is $r->etag, md5_hex('the bytes'), "$as: and ETag";
    $r = $s->head("/$b/link", as => $as);
    is $r->h('content-length'), 9, "$as: HEAD";
    is $s->get("/$b/link", as => $as, headers => ['Range', 'bytes=4-'])->body, 'bytes', "$as: a range";
    is_status $s->get("/$b/link", as => $as, headers => ['If-None-Match', '"' . md5_hex('the bytes') . '"']), 304,
        "$as: not modified";
}
is $s->get("/$b", %o)->body =~ m{<Key>link</Key>.*?<Size>0</Size>}s, 1, 'a listing shows it without bytes';

# odd names
my $odd = "odd \x01+%/\xc3\xa4?&#";
is_status $s->put("/$b/" . enc($odd, 1), 'odd', %o), 200, 'an odd key';
is_status link_to("/$b/l2", enc($odd)), 200, 'a link to it';
is_ok $s->get("/$b/l2", %o), 'leads there', 'odd';
is $s->get("/$b/l2?symlink", %o)->h('x-cos-symlink-target'), enc($odd, 1), 'and says so';

# what it leads to
is_status link_to("/$b/dangling", 'nowhere'), 200, 'a link to nothing';
is_error $s->get("/$b/dangling", %o), 404, 'SymlinkTargetNotExist', 'leads nowhere';
is_status $s->head("/$b/dangling", %o), 404, 'HEAD, too';
is_status $s->put("/$b/nowhere", 'now', %o), 200, 'until there is something';
is_ok $s->get("/$b/dangling", %o), 'then it leads there', 'now';
is_status link_to("/$b/chain", 'link'), 200, 'a link to a link';
is_error $s->get("/$b/chain", %o), 400, 'InvalidTargetType', 'leads no further';
is_error $s->get("/$b/nowhere?symlink", %o), 400, 'NotSymlink', 'what is no link';
is_error $s->get("/$b/none?symlink", %o), 404, 'NoSuchKey', 'what is not there';

# refusals
is_error $s->put("/$b/x?symlink", '', %o), 400, 'InvalidArgument', 'without a target';
is_error link_to("/$b/x", ''), 400, 'InvalidArgument', 'an empty target';
is_error link_to("/$b/x", '%zz'), 400, 'InvalidArgument', 'a malformed target';
is_error link_to("/$b/x", 'x'), 400, 'InvalidArgument', 'itself';
is_error link_to("/$b/x", 'a' x 900), 400, 'KeyTooLong', 'too long';
is_error $s->put("/$b/x?symlink", 'bytes', %o, headers => ['x-cos-symlink-target', 'link']), 400, 'InvalidRequest',
    'with a body';
is_error link_to("/$b/x", 'link', headers => ['x-cos-server-side-encryption', 'AES256']), 400, 'InvalidArgument',
    'encrypted';
is_error link_to("/$b/x", 'link', headers => ['x-cos-storage-class', 'ARCHIVE']), 400, 'InvalidStorageClass',
    'archived';
is_error $s->put("/$b/x", 'x', %o, headers => ['x-cos-symlink-target', 'link']), 501, 'NotImplemented',
    'the header without the operation';
is_error link_to("/$b/x", 'link', unsigned => ['x-cos-symlink-target']), 403, 'AccessDenied',
    'a target that is not signed';
is_error $s->put("/$b/x?symlink", '', %o, headers => ['x-cos-symlink-target', 'link'], unsigned_args => ['symlink']),
    403, 'AccessDenied', 'an operation that is not signed';
is_error link_to("/$b/link", 'nowhere', headers => ['x-cos-forbid-overwrite', 'true']), 409, 'FileAlreadyExists',
    'forbid-overwrite';
is $s->get("/$b/x?symlink", %o)->status, 404, 'nothing of that is there';

# objects like others
is_status link_to("/$b/link", 'nowhere'), 200, 'replaced';
is_ok $s->get("/$b/link", %o), 'leads elsewhere', 'now';
is_status $s->put("/$b/copied", '', %o, headers => ['x-cos-copy-source', "/$b/link"]), 200, 'copied';
is_ok $s->get("/$b/copied", %o), 'the bytes of the target', 'now';
is_error $s->get("/$b/copied?symlink", %o), 400, 'NotSymlink', 'as a plain object';
is_error $s->put("/$b/copied", '', %o, headers => ['x-cos-copy-source', "/$b/chain"]), 400, 'InvalidTargetType',
    'no copy through a chain';
is_error $s->post("/$b/link?append&position=0", 'x', %o), 409, 'ObjectNotAppendable', 'nothing is appended to a link';
is_status $s->put("/$b/link", 'plain', %o), 200, 'PUT over it';
is_ok $s->get("/$b/link", %o), 'makes it plain', 'plain';
is_error $s->get("/$b/link?symlink", %o), 400, 'NotSymlink', 'and no link';
is_status $s->delete("/$b/dangling", %o), 204, 'DELETE';
is_ok $s->get("/$b/nowhere", %o), 'takes the link only', 'now';
is_status $s->get("/$b/dangling", %o), 404, 'which is gone';

# rights
is_status $s->put("/$b/private", 'secret', %o, headers => ['x-cos-acl', 'private']), 200, 'a private object';
is_status link_to("/$b/open", 'private', headers => ['x-cos-acl', 'public-read']), 200, 'a public link to it';
is_error $s->get("/$b/open", as => 'none'), 403, 'AccessDenied', 'opens nothing';
is_status link_to("/$b/open2", 'nosuch', headers => ['x-cos-acl', 'public-read']), 200, 'a public link to nothing';
is_error $s->get("/$b/open2", as => 'none'), 403, 'AccessDenied', 'does not say what is missing';
is_status $s->put("/$b/public", 'free', %o, headers => ['x-cos-acl', 'public-read']), 200, 'a public object';
is_status link_to("/$b/closed", 'public', headers => ['x-cos-acl', 'private']), 200, 'a private link to it';
is_error $s->get("/$b/closed", as => 'none'), 403, 'AccessDenied', 'is closed';
is_status link_to("/$b/both", 'public', headers => ['x-cos-acl', 'public-read']), 200, 'both public';
is_ok $s->get("/$b/both", as => 'none'), 'may be read', 'free';
is_error link_to("/$b/anon", 'public', as => 'none'), 403, 'AccessDenied', 'who may not write makes no link';

# versions
my $v = $s->make_bucket('linksv-1250000000', %o);
is_status $s->put("/$v?versioning", '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
    %o), 200, 'versioning';
$s->put("/$v/a", 'A', %o);
$s->put("/$v/b", 'B', %o);
my $v1 = link_to("/$v/l", 'a')->h('x-cos-version-id');
ok length $v1, 'a link has a version';
link_to("/$v/l", 'b');
is_ok $s->get("/$v/l", %o), 'the current one', 'B';
is_ok $s->get("/$v/l?versionId=$v1", %o), 'and the older', 'A';
is $s->get("/$v/l?symlink&versionId=$v1", %o)->h('x-cos-symlink-target'), 'a', 'its target';

# the disk tells the same
sub ctl {
    my (@args) = @_;
    my $out = `'$Cos::ROOT/build/cosctl' --env '@{[ $s->dir ]}/env' @args 2>&1`;
    is $?, 0, "cosctl @args" or diag $out;
}
ctl('verify');
$s->redis('FLUSHALL');
ctl('rebuild');
ok $s->in_service("/$b/both", as => 'none'), 'in service again';
is_ok $s->get("/$v/l?versionId=$v1", %o), 'links after a rebuild', 'A';
is $s->get("/$b/chain?symlink", %o)->h('x-cos-symlink-target'), 'link', 'and their targets';
ctl('verify');

$s->done;
