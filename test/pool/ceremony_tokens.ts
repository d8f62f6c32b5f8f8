import type { ExecutionContext } from 'ava';
import type pkcs11js from 'pkcs11js';
import type { Handle } from 'pkcs11js';
import { type PoolKeyName, poolKeyLabel } from '../../src/pkcs11/pool_key_template.ts';
import { pkcs11jsTemplate } from '../../src/pkcs11/provisioning_template.ts';
import { encodeTemplate } from '../../src/pkcs11/template.ts';
import { type CeremonyTokenOptions, type TokensAtHand, withTokensAtHand } from '../../src/pool/pool_ceremony.ts';
import { lookAt, takeOutPoolKeys } from '../../src/pool/pool_key_ceremony.ts';
import type { DomainItem } from '../../src/security_domain/domain_cipher.ts';
import { withToken } from '../pkcs11/softhsm_token.ts';
import { bareToken, type PoolToken, poolToken, USER_PIN } from './pool_token.ts';
import { optionsOf } from './several_tokens.ts';

/** Tokens by their names, which go with the test: `keys` has pool keys of its own, `none` has none. */
export async function tokensFor<Name extends string>(
  t: ExecutionContext,
  wanted: Readonly<Record<Name, 'keys' | 'none'>>,
): Promise<CeremonyParty<Name>> {
  const names = Object.keys(wanted) as Name[];
  const made = await Promise.all(names.map((name) => (wanted[name] === 'keys' ? poolToken() : bareToken())));
  for (const token of made) t.teardown(token.remove);
  return new CeremonyParty(new Map(names.map((name, at) => [name, made[at] as PoolToken])));
}

/** Tokens for which somebody holds ceremonies. */
export class CeremonyParty<Name extends string> {
  readonly tokens: ReadonlyMap<Name, PoolToken>;

  constructor(tokens: ReadonlyMap<Name, PoolToken>) {
    this.tokens = tokens;
  }

  token(name: Name): PoolToken {
    const token = this.tokens.get(name);
    if (token === undefined) throw new Error(`There is no ${name}.`);
    return token;
  }

  get stateDirectory(): string {
    const [first] = this.tokens.values();
    if (first === undefined) throw new Error('There is no token.');
    return first.options.stateDirectory;
  }

  options(...names: Name[]): CeremonyTokenOptions[] {
    return names.map((name) => optionsOf(this.token(name), name));
  }

  /** `away` are configured, and cannot be found. */
  withTokens<Result>(
    names: readonly Name[],
    use: (atHand: TokensAtHand) => Promise<Result>,
    away: readonly Name[] = [],
  ): Promise<Result> {
    const present = this.options(...names);
    const absent = this.options(...away).map((options) => ({ ...options, token: { label: 'no such label' } }));
    return withTokensAtHand([...present, ...absent], this.stateDirectory, use);
  }

  domainOf(name: Name): Promise<DomainItem[]> {
    return this.withTokens([name], ({ tokens: [token] }) => takeOutPoolKeys(token as NonNullable<typeof token>));
  }

  sightOf(name: Name): Promise<Awaited<ReturnType<typeof lookAt>>> {
    return this.withTokens([name], ({ tokens: [token] }) => lookAt(token as NonNullable<typeof token>));
  }

  /** How many objects of any kind are in the token. */
  objectsIn(name: Name): number {
    return this.#byHand(name, (lib, session) => find(lib, session, {}).length);
  }

  /** As a process leaves them that was killed in between. */
  destroyHalves(name: Name, keys: readonly PoolKeyName[]): void {
    this.#byHand(name, (lib, session) => {
      for (const key of keys) {
        const label = Buffer.from(poolKeyLabel(key, 'current'));
        for (const object of find(lib, session, { CKA_LABEL: label })) lib.C_DestroyObject(session, object);
      }
    });
  }

  #byHand<Result>(name: Name, use: (lib: pkcs11js.PKCS11, session: Handle) => Result): Result {
    const { module, environment, token } = this.token(name).options;
    if (!('label' in token)) throw new Error('A token of tests has a label.');
    return withToken({ module, environment, label: token.label, userPin: Buffer.from(USER_PIN) }, use);
  }
}

function find(lib: pkcs11js.PKCS11, session: Handle, wanted: Parameters<typeof encodeTemplate>[0]): Handle[] {
  lib.C_FindObjectsInit(session, pkcs11jsTemplate(encodeTemplate({ ...wanted, CKA_TOKEN: true })));
  const found = lib.C_FindObjects(session, 100);
  lib.C_FindObjectsFinal(session);
  return found;
}
