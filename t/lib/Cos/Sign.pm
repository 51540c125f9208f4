# Signatures of every dialect, written from their specifications with core
# modules only, independent of the module's C code.
#
# A request is a hash: method, target (raw path and query, as on the wire),
# headers (list of [name, value]), ak, sk. Signers add what their dialect needs
# to headers or to the target.
package Cos::Sign;

use strict;
use warnings;
use Digest::SHA qw(sha1_hex sha256_hex hmac_sha1 hmac_sha1_hex hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use POSIX ();

use Exporter 'import';
our @EXPORT_OK = qw(enc dec split_target args iso_basic iso_extended);

sub enc {
    my ($s, $keep) = @_;
    my $out = '';
    for (unpack 'C*', $s) {
        my $c = chr;
        $out .= $c =~ /[A-Za-z0-9_.~-]/ || ($keep && $c eq '/') ? $c : sprintf '%%%02X', $_;
    }
    return $out;
}

sub dec { my $s = shift; $s =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; $s }

sub split_target {
    my ($path, $query) = split /\?/, $_[0], 2;
    return ($path, $query // '');
}

# Decoded name and value of every query parameter.
sub args {
    return map {
        my ($n, $v) = split /=/, $_, 2;
        $v = '' unless defined $v;
        $v =~ tr/+/ /;
        [dec($n), dec($v)];
    } grep { length } split /&/, $_[0];
}

sub iso_basic { POSIX::strftime('%Y%m%dT%H%M%SZ', gmtime $_[0]) }
sub iso_extended { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

sub add_query {
    my ($req, @pairs) = @_;
    my $add = join '&', map { enc($_->[0]) . '=' . enc($_->[1]) } @pairs;
    $req->{target} .= ($req->{target} =~ /\?/ ? '&' : '?') . $add;
}

# Values of the headers that shall be signed, by lower-case name.
sub signed_headers {
    my ($req, $want) = @_;
    my %skip = map { lc $_ => 1 } @{ $req->{unsigned} || [] };
    my %v;
    for (@{ $req->{headers} }) {
        my ($n, $val) = (lc $_->[0], $_->[1]);
        next if $skip{$n} || !$want->($n);
        $v{$n} = defined $v{$n} ? "$v{$n},$val" : $val;
    }
    return %v;
}


# --- AWS Signature Version 4 ------------------------------------------------------

sub v4_key {
    my ($sk, $date, $region) = @_;
    my $k = hmac_sha256($date, "AWS4$sk");
    $k = hmac_sha256($region, $k);
    $k = hmac_sha256('s3', $k);
    return hmac_sha256('aws4_request', $k);
}

sub v4_signature {
    my ($req, $names, $values, $payload, $now, $scope, $key) = @_;
    my ($path, $query) = split_target($req->{target});
    my $canonical = join "\n", $req->{method}, enc(dec($path), 1),
        join('&', sort map { enc($_->[0]) . '=' . enc($_->[1]) }
            grep { $_->[0] ne 'X-Amz-Signature' } args($query)),
        (map {
            my $v = $values->{$_};
            $v =~ s/^[ \t]+|[ \t]+$//g;
            $v =~ s/ +/ /g;
            "$_:$v";
        } @$names),
        '', join(';', @$names), $payload;
    my $sts = join "\n", 'AWS4-HMAC-SHA256', iso_basic($now), $scope, sha256_hex($canonical);
    return hmac_sha256_hex($sts, $key);
}

# Options in $req: time, region, payload (text for x-amz-content-sha256),
# presign (seconds of life), unsigned (names to leave out), token.
sub v4 {
    my ($req) = @_;
    my $now = $req->{time} // time;
    my $region = $req->{region} // 'ap-local';
    my $date = substr iso_basic($now), 0, 8;
    my $scope = "$date/$region/s3/aws4_request";
    my $key = v4_key($req->{sk}, $date, $region);
    my $payload = $req->{payload}
        // ($req->{presign} ? 'UNSIGNED-PAYLOAD' : sha256_hex($req->{body} // ''));

    if (!$req->{presign}) {
        push @{ $req->{headers} }, ['x-amz-date', iso_basic($now)],
            ['x-amz-content-sha256', $payload];
        push @{ $req->{headers} }, ['x-amz-security-token', $req->{token}]
            if defined $req->{token};
    }
    my %v = signed_headers($req, sub {
        $_[0] =~ /^(host|content-md5|content-type|range|x-(?:amz|cos|bce)-.*)$/ });
    my @names = sort keys %v;

    if ($req->{presign}) {
        add_query($req, ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
            ['X-Amz-Credential', "$req->{ak}/$scope"], ['X-Amz-Date', iso_basic($now)],
            ['X-Amz-Expires', $req->{presign}],
            (defined $req->{token} ? ['X-Amz-Security-Token', $req->{token}] : ()),
            ['X-Amz-SignedHeaders', join ';', @names]);
    }
    my $sig = v4_signature($req, \@names, \%v, $payload, $now, $scope, $key);
    if ($req->{presign}) {
        add_query($req, ['X-Amz-Signature', $sig]);
    } else {
        push @{ $req->{headers} }, ['Authorization', "AWS4-HMAC-SHA256 "
            . "Credential=$req->{ak}/$scope,SignedHeaders=" . join(';', @names)
            . ",Signature=$sig"];
    }
    $req->{v4} = { key => $key, scope => $scope, date => iso_basic($now), sig => $sig };
    return $req;
}

# --- AWS Signature Version 2 ------------------------------------------------------

my %v2_resource = map { $_ => 1 } qw(accelerate acl cors delete encryption legal-hold lifecycle
    location logging notification object-lock partNumber policy requestPayment restore retention
    response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires tagging torrent uploadId
    uploads versionId versioning versions website);

# Options: time, presign (seconds of life), v2_bucket (of the host), v2_path
# (signed instead of the target's), plain_date (Date instead of x-amz-date).
sub v2 {
    my ($req) = @_;
    my $now = $req->{time} // time;
    my ($path, $query) = split_target($req->{target});
    my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $now);
    push @{ $req->{headers} }, [$req->{plain_date} ? 'Date' : 'x-amz-date', $date]
        unless $req->{presign};
    $date = '' unless $req->{plain_date};
    $date = $now + $req->{presign} if $req->{presign};
    my %v = signed_headers($req, sub { $_[0] =~ /^(content-md5|content-type|x-amz-.*)$/ });
    my $resource = join '&', map { "$_->[0]" . (length $_->[1] ? "=$_->[1]" : '') }
        sort { $a->[0] cmp $b->[0] } grep { $v2_resource{$_->[0]} } args($query);
    my $text = join "\n", $req->{method}, $v{'content-md5'} // '', $v{'content-type'} // '', $date,
        (map { "$_:$v{$_}" } sort grep { /^x-amz-/ } keys %v),
        (length $req->{v2_bucket} ? "/$req->{v2_bucket}" : '') . ($req->{v2_path} // $path)
            . (length $resource ? "?$resource" : '');
    my $sig = encode_base64(hmac_sha1($text, $req->{sk}), '');
    if ($req->{presign}) {
        add_query($req, ['AWSAccessKeyId', $req->{ak}], ['Expires', $date], ['Signature', $sig]);
    } else {
        push @{ $req->{headers} }, ['Authorization', "AWS $req->{ak}:$sig"];
    }
    return $req;
}

# An aws-chunked body. $o: signed (0/1), trailers (list of [name, value]),
# size (bytes of a chunk), v4 (of a signed request), bad_chunk, bad_trailer
# (break that signature), sizes (explicit list).
sub aws_chunked {
    my ($data, %o) = @_;
    my $prev = $o{v4} ? $o{v4}{sig} : '';
    my $n = 0;
    my $chunk = sub {
        my $d = shift;
        my $line = sprintf '%x', length $d;
        if ($o{signed}) {
            $prev = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256-PAYLOAD', $o{v4}{date},
                $o{v4}{scope}, $prev, sha256_hex(''), sha256_hex($d)), $o{v4}{key});
            my $sent = $prev;
            $sent =~ tr/0-9a-f/1-9a-f0/ if defined $o{bad_chunk} && $o{bad_chunk} == $n;
            $line .= ";chunk-signature=$sent";
        }
        $n++;
        return "$line\r\n$d" . (length $d ? "\r\n" : '');
    };
    my $out = '';
    my $size = $o{size} || 65536;
    for (my $at = 0; $at < length $data; $at += $size) {
        $out .= $chunk->(substr $data, $at, $size);
    }
    $out .= $chunk->('');
    my @t = @{ $o{trailers} || [] };
    $out .= "$_->[0]:$_->[1]\r\n" for @t;
    if ($o{signed} && @t) {
        my $sig = hmac_sha256_hex(join("\n", 'AWS4-HMAC-SHA256-TRAILER', $o{v4}{date},
            $o{v4}{scope}, $prev, sha256_hex(join '', map { "$_->[0]:$_->[1]\n" } @t)),
            $o{v4}{key});
        $sig =~ tr/0-9a-f/1-9a-f0/ if $o{bad_trailer};
        $out .= "x-amz-trailer-signature:$sig\r\n";
    }
    return "$out\r\n";
}


# --- COS, q-sign-algorithm=sha1 -------------------------------------------------------

sub _cos_pairs {
    my @p = sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] }
        map { [lc enc($_->[0]), enc($_->[1])] } @_;
    return (join('&', map { "$_->[0]=$_->[1]" } @p), join(';', map { $_->[0] } @p));
}

