import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/schema';
import { LIMITS } from '../model/limits.ts';
import { parseStrictJson } from '../model/strict_json.ts';
import { wrongDomain } from './domain_cipher.ts';

/* The two files of a security domain as Azure's command line writes and reads them (Azure API, appendix B). */

const TEXT = Type.String({ minLength: 1 });
const ENCRYPTED = Type.Object({
  data: Type.Array(Type.Object({ compact_jwe: TEXT, tag: TEXT }), { minItems: 1, maxItems: LIMITS.domainItems }),
  kdf: Type.Literal('sp108_kdf'),
});

/** What a download gives, and custodians put away. */
const DOMAIN_FILE = Type.Object({
  EncData: ENCRYPTED,
  SharedKeys: Type.Object({
    enc_shares: Type.Array(Type.Object({ enc_key: TEXT, x5t_256: TEXT }), {
      minItems: LIMITS.custodiansLeast,
      maxItems: LIMITS.custodians,
    }),
    key_algorithm: Type.Literal('shamir_share'),
    required: Type.Integer({ minimum: LIMITS.quorumLeast, maximum: LIMITS.custodians }),
  }),
  version: Type.Optional(Type.Literal(2)),
});

/** What an upload takes: the same secrets under a fresh key, which the transfer key alone opens. */
const RECOVERY_FILE = Type.Object({
  EncData: ENCRYPTED,
  WrappedKey: Type.Object({ enc_key: TEXT, x5t_256: TEXT }),
});

export type DomainFile = Static<typeof DOMAIN_FILE>;
export type RecoveryFile = Static<typeof RECOVERY_FILE>;

/** @throws StrongroomError `BadParameter` (`SecurityDomainWrong`) */
export function parseDomainFile(text: string): DomainFile {
  return parse(DOMAIN_FILE, text, 'it is no security domain as a download gives it');
}

/** @throws StrongroomError `BadParameter` (`SecurityDomainWrong`) */
export function parseRecoveryFile(text: string): RecoveryFile {
  return parse(RECOVERY_FILE, text, 'it is not what a quorum of custodians makes for an upload');
}

function parse<T extends TSchema>(schema: T, text: string, complaint: string): Static<T> {
  const value = parseStrictJson(text, 'the security domain', 'something else');
  if (!Compile(schema).Check(value)) throw wrongDomain(complaint);
  return value as Static<T>;
}
