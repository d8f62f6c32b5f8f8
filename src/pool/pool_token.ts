import { StrongroomError } from '../model/errors.ts';
import { type InspectedToken, inspectTokens, startProvisioning } from '../pkcs11/provisioning.ts';
import { CryptokiFailure, RETURN_VALUE } from '../pkcs11/return_value.ts';
import type { PinGuard } from './pin_guard.ts';
import type { PinSource } from './pin_source.ts';

/** Which token of the module. A label has to be the only one of its kind. */
export type TokenChoice = { readonly label: string } | { readonly serial: string };

export interface TokenModuleOptions {
  readonly module: string;
  readonly environment: Readonly<Record<string, string>>;
}

const WRONG_PIN: ReadonlySet<number> = new Set([
  RETURN_VALUE.CKR_PIN_INCORRECT,
  RETURN_VALUE.CKR_PIN_INVALID,
  RETURN_VALUE.CKR_PIN_LEN_RANGE,
]);

/** Looks the token up, in a child process. ServiceUnavailable (TokenNotFound, TokenAmbiguous) when there is not exactly one. */
export async function findToken(options: TokenModuleOptions, choice: TokenChoice): Promise<InspectedToken> {
  const wanted = 'serial' in choice ? `serial number ${choice.serial}` : `label ${JSON.stringify(choice.label)}`;
  const isWanted = ({ serial, label }: InspectedToken): boolean =>
    'serial' in choice ? serial === choice.serial : label === choice.label;
  const found = (await inspectTokens(options, (tokens) => tokens.some(isWanted))).filter(isWanted);
  const [token, second] = found;
  if (token === undefined) {
    throw new StrongroomError('ServiceUnavailable', `The module has no token with the ${wanted}.`, {
      innerCode: 'TokenNotFound',
    });
  }
  if (second !== undefined) {
    throw new StrongroomError('ServiceUnavailable', `The module has ${found.length} tokens with the ${wanted}.`, {
      innerCode: 'TokenAmbiguous',
    });
  }
  return token;
}

/** What a login of its own takes, outside of the hosts. */
export interface TokenLogin {
  /** Absent for a token that is made with the login. */
  readonly serial: string | undefined;
  readonly pin: PinSource;
  readonly guard: PinGuard;
}

/** Sends the PIN by `use`, guarded like any other login: one that the token has refused is never sent again. */
export async function withGuardedPin<Result>(
  { serial, pin, guard }: TokenLogin,
  use: (userPin: Uint8Array) => Promise<Result>,
): Promise<Result> {
  const userPin = await pin.read();
  try {
    if (serial !== undefined) await guard.admit(serial, userPin);
    return await use(userPin);
  } catch (error) {
    const cause = error instanceof StrongroomError ? error.cause : undefined;
    if (serial !== undefined && cause instanceof CryptokiFailure && WRONG_PIN.has(cause.returnValue))
      await guard.refused(serial, userPin);
    throw error;
  } finally {
    userPin.fill(0);
  }
}

export interface PoolKeyCreation extends TokenModuleOptions {
  readonly token: InspectedToken;
  readonly pin: PinSource;
  readonly guard: PinGuard;
  readonly softHsmTokenDirectory: string | undefined;
}

/** Makes the pool keys that the token lacks. */
export async function createPoolKeys(creation: PoolKeyCreation): Promise<void> {
  const { module, environment, token, pin, guard, softHsmTokenDirectory } = creation;
  await withGuardedPin({ serial: token.serial, pin, guard }, (userPin) =>
    startProvisioning({ module, environment, label: token.label, userPin, softHsmTokenDirectory }),
  );
}
