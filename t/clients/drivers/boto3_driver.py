"""boto3: every step of an ordinary client, one TAP-like line for each."""
import base64
import datetime
import hashlib
import io
import os
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.client import Config
from botocore.exceptions import ClientError

BUCKET = "boto3-1250000000"
MIB = 1048576
ENV = os.environ


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


s3 = boto3.client(
    "s3", endpoint_url=ENV["ENDPOINT"], region_name=ENV["REGION"],
    aws_access_key_id=ENV["ACCESS_KEY"], aws_secret_access_key=ENV["SECRET_KEY"],
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"},
                  retries={"max_attempts": 0}))

s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": ENV["REGION"]})
ok(BUCKET in [b["Name"] for b in s3.list_buckets()["Buckets"]], "create and list buckets")
ok(s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == ENV["REGION"], "location")
ok(error_code(s3.create_bucket, Bucket=BUCKET,
              CreateBucketConfiguration={"LocationConstraint": ENV["REGION"]})
   == "BucketAlreadyOwnedByYou", "create again")
ok(error_code(s3.get_object, Bucket=BUCKET, Key="none") == "NoSuchKey", "NoSuchKey")
ok(error_code(s3.head_bucket, Bucket="none-1250000000") == "404", "no bucket")

r = s3.put_object(Bucket=BUCKET, Key="dir/small", Body=b"small contents", ContentType="text/x-a",
                  CacheControl="max-age=9", Metadata={"colour": "blue", "Two-Words": "x y"})
ok(r["ETag"] == '"%s"' % hashlib.md5(b"small contents").hexdigest(), "put", r)
r = s3.get_object(Bucket=BUCKET, Key="dir/small")
ok(r["Body"].read() == b"small contents", "get")
ok(r["Metadata"] == {"colour": "blue", "two-words": "x y"}, "metadata", r["Metadata"])
ok((r["ContentType"], r["CacheControl"]) == ("text/x-a", "max-age=9"), "stored headers")
ok(s3.get_object(Bucket=BUCKET, Key="dir/small", Range="bytes=6-9")["Body"].read() == b"cont", "range")
ok(error_code(s3.get_object, Bucket=BUCKET, Key="dir/small", IfNoneMatch=r["ETag"]) == "304",
   "If-None-Match")
ok(error_code(s3.get_object, Bucket=BUCKET, Key="dir/small", IfMatch='"x"') == "PreconditionFailed",
   "If-Match")
ok(error_code(s3.get_object, Bucket=BUCKET, Key="dir/small", Range="bytes=99-") == "InvalidRange",
   "a range beyond the end")

# 64 MiB through the transfer manager: parts in parallel
big = os.urandom(64 * MIB)
path = os.path.join(ENV.get("TMPDIR", "/tmp"), "boto3-%d" % os.getpid())
try:
    with open(path, "wb") as f:
        f.write(big)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=8)
    s3.upload_file(path, BUCKET, "big", Config=config)
    ok(s3.head_object(Bucket=BUCKET, Key="big")["ETag"].endswith('-8"'), "upload of 64 MiB in parts")
    s3.download_file(BUCKET, "big", path, Config=config)
    with open(path, "rb") as f:
        ok(f.read() == big, "download of 64 MiB in ranges")
finally:
    os.unlink(path)
s3.copy({"Bucket": BUCKET, "Key": "big"}, BUCKET, "big2", Config=config)
ok(s3.get_object(Bucket=BUCKET, Key="big2")["Body"].read() == big, "managed copy in parts")

r = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "dir/small"})
ok(r["CopyObjectResult"]["ETag"] == '"%s"' % hashlib.md5(b"small contents").hexdigest(), "copy")
r = s3.head_object(Bucket=BUCKET, Key="copy")
ok(r["Metadata"] == {"colour": "blue", "two-words": "x y"}, "copy keeps metadata", r["Metadata"])
s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "copy"},
               MetadataDirective="REPLACE", Metadata={"n": "1"})
ok(s3.head_object(Bucket=BUCKET, Key="copy")["Metadata"] == {"n": "1"}, "copy replaces metadata")

# multipart by hand, listed and aborted
up = s3.create_multipart_upload(Bucket=BUCKET, Key="hand")["UploadId"]
e1 = s3.upload_part(Bucket=BUCKET, Key="hand", UploadId=up, PartNumber=1, Body=big[:5 * MIB])["ETag"]
e2 = s3.upload_part(Bucket=BUCKET, Key="hand", UploadId=up, PartNumber=2, Body=b"end")["ETag"]
ok([p["Size"] for p in s3.list_parts(Bucket=BUCKET, Key="hand", UploadId=up)["Parts"]]
   == [5 * MIB, 3], "list parts")
