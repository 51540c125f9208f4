"""boto3: temporary credentials, asked for with its client of STS and used with
that of S3; one TAP-like line for each step."""
import datetime
import io
import json
import os
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

BUCKET = "boto3sts-1250000000"
MIB = 1048576
ENV = os.environ
OWN = {"aws_access_key_id": ENV["ACCESS_KEY"], "aws_secret_access_key": ENV["SECRET_KEY"]}
ROLE = "arn:aws:iam::123456789012:role/any"


def ok(cond, name, detail=""):
    print(("ok " if cond else "not ok ") + name, flush=True)
    if not cond and detail != "":
        print("  " + repr(detail)[:500], flush=True)


def error_code(call, **args):
    try:
        call(**args)
    except ClientError as e:
        return e.response["Error"]["Code"]
    return None


def client(service, keys, version="s3v4"):
    config = {"s3": {"addressing_style": "path"}, "retries": {"max_attempts": 0}}
    if service == "s3":
        config["signature_version"] = version
    return boto3.client(service, endpoint_url=ENV["ENDPOINT"], region_name=ENV["REGION"],
                        config=Config(**config), **keys)


def temporary(answer):
    c = answer["Credentials"]
    return {"aws_access_key_id": c["AccessKeyId"], "aws_secret_access_key": c["SecretAccessKey"],
            "aws_session_token": c["SessionToken"]}


def policy(action, path):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::%s/%s" % (BUCKET, path)}]})


def fetch(url, method="GET", data=None, headers=None):
    try:
        req = urllib.request.Request(url, data=data, method=method, headers=headers or {})
        with urllib.request.urlopen(req) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        return err.code, err.read()


def send_form(url, fields, data):
    b = "boundary7349"
    body = "".join('--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (b, k, v)
                   for k, v in fields.items())
    body += ('--%s\r\nContent-Disposition: form-data; name="file"; filename="local.txt"\r\n\r\n%s\r\n--%s--\r\n'
             % (b, data, b))
    return fetch(url, "POST", body.encode(), {"Content-Type": "multipart/form-data; boundary=" + b})


def try_session():
    r = sts.get_session_token(DurationSeconds=900)
    left = r["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    ok(800 < left.total_seconds() <= 901, "get_session_token", r)
    tmp = client("s3", temporary(r))
    tmp.put_object(Bucket=BUCKET, Key="mine", Body=b"a session's")
    ok(tmp.get_object(Bucket=BUCKET, Key="mine")["Body"].read() == b"a session's", "may what the account may")
    big = os.urandom(10 * MIB)
    tmp.upload_fileobj(io.BytesIO(big), BUCKET, "big", Config=TransferConfig(
        multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB))
    ok(s3.get_object(Bucket=BUCKET, Key="big")["Body"].read() == big, "an upload in parts")
    ok(BUCKET in [b["Name"] for b in tmp.list_buckets()["Buckets"]], "buckets")
    ok(error_code(client("sts", temporary(r)).get_session_token) == "AccessDenied", "no session of a session")
    ok(error_code(client("s3", dict(temporary(r), aws_session_token="x")).get_object, Bucket=BUCKET, Key="mine")
       == "InvalidToken", "another token")


def try_role():
    r = sts.assume_role(RoleArn=ROLE, RoleSessionName="reader", DurationSeconds=900,
                        Policy=policy("s3:GetObject", "open/*"))
    ok(r["AssumedRoleUser"]["Arn"].endswith("/reader"), "assume_role", r)
    tmp = client("s3", temporary(r))
    ok(tmp.get_object(Bucket=BUCKET, Key="open/k")["Body"].read() == b"open", "read what the policy allows")
    ok(error_code(tmp.get_object, Bucket=BUCKET, Key="closed/k") == "AccessDenied", "not elsewhere")
    ok(error_code(tmp.put_object, Bucket=BUCKET, Key="open/k", Body=b"") == "AccessDenied", "not write")
    ok(error_code(tmp.list_objects_v2, Bucket=BUCKET) == "AccessDenied", "not list")
    ok(error_code(tmp.copy_object, Bucket=BUCKET, Key="open/c", CopySource=BUCKET + "/closed/k") == "AccessDenied",
       "not copy")
    ok(error_code(tmp.delete_bucket, Bucket=BUCKET) == "AccessDenied", "not the bucket")
    for version in ("s3v4", "s3"):
        tmp = client("s3", temporary(r), version)
        url = tmp.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "open/k"}, 600)
        ok(fetch(url) == (200, b"open"), version + ": presigned URL", url)
        bare = "&".join(p for p in url.split("&") if "oken=" not in p)
        ok(bare != url and fetch(bare)[0] == 403, version + ": without the token", bare)
        url = tmp.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "closed/k"}, 600)
        ok(fetch(url)[0] == 403, version + ": denied", url)


