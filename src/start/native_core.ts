import { existsSync } from 'node:fs';
import { StrongroomError } from '../model/errors.ts';
import { HSM_HOST_PATH, type NativeAddon, nativeAddon } from '../pkcs11/binding.ts';

/** The addon. @throws StrongroomError `ServiceUnavailable` (NativeCoreMissing) when it is not built, or not for this system */
export function requireNativeCore(): NativeAddon {
  try {
    if (!existsSync(HSM_HOST_PATH)) throw new Error(`${HSM_HOST_PATH} is missing`);
    return nativeAddon();
  } catch (cause) {
    const message = 'The native core is not built for this system: run ./scripts/start, which builds it.';
    throw new StrongroomError('ServiceUnavailable', message, { innerCode: 'NativeCoreMissing', cause });
  }
}
