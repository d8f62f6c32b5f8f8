import { createDecipheriv, createHmac, createPrivateKey, privateDecrypt, timingSafeEqual } from 'node:crypto';
import test from 'ava';
import { custodianOf, readCertificate } from '../../src/security_domain/custodian.ts';
import type { DomainItem } from '../../src/security_domain/domain_cipher.ts';
import { type DomainFile, parseDomainFile, parseRecoveryFile } from '../../src/security_domain/domain_format.ts';
import { closeDomain, openDomain, packForRecovery, unpackRecovery } from '../../src/security_domain/security_domain.ts';
import { refused } from '../fixtures/refused.ts';
import { newCertificate, newCustodian } from './custodians.ts';

const anna = newCustodian('anna');
const ben = newCustodian('ben');
const carla = newCustodian('carla');
const mallory = newCustodian('mallory');
const CUSTODIANS = [anna.custodian, ben.custodian, carla.custodian];

const ITEMS: readonly DomainItem[] = [
  { tag: 'hsm_backup', content: Buffer.from('the pool keys') },
  { tag: 'base_enclave_backup', content: Buffer.alloc(300, 7) },
];

const plain = (items: readonly DomainItem[]): (readonly [string, string])[] =>
  items.map(({ tag, content }) => [tag, Buffer.from(content).toString('latin1')]);

const written = (file: unknown): DomainFile => parseDomainFile(JSON.stringify(file));

test('any two of three custodians open what was closed', async (t) => {
  const file = written(await closeDomain(ITEMS, CUSTODIANS, 2));
  for (const pair of [
    [anna, ben],
    [carla, anna],
    [ben, carla],
    [anna, ben, carla],
  ]) {
    const opened = await openDomain(
      file,
      pair.map(({ key }) => key),
    );
    t.deepEqual(plain(opened), plain(ITEMS));
  }
});

test('one custodian alone opens nothing', async (t) => {
  const file = await closeDomain(ITEMS, CUSTODIANS, 2);
  await refused(t, openDomain(file, [anna.key]), 'BadParameter', 'QuorumMissing');
  await refused(t, openDomain(file, []), 'BadParameter', 'QuorumMissing');
  await refused(t, openDomain(file, [anna.key, anna.key]), 'BadParameter', 'SharesDisagree');
});

test('fewer shares than were required open nothing, whatever the file says of the quorum', async (t) => {
  const file = await closeDomain(ITEMS, CUSTODIANS, 3);
  const lying = { ...file, SharedKeys: { ...file.SharedKeys, required: 2 } };
  const error = await t.throwsAsync(openDomain(lying, [anna.key, ben.key]));
  t.regex((error as { innerCode?: string }).innerCode ?? '', /^(SharesDisagree|SecurityDomainWrong)$/);
});

test('a certificate that has no share, and a private key that is not its own, are told apart', async (t) => {
  const file = await closeDomain(ITEMS, CUSTODIANS, 2);
  const stranger = await refused(t, openDomain(file, [anna.key, mallory.key]), 'BadParameter', 'SecurityDomainWrong');
  t.regex(stranger.message, /no share for the certificate/);
  const forged = { thumbprint: ben.key.thumbprint, privateKey: mallory.key.privateKey };
  const wrongKey = await refused(t, openDomain(file, [anna.key, forged]), 'BadParameter', 'SecurityDomainWrong');
  t.regex(wrongKey.message, /cannot be opened with this private key/);
});

test('shares of an older download do not open a newer one', async (t) => {
  const older = await closeDomain(ITEMS, CUSTODIANS, 2);
  const newer = await closeDomain(ITEMS, CUSTODIANS, 2);
  const mixed = { ...newer, SharedKeys: older.SharedKeys };
  await refused(t, openDomain(mixed, [anna.key, ben.key]), 'BadParameter', 'SecurityDomainWrong');
});

test('what was changed in the file does not open', async (t) => {
  const file = await closeDomain(ITEMS, CUSTODIANS, 2);
  const [first, second] = file.EncData.data as [
    DomainFile['EncData']['data'][number],
    (typeof file.EncData.data)[number],
  ];
  const spoilt = first.compact_jwe.replace(
    /\.([^.]*)$/,
    (_, tag: string) => `.${tag.startsWith('A') ? 'B' : 'A'}${tag.slice(1)}`,
  );
  for (const data of [
    [{ ...first, compact_jwe: spoilt }, second],
    [{ ...first, tag: second.tag }, second],
    [{ compact_jwe: second.compact_jwe, tag: first.tag }, second],
    [{ ...first, compact_jwe: 'a.b.c.d.e' }, second],
  ]) {
    const changed = { ...file, EncData: { ...file.EncData, data } };
    await refused(t, openDomain(changed, [anna.key, ben.key]), 'BadParameter', 'SecurityDomainWrong');
  }
});

test('a recovery goes to one transfer key and to no other', async (t) => {
  const transfer = newCustodian('transfer');
  const packed = parseRecoveryFile(JSON.stringify(await packForRecovery(ITEMS, transfer.custodian)));
  t.deepEqual(plain(await unpackRecovery(packed, transfer.key)), plain(ITEMS));
  await refused(t, unpackRecovery(packed, mallory.key), 'BadParameter', 'SecurityDomainWrong');
  const forged = { thumbprint: transfer.key.thumbprint, privateKey: mallory.key.privateKey };
  await refused(t, unpackRecovery(packed, forged), 'BadParameter', 'SecurityDomainWrong');
});