ok([u["Key"] for u in s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]] == ["hand"], "list uploads")
r = s3.complete_multipart_upload(Bucket=BUCKET, Key="hand", UploadId=up, MultipartUpload={"Parts": [
    {"PartNumber": 1, "ETag": e1}, {"PartNumber": 2, "ETag": e2}]})
ok(r["ETag"].endswith('-2"'), "complete", r)
up = s3.create_multipart_upload(Bucket=BUCKET, Key="hand")["UploadId"]
s3.abort_multipart_upload(Bucket=BUCKET, Key="hand", UploadId=up)
ok("Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET), "abort")

# odd keys
keys = ENV["ODD_KEYS"].split("\n")
for k in keys:
    s3.put_object(Bucket=BUCKET, Key="odd/" + k, Body=k.encode())
    ok(s3.get_object(Bucket=BUCKET, Key="odd/" + k)["Body"].read() == k.encode(), "key " + k)
listed = []
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="odd/",
                                                         PaginationConfig={"PageSize": 3}):
    listed += [o["Key"] for o in page["Contents"]]
ok(listed == sorted(["odd/" + k for k in keys], key=str.encode), "listed page by page", listed)
r = s3.list_objects(Bucket=BUCKET, Delimiter="/")
ok([p["Prefix"] for p in r["CommonPrefixes"]] == ["dir/", "odd/"], "common prefixes", r)
ok([o["Key"] for o in r["Contents"]] == ["big", "big2", "copy", "hand"], "keys beside them")

# presigned
url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "odd/with space",
                                               "ResponseContentType": "text/x-b"}, 600)
with urllib.request.urlopen(url) as f:
    ok(f.read() == b"with space" and f.headers["Content-Type"] == "text/x-b", "presigned GET")
url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "odd/put"}, 600)
req = urllib.request.Request(url, data=b"through a link", method="PUT", headers={"Content-Type": ""})
with urllib.request.urlopen(req) as f:
    ok(f.status == 200, "presigned PUT")
ok(s3.get_object(Bucket=BUCKET, Key="odd/put")["Body"].read() == b"through a link", "and what it put")

s3.put_object_acl(Bucket=BUCKET, Key="copy", ACL="public-read")
ok(len(s3.get_object_acl(Bucket=BUCKET, Key="copy")["Grants"]) == 2, "ACL")
acl = s3.get_object_acl(Bucket=BUCKET, Key="copy")
alt = hashlib.sha256(b"100000000002").hexdigest()
grants = [{"Grantee": {"ID": alt, "Type": "CanonicalUser"}, "Permission": p} for p in ("READ", "WRITE_ACP")]
s3.put_object_acl(Bucket=BUCKET, Key="copy",
                  AccessControlPolicy={"Owner": acl["Owner"], "Grants": acl["Grants"] + grants})
acl = s3.get_object_acl(Bucket=BUCKET, Key="copy")
ok([(g["Grantee"].get("ID"), g["Permission"]) for g in acl["Grants"]]
   == [(None, "READ"), (acl["Owner"]["ID"], "FULL_CONTROL"), (alt, "READ"), (alt, "WRITE_ACP")], "grants")
s3.put_object(Bucket=BUCKET, Key="granted", Body=b"x", GrantRead='id="%s"' % alt,
              GrantFullControl='id="%s"' % acl["Owner"]["ID"])
ok(len(s3.get_object_acl(Bucket=BUCKET, Key="granted")["Grants"]) == 2, "grants by headers")
ok(error_code(s3.put_object, Bucket=BUCKET, Key="granted", GrantRead='id="_foo"') == "InvalidArgument",
   "a grant to nobody")
ok(error_code(s3.put_object, Bucket=BUCKET, Key="granted", GrantRead='emailAddress="a@b.c"')
   == "UnresolvableGrantByEmailAddress", "a grant to an address")
s3.delete_object(Bucket=BUCKET, Key="granted")

