# HTML forms: multipart/form-data bodies, policies, and their signatures in all
# ways a form can be signed. Core modules only, independent of the module's C
# code.
package Cos::Form;

use strict;
use warnings;
use Digest::SHA qw(sha1_hex hmac_sha1 hmac_sha1_hex hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use JSON::PP ();
use POSIX ();

our $BOUNDARY = '----CosTest7MA4YWxkTrZu0gW';

# fields: list name => value ...; a value that is a hash is a file:
# { filename, type, body }. Options: boundary, preamble, epilogue, end (what
# follows the last boundary).
sub body {
    my ($fields, %o) = @_;
    my $b = $o{boundary} // $BOUNDARY;
    my $out = $o{preamble} // '';
    my @f = @$fields;
    while (@f) {
        my ($name, $v) = splice @f, 0, 2;
        $out .= "--$b\r\nContent-Disposition: form-data; name=\"$name\"";
        if (ref $v) {
            $out .= "; filename=\"$v->{filename}\"" if defined $v->{filename};
            $out .= "\r\nContent-Type: $v->{type}" if defined $v->{type};
            $v = $v->{body};
        }
        $out .= "\r\n\r\n$v\r\n";
    }
    return $out . "--$b" . ($o{end} // "--\r\n") . ($o{epilogue} // '');
}

sub type { return 'multipart/form-data; boundary=' . ($_[0] // $BOUNDARY) }

sub iso { return POSIX::strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime $_[0]) }

sub policy {
    my ($conditions, %o) = @_;
    return encode_base64(JSON::PP->new->canonical->encode({
        expiration => $o{expiration} // iso(time + ($o{life} // 600)),
        conditions => $conditions,
    }), '');
}

# Fields of a signed form. how: cos, v4 or v2; who: [access key, secret].
# conditions are those of the policy, without the signature's own.
sub sign {
    my ($how, $who, $conditions, %o) = @_;
    my ($ak, $sk) = @$who;
    my $now = $o{now} // time;
    if ($how eq 'cos') {
        my $time = $o{key_time} // (($now - 10) . ';' . ($now + 600));
        my $policy = $o{policy} // policy([@$conditions, { 'q-sign-algorithm' => 'sha1' },
            { 'q-ak' => $ak }, { 'q-sign-time' => $time }], %o);
        my $sig = hmac_sha1_hex(sha1_hex(MIME::Base64::decode_base64($policy)),
            hmac_sha1_hex($time, $sk));
        return (policy => $policy, 'q-sign-algorithm' => 'sha1', 'q-ak' => $ak,
            'q-key-time' => $time, 'q-signature' => $sig);
    }
    if ($how eq 'v4') {
        my $date = POSIX::strftime('%Y%m%dT%H%M%SZ', gmtime $now);
        my $day = substr $date, 0, 8;
        my $region = $o{region} // 'us-east-1';
        my $cred = "$ak/$day/$region/s3/aws4_request";
        my @own = ('x-amz-algorithm' => 'AWS4-HMAC-SHA256', 'x-amz-credential' => $cred,
            'x-amz-date' => $date);
        my @c = @own;
        my @own_conditions;
        while (@c) { my ($n, $v) = splice @c, 0, 2; push @own_conditions, { $n => $v } }
        my $policy = $o{policy} // policy([@$conditions, @own_conditions], %o);
        my $key = "AWS4$sk";
        $key = hmac_sha256($_, $key) for $day, $region, 's3', 'aws4_request';
        return (policy => $policy, @own, 'x-amz-signature' => hmac_sha256_hex($policy, $key));
    }
    my $policy = $o{policy} // policy($conditions, %o);
    return (AWSAccessKeyId => $ak, policy => $policy,
        signature => encode_base64(hmac_sha1($policy, $sk), ''));
}

1;
