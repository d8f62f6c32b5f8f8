import type { Session } from 'graphene-pk11';
import { MECHANISM } from './mechanism.ts';
import { cryptoki } from './provisioning_call.ts';

/** The same mechanism in PKCS#11 v3.0, where the older number may be another padding (NSS); Module::numberOf in native/module.h does likewise. */
const CKM_AES_KEY_WRAP_KWP = 0x210b;

/** RFC 5649, as this token calls it. */
export function keyWrapOf({ lib, slot }: Session): { readonly mechanism: number } {
  const offered = cryptoki('C_GetMechanismList', () => lib.C_GetMechanismList(slot.handle));
  return { mechanism: offered.includes(CKM_AES_KEY_WRAP_KWP) ? CKM_AES_KEY_WRAP_KWP : MECHANISM.CKM_AES_KEY_WRAP_PAD };
}
