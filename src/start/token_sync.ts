import { SoftHsmTokenSync } from '../pkcs11/softhsm_token_sync.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';

/** Brings to disk what was made in a token, by its serial number. Others than those of SoftHSM that the server keeps itself do so themselves. */
export function tokenSync(pool: HsmPool): (serial: string) => Promise<void> {
  const syncs = new Map<string, SoftHsmTokenSync>();
  return async (serial) => {
    const directory = pool.tokens.find((token) => token.serial === serial)?.ceremonyToken.softHsmTokenDirectory;
    if (directory === undefined) return;
    const known = syncs.get(directory) ?? new SoftHsmTokenSync(directory);
    syncs.set(directory, known);
    await known.sync();
  };
}