# tags of objects
tags = [{"Key": "a b", "Value": "1/2"}, {"Key": "c", "Value": ""}]
s3.put_object_tagging(Bucket=BUCKET, Key="copy", Tagging={"TagSet": tags})
ok(s3.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"] == tags, "object tags")
ok(s3.get_object(Bucket=BUCKET, Key="copy")["TagCount"] == 2, "counted")
s3.delete_object_tagging(Bucket=BUCKET, Key="copy")
ok(s3.get_object_tagging(Bucket=BUCKET, Key="copy")["TagSet"] == [], "and removed")
s3.put_object(Bucket=BUCKET, Key="tagged", Body=b"", Tagging="x=y&z=%3D")
s3.copy_object(Bucket=BUCKET, Key="tagged2", CopySource={"Bucket": BUCKET, "Key": "tagged"})
ok(s3.get_object_tagging(Bucket=BUCKET, Key="tagged2")["TagSet"]
   == [{"Key": "x", "Value": "y"}, {"Key": "z", "Value": "="}], "tags of a copy")

# storage classes, and restoring
s3.put_object(Bucket=BUCKET, Key="cold/k", Body=b"frozen", StorageClass="GLACIER")
ok(s3.head_object(Bucket=BUCKET, Key="cold/k")["StorageClass"] == "GLACIER", "storage class")
ok([o["StorageClass"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix="cold/")["Contents"]]
   == ["GLACIER"], "in a listing")
try:
    s3.get_object(Bucket=BUCKET, Key="cold/k")
    ok(False, "archived")
except ClientError as e:
    ok(e.response["Error"]["Code"] == "InvalidObjectState"
       and e.response["Error"]["StorageClass"] == "GLACIER", "archived", e.response)
days = {"Days": 2, "GlacierJobParameters": {"Tier": "Bulk"}}
r = s3.restore_object(Bucket=BUCKET, Key="cold/k", RestoreRequest=days)
ok(r["ResponseMetadata"]["HTTPStatusCode"] == 202, "restore", r)
ok(s3.head_object(Bucket=BUCKET, Key="cold/k")["Restore"] == 'ongoing-request="true"', "under way")
ok(error_code(s3.restore_object, Bucket=BUCKET, Key="cold/k", RestoreRequest=days)
   == "RestoreAlreadyInProgress", "asked for twice")
ok(error_code(s3.restore_object, Bucket=BUCKET, Key="copy", RestoreRequest=days)
   == "InvalidObjectState", "of an object that is not archived")
s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "copy"},
               StorageClass="STANDARD_IA")
ok(s3.head_object(Bucket=BUCKET, Key="copy")["StorageClass"] == "STANDARD_IA", "class changed")

# configurations of buckets
s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": tags})
ok(s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"] == tags, "bucket tags")
s3.delete_bucket_tagging(Bucket=BUCKET)
ok(error_code(s3.get_bucket_tagging, Bucket=BUCKET) == "NoSuchTagSet", "and removed")
ok("Status" not in s3.get_bucket_versioning(Bucket=BUCKET), "no versioning")
ok(error_code(s3.get_bucket_encryption, Bucket=BUCKET)
   == "ServerSideEncryptionConfigurationNotFoundError", "no encryption")
rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
ok(s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"] == rules,
   "encryption")
s3.delete_bucket_encryption(Bucket=BUCKET)
block = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True,
         "RestrictPublicBuckets": False}
s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
ok(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"] == block,
   "public access block")
ok(error_code(s3.put_object_acl, Bucket=BUCKET, Key="copy", ACL="public-read") == "AccessDenied",
   "which holds")
s3.delete_public_access_block(Bucket=BUCKET)
own = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
s3.put_bucket_ownership_controls(Bucket=BUCKET, OwnershipControls=own)
ok(s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"] == own, "ownership")
s3.delete_bucket_ownership_controls(Bucket=BUCKET)
ok(s3.get_bucket_request_payment(Bucket=BUCKET)["Payer"] == "BucketOwner", "who pays")
s3.put_bucket_request_payment(Bucket=BUCKET, RequestPaymentConfiguration={"Payer": "Requester"})
ok(s3.get_bucket_request_payment(Bucket=BUCKET)["Payer"] == "Requester", "and who does then")
policy = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",'
          '"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}' % BUCKET)
ok(s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is False, "not public")
s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
ok(s3.get_bucket_policy(Bucket=BUCKET)["Policy"] == policy, "policy")
ok(s3.get_bucket_policy_status(Bucket=BUCKET)["PolicyStatus"]["IsPublic"] is True, "public by it")
ok(error_code(s3.put_bucket_policy, Bucket=BUCKET, Policy=policy.replace("GetObject", "Get"))
   == "MalformedPolicy", "an action that is none")