# Options: time, life, start, end, presign (true: query form), unsigned,
# host_only (sign nothing but the host), sign_merged (legacy "sign" form).
sub cos {
    my ($req) = @_;
    my $start = $req->{start} // ($req->{time} // time) - 1;
    my $end = $req->{end} // $start + ($req->{life} // ($req->{presign} || 900));
    my $times = "$start;$end";
    my ($path, $query) = split_target($req->{target});
    push @{ $req->{headers} }, ['x-cos-security-token', $req->{token}]
        if defined $req->{token} && !$req->{presign};
    my %v = signed_headers($req, sub {
        $req->{host_only} ? $_[0] eq 'host' : $_[0] =~ /^(host|cache-control
            |content-disposition|content-encoding|content-length|content-md5|content-type
            |expires|if-match|if-modified-since|if-none-match|if-unmodified-since|range
            |x-(?:amz|cos|bce)-.*)$/x });
    delete $v{'x-cos-security-token'} if defined $req->{token};
    delete $v{$_} for grep { $v{$_} eq '' } keys %v;
    my ($headers, $header_list) = _cos_pairs(map { [$_, $v{$_}] } keys %v);
    my %skip = map { $_ => 1 } @{ $req->{unsigned_args} || [] };
    my ($params, $param_list) = _cos_pairs(grep { !$skip{$_->[0]} } args($query));

    my $http = join "\n", lc $req->{method}, dec($path), $params, $headers, '';
    my $sts = join "\n", 'sha1', $times, sha1_hex($http), '';
    my $sig = hmac_sha1_hex($sts, hmac_sha1_hex($times, $req->{sk}));
    my @q = (['q-sign-algorithm', 'sha1'], ['q-ak', $req->{ak}], ['q-sign-time', $times],
        ['q-key-time', $times], ['q-header-list', $header_list],
        ['q-url-param-list', $param_list], ['q-signature', $sig]);
    my $text = join '&', map { "$_->[0]=$_->[1]" } @q;
    if ($req->{sign_merged}) {
        add_query($req, ['sign', $text]);
    } elsif ($req->{presign}) {
        add_query($req, @q);
    } else {
        push @{ $req->{headers} }, ['Authorization', $text];
    }
    return $req;
}


