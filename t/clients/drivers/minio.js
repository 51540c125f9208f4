// minio-js: its own request code, signed streaming and multipart.
'use strict';

const crypto = require('crypto');
const { Readable } = require('stream');
const { ok, error, keys, collect, sorted, main } = require('./tap.js');
const Minio = require('minio');

const env = process.env;
const bucket = 'minio-1250000000';
const MIB = 1048576;
const md5 = (b) => crypto.createHash('md5').update(b).digest('hex');

main(async () => {
  const mc = new Minio.Client({ endPoint: '127.0.0.1', port: Number(env.PORT), useSSL: false,
    accessKey: env.ACCESS_KEY, secretKey: env.SECRET_KEY, region: env.REGION, pathStyle: true,
    partSize: 5 * MIB });
  const list = (prefix, recursive) => new Promise((resolve, reject) => {
    const items = [];
    mc.listObjectsV2(bucket, prefix, recursive).on('data', (o) => items.push(o)).on('end', () => resolve(items))
      .on('error', reject);
  });

  ok(!await mc.bucketExists(bucket), 'no bucket yet');
  await mc.makeBucket(bucket, env.REGION);
  ok(await mc.bucketExists(bucket), 'make bucket');
  ok((await mc.listBuckets()).some((b) => b.name === bucket), 'list buckets');
  let e = await error(() => mc.statObject(bucket, 'none'));
  ok(e && e.code === 'NotFound', 'stat of nothing', e);
  e = await error(() => mc.getObject(bucket, 'none'));
  ok(e && e.code === 'NoSuchKey', 'NoSuchKey', e);

  let r = await mc.putObject(bucket, 'dir/small', 'small contents', undefined,
    { 'Content-Type': 'text/x-a', 'X-Amz-Meta-Colour': 'blue', 'two-words': 'x y' });
  ok(r.etag === md5('small contents'), 'put', r);
  ok((await collect(await mc.getObject(bucket, 'dir/small'))).toString() === 'small contents', 'get');
  r = await mc.statObject(bucket, 'dir/small');
  ok(r.size === 14 && r.metaData['content-type'] === 'text/x-a' && r.metaData.colour === 'blue'
    && r.metaData['two-words'] === 'x y', 'metadata', r);
  ok((await collect(await mc.getPartialObject(bucket, 'dir/small', 6, 4))).toString() === 'cont', 'range');

  const big = crypto.randomBytes(64 * MIB);
  await mc.putObject(bucket, 'big', Readable.from((function* () {
    for (let i = 0; i < 64; i++) yield big.subarray(i * MIB, (i + 1) * MIB);
  })()), big.length);
  r = await mc.statObject(bucket, 'big');
  ok(r.size === big.length && /-13$/.test(r.etag), '64 MiB in parts', r);
  ok(big.equals(await collect(await mc.getObject(bucket, 'big'))), 'came back whole');
  ok(big.subarray(5 * MIB - 9, 5 * MIB + 11).equals(await collect(
    await mc.getPartialObject(bucket, 'big', 5 * MIB - 9, 20))), 'a range across parts');
  await mc.putObject(bucket, 'stream', Readable.from([big.subarray(0, 3 * MIB), big.subarray(3 * MIB, 7 * MIB)]));
  ok(big.subarray(0, 7 * MIB).equals(await collect(await mc.getObject(bucket, 'stream'))),
    'a stream of unknown length');

  const conds = new Minio.CopyConditions();
  conds.setMatchETag(md5('small contents'));
  r = await mc.copyObject(bucket, 'copy', `/${bucket}/dir/small`, conds);
  ok(r.etag === md5('small contents'), 'copy', r);
  ok((await mc.statObject(bucket, 'copy')).metaData.colour === 'blue', 'copy keeps metadata');

  for (const k of keys) {
    await mc.putObject(bucket, `odd/${k}`, k);
    ok((await collect(await mc.getObject(bucket, `odd/${k}`))).toString() === k, `key ${k}`);
  }
  r = await list('odd/', true);
  const want = sorted(keys.map((k) => `odd/${k}`));
  ok(JSON.stringify(r.map((o) => o.name)) === JSON.stringify(want), 'odd keys are listed', r.map((o) => o.name));
  r = await list('', false);
  ok(JSON.stringify(sorted(r.map((o) => o.name || o.prefix)))
    === '["big","copy","dir/","odd/","stream"]', 'common prefixes', r);

  let f = await fetch(await mc.presignedGetObject(bucket, 'odd/with space', 600,
    { 'response-content-type': 'text/x-b' }));
  ok(await f.text() === 'with space' && f.headers.get('content-type') === 'text/x-b', 'presigned GET');
  f = await fetch(await mc.presignedPutObject(bucket, 'odd/put', 600), { method: 'PUT', body: 'through a link' });
  ok(f.status === 200, 'presigned PUT', await f.text());
  ok((await collect(await mc.getObject(bucket, 'odd/put'))).toString() === 'through a link', 'and what it put');

  const policy = mc.newPostPolicy();
  policy.setBucket(bucket);
  policy.setKeyStartsWith('odd/');
  policy.setContentType('text/x-form');
  policy.setContentLengthRange(1, 100);
  policy.setExpires(new Date(Date.now() + 600000));
  const post = await mc.presignedPostPolicy(policy);
  const form = new FormData();
  for (const [k, v] of Object.entries(post.formData)) form.append(k, k === 'key' ? 'odd/form' : v);
  form.append('file', new Blob(['from a form']), 'local.txt');
  f = await fetch(post.postURL, { method: 'POST', body: form });
  ok(f.status === 204, 'a form', await f.text());
  ok((await collect(await mc.getObject(bucket, 'odd/form'))).toString() === 'from a form', 'and what it put');
  ok((await mc.statObject(bucket, 'odd/form')).metaData['content-type'] === 'text/x-form', 'and its type');

  const up = await mc.initiateNewMultipartUpload(bucket, 'left/over', {});
  const open = [];
  for await (const u of mc.listIncompleteUploads(bucket, 'left/', true)) open.push(u);
  ok(open.length === 1 && open[0].uploadId === up, 'incomplete uploads', open);
  await mc.removeIncompleteUpload(bucket, 'left/over');

  await mc.removeObject(bucket, 'copy');
  r = await list('', true);
  await mc.removeObjects(bucket, r.map((o) => o.name));
  ok((await list('', true)).length === 0, 'remove many');
  await mc.removeBucket(bucket);
  ok(!await mc.bucketExists(bucket), 'bucket removed');
});