s3.delete_bucket_policy(Bucket=BUCKET)
cors = [{"ID": "one", "AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["GET", "PUT"],
         "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}]
s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": cors})
ok(s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == cors, "CORS")
ok(error_code(s3.put_bucket_cors, Bucket=BUCKET, CORSConfiguration={"CORSRules": [
    {"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}]}) == "InvalidRequest", "a method that is none")
s3.delete_bucket_cors(Bucket=BUCKET)
ok([error_code(getattr(s3, "get_bucket_" + n), Bucket=BUCKET)
    for n in ("cors", "lifecycle_configuration", "policy", "website", "replication")]
   == ["NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration", "NoSuchBucketPolicy",
       "NoSuchWebsiteConfiguration", "ReplicationConfigurationNotFoundError"], "not configured")
WEBSITE = {
    "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
    "RoutingRules": [
        {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "img/"},
         "Redirect": {"HostName": "example.com", "Protocol": "https", "HttpRedirectCode": "307",
                      "ReplaceKeyWith": "none.png"}}]}
s3.put_bucket_website(Bucket=BUCKET, WebsiteConfiguration=WEBSITE)
r = s3.get_bucket_website(Bucket=BUCKET)
ok({k: r[k] for k in WEBSITE} == WEBSITE, "website")
s3.put_bucket_website(Bucket=BUCKET, WebsiteConfiguration={
    "RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}})
ok(s3.get_bucket_website(Bucket=BUCKET)["RedirectAllRequestsTo"]
   == {"HostName": "example.com", "Protocol": "https"}, "website elsewhere")
s3.delete_bucket_website(Bucket=BUCKET)
ok(error_code(s3.get_bucket_website, Bucket=BUCKET) == "NoSuchWebsiteConfiguration", "no website")
s3.put_object(Bucket=BUCKET, Key="moved", Body=b"", WebsiteRedirectLocation="/there")
ok(s3.head_object(Bucket=BUCKET, Key="moved")["WebsiteRedirectLocation"] == "/there", "a redirect")
s3.delete_object(Bucket=BUCKET, Key="moved")
ok("LoggingEnabled" not in s3.get_bucket_logging(Bucket=BUCKET)
   and "Status" not in s3.get_bucket_accelerate_configuration(Bucket=BUCKET)
   and "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=BUCKET),
   "empty configurations")
s3.delete_bucket_cors(Bucket=BUCKET)
locked = BUCKET.replace("-", "lock-")
s3.create_bucket(Bucket=locked, ObjectLockEnabledForBucket=True,
                 CreateBucketConfiguration={"LocationConstraint": ENV["REGION"]})
ok(s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled", "a bucket with a lock")
lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}}
s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=lock)
ok(s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == lock,
   "default retention")
own = s3.put_object(Bucket=locked, Key="own", Body=b"x", ObjectLockLegalHoldStatus="ON",
                    ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=datetime.datetime(
                        2100, 1, 2, tzinfo=datetime.timezone.utc))
r = s3.head_object(Bucket=locked, Key="own")
ok(r["ObjectLockLegalHoldStatus"] == "ON" and r["ObjectLockRetainUntilDate"].year == 2100,
   "a lock of its own", r)
s3.put_object_legal_hold(Bucket=locked, Key="own", LegalHold={"Status": "OFF"})
s3.delete_object(Bucket=locked, Key="own", VersionId=own["VersionId"], BypassGovernanceRetention=True)
v = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
r = s3.get_object_retention(Bucket=locked, Key="k")["Retention"]
ok(r["Mode"] == "GOVERNANCE", "it is there", r)
ok(error_code(s3.delete_object, Bucket=locked, Key="k", VersionId=v) == "AccessDenied", "and keeps")
s3.put_object_retention(Bucket=locked, Key="k", Retention={
    "Mode": "GOVERNANCE", "RetainUntilDate": datetime.datetime(2100, 1, 2, tzinfo=datetime.timezone.utc)})
ok(s3.head_object(Bucket=locked, Key="k")["ObjectLockRetainUntilDate"].year == 2100, "extended")
ok(error_code(s3.put_object_retention, Bucket=locked, Key="k", Retention=r) == "AccessDenied",
   "not shortened")
s3.put_object_retention(Bucket=locked, Key="k", Retention=r, BypassGovernanceRetention=True)
ok(s3.get_object_retention(Bucket=locked, Key="k")["Retention"] == r, "unless bypassed")
s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "ON"})
ok(s3.get_object_legal_hold(Bucket=locked, Key="k")["LegalHold"]["Status"] == "ON", "legal hold")
ok(error_code(s3.delete_object, Bucket=locked, Key="k", VersionId=v, BypassGovernanceRetention=True)
   == "AccessDenied", "which holds")
s3.put_object_legal_hold(Bucket=locked, Key="k", LegalHold={"Status": "OFF"})
s3.delete_object(Bucket=locked, Key="k", VersionId=v, BypassGovernanceRetention=True)
s3.delete_bucket(Bucket=locked)

# encryption at rest: each kind through the transfer manager, in parts
mine = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
kinds = {"aes": {"ServerSideEncryption": "AES256"}, "customer": mine,
         "kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "other"}}
data = os.urandom(20 * MIB)
for kind, args in kinds.items():
    read = args if kind == "customer" else {}
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "sse/" + kind, ExtraArgs=args, Config=config)
    r = s3.head_object(Bucket=BUCKET, Key="sse/" + kind, **read)
    ok(all(r[k] == v for k, v in args.items() if k != "SSECustomerKey"), "encrypted: " + kind, r)
    out = io.BytesIO()
    s3.download_fileobj(BUCKET, "sse/" + kind, out, ExtraArgs=read, Config=config)
    ok(out.getvalue() == data, "and decrypted: " + kind)
ok(error_code(s3.head_object, Bucket=BUCKET, Key="sse/customer") == "400", "a key is needed")
ok(error_code(s3.get_object, Bucket=BUCKET, Key="sse/customer", SSECustomerAlgorithm="AES256",
              SSECustomerKey=os.urandom(32)) == "AccessDenied", "and the right one")
s3.copy({"Bucket": BUCKET, "Key": "sse/customer"}, BUCKET, "sse/copied", Config=config,
        ExtraArgs={"ServerSideEncryption": "aws:kms", "CopySourceSSECustomerAlgorithm": "AES256",
                   "CopySourceSSECustomerKey": mine["SSECustomerKey"]})
r = s3.get_object(Bucket=BUCKET, Key="sse/copied")
ok(r["SSEKMSKeyId"] == "default" and r["Body"].read() == data, "copied under another key, in parts")
s3.copy_object(Bucket=BUCKET, Key="sse/plain", CopySource={"Bucket": BUCKET, "Key": "sse/copied"})
r = s3.get_object(Bucket=BUCKET, Key="sse/plain")
ok("ServerSideEncryption" not in r and r["Body"].read() == data, "and in clear")

# forms, with the signatures of both versions
v2 = boto3.client(
    "s3", endpoint_url=ENV["ENDPOINT"], region_name=ENV["REGION"],
    aws_access_key_id=ENV["ACCESS_KEY"], aws_secret_access_key=ENV["SECRET_KEY"],
    config=Config(signature_version="s3", s3={"addressing_style": "path"}, retries={"max_attempts": 0}))


def send_form(url, fields, data):
    b = "boundary-%s" % os.urandom(8).hex()
    body = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
                    % (b.encode(), k.encode(), v.encode()) for k, v in fields.items())
    body += (b'--%s\r\nContent-Disposition: form-data; name="file"; filename="local.txt"\r\n'
             b"Content-Type: text/plain\r\n\r\n%s\r\n--%s--\r\n" % (b.encode(), data, b.encode()))
    req = urllib.request.Request(url, body, {"Content-Type": "multipart/form-data; boundary=" + b})
    try:
        with urllib.request.urlopen(req) as answer:
            return answer.status
    except urllib.error.HTTPError as err:
        return err.code


for c, version in ((s3, "V4"), (v2, "V2")):
    p = c.generate_presigned_post(
        BUCKET, "form/${filename}", Fields={"acl": "public-read", "success_action_status": "201"},
        Conditions=[{"acl": "public-read"}, {"success_action_status": "201"},
                    ["content-length-range", 3, 30]], ExpiresIn=60)
    ok(send_form(p["url"], p["fields"], version.encode() + b" form") == 201, version + ": a form")
    r = s3.get_object(Bucket=BUCKET, Key="form/local.txt")
    ok(r["Body"].read() == version.encode() + b" form", version + ": and what it put")
    ok(send_form(p["url"], p["fields"], b"x" * 31) == 400, version + ": too large")
    ok(send_form(p["url"], dict(p["fields"], acl="private"), b"xxx") == 403, version + ": another ACL")

v2.put_object(Bucket=BUCKET, Key="v2/a b+c", Body=b"version 2", Metadata={"k": "v"}, ContentType="a/b")
r = v2.get_object(Bucket=BUCKET, Key="v2/a b+c")
ok(r["Body"].read() == b"version 2" and r["Metadata"] == {"k": "v"}, "V2: put and get", r)
# botocore 1.29 signs a sub-resource twice ("?acl?acl"): without them
ok([o["Key"] for o in v2.list_objects(Bucket=BUCKET, Prefix="v2/")["Contents"]] == ["v2/a b+c"],
   "V2: a listing")
url = v2.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "v2/a b+c",
                                               "ResponseContentType": "text/x-v2"}, ExpiresIn=60)
with urllib.request.urlopen(url) as answer:
    ok("Signature=" in url and answer.read() == b"version 2"
       and answer.headers["Content-Type"] == "text/x-v2", "V2: a presigned URL", url)
v2.delete_object(Bucket=BUCKET, Key="v2/a b+c")
ok(error_code(v2.head_object, Bucket=BUCKET, Key="v2/a b+c") == "404", "V2: delete")

# an upload with checksums, its parts by number, its attributes
pieces = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the last part"]
r = s3.create_multipart_upload(Bucket=BUCKET, Key="summed", ChecksumAlgorithm="SHA256")
ok(r["ChecksumAlgorithm"] == "SHA256", "an upload with SHA-256", r)
upload = {"Bucket": BUCKET, "Key": "summed", "UploadId": r["UploadId"]}
done = []
for n, piece in enumerate(pieces, 1):
    r = s3.upload_part(PartNumber=n, Body=piece, ChecksumAlgorithm="SHA256", **upload)
    done.append({"PartNumber": n, "ETag": r["ETag"], "ChecksumSHA256": r["ChecksumSHA256"]})
r = s3.list_parts(**upload)
ok(r["ChecksumAlgorithm"] == "SHA256"
   and [p["ChecksumSHA256"] for p in r["Parts"]] == [p["ChecksumSHA256"] for p in done], "of the parts", r)
r = s3.complete_multipart_upload(MultipartUpload={"Parts": done}, **upload)
whole = r["ChecksumSHA256"]
ok(whole.endswith("-3"), "of the whole", r)
r = s3.head_object(Bucket=BUCKET, Key="summed", ChecksumMode="ENABLED")
ok(r["ChecksumSHA256"] == whole, "HEAD tells it", r)
r = s3.get_object(Bucket=BUCKET, Key="summed", PartNumber=2, ChecksumMode="ENABLED")
ok(r["Body"].read() == pieces[1] and r["PartsCount"] == 3, "a part by its number", r)
r = s3.head_object(Bucket=BUCKET, Key="summed", PartNumber=3)
ok(r["ContentLength"] == len(pieces[2]), "HEAD of a part", r)
ok(error_code(s3.get_object, Bucket=BUCKET, Key="summed", PartNumber=4) == "InvalidPartNumber", "no more parts")
r = s3.get_object_attributes(Bucket=BUCKET, Key="summed", ObjectAttributes=[
    "ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"], MaxParts=2)
ok(r["ObjectSize"] == sum(map(len, pieces)) and r["Checksum"]["ChecksumSHA256"] == whole
   and r["StorageClass"] == "STANDARD" and r["ETag"].endswith("-3"), "attributes", r)
ok(r["ObjectParts"]["TotalPartsCount"] == 3 and r["ObjectParts"]["IsTruncated"]
   and [(p["PartNumber"], p["Size"], p["ChecksumSHA256"]) for p in r["ObjectParts"]["Parts"]]
   == [(n, 5 * MIB, done[n - 1]["ChecksumSHA256"]) for n in (1, 2)], "and its parts", r)
r = s3.copy_object(Bucket=BUCKET, Key="resummed", CopySource={"Bucket": BUCKET, "Key": "summed"},
                   ChecksumAlgorithm="SHA1")
ok(r["CopyObjectResult"]["ChecksumSHA1"]
   == base64.b64encode(hashlib.sha1(b"".join(pieces)).digest()).decode(), "a copy with another checksum", r)

names = [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
r = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": n} for n in names]})
ok(sorted(d["Key"] for d in r["Deleted"]) == sorted(names) and "Errors" not in r, "delete many", r)
s3.delete_bucket(Bucket=BUCKET)
ok(error_code(s3.head_bucket, Bucket=BUCKET) == "404", "bucket deleted")
print("done")
