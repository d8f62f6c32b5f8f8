import type { Attestation } from '../../src/model/attestation.ts';
import type { AttestationService } from '../../src/server/attestation_service.ts';

/** Believes every token, unless told to throw. */
export class FakeAttestations implements AttestationService {
  readonly tokens: string[] = [];
  /** Thrown in place of the next answer. */
  failure: unknown;

  async verify(token: string): Promise<Attestation> {
    this.tokens.push(token);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    return { authority: 'https://attestation.example', claims: { token } };
  }
}
