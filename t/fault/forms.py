"""Uploads as a browser sends them: forms whose fields a policy signs."""

import base64
import hmac
import json
import time

BOUNDARY = "----fault7d1b5a"


def policy(bucket, key, fields):
    doc = {"expiration": time.strftime("%Y-%m-%dT%H:%M:%S.000Z",
                                       time.gmtime(time.time() + 3600)),
           "conditions": [{"bucket": bucket}, ["eq", "$key", key]]
           + [{k: v} for k, v in fields.items()]}
    return base64.b64encode(json.dumps(doc).encode()).decode()


def sign(c, bucket, key, fields):
    """Adds what makes a form of V4 a signed one."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    fields.update({
        "x-amz-algorithm": "AWS4-HMAC-SHA256", "x-amz-date": now,
        "x-amz-credential": "%s/%s/%s/s3/aws4_request"
                            % (c.key, now[:8], c.region)})
    fields["policy"] = policy(bucket, key, fields)
    k = ("AWS4" + c.secret).encode()
    for word in (now[:8], c.region, "s3", "aws4_request"):
        k = hmac.new(k, word.encode(), "sha256").digest()
    fields["x-amz-signature"] = hmac.new(k, fields["policy"].encode(),
                                         "sha256").hexdigest()


def body(fields, data):
    parts = [("%s\r\n\r\n%s" % ('"%s"' % n, v)).encode()
             for n, v in fields.items()]
    parts.append(b'"file"; filename="f"\r\ncontent-type: text/html\r\n\r\n'
                 + data)
    edge = b"--" + BOUNDARY.encode()
    return b"".join(edge + b'\r\nContent-Disposition: form-data; name=' + p
                    + b"\r\n" for p in parts) + edge + b"--\r\n"


def post(c, bucket, key, headers, data):
    """As a PUT with these headers; 204 when it is done."""
    fields = {"acl" if n == "x-amz-acl" else n: v for n, v in headers.items()}
    sign(c, bucket, key, fields)
    return c.req("POST", bucket, sign=None,
                 headers={"content-type": "multipart/form-data; boundary="
                                          + BOUNDARY},
                 body=body(dict({"key": key}, **fields), data))
