// @aws-sdk/client-s3: the checksums and streaming forms of the current SDK.
'use strict';

const crypto = require('crypto');
const { Readable } = require('stream');
const { ok, error, keys, collect, sorted, main } = require('./tap.js');
const S3 = require('@aws-sdk/client-s3');
const STS = require('@aws-sdk/client-sts');
const { Upload } = require('@aws-sdk/lib-storage');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const env = process.env;
const Bucket = 'awsjs-1250000000';
const MIB = 1048576;
const md5 = (b) => crypto.createHash('md5').update(b).digest('hex');

function client(extra) {
  return new S3.S3Client({
    endpoint: env.ENDPOINT, region: env.REGION, forcePathStyle: true, maxAttempts: 1,
    credentials: { accessKeyId: env.ACCESS_KEY, secretAccessKey: env.SECRET_KEY }, ...extra,
  });
}

main(async () => {
  const s3 = client();
  const send = (Command, args) => s3.send(new S3[Command + 'Command']({ Bucket, ...args }));

  await send('CreateBucket', { CreateBucketConfiguration: { LocationConstraint: env.REGION } });
  let r = await s3.send(new S3.ListBucketsCommand({}));
  ok(r.Buckets.some((b) => b.Name === Bucket), 'create and list buckets', r);
  ok((await send('GetBucketLocation')).LocationConstraint === env.REGION, 'location');
  let e = await error(() => send('GetObject', { Key: 'none' }));
  ok(e && e.name === 'NoSuchKey', 'NoSuchKey', e);
  e = await error(() => send('HeadObject', { Key: 'none' }));
  ok(e && e.name === 'NotFound', 'HEAD of nothing', e);
  e = await error(() => send('ListObjectsV2', { Bucket: 'none-1250000000' }));
  ok(e && e.name === 'NoSuchBucket', 'NoSuchBucket', e);

  // a buffer: real SHA-256 and a CRC-32 header
  r = await send('PutObject', { Key: 'dir/small', Body: 'small contents', ContentType: 'text/x-a',
    CacheControl: 'max-age=9', Metadata: { colour: 'blue', 'two-words': 'x y' } });
  ok(r.ETag === `"${md5('small contents')}"`, 'put', r);
  r = await send('GetObject', { Key: 'dir/small' });
  ok(await r.Body.transformToString() === 'small contents', 'get');
  ok(r.Metadata.colour === 'blue' && r.Metadata['two-words'] === 'x y', 'metadata', r.Metadata);
  ok(r.ContentType === 'text/x-a' && r.CacheControl === 'max-age=9', 'stored headers');
  ok(r.ContentEncoding === undefined, 'no Content-Encoding');
  r = await send('GetObject', { Key: 'dir/small', Range: 'bytes=6-9' });
  ok(await r.Body.transformToString() === 'cont' && r.ContentRange === 'bytes 6-9/14', 'range');
  e = await error(() => send('GetObject', { Key: 'dir/small', IfMatch: '"x"' }));
  ok(e && e.name === 'PreconditionFailed', 'If-Match', e);
  e = await error(() => send('PutObject', { Key: 'dir/small', Body: 'x', IfNoneMatch: '*' }));
  ok(e && e.name === 'PreconditionFailed', 'PUT If-None-Match: *', e);

  // a stream: aws-chunked with a trailer
  const data = crypto.randomBytes(300000);
  await send('PutObject', { Key: 'stream', Body: Readable.from([data.subarray(0, 1), data.subarray(1)]),
    ContentLength: data.length });
  r = await send('GetObject', { Key: 'stream' });
  ok(data.equals(await collect(r.Body)), 'a stream');
  ok(r.ContentEncoding === undefined, 'aws-chunked is not stored', r.ContentEncoding);
  for (const algorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256']) {
    e = await error(async () => {
      r = await send('PutObject', { Key: `sum-${algorithm}`, Body: 'abc', ChecksumAlgorithm: algorithm });
    });
    if (e && /CRT|crc64-nvme/i.test(e.message)) continue;    // needs a native library
    ok(!e && r[`Checksum${algorithm}`], `checksum ${algorithm}`, e || r);
    r = await send('GetObject', { Key: `sum-${algorithm}`, ChecksumMode: 'ENABLED' });
    ok(await r.Body.transformToString() === 'abc', `checksum ${algorithm} is verified`);
  }

  // 64 MiB through lib-storage
  const big = crypto.randomBytes(64 * MIB);
  r = await new Upload({ client: s3, params: { Bucket, Key: 'big', Body: big }, partSize: 8 * MIB,
    queueSize: 4 }).done();
  ok(/-8"$/.test(r.ETag), '64 MiB in parts', r);
  r = await send('GetObject', { Key: 'big' });
  ok(big.equals(await collect(r.Body)), 'came back whole');
  r = await send('GetObject', { Key: 'big', Range: `bytes=${8 * MIB - 10}-${8 * MIB + 9}` });
  ok(big.subarray(8 * MIB - 10, 8 * MIB + 10).equals(await collect(r.Body)), 'a range across parts');
  r = await new Upload({ client: s3, params: { Bucket, Key: 'big2', Body: Readable.from((function* () {
    for (let i = 0; i < 12; i++) yield big.subarray(i * MIB, (i + 1) * MIB);
  })()) }, partSize: 5 * MIB }).done();
  ok(/-3"$/.test(r.ETag), 'a stream in parts', r);

  r = await send('CopyObject', { Key: 'copy', CopySource: `${Bucket}/dir/small` });
  ok(r.CopyObjectResult.ETag === `"${md5('small contents')}"`, 'copy', r);
  await send('CopyObject', { Key: 'copy', CopySource: `${Bucket}/copy`, MetadataDirective: 'REPLACE',
    Metadata: { n: '1' } });
  ok(JSON.stringify((await send('HeadObject', { Key: 'copy' })).Metadata) === '{"n":"1"}', 'replaced metadata');
  const { UploadId } = await send('CreateMultipartUpload', { Key: 'partcopy' });
  r = await send('UploadPartCopy', { Key: 'partcopy', UploadId, PartNumber: 1, CopySource: `${Bucket}/big`,
    CopySourceRange: `bytes=0-${6 * MIB - 1}` });
  const Parts = [{ PartNumber: 1, ETag: r.CopyPartResult.ETag }];
  ok((await send('ListParts', { Key: 'partcopy', UploadId })).Parts.length === 1, 'list parts');
  ok((await send('ListMultipartUploads')).Uploads.length === 1, 'list uploads');
  await send('CompleteMultipartUpload', { Key: 'partcopy', UploadId, MultipartUpload: { Parts } });
  r = await send('GetObject', { Key: 'partcopy' });
  ok(big.subarray(0, 6 * MIB).equals(await collect(r.Body)), 'part from a copy');
  const abort = await send('CreateMultipartUpload', { Key: 'abort' });
  await send('AbortMultipartUpload', { Key: 'abort', UploadId: abort.UploadId });
  ok(!(await send('ListMultipartUploads')).Uploads, 'abort');

  for (const k of [...keys, 'a/./b', 'a/../c']) {
    await send('PutObject', { Key: `odd/${k}`, Body: k });
    r = await send('GetObject', { Key: `odd/${k}` });
    ok(await r.Body.transformToString() === k, `key ${k}`);
  }
  const listed = [];
  for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket, Prefix: 'odd/' })) {
    listed.push(...page.Contents.map((o) => o.Key));
  }
  const want = sorted([...keys, 'a/./b', 'a/../c'].map((k) => `odd/${k}`));
  ok(JSON.stringify(listed) === JSON.stringify(want), 'listed page by page', listed);
  r = await send('ListObjects', { Delimiter: '/' });
  ok(JSON.stringify(r.CommonPrefixes.map((p) => p.Prefix)) === '["dir/","odd/"]', 'common prefixes', r);

  let url = await getSignedUrl(s3, new S3.GetObjectCommand({ Bucket, Key: 'odd/with space',
    ResponseContentType: 'text/x-b' }), { expiresIn: 600 });
  let f = await fetch(url);
  ok(await f.text() === 'with space' && f.headers.get('content-type') === 'text/x-b', 'presigned GET');
  url = await getSignedUrl(s3, new S3.PutObjectCommand({ Bucket, Key: 'odd/put' }), { expiresIn: 600 });
  f = await fetch(url, { method: 'PUT', body: 'through a link' });
  ok(f.status === 200, 'presigned PUT', await f.text());
  r = await send('GetObject', { Key: 'odd/put' });
  ok(await r.Body.transformToString() === 'through a link', 'and what it put');

  // the bucket in the host
  const host = client({ endpoint: `http://s3.${env.REGION}.localhost:${env.PORT}`, forcePathStyle: false });
  r = await host.send(new S3.GetObjectCommand({ Bucket, Key: 'dir/small' }));
  ok(await r.Body.transformToString() === 'small contents', 'virtual-host style');

  await send('PutObjectAcl', { Key: 'copy', ACL: 'public-read' });
  ok((await send('GetObjectAcl', { Key: 'copy' })).Grants.length === 2, 'ACL');

  // temporary credentials
  const sts = new STS.STSClient({ endpoint: env.ENDPOINT, region: env.REGION, maxAttempts: 1,
    credentials: { accessKeyId: env.ACCESS_KEY, secretAccessKey: env.SECRET_KEY } });
  r = await sts.send(new STS.AssumeRoleCommand({ RoleArn: 'arn:aws:iam::123456789012:role/any', RoleSessionName: 'me',
    Policy: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'],
      Resource: `arn:aws:s3:::${Bucket}/odd/*` }] }) }));
  ok(r.Credentials.SessionToken && r.Credentials.Expiration > new Date(), 'STS: AssumeRole', r);
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken } = r.Credentials;
  const tmp = client({ credentials: { accessKeyId, secretAccessKey, sessionToken } });
  await tmp.send(new S3.PutObjectCommand({ Bucket, Key: 'odd/tmp', Body: Readable.from([Buffer.from('streamed')]),
    ContentLength: 8 }));
  r = await tmp.send(new S3.GetObjectCommand({ Bucket, Key: 'odd/tmp' }));
  ok(await r.Body.transformToString() === 'streamed', 'STS: a stream, put and got');
  e = await error(() => tmp.send(new S3.GetObjectCommand({ Bucket, Key: 'dir/small' })));
  ok(e && e.name === 'AccessDenied', 'STS: not elsewhere', e);
  url = await getSignedUrl(tmp, new S3.GetObjectCommand({ Bucket, Key: 'odd/tmp' }), { expiresIn: 600 });
  ok(await (await fetch(url)).text() === 'streamed', 'STS: presigned GET');
  r = await sts.send(new STS.GetSessionTokenCommand({}));
  ok(r.Credentials.SecretAccessKey, 'STS: GetSessionToken', r);
  e = await error(() => sts.send(new STS.AssumeRoleCommand({ RoleArn: 'arn:aws:iam::123456789012:role/any',
    RoleSessionName: 'me', Policy: '{}' })));
  ok(e && e.name === 'MalformedPolicyDocumentException', 'STS: a policy that is none', e);

  const all = (await send('ListObjectsV2')).Contents.map((o) => ({ Key: o.Key }));
  r = await send('DeleteObjects', { Delete: { Objects: all } });
  ok(r.Deleted.length === all.length && !r.Errors, 'delete many', r);
  await send('DeleteBucket');
  e = await error(() => send('HeadBucket'));
  ok(e && e.$metadata.httpStatusCode === 404, 'bucket deleted', e);
});
