import type { Template } from 'pkcs11js';
import { ATTRIBUTE_KIND } from './binding.ts';
import { decodeTemplate } from './template.ts';

/** An encoded attribute list as pkcs11js takes it, so that both ways to a token share the templates. The values are copies. */
export function pkcs11jsTemplate(encoded: Uint8Array): Template {
  return decodeTemplate(encoded).map(({ type, kind, value }) => {
    if (value === undefined) return { type };
    if (kind === ATTRIBUTE_KIND.bool) return { type, value: value[0] !== 0 };
    const bytes = Buffer.from(value);
    return { type, value: kind === ATTRIBUTE_KIND.ulong ? Number(bytes.readBigUInt64LE()) : bytes };
  });
}