# --- BCE v1 -----------------------------------------------------------------------------

# Options: time, life, presign (true: query form), unsigned, host_only.
sub bce {
    my ($req) = @_;
    my $now = $req->{time} // time;
    my $life = $req->{life} // 1800;
    push @{ $req->{headers} }, ['x-bce-date', iso_extended($now)] unless $req->{presign};
    my ($path, $query) = split_target($req->{target});
    my %v = signed_headers($req, sub { $req->{host_only} || $req->{presign}
        ? $_[0] eq 'host' : $_[0] =~ /^(host|content-length|content-md5|content-type
            |x-(?:amz|cos|bce)-.*)$/x });
    delete $v{$_} for grep { $v{$_} eq '' } keys %v;
    my @lines = sort { $a->[0] cmp $b->[0] } map {
        my $val = $v{$_};
        $val =~ s/^\s+|\s+$//g;
        [enc($_) . ':' . enc($val), $_];
    } keys %v;
    my $prefix = join '/', 'bce-auth-v1', $req->{ak}, iso_extended($now), $life;
    my $key = hmac_sha256_hex($prefix, $req->{sk});
    my $canonical = join "\n", $req->{method}, enc(dec($path), 1),
        join('&', sort map { enc($_->[0]) . '=' . enc($_->[1]) }
            grep { lc $_->[0] ne 'authorization' } args($query)),
        join("\n", map { $_->[0] } @lines);
    my $text = join '/', $prefix, join(';', map { $_->[1] } @lines),
        hmac_sha256_hex($canonical, $key);
    if ($req->{presign}) {
        add_query($req, ['authorization', $text]);
    } else {
        push @{ $req->{headers} }, ['Authorization', $text];
    }
    return $req;
}

1;