test('compact tokens that are encoded once more are taken as well', async (t) => {
  const transfer = newCustodian('transfer');
  const packed = await packForRecovery(ITEMS, transfer.custodian);
  const again = (text: string): string => Buffer.from(text, 'latin1').toString('base64url');
  const older = {
    EncData: {
      ...packed.EncData,
      data: packed.EncData.data.map((item) => ({ ...item, compact_jwe: again(item.compact_jwe) })),
    },
    WrappedKey: { ...packed.WrappedKey, enc_key: again(packed.WrappedKey.enc_key) },
  };
  t.deepEqual(plain(await unpackRecovery(older, transfer.key)), plain(ITEMS));
});

test('the file is what Azure’s command line opens: a second implementation of appendix B reads it', async (t) => {
  const file = await closeDomain(ITEMS, CUSTODIANS, 2);
  const shares = [anna, carla].map(({ key }) => {
    const own = file.SharedKeys.enc_shares.find(({ x5t_256 }) => x5t_256 === key.thumbprint);
    const text = openCompact(own?.enc_key ?? '', (wrapped) =>
      privateDecrypt({ key: key.privateKey, oaepHash: 'sha256' }, wrapped),
    );
    return Array.from({ length: text.length / 2 }, (_, at) => text.readUInt16LE(at * 2));
  });
  const master = Buffer.from(
    (shares[0] ?? []).map((first, at) => {
      const points = [first, shares[1]?.[at] ?? 0].map((word) => ({ x: BigInt(word >> 9), v: BigInt(word & 511) }));
      const [p, q] = points as [{ x: bigint; v: bigint }, { x: bigint; v: bigint }];
      const modulo = (value: bigint): bigint => ((value % 257n) + 257n) % 257n;
      const inverse = (value: bigint): bigint => modulo(modulo(value) ** 255n);
      return Number(modulo(p.v * q.x * inverse(q.x - p.x) + q.v * p.x * inverse(p.x - q.x)));
    }),
  );
  for (const [which, { tag, compact_jwe }] of file.EncData.data.entries()) {
    const block = Buffer.concat([Buffer.from('00000001', 'hex'), Buffer.from(tag), Buffer.from('0000000200', 'hex')]);
    const key = createHmac('sha512', master).update(block).digest();
    t.deepEqual(
      openCompact(compact_jwe, () => key),
      Buffer.from(ITEMS[which]?.content ?? []),
    );
  }
});

/** A256CBC-HS512 by hand (RFC 7518 §5.2.2). */
function openCompact(compact: string, contentKey: (encryptedKey: Buffer) => Buffer): Buffer {
  const [header = '', encryptedKey = '', iv = '', text = '', tag = ''] = compact.split('.');
  const key = contentKey(Buffer.from(encryptedKey, 'base64url'));
  const [ivBytes, textBytes] = [Buffer.from(iv, 'base64url'), Buffer.from(text, 'base64url')];
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64BE(BigInt(header.length * 8));
  const mac = createHmac('sha512', key.subarray(0, 32)).update(header).update(ivBytes).update(textBytes).update(bits);
  if (!timingSafeEqual(mac.digest().subarray(0, 32), Buffer.from(tag, 'base64url'))) throw new Error('wrong tag');
  const decipher = createDecipheriv('aes-256-cbc', key.subarray(32), ivBytes);
  return Buffer.concat([decipher.update(textBytes), decipher.final()]);
}

test('custodians are 3 to 10 different ones, and the quorum is 2 or more of them', async (t) => {
  const four = [...CUSTODIANS, mallory.custodian];
  for (const [custodians, required] of [
    [CUSTODIANS.slice(0, 2), 2],
    [[...CUSTODIANS, anna.custodian], 2],
    [Array.from({ length: 11 }, (_, at) => ({ ...anna.custodian, thumbprint: String(at) })), 2],
    [CUSTODIANS, 1],
    [CUSTODIANS, 4],
    [CUSTODIANS, 2.5],
  ] as const) {
    await refused(t, closeDomain(ITEMS, custodians, required), 'BadParameter');
  }
  t.is((await closeDomain(ITEMS, four, 4)).SharedKeys.required, 4);
});

test('a certificate is one of an RSA key of 2048 bits or more', (t) => {
  const expectation = { code: 'BadParameter' };
  t.throws(() => custodianOf(newCertificate('short', 'rsa:1024').certificate, 'certificates[0]'), expectation);
  const error = t.throws(() => custodianOf(newCertificate('ec', 'ec').certificate, 'certificates[0]'), expectation);
  t.regex(error?.message ?? '', /certificates\[0\]/);
  t.throws(() => readCertificate('bm90aGluZw==', 'certificates[0]'), expectation);
  const der = anna.certificate.raw.toString('base64');
  t.is(custodianOf(readCertificate(der, 'x5c'), 'x5c').thumbprint, anna.custodian.thumbprint);
  t.truthy(createPrivateKey(newCertificate('again', 'rsa:2048').privateKey));
});

test('what is no security domain is refused before anything is decrypted', async (t) => {
  const file = await closeDomain(ITEMS, CUSTODIANS, 2);
  const spoilt: unknown[] = [
    {},
    { ...file, SharedKeys: { ...file.SharedKeys, key_algorithm: 'xor_share' } },
    { ...file, SharedKeys: { ...file.SharedKeys, required: 1 } },
    { ...file, SharedKeys: { ...file.SharedKeys, enc_shares: [] } },
    { ...file, EncData: { ...file.EncData, kdf: 'none' } },
    { ...file, EncData: { ...file.EncData, data: [] } },
    { ...file, version: 3 },
  ];
  for (const each of spoilt) t.throws(() => parseDomainFile(JSON.stringify(each)), { code: 'BadParameter' });
  t.throws(() => parseDomainFile('{"EncData":1,"EncData":2}'), { code: 'BadParameter' });
  t.throws(() => parseRecoveryFile(JSON.stringify(file)), { code: 'BadParameter' });
});
