import pkcs11js from 'pkcs11js';
import { cryptokiFailure } from './return_value.ts';

/**
 * Calls Cryptoki by way of pkcs11js or graphene-pk11, whose own errors name the function in some cases only.
 * @throws CryptokiFailure when a return value is not CKR_OK.
 */
export function cryptoki<Result>(functionName: string, call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    if (error instanceof pkcs11js.Pkcs11Error) throw cryptokiFailure(error.method || functionName, error.code);
    throw error;
  }
}
