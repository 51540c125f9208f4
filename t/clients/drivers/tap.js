// What the JavaScript drivers share: reporting, and names below localhost.
'use strict';

const dns = require('dns');

// *.localhost is this machine (RFC 6761); not every resolver knows.
const lookup = dns.lookup;
dns.lookup = function (host, options, callback) {
  if (typeof options === 'function') { callback = options; options = {}; }
  if (/\.localhost$/.test(host)) {
    const all = typeof options === 'object' && options.all;
    process.nextTick(callback, null, all ? [{ address: '127.0.0.1', family: 4 }] : '127.0.0.1', 4);
    return undefined;
  }
  return lookup(host, options, callback);
};

exports.ok = (cond, name, detail) => {
  console.log((cond ? 'ok ' : 'not ok ') + name);
  if (!cond && detail !== undefined) {
    console.log('  ' + (detail instanceof Error ? detail.stack : JSON.stringify(detail) || '').slice(0, 800));
  }
};

// The error a call ends with, or null.
exports.error = async (call) => {
  try { await call(); } catch (e) { return e; }
  return null;
};

exports.keys = (process.env.ODD_KEYS || '').split('\n');

exports.collect = async (stream) => {
  const parts = [];
  for await (const p of stream) parts.push(p);
  return Buffer.concat(parts);
};

// What two lists of keys have in common is their order, by UTF-8 bytes.
exports.sorted = (list) => [...list].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

exports.main = (run) => {
  run().then(() => { console.log('done'); process.exit(0); }, (e) => {
    console.log('not ok no exception');
    console.log('  ' + (e && e.stack || JSON.stringify(e)));
    process.exit(1);
  });
};
