import { createPrivateKey } from 'node:crypto';
import { type Custodian, custodianOf, readCertificate } from './custodian.ts';
import { newCustodianKey } from './custodian_key.ts';
import type { CustodianKey } from './security_domain.ts';

/** What a recovery is encrypted to. The private half is in this process alone, and goes with it. */
export interface TransferKey extends CustodianKey, Pick<Custodian, 'publicKey'> {
  /** DER, in base64. */
  readonly certificate: string;
}

const NAME = 'Strongroom security domain transfer key';

export async function newTransferKey(now: Date): Promise<TransferKey> {
  const made = await newCustodianKey(NAME, now);
  const certificate = readCertificate(made.certificate, 'transfer_key');
  const { publicKey, thumbprint } = custodianOf(certificate, 'transfer_key');
  return {
    publicKey,
    thumbprint,
    privateKey: createPrivateKey(made.privateKey),
    certificate: certificate.raw.toString('base64'),
  };
}
