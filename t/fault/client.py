"""Requests, signed or not, and whether they had an effect.

An answer of the server says so. No answer, or one of 5xx, says nothing: what
was asked for may have happened. A connection that could not be made says that
nothing did.
"""

import base64
import hashlib
import hmac
import http.client
import os
import re
import time
import urllib.parse

SLOW = float(os.environ.get("COS_TEST_SLOW") or 1)


class Hang(Exception):
    pass


class NotSent(Exception):
    pass


class Lost(Exception):
    """Sent, at least in part; no answer."""


# The key of those objects that customers' keys encrypt.
CUSTOMER = b"a customer's key of thirty-two b"
LOOKS = 6


def customer(prefix="x-amz-"):
    """Headers with that key."""
    p = prefix + "server-side-encryption-customer-"
    return {p + "algorithm": "AES256",
            p + "key": base64.b64encode(CUSTOMER).decode(),
            p + "key-md5": base64.b64encode(
                hashlib.md5(CUSTOMER).digest()).decode()}


def enc(s, safe=""):
    return urllib.parse.quote(s, safe=safe + "-_.~")


def hm(key, text, kind):
    return hmac.new(key, text.encode(), kind)


class Answer:
    def __init__(self, r, body):
        self.status = r.status
        self.body = body
        self.headers = {k.lower(): v for k, v in r.getheaders()}
        self.meta = {re.sub(r"^x-(amz|cos|bce)-meta-", "", k): v
                     for k, v in self.headers.items() if "-meta-" in k}

    def h(self, name):
        return self.headers.get(name)

    def text(self):
        return self.body.decode("utf-8", "replace")

    def xml(self, name):
        m = re.search("<%s>(.*?)</%s>" % (name, name), self.text(), re.S)
        return m and m.group(1)

    def code(self):
        return self.xml("Code") or ""

    def etag(self):
        return (self.h("etag") or "").strip('"')


class Client:
    def __init__(self, env):
        self.port = int(env["PORT"])
        self.host = "127.0.0.1:%d" % self.port
        self.key = env["ACCESS_KEY"]
        self.secret = env["SECRET_KEY"]
        self.region = env["REGION"]
        self.timeout = 45 * SLOW
        self.conn = None
        self.ahead = False
        self.what = ""
        self.opened = 0               # reads that needed the customer's key

    def close(self):
        if self.conn:
            self.conn.close()
        self.conn = None

    # --- signatures ------------------------------------------------------

    def sign_s3(self, method, path, args, headers):
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers["x-amz-date"] = now
        headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD"
        names = sorted(headers)
        scope = "%s/%s/s3/aws4_request" % (now[:8], self.region)
        query = "&".join(sorted("%s=%s" % (enc(k), enc(v)) for k, v in args))
        text = "\n".join([method, path, query]
                         + ["%s:%s" % (n, headers[n]) for n in names]
                         + ["", ";".join(names), "UNSIGNED-PAYLOAD"])
        key = ("AWS4" + self.secret).encode()
        for word in (now[:8], self.region, "s3", "aws4_request"):
            key = hm(key, word, "sha256").digest()
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                          hashlib.sha256(text.encode()).hexdigest()])
        headers["authorization"] = (
            "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s"
            % (self.key, scope, ";".join(names),
               hm(key, text, "sha256").hexdigest()))

    def sign_cos(self, method, path, args, headers):
        now = int(time.time())
        span = "%d;%d" % (now - 60, now + 3600)
        names = sorted(headers)
        params = sorted((enc(k).lower(), enc(v)) for k, v in args)
        text = "%s\n%s\n%s\n%s\n" % (
            method.lower(), urllib.parse.unquote(path),
            "&".join("%s=%s" % p for p in params),
            "&".join("%s=%s" % (n, enc(headers[n])) for n in names))
        text = "sha1\n%s\n%s\n" % (span,
                                   hashlib.sha1(text.encode()).hexdigest())
        key = hm(self.secret.encode(), span, "sha1").hexdigest()
        headers["authorization"] = (
            "q-sign-algorithm=sha1&q-ak=%s&q-sign-time=%s&q-key-time=%s"
            "&q-header-list=%s&q-url-param-list=%s&q-signature=%s"
            % (self.key, span, span, ";".join(names),
               ";".join(p[0] for p in params),
               hm(key.encode(), text, "sha1").hexdigest()))

    # --- requests ----------------------------------------------------------

    def look(self, *args, **kw):
        """A question asked in peace: the server may close what was idle."""
        try:
            return self.req(*args, **kw)
        except Lost:
            return self.req(*args, **kw)

    def req(self, method, bucket, key=None, args=(), headers=None, body=b"",
            sign="s3"):
        """Nobody knows which objects need the customer's key to be read: with
        it where it is not needed is as wrong as without it where it is."""
        r = self.once(method, bucket, key, args, headers, body, sign)
        if r is None or key is None or method not in ("GET", "HEAD"):
            return r
        for i in range(LOOKS):
            if r.status != 400:
                break
            h = dict(headers or {})
            if i % 2 == 0:
                h.update(customer("x-cos-" if sign == "cos" else "x-amz-"))
            r = self.once(method, bucket, key, args, h, body, sign)
            self.opened += i % 2 == 0 and r.status in (200, 206)
        return r

    def once(self, method, bucket, key, args, headers, body, sign):
        path = "/" + bucket + ("" if key is None else "/" + enc(key, "/"))
        headers = dict(headers or {})
        headers["host"] = self.host
        if sign == "s3":
            self.sign_s3(method, path, args, headers)
        elif sign == "cos":
            self.sign_cos(method, path, args, headers)
        if args:
            path += "?" + "&".join(enc(k) + ("=" + enc(v) if v else "")
                                   for k, v in args)
        return self.send(method, path, headers, body)

    def send(self, *request):
        self.begin(*request)
        return None if self.ahead else self.finish()

    def begin(self, method, path, headers, body):
        self.what = "%s %s" % (method, path)
        fresh = self.conn is None
        if fresh:
            self.conn = http.client.HTTPConnection("127.0.0.1", self.port,
                                                   timeout=self.timeout)
            try:
                self.conn.connect()
            except OSError as e:
                self.close()
                raise NotSent(str(e)) from e
        try:
            self.conn.putrequest(method, path, skip_host=True,
                                 skip_accept_encoding=True)
            for n, v in headers.items():
                self.conn.putheader(n, v)
            if method in ("PUT", "POST"):
                self.conn.putheader("content-length", str(len(body)))
            self.conn.endheaders(body or None)
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise Lost(repr(e)) from e

    def finish(self):
        """The answer; with ahead set the caller asks for it."""
        try:
            r = self.conn.getresponse()
            answer = Answer(r, r.read())
            if r.will_close:
                self.close()
            return answer
        except TimeoutError as e:
            self.close()
            raise Hang(self.what + ": no answer") from e
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise Lost(repr(e)) from e
