// qcloud-cos-sts for temporary keys, and cos-nodejs-sdk-v5 that uses them.
'use strict';

const http = require('http');
const { ok, error, main } = require('./tap.js');
const COS = require('cos-nodejs-sdk-v5');
const STS = require('qcloud-cos-sts');

// it knows https alone, these servers have no certificate
require('axios').interceptors.request.use((c) => ({ ...c, url: c.url.replace(/^https:/, 'http:') }));

const env = process.env;
const Bucket = 'cossts-1250000000';
const Region = env.REGION;
const at = { Bucket, Region };
const own = { secretId: env.ACCESS_KEY, secretKey: env.SECRET_KEY };

const client = (options) => new COS({ Protocol: 'http:', Domain: `{Bucket}.cos.{Region}.localhost:${env.PORT}`,
  ServiceDomain: `service.cos.localhost:${env.PORT}`, AutoSwitchHost: false, ...options });

const ask = (options) => STS.getCredential({ ...own, region: Region, durationSeconds: 1800,
  endpoint: `sts.${Region}.localhost:${env.PORT}`, ...options });

const allow = (action, prefix) => STS.getPolicy([].concat(action).map((a) => ({ action: a, bucket: Bucket, region: Region, prefix })));

const status = (url) => new Promise((resolve, reject) => {
  http.get(url, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
});

const fixed = (c) => client({ SecretId: c.tmpSecretId, SecretKey: c.tmpSecretKey, SecurityToken: c.sessionToken });

main(async () => {
  const root = client({ SecretId: env.ACCESS_KEY, SecretKey: env.SECRET_KEY });
  await root.putBucket(at);
  await root.putObject({ ...at, Key: 'closed/k', Body: 'closed' });

  let asked = 0;
  const policy = allow(['name/cos:PutObject', 'name/cos:GetObject', 'name/cos:HeadObject',
    'name/cos:InitiateMultipartUpload', 'name/cos:UploadPart', 'name/cos:CompleteMultipartUpload',
    'name/cos:ListMultipartUploads', 'name/cos:ListParts'], 'open/*');
  const cos = client({ getAuthorization: (options, callback) => {
    asked++;
    ask({ policy }).then((r) => callback({ TmpSecretId: r.credentials.tmpSecretId,
      TmpSecretKey: r.credentials.tmpSecretKey, SecurityToken: r.credentials.sessionToken,
      StartTime: r.startTime, ExpiredTime: r.expiredTime, ScopeLimit: false }), (e) => callback({ error: JSON.stringify(e) }));
  } });
  let r = await cos.putObject({ ...at, Key: 'open/k', Body: 'by a visitor' });
  ok(r.statusCode === 200 && asked === 1, 'put', r);
  r = await cos.getObject({ ...at, Key: 'open/k' });
  ok(r.Body.toString() === 'by a visitor', 'get', r);
  ok(asked === 1, 'with the same key', asked);
  r = await cos.uploadFile({ ...at, Key: 'open/parts', FilePath: __filename, SliceSize: 0, ChunkSize: 1048576 });
  ok(r.statusCode === 200, 'an upload in parts', r);
  for (const [name, call] of Object.entries({
    'get elsewhere': () => cos.getObject({ ...at, Key: 'closed/k' }),
    'put elsewhere': () => cos.putObject({ ...at, Key: 'closed/n', Body: 'x' }),
    delete: () => cos.deleteObject({ ...at, Key: 'open/k' }),
    list: () => cos.getBucket(at),
    'the bucket': () => cos.deleteBucket(at),
  })) {
    const e = await error(call);
    ok(e && e.statusCode === 403 && e.code === 'AccessDenied', `denied: ${name}`, e);
  }

  // a link, with the token in it
  const link = (Key) => new Promise((resolve, reject) => cos.getObjectUrl({ ...at, Key, Sign: true },
    (err, data) => (err ? reject(err) : resolve(data.Url))));
  const url = await link('open/k');
  ok(/x-cos-security-token=/.test(url), 'a link has the token', url);
  ok(await status(url) === 200, 'and is good', url);
  ok(await status(url.replace(/&x-cos-security-token=[^&]*/, '')) === 403, 'without it, it is not', url);
  ok(await status(await link('closed/k')) === 403, 'nor is one for elsewhere');

  r = await ask({ policy: allow('*', '*') });
  ok(r.credentials.tmpSecretId && r.expiredTime - r.startTime === 1800 && r.requestId, 'for everything', r);
  const keys = r.credentials;
  const all = fixed(keys);
  r = await all.getObject({ ...at, Key: 'closed/k' });
  ok(r.Body.toString() === 'closed', 'SecurityToken as an option', r);
  let e = await error(() => fixed({ ...keys, sessionToken: 'x' }).getObject({ ...at, Key: 'closed/k' }));
  ok(e && e.statusCode === 400 && e.code === 'InvalidToken', 'another token', e);
  r = await STS.getRoleCredential({ ...own, region: Region, endpoint: `sts.${Region}.localhost:${env.PORT}`,
    roleArn: 'qcs::cam::uin/1:roleName/any', policy: allow('name/cos:GetObject', 'closed/*') });
  const role = fixed(r.credentials);
  r = await role.getObject({ ...at, Key: 'closed/k' });
  ok(r.Body.toString() === 'closed', 'getRoleCredential', r);
  e = await error(() => role.getObject({ ...at, Key: 'open/k' }));
  ok(e && e.code === 'AccessDenied', 'denied', e);

  for (const [code, options] of Object.entries({
    'AuthFailure.SignatureFailure': { secretKey: 'other' },
    'AuthFailure.SecretIdNotFound': { secretId: 'AKIDnobody' },
    'InvalidParameter.StrategyFormatError': { policy: { version: '2.0' } },
    'InvalidParameter.ParamError': { durationSeconds: 7201 },
  })) {
    e = await error(() => ask({ policy, ...options }));
    ok(e && e.Code === code && e.RequestId, code, e);
  }

  r = await all.deleteMultipleObject({ ...at, Objects: ['open/k', 'open/parts', 'closed/k'].map((Key) => ({ Key })) });
  ok(r.Deleted.length === 3, 'delete many', r);
  r = await all.deleteBucket(at);
  ok(r.statusCode === 204, 'and the bucket', r);
});
