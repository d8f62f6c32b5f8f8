import type { Attestation } from '../model/attestation.ts';

/** What the server needs of whoever checks attestation tokens. */
export interface AttestationService {
  /** What a trusted authority says in this token. @throws StrongroomError when it is no such token */
  verify(token: string): Promise<Attestation>;
}
