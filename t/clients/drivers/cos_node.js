// cos-nodejs-sdk-v5: the COS dialect, the bucket in the host name.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { ok, error, keys, sorted, main } = require('./tap.js');
const COS = require('cos-nodejs-sdk-v5');

const env = process.env;
const Bucket = 'cosnode-1250000000';
const Region = env.REGION;
const MIB = 1048576;
const md5 = (b) => crypto.createHash('md5').update(b).digest('hex');
const at = { Bucket, Region };

main(async () => {
  const cos = new COS({ SecretId: env.ACCESS_KEY, SecretKey: env.SECRET_KEY, Protocol: 'http:',
    Domain: `{Bucket}.cos.{Region}.localhost:${env.PORT}`, ServiceDomain: `service.cos.localhost:${env.PORT}`,
    AutoSwitchHost: false,
    CopySourceParser: (source) => {
      const m = /^([^.]+-\d+)\.cos\.([^.]+)\.localhost:\d+\/(.+)$/.exec(source);
      return m && { Bucket: m[1], Region: m[2], Key: m[3] };
    },
    ChunkRetryTimes: 0, ObjectKeySimplifyCheck: false });

  let r = await cos.putBucket(at);
  ok(r.statusCode === 200, 'put bucket', r);
  r = await cos.getService();
  ok(r.Buckets.some((b) => b.Name === Bucket && b.Location === Region), 'get service', r);
  r = await cos.headBucket(at);
  ok(r.statusCode === 200 && r.headers['x-cos-bucket-region'] === Region, 'head bucket', r);
  r = await cos.getBucketLocation(at);
  ok(r.LocationConstraint === Region, 'location', r);
  let e = await error(() => cos.putBucket(at));
  ok(e && e.code === 'BucketAlreadyOwnedByYou', 'put bucket again', e);
  e = await error(() => cos.getObject({ ...at, Key: 'none' }));
  ok(e && e.code === 'NoSuchKey' && e.RequestId, 'NoSuchKey', e);

  r = await cos.putObject({ ...at, Key: 'dir/small', Body: 'small contents', ContentType: 'text/x-a',
    CacheControl: 'max-age=9', 'x-cos-meta-colour': 'blue' });
  ok(r.ETag === `"${md5('small contents')}"`, 'put', r);
  ok(r.Location === `${Bucket}.cos.${Region}.localhost:${env.PORT}/dir/small`, 'its location', r);
  ok(/^\d+$/.test(r.headers['x-cos-hash-crc64ecma']), 'its CRC-64', r.headers);
  r = await cos.getObject({ ...at, Key: 'dir/small' });
  ok(r.Body.toString() === 'small contents', 'get');
  ok(r.headers['x-cos-meta-colour'] === 'blue' && r.headers['content-type'] === 'text/x-a'
    && r.headers['cache-control'] === 'max-age=9', 'stored headers', r.headers);
  r = await cos.getObject({ ...at, Key: 'dir/small', Range: 'bytes=6-9' });
  ok(r.Body.toString() === 'cont' && r.statusCode === 206, 'range');
  r = await cos.headObject({ ...at, Key: 'dir/small' });
  ok(r.headers['content-length'] === '14', 'head', r.headers);
  e = await error(() => cos.getObject({ ...at, Key: 'dir/small', IfNoneMatch: r.ETag }));
  ok(e && e.statusCode === 304, 'not modified', e);
  e = await error(() => cos.getObject({ ...at, Key: 'dir/small', IfMatch: '"x"' }));
  ok(e && e.code === 'PreconditionFailed', 'If-Match', e);

  // 64 MiB: sliceUploadFile and uploadFile, in parts, in parallel
  const big = crypto.randomBytes(64 * MIB);
  const file = path.join(os.tmpdir(), `cos-node-${process.pid}`);
  try {
    fs.writeFileSync(file, big);
    r = await cos.sliceUploadFile({ ...at, Key: 'big', FilePath: file, ChunkSize: 8 * MIB, AsyncLimit: 4 });
    ok(/-8"$/.test(r.ETag), '64 MiB in parts', r);
    await cos.downloadFile({ ...at, Key: 'big', FilePath: `${file}.back`, FileSize: 64 * MIB,
      ChunkSize: 8 * MIB, ParallelLimit: 4 });
    ok(big.equals(fs.readFileSync(`${file}.back`)), 'came back whole, range by range');
    r = await cos.uploadFile({ ...at, Key: 'big2', FilePath: file, SliceSize: 1 * MIB });
    ok(r.statusCode === 200, 'uploadFile', r);
  } finally {
    for (const f of [file, `${file}.back`]) fs.rmSync(f, { force: true });
  }
  r = await cos.getObject({ ...at, Key: 'big2', Range: `bytes=${MIB - 9}-${MIB + 10}` });
  ok(big.subarray(MIB - 9, MIB + 11).equals(r.Body), 'a range across parts');

  const host = `${Bucket}.cos.${Region}.localhost:${env.PORT}`;
  r = await cos.putObjectCopy({ ...at, Key: 'copy', CopySource: `${host}/dir/small` });
  ok(r.ETag === `"${md5('small contents')}"`, 'copy', r);
  r = await cos.putObjectCopy({ ...at, Key: 'copy', CopySource: `${host}/copy`, MetadataDirective: 'Replaced',
    'x-cos-meta-n': '1' });
  r = await cos.headObject({ ...at, Key: 'copy' });
  ok(r.headers['x-cos-meta-n'] === '1' && r.headers['x-cos-meta-colour'] === undefined, 'replaced metadata', r);
  r = await cos.multipartInit({ ...at, Key: 'parts' });
  const { UploadId } = r;
  r = await cos.uploadPartCopy({ ...at, Key: 'parts', UploadId, PartNumber: '1', CopySource: `${host}/big`,
    CopySourceRange: `bytes=0-${2 * MIB - 1}` });
  const part1 = r.ETag;
  r = await cos.multipartUpload({ ...at, Key: 'parts', UploadId, PartNumber: 2, Body: 'end' });
  const part2 = r.ETag;
  r = await cos.multipartListPart({ ...at, Key: 'parts', UploadId });
  ok(r.Part.length === 2, 'list parts', r);
  r = await cos.multipartList(at);
  ok(r.Upload.some((u) => u.UploadId === UploadId), 'list uploads', r);
  r = await cos.multipartComplete({ ...at, Key: 'parts', UploadId,
    Parts: [{ PartNumber: 1, ETag: part1 }, { PartNumber: 2, ETag: part2 }] });
  ok(/-2"$/.test(r.ETag) && r.Location === `${host}/parts`, 'complete', r);
  r = await cos.multipartInit({ ...at, Key: 'abort' });
  await cos.multipartAbort({ ...at, Key: 'abort', UploadId: r.UploadId });
  ok((await cos.multipartList(at)).Upload.length === 0, 'abort');

  for (const k of keys) {
    await cos.putObject({ ...at, Key: `odd/${k}`, Body: k });
    r = await cos.getObject({ ...at, Key: `odd/${k}` });
    ok(r.Body.toString() === k, `key ${k}`);
  }
  const listed = [];
  let Marker;
  do {
    r = await cos.getBucket({ ...at, Prefix: 'odd/', MaxKeys: 3, Marker });
    listed.push(...r.Contents.map((o) => o.Key));
    Marker = r.NextMarker;
  } while (r.IsTruncated === 'true');
  ok(JSON.stringify(listed) === JSON.stringify(sorted(keys.map((k) => `odd/${k}`))), 'listed page by page', listed);
  r = await cos.getBucket({ ...at, Delimiter: '/' });
  ok(JSON.stringify(r.CommonPrefixes.map((p) => p.Prefix)) === '["dir/","odd/"]', 'common prefixes', r);

  let url = cos.getObjectUrl({ ...at, Key: 'dir/small', Sign: true, Query: { 'response-content-type': 'text/x b' } });
  const http = (u, method, body) => new Promise((resolve, reject) => {
    const req = require('http').request(u, { method }, (res) => {
      const parts = [];
      res.on('data', (p) => parts.push(p)).on('end', () => resolve({ status: res.statusCode,
        type: res.headers['content-type'], text: Buffer.concat(parts).toString() }));
    });
    req.on('error', reject).end(body);
  });
  let f = await http(url, 'GET');
  ok(f.text === 'small contents' && f.type === 'text/x b', 'presigned GET', f);
  url = await new Promise((resolve, reject) => cos.getObjectUrl({ ...at, Key: 'odd/with space', Sign: true },
    (err, data) => (err ? reject(err) : resolve(data.Url))));
  f = await http(url, 'GET');
  ok(f.text === 'with space', 'presigned GET, asynchronous form', f);
  url = cos.getObjectUrl({ ...at, Key: 'odd/put', Method: 'PUT', Sign: true });
  f = await http(url, 'PUT', 'through a link');
  ok(f.status === 200, 'presigned PUT', f);
  ok((await cos.getObject({ ...at, Key: 'odd/put' })).Body.toString() === 'through a link', 'and what it put');

  await cos.putObjectAcl({ ...at, Key: 'copy', ACL: 'public-read' });
  r = await cos.getObjectAcl({ ...at, Key: 'copy' });
  ok(r.Grants.length === 2, 'ACL', r);
  await cos.putObjectAcl({ ...at, Key: 'copy', GrantRead: 'id="100000000002"' });
  r = await cos.getObjectAcl({ ...at, Key: 'copy' });
  ok(r.Grants.length === 2 && r.GrantRead === 'id="qcs::cam::uin/100000000002:uin/100000000002"', 'grants', r);
  await cos.putObjectAcl({ ...at, Key: 'copy', AccessControlPolicy: { Owner: r.Owner, Grants: [
    { Permission: 'FULL_CONTROL', Grantee: { ID: r.Owner.ID } },
    { Permission: 'READ_ACP', Grantee: { ID: 'qcs::cam::uin/100000000002:uin/100000000002' } },
    { Permission: 'READ', Grantee: { URI: 'http://cam.qcloud.com/groups/global/AllUsers' } } ] } });
  r = await cos.getObjectAcl({ ...at, Key: 'copy' });
  ok(r.Grants.length === 3 && r.GrantReadAcp, 'grants of a document', r);
  await cos.putBucketAcl({ ...at, ACL: 'public-read' });
  ok((await cos.getBucketAcl(at)).ACL === 'public-read', 'bucket ACL');

  const Tags = [{ Key: 'a b', Value: '1/2' }, { Key: 'c', Value: 'd' }];
  r = await cos.putObjectTagging({ ...at, Key: 'copy', Tags });
  ok(r.statusCode === 200, 'object tags', r);
  r = await cos.getObjectTagging({ ...at, Key: 'copy' });
  ok(JSON.stringify(r.Tags) === JSON.stringify(Tags), 'as they were set', r);
  r = await cos.deleteObjectTagging({ ...at, Key: 'copy' });
  ok(r.statusCode === 204, 'and removed', r);
  r = await cos.getObjectTagging({ ...at, Key: 'copy' });
  ok(r.Tags.length === 0, 'to none', r);

  await cos.putObject({ ...at, Key: 'cold/k', Body: 'frozen', StorageClass: 'ARCHIVE' });
  r = await cos.headObject({ ...at, Key: 'cold/k' });
  ok(r.headers['x-cos-storage-class'] === 'ARCHIVE', 'storage class', r.headers);
  r = await cos.getBucket({ ...at, Prefix: 'cold/' });
  ok(r.Contents[0].StorageClass === 'ARCHIVE', 'in a listing', r);
  e = await error(() => cos.getObject({ ...at, Key: 'cold/k' }));
  ok(e && e.statusCode === 403 && e.code === 'InvalidObjectState', 'archived', e);
  const RestoreRequest = { Days: 1, CASJobParameters: { Tier: 'Expedited' } };
  r = await cos.restoreObject({ ...at, Key: 'cold/k', RestoreRequest });
  ok(r.statusCode === 202, 'restore', r);
  r = await cos.headObject({ ...at, Key: 'cold/k' });
  ok(r.headers['x-cos-restore'] === 'ongoing-request="true"', 'under way', r.headers);
  e = await error(() => cos.restoreObject({ ...at, Key: 'cold/k', RestoreRequest }));
  ok(e && e.code === 'RestoreAlreadyInProgress', 'asked for twice', e);
  e = await error(() => cos.restoreObject({ ...at, Key: 'copy', RestoreRequest }));
  ok(e && e.code === 'RestoreNonArchiveObject', 'of an object that is not archived', e);
  await cos.deleteObject({ ...at, Key: 'cold/k' });

  const Policy = { version: '2.0', Statement: [{ Effect: 'allow', Principal: { qcs: ['qcs::cam::anyone:anyone'] },
    Action: ['name/cos:GetObject'], Resource: [`qcs::cos:*:uid/*:${at.Bucket}/*`] }] };
  r = await cos.putBucketPolicy({ ...at, Policy });
  ok(r.statusCode === 204, 'policy');
  r = await cos.getBucketPolicy(at);
  ok(r.Policy.Statement[0].Action[0] === 'name/cos:GetObject', 'policy comes back');
  r = await cos.deleteBucketPolicy(at);
  ok(r.statusCode === 204, 'policy removed');
  r = await cos.putBucketTagging({ ...at, Tags });
  ok(r.statusCode === 204, 'bucket tags', r);
  r = await cos.getBucketTagging(at);
  ok(JSON.stringify(r.Tags) === JSON.stringify(Tags), 'as they were set', r);
  await cos.deleteBucketTagging(at);
  r = await cos.getBucketTagging(at);
  ok(r.Tags.length === 0, 'and removed', r);
  r = await cos.getBucketVersioning(at);
  ok(!r.VersioningConfiguration.Status, 'no versioning', r);
  r = await cos.putBucketEncryption({ ...at, ServerSideEncryptionConfiguration: {
    Rule: [{ ApplySideEncryptionConfiguration: { SSEAlgorithm: 'AES256' } }] } }).catch((x) => x);
  ok(r.code === 'MalformedXML', 'encryption by another name', r);
  r = await cos.putBucketEncryption({ ...at, ServerSideEncryptionConfiguration: {
    Rule: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] } });
  ok(r.statusCode === 200, 'encryption', r);
  r = await cos.getBucketEncryption(at);
  ok(r.statusCode === 200, 'is there', r);
  r = await cos.deleteBucketEncryption(at);
  ok(r.statusCode === 204, 'and removed', r);
  r = await cos.getBucketCors(at);
  ok(r.CORSRules.length === 0, 'no CORS', r);
  await cos.putBucketCors({ ...at, CORSRules: [{ AllowedOrigin: ['https://*.example.com'], AllowedMethod: ['GET', 'PUT'],
    AllowedHeader: ['*'], ExposeHeader: ['ETag'], MaxAgeSeconds: '60' }], ResponseVary: 'true' });
  r = await cos.getBucketCors(at);
  ok(r.CORSRules.length === 1 && r.CORSRules[0].AllowedMethods.join() === 'GET,PUT'
    && r.CORSRules[0].AllowedOrigins.join() === 'https://*.example.com' && r.ResponseVary === 'true', 'CORS', r);
  r = await cos.optionsObject({ ...at, Key: 'any', Origin: 'https://a.example.com', AccessControlRequestMethod: 'PUT',
    AccessControlRequestHeaders: 'content-type' });
  ok(r.AccessControlAllowOrigin === 'https://a.example.com' && /PUT/.test(r.AccessControlAllowMethods),
    'options object', r);
  r = await cos.optionsObject({ ...at, Key: 'any', Origin: 'https://a.example.org', AccessControlRequestMethod: 'PUT' });
  ok(r.statusCode === 403 && !r.AccessControlAllowOrigin, 'options object refused', r);
  r = await cos.deleteBucketCors(at);
  ok(r.statusCode === 204, 'delete CORS', r);
  r = await cos.getBucketLifecycle(at);
  ok(r.Rules.length === 0, 'no lifecycle', r);
  r = await cos.getBucketReferer(at);
  ok(r.statusCode === 404, 'no referer', r);
  const hot = { Status: 'Enabled', RefererType: 'White-List', DomainList: { Domains: ['*.qq.com', '*.qcloud.com'] },
    EmptyReferConfiguration: 'Allow' };
  r = await cos.putBucketReferer({ ...at, RefererConfiguration: hot });
  ok(r.statusCode === 200, 'put referer', r);
  r = await cos.getBucketReferer(at);
  ok(r.RefererConfiguration.Status === 'Enabled' && r.RefererConfiguration.DomainList.Domains.join() === '*.qq.com,*.qcloud.com'
    && r.RefererConfiguration.EmptyReferConfiguration === 'Allow', 'get referer', r);
  r = await cos.getBucketWebsite(at);
  ok(JSON.stringify(r.WebsiteConfiguration) === '{}', 'no website', r);
  const website = {
    IndexDocument: { Suffix: 'index.html' },
    RedirectAllRequestsTo: { Protocol: 'https' },
    AutoAddressing: { Status: 'Enabled' },
    ErrorDocument: { Key: 'error.html', OriginalHttpStatus: 'Disabled' },
    RoutingRules: [
      { Condition: { HttpErrorCodeReturnedEquals: '404' },
        Redirect: { Protocol: 'https', ReplaceKeyWith: '404.html' } },
      { Condition: { KeyPrefixEquals: 'docs/' },
        Redirect: { Protocol: 'https', ReplaceKeyPrefixWith: 'documents/' } },
    ],
  };
  r = await cos.putBucketWebsite({ ...at, WebsiteConfiguration: website });
  ok(r.statusCode === 200, 'a website', r);
  r = await cos.getBucketWebsite(at);
  const got = r.WebsiteConfiguration;
  ok(got.IndexDocument.Suffix === 'index.html' && got.AutoAddressing.Status === 'Enabled'
    && got.ErrorDocument.OriginalHttpStatus === 'Disabled' && got.RoutingRules.length === 2
    && got.RoutingRules[1].Redirect.ReplaceKeyPrefixWith === 'documents/', 'and what it says', r);
  r = await cos.deleteBucketWebsite(at);
  ok(r.statusCode === 204, 'which goes', r);
  r = await cos.getBucketDomain(at);
  ok(r.DomainRule.length === 0, 'no domains', r);
  r = await cos.putBucketDomain({ ...at, DomainRule: [
    { Status: 'ENABLED', Name: 'node.example.com', Type: 'REST', ForcedReplacement: 'CNAME' },
    { Status: 'DISABLED', Name: 'site.example.com', Type: 'WEBSITE' }] });
  ok(r.statusCode === 200, 'put domains', r);
  r = await cos.getBucketDomain(at);
  ok(r.DomainRule.map((d) => `${d.Status} ${d.Name} ${d.Type}`).join()
    === 'ENABLED node.example.com REST,DISABLED site.example.com WEBSITE', 'get domains', r);
  r = await cos.deleteBucketDomain(at);
  ok(r.statusCode === 204, 'delete domains', r);
  r = await cos.getBucketLogging(at);
  ok(r.statusCode === 200, 'no logging', r);
  r = await cos.deleteBucketCors(at);
  ok(r.statusCode === 204, 'nothing to remove', r);

  // encryption at rest
  const secret = crypto.randomBytes(32);
  const mine = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: secret.toString('base64'),
    SSECustomerKeyMD5: crypto.createHash('md5').update(secret).digest('base64') };
  const kinds = { aes: { ServerSideEncryption: 'AES256' }, customer: mine,
    kms: { ServerSideEncryption: 'cos/kms', SSEKMSKeyId: 'other' } };
  for (const [kind, how] of Object.entries(kinds)) {
    const Key = `sse/${kind}`;
    const read = kind === 'customer' ? mine : {};
    await cos.putObject({ ...at, Key, Body: 'to be hidden', ...how });
    r = await cos.headObject({ ...at, Key, ...read });
    ok(r.headers['x-cos-server-side-encryption'] === how.ServerSideEncryption
      && r.headers['x-cos-server-side-encryption-cos-kms-key-id'] === how.SSEKMSKeyId
      && r.headers['x-cos-server-side-encryption-customer-key-md5'] === read.SSECustomerKeyMD5,
    `encrypted: ${kind}`, r.headers);
    r = await cos.getObject({ ...at, Key, ...read, Range: 'bytes=3-8' });
    ok(r.Body.toString() === 'be hid', `and decrypted: ${kind}`, r);
  }
  e = await error(() => cos.getObject({ ...at, Key: 'sse/customer' }));
  ok(e && e.code === 'SsecDecryptHeaderInvalid', 'a key is needed', e);
  const hidden = path.join(os.tmpdir(), `cos-node-sse-${process.pid}`);
  const parts = crypto.randomBytes(10 * MIB);
  fs.writeFileSync(hidden, parts);
  try {
    await cos.sliceUploadFile({ ...at, Key: 'sse/parts', FilePath: hidden, ChunkSize: 4 * MIB,
      ServerSideEncryption: 'AES256' });
  } finally {
    fs.unlinkSync(hidden);
  }
  r = await cos.getObject({ ...at, Key: 'sse/parts' });
  ok(r.Body.equals(parts) && r.headers['x-cos-server-side-encryption'] === 'AES256', 'in parts', r.headers);
  r = await cos.putObjectCopy({ ...at, Key: 'sse/copy', ...mine,
    CopySource: `${Bucket}.cos.${Region}.localhost:${env.PORT}/sse/parts` });
  r = await cos.getObject({ ...at, Key: 'sse/copy', ...mine });
  ok(r.Body.equals(parts), 'copied under a customer\'s key', r.headers);

  // a browser's form: the SDKs have no call for it, their documentation signs it like this
  const upload = async (key, conditions, fields) => {
    const now = Math.floor(Date.now() / 1000);
    const time = `${now - 1};${now + 600}`;
    const hmac = (k, text) => crypto.createHmac('sha1', k).update(text).digest('hex');
    const policy = JSON.stringify({ expiration: new Date((now + 600) * 1000).toISOString(),
      conditions: [{ 'q-sign-algorithm': 'sha1' }, { 'q-ak': env.ACCESS_KEY }, { 'q-sign-time': time },
        { bucket: Bucket }, { key }, ...conditions] });
    const form = new FormData();
    const all = { key, 'Content-Type': '', success_action_status: '200', ...fields,
      'q-sign-algorithm': 'sha1', 'q-ak': env.ACCESS_KEY, 'q-key-time': time,
      'q-signature': hmac(hmac(env.SECRET_KEY, time), crypto.createHash('sha1').update(policy).digest('hex')),
      policy: Buffer.from(policy).toString('base64') };
    for (const k of Object.keys(all)) form.append(k, all[k]);
    form.append('file', new Blob(['by a browser 腾讯']), '本地.txt');
    return fetch(`http://127.0.0.1:${env.PORT}/${Bucket}`, { method: 'POST', body: form });
  };
  r = await upload('form/腾讯.txt', [['starts-with', '$x-cos-meta-by', 'br']], { 'x-cos-meta-by': 'browser' });
  ok(r.status === 200 && r.headers.get('etag') && r.headers.get('x-cos-request-id'), 'a form', await r.text());
  r = await cos.getObject({ ...at, Key: 'form/腾讯.txt' });
  ok(r.Body.toString() === 'by a browser 腾讯' && r.headers['x-cos-meta-by'] === 'browser', 'and what it put');
  r = await upload('form/other', [], { acl: 'public-read' });
  ok(r.status === 403 && /AccessDenied/.test(await r.text()), 'not with what its policy does not name', r.status);

  // a limit on the connection
  const from = Date.now();
  await cos.putObject({ ...at, Key: 'slow', Body: Buffer.alloc(250000), Headers: { 'x-cos-traffic-limit': 819200 } });
  ok(Date.now() - from > 1500, 'an upload with a traffic limit', Date.now() - from);

  // appended piece by piece
  r = await cos.appendObject({ ...at, Key: 'log', Position: 0, Body: 'first ', 'x-cos-meta-kind': 'log' });
  ok(r.headers['x-cos-next-append-position'] === '6', 'append', r.headers);
  r = await cos.appendObject({ ...at, Key: 'log', Position: 6, Body: 'second' });
  ok(r.headers['x-cos-next-append-position'] === '12', 'append more', r.headers);
  r = await cos.headObject({ ...at, Key: 'log' });
  ok(r.headers['x-cos-object-type'] === 'appendable' && r.headers['x-cos-meta-kind'] === 'log', 'its type', r.headers);
  e = await error(() => cos.appendObject({ ...at, Key: 'log', Position: 3, Body: 'x' }));
  ok(e && e.code === 'AppendPositionErr' && e.headers['x-cos-next-append-position'] === '12', 'another position', e);
  r = await cos.getObject({ ...at, Key: 'log' });
  ok(r.Body.toString() === 'first second', 'all of it');

  // a symbolic link
  r = await cos.request({ ...at, Key: 'links/腾讯', Method: 'PUT', Action: 'symlink',
    Headers: { 'x-cos-symlink-target': encodeURIComponent('log') } });
  ok(r.statusCode === 200 && r.headers.etag, 'a link', r.headers);
  r = await cos.request({ ...at, Key: 'links/腾讯', Method: 'GET', Action: 'symlink' });
  ok(r.headers['x-cos-symlink-target'] === 'log', 'its target', r.headers);
  r = await cos.getObject({ ...at, Key: 'links/腾讯' });
  ok(r.Body.toString() === 'first second', 'what it leads to');

  r = await cos.getBucket(at);
  const all = r.Contents.map((o) => ({ Key: o.Key }));
  r = await cos.deleteMultipleObject({ ...at, Objects: all });
  ok(r.Deleted.length === all.length && r.Error.length === 0, 'delete many', r);
  r = await cos.deleteBucket(at);
  ok(r.statusCode === 204, 'delete bucket', r);
  e = await error(() => cos.headBucket(at));
  ok(e && e.statusCode === 404, 'bucket deleted', e);
});
