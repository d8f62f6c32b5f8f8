import { setTimeout as pause } from 'node:timers/promises';
import { StrongroomError } from '../model/errors.ts';
import type { PoolKeyName } from './pool_key_template.ts';
import { pinText, runProvisioning } from './provisioning_process.ts';
import { CryptokiFailure } from './return_value.ts';
import { syncSoftHsmTokens } from './softhsm_token_sync.ts';

/*
 * Setting up a token goes through graphene-pk11 in a child process that lives for this one request: vendor code never enters the
 * server's process, and two users of one library in one process would share its state.
 */

const LOOKS = 4;
const LOOK_AGAIN_MS = 100;

export interface TokenModule {
  /** Path of the PKCS#11 module. */
  readonly module: string;
  /** Variables for the vendor library (SOFTHSM2_CONF and the like), beside the few that it inherits. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface ProvisioningRequest extends TokenModule {
  /** CK_TOKEN_INFO.label, at most 32 bytes in UTF-8. */
  readonly label: string;
  /** Only for a token that has to be initialised yet. */
  readonly soPin?: Uint8Array | undefined;
  readonly userPin: Uint8Array;
  /** Where a SoftHSM keeps its tokens: what was made is brought to disk, which SoftHSM leaves undone. */
  readonly softHsmTokenDirectory?: string | undefined;
  /** False for a token that gets the pool keys of another. */
  readonly makesPoolKeys?: boolean | undefined;
}

export interface InspectedToken {
  readonly label: string;
  readonly serial: string;
  readonly model: string;
  readonly manufacturer: string;
  /** Names of the flags that are set: `CKF_TOKEN_INITIALIZED` … */
  readonly flags: readonly string[];
  readonly mechanisms: readonly InspectedMechanism[];
}

export interface InspectedMechanism {
  /** CKM_… */
  readonly type: number;
  /** CKF_… (MECHANISM_FLAG). */
  readonly flags: number;
  /** In bits or in bytes, as the token likes. */
  readonly minimumKeySize: number;
  readonly maximumKeySize: number;
}

export interface ProvisionedToken extends InspectedToken {
  /** True when the token was made just now. */
  readonly initialised: boolean;
  /** The pool keys that were missing and are there now. */
  readonly createdPoolKeys: readonly PoolKeyName[];
}

/**
 * Makes sure of a token with this label, its user PIN, and unless told otherwise the pool keys in it; what is there already stays as it is. It logs in
 * once: whoever keeps account of refused PINs asks before and takes note of a `cause` that is a CryptokiFailure. One at a time per device.
 * @throws StrongroomError `ServiceUnavailable` with innerCode `ProvisioningFailed`.
 */
export async function startProvisioning(request: ProvisioningRequest): Promise<ProvisionedToken> {
  const { module, label, soPin, userPin, makesPoolKeys = true } = request;
  const command = {
    action: 'provision',
    module,
    label,
    soPin: soPin === undefined ? undefined : pinText(soPin),
    userPin: pinText(userPin),
    makesPoolKeys,
  } as const;
  const token = (await runProvisioning(command, request.environment)) as ProvisionedToken;
  if (request.softHsmTokenDirectory !== undefined) await syncSoftHsmTokens(request.softHsmTokenDirectory);
  return token;
}

/**
 * The tokens of a module, those that wait to be initialised among them. Needs no PIN. SoftHSM writes a token's file anew at each login, and who
 * looks at that moment sees no token, or hears CKR_GENERAL_ERROR: what fails or does not suffice is looked at again, for a third of a second.
 * @throws StrongroomError `ServiceUnavailable` with innerCode `ProvisioningFailed`.
 */
export async function inspectTokens(
  { module, environment }: TokenModule,
  suffices: (tokens: readonly InspectedToken[]) => boolean = () => true,
): Promise<readonly InspectedToken[]> {
  for (let look = 1; ; look++) {
    try {
      const tokens = (await runProvisioning({ action: 'inspect', module }, environment)) as readonly InspectedToken[];
      if (look === LOOKS || suffices(tokens)) return tokens;
    } catch (error) {
      if (look === LOOKS || !isCryptokiFailure(error)) throw error;
    }
    await pause(LOOK_AGAIN_MS);
  }
}

function isCryptokiFailure(error: unknown): boolean {
  return error instanceof StrongroomError && error.cause instanceof CryptokiFailure;
}