def try_federation():
    r = sts.get_federation_token(Name="uploader", Policy=policy("s3:PutObject", "up/*"))
    ok(r["FederatedUser"]["FederatedUserId"].endswith(":uploader"), "get_federation_token", r)
    ok(error_code(client("s3", temporary(r)).get_object, Bucket=BUCKET, Key="up/k") == "AccessDenied", "not read")
    for version in ("s3v4", "s3"):
        tmp = client("s3", temporary(r), version)
        tmp.put_object(Bucket=BUCKET, Key="up/k", Body=version.encode())
        ok(s3.get_object(Bucket=BUCKET, Key="up/k")["Body"].read() == version.encode(), version + ": put")
        ok(error_code(tmp.put_object, Bucket=BUCKET, Key="open/k", Body=b"") == "AccessDenied",
           version + ": not elsewhere")
        p = tmp.generate_presigned_post(BUCKET, "up/${filename}", ExpiresIn=600)
        ok("x-amz-security-token" in p["fields"], version + ": a form carries the token")
        a = send_form(p["url"], p["fields"], "form " + version)
        ok(a[0] == 204, version + ": a form", a)
        ok(s3.get_object(Bucket=BUCKET, Key="up/local.txt")["Body"].read() == b"form " + version.encode(),
           version + ": and what it put")
        del p["fields"]["x-amz-security-token"]
        a = send_form(p["url"], p["fields"], "x")
        ok(a[0] == 403, version + ": a form without the token", a)
        p = tmp.generate_presigned_post(BUCKET, "open/form", ExpiresIn=600)
        a = send_form(p["url"], p["fields"], "x")
        ok(a[0] == 403 and b"AccessDenied" in a[1], version + ": a form for elsewhere", a)
    ok(error_code(s3.head_object, Bucket=BUCKET, Key="open/form") == "404", "nothing came of it")


def try_errors():
    ok(error_code(sts.assume_role, RoleArn=ROLE, RoleSessionName="me", Policy='{"Version":"2012-10-17"}')
       == "MalformedPolicyDocument", "a policy that says nothing")
    ok(error_code(sts.assume_role, RoleArn=ROLE, RoleSessionName="me", DurationSeconds=43201)
       == "ValidationError", "too long")
    ok(error_code(client("sts", dict(OWN, aws_secret_access_key="other")).get_session_token)
       == "SignatureDoesNotMatch", "another secret")
    ok(error_code(client("sts", dict(OWN, aws_access_key_id="AKIDnobody")).get_session_token)
       == "InvalidClientTokenId", "nobody's key")


s3 = client("s3", OWN)
sts = client("sts", OWN)
s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": ENV["REGION"]})
for name in ("open", "closed"):
    s3.put_object(Bucket=BUCKET, Key=name + "/k", Body=name.encode())
try_session()
try_role()
try_federation()
try_errors()
names = [{"Key": o["Key"]} for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
s3.delete_objects(Bucket=BUCKET, Delete={"Objects": names})
s3.delete_bucket(Bucket=BUCKET)
print("done")
