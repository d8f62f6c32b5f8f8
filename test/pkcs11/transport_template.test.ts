import test from 'ava';
import { unwrapTemplate } from '../../src/pkcs11/key_template.ts';
import { decodeAttributes } from '../../src/pkcs11/template.ts';
import {
  ARRIVED_TRANSPORT_KEY,
  CARRIED_KEY,
  carriedKeyTemplate,
  MISSING_TRANSPORT_KEY,
  NEW_CARRIED_KEY,
  recipientTemplate,
  TRANSPORT_KEY,
  transportKeyTemplate,
  UNWRAPPING_PRIVATE_KEY,
  UNWRAPPING_PRIVATE_KEY_COPY,
} from '../../src/pkcs11/transport_template.ts';

const USES = ['CKA_ENCRYPT', 'CKA_DECRYPT', 'CKA_SIGN', 'CKA_VERIFY', 'CKA_WRAP', 'CKA_UNWRAP', 'CKA_DERIVE'] as const;

const value = new Uint8Array(32);
const recipient = { keyType: 'RSA-HSM', modulus: new Uint8Array(256).fill(0xff), publicExponent: value } as const;

/** Templates, the one thing that their objects do, and whether they may leave, wrapped. */
const TEMPLATES: Readonly<
  Record<string, readonly [Uint8Array, (typeof USES)[number] | undefined, boolean | undefined]>
> = {
  'a key that goes with a released one': [TRANSPORT_KEY, 'CKA_WRAP', true],
  'such a key whose value is wrapped elsewhere': [transportKeyTemplate(value), 'CKA_WRAP', false],
  'a key that came with an imported one': [ARRIVED_TRANSPORT_KEY, 'CKA_UNWRAP', false],
  'the stand-in for one that did not come': [MISSING_TRANSPORT_KEY, 'CKA_UNWRAP', false],
  'a new key that only passes through': [NEW_CARRIED_KEY, undefined, true],
  'a key that only passes through': [CARRIED_KEY, undefined, true],
  'such a key whose value was decrypted elsewhere': [carriedKeyTemplate(value), undefined, true],
  'the public key of a recipient': [recipientTemplate(recipient), 'CKA_WRAP', undefined],
  'an exchange key': [UNWRAPPING_PRIVATE_KEY, 'CKA_UNWRAP', false],
  'the copy of one that the token keeps': [UNWRAPPING_PRIVATE_KEY_COPY, 'CKA_UNWRAP', undefined],
};

for (const [what, [template, use, extractable]] of Object.entries(TEMPLATES)) {
  test(`${what}: an object of the session that does ${use ?? 'nothing'} and nothing else`, (t) => {
    const attributes = decodeAttributes(template);
    t.deepEqual(
      USES.filter((each) => attributes.bool(each) === true),
      use === undefined ? [] : [use],
    );
    t.is(attributes.bool('CKA_TOKEN'), false);
    t.is(attributes.bool('CKA_EXTRACTABLE'), extractable);
  });
}

test('a key comes out of its wrapping locked unless it is asked for otherwise, in every order of asking', (t) => {
  const place = { kind: 'session', private: true } as const;
  const isExtractable = (extraction?: 'extractable' | 'locked') =>
    decodeAttributes(unwrapTemplate('EC-HSM', 'private', place, extraction)).bool('CKA_EXTRACTABLE');
  t.deepEqual(
    [
      isExtractable(),
      isExtractable('extractable'),
      isExtractable('locked'),
      isExtractable(),
      isExtractable('extractable'),
    ],
    [false, true, false, false, true],
  );
});
