import { createHash, randomBytes, sign } from 'node:crypto';
import test from 'ava';
import { candidatePublicKeys } from '../../src/engine/release/point_recovery.ts';
import { CURVE_BYTES, CURVES } from '../../src/model/key.ts';
import { nodeEcPair, nodePublicKey } from '../fixtures/key_material.ts';

const ROUNDS = 25;

for (const curve of CURVES) {
  test(`${curve}: the key that made a signature is one of two that it tells, and two signatures have no other in common`, (t) => {
    for (let round = 0; round < ROUNDS; round++) {
      const pair = nodeEcPair(curve);
      const candidates = [0, 1].map(() => {
        const message = randomBytes(32);
        const signature = sign('sha256', message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
        return candidatePublicKeys(curve, createHash('sha256').update(message).digest(), signature);
      });
      const [first = [], second = []] = candidates;
      t.is(first.length, 2);
      const same = first.filter((one) => second.some((other) => Buffer.compare(one.x, other.x) === 0));
      t.is(same.length, 1);
      const [found] = same;
      if (found === undefined) return;
      t.is(found.x.length, CURVE_BYTES[curve]);
      t.true(nodePublicKey({ keyType: 'EC-HSM', curve, ...found }).equals(pair.publicKey));
    }
  });

  test(`${curve}: what is no signature tells no key`, (t) => {
    const width = CURVE_BYTES[curve];
    const digest = randomBytes(32);
    const one = Buffer.alloc(width);
    one[width - 1] = 1;
    const zero = Buffer.alloc(width);
    const full = Buffer.alloc(width, 0xff);
    for (const parts of [[zero, one], [one, zero], [full, one], [one, full], [one], [one, one, one], []]) {
      t.deepEqual(candidatePublicKeys(curve, digest, Buffer.concat(parts)), []);
    }
  });
}
