import { Module, type Session, SessionFlag, type Slot, type Token, TokenFlag, UserType } from 'graphene-pk11';
import type { InitializationOptions } from 'pkcs11js';
import type { InspectedMechanism, InspectedToken, ProvisionedToken } from './provisioning.ts';
import { cryptoki } from './provisioning_call.ts';
import type { ProvisioningCommand } from './provisioning_command.ts';
import { ensurePoolKeys } from './provisioning_pool_keys.ts';
import { ProvisioningRefusal } from './provisioning_refusal.ts';
import { MODULE_PARAMETERS_VARIABLE } from './vendor_environment.ts';

const CKF_OS_LOCKING_OK = 2;
/** CK_TOKEN_INFO.label is 32 bytes, filled up with blanks. */
const LABEL_BYTES = 32;

/** The tokens of a module, those that wait to be initialised among them. */
export function inspectModule(path: string): InspectedToken[] {
  return withModule(path, (module) => tokensOf(module).map(({ slot, token }) => inspected(slot, token)));
}

interface TokenAccess {
  readonly module: string;
  readonly label: string;
  readonly userPin: string;
}

/** Token, user PIN and, where they are wanted, pool keys, as far as they are missing. Never initialises a token that has been initialised. */
export function provisionToken(command: Extract<ProvisioningCommand, { action: 'provision' }>): ProvisionedToken {
  return withModule(command.module, (module) => {
    const { found, initialised } = ensureToken(module, command, command.soPin);
    const createdPoolKeys = withUserSession(found, command.userPin, (session) =>
      command.makesPoolKeys ? ensurePoolKeys(session) : [],
    );
    return { ...inspected(found.slot, found.slot.getToken()), initialised, createdPoolKeys };
  });
}

/** As its user. With an SO PIN the token is made where it is missing. */
export function useToken<Result>(
  access: TokenAccess,
  soPin: string | undefined,
  use: (session: Session) => Result,
): Result {
  return withModule(access.module, (module) =>
    withUserSession(ensureToken(module, access, soPin).found, access.userPin, use),
  );
}

function ensureToken(
  module: Module,
  { label, userPin }: TokenAccess,
  soPin: string | undefined,
): { readonly found: TokenInSlot; readonly initialised: boolean } {
  const labelBytes = Buffer.byteLength(label);
  if (labelBytes < 1 || labelBytes > LABEL_BYTES || label !== label.trim()) {
    throw new ProvisioningRefusal(`The label of a token has 1 to ${LABEL_BYTES} bytes and no outer blanks.`);
  }
  const existing = findToken(module, label);
  if (existing === undefined && !isNamedAlready(module, label))
    initialiseToken(module, label, requireSoPin(soPin), userPin);
  const made = existing ?? findToken(module, label, () => true);
  if (made === undefined)
    throw new ProvisioningRefusal('The token does not appear in any slot after its initialisation.');
  if ((made.token.flags & TokenFlag.USER_PIN_INITIALIZED) === 0) setUserPin(made.slot, requireSoPin(soPin), userPin);
  return { found: findToken(module, label) ?? made, initialised: existing === undefined };
}

interface TokenInSlot {
  readonly slot: Slot;
  readonly token: Token;
}

function withModule<Result>(path: string, use: (module: Module) => Result): Result {
  let module: Module;
  try {
    module = Module.load(path);
  } catch (error) {
    throw new ProvisioningRefusal(
      'The PKCS#11 module cannot be loaded.',
      error instanceof Error ? error.message : undefined,
    );
  }
  cryptoki('C_Initialize', () => module.initialize(initialisation()));
  try {
    return use(module);
  } finally {
    module.finalize();
  }
}

function initialisation(): InitializationOptions | undefined {
  const parameters = process.env[MODULE_PARAMETERS_VARIABLE];
  // pkcs11js takes the end of the string away: a blank more is no loss.
  return parameters === undefined ? undefined : { flags: CKF_OS_LOCKING_OK, libraryParameters: `${parameters} ` };
}

function tokensOf(module: Module): TokenInSlot[] {
  return cryptoki('C_GetTokenInfo', () =>
    Array.from(module.getSlots(true), (slot) => ({ slot, token: slot.getToken() })),
  );
}

const isInitialised = ({ token }: TokenInSlot): boolean => (token.flags & TokenFlag.TOKEN_INITIALIZED) !== 0;

/** Before it is initialised: it has its label from the module's parameters (NSS), and counts as initialised once it has a user PIN. */
const isNamedAlready = (module: Module, label: string): boolean => findToken(module, label, () => true) !== undefined;

function findToken(
  module: Module,
  label: string,
  counts: (found: TokenInSlot) => boolean = isInitialised,
): TokenInSlot | undefined {
  const found = tokensOf(module).filter((candidate) => candidate.token.label === label && counts(candidate));
  if (found.length > 1)
    throw new ProvisioningRefusal(`${found.length} tokens have the label ${JSON.stringify(label)}.`);
  return found[0];
}

function initialiseToken(module: Module, label: string, soPin: string, userPin: string): void {
  const free = tokensOf(module).find((candidate) => !isInitialised(candidate));
  if (free === undefined) throw new ProvisioningRefusal('No slot has a token that waits to be initialised.');
  checkPinLength(free.token, soPin, 'SO PIN');
  checkPinLength(free.token, userPin, 'user PIN');
  // Not graphene's initToken: that hands on a label that is too short, of which the library then reads what lies behind.
  const padded = label + ' '.repeat(LABEL_BYTES - Buffer.byteLength(label));
  cryptoki('C_InitToken', () => free.slot.lib.C_InitToken(free.slot.handle, soPin, padded));
}

function requireSoPin(soPin: string | undefined): string {
  if (soPin === undefined)
    throw new ProvisioningRefusal('The token has to be initialised first, which takes an SO PIN.');
  return soPin;
}

function checkPinLength(token: Token, pin: string, what: string): void {
  const length = Buffer.byteLength(pin);
  if (length >= token.minPinLen && length <= token.maxPinLen) return;
  throw new ProvisioningRefusal(`The token takes a ${what} of ${token.minPinLen} to ${token.maxPinLen} bytes.`);
}

function setUserPin(slot: Slot, soPin: string, userPin: string): void {
  withSession(slot, (session) => {
    cryptoki('C_Login', () => session.login(soPin, UserType.SO));
    try {
      cryptoki('C_InitPIN', () => session.initPin(userPin));
    } finally {
      // This process is the only user of the library, and the user cannot log in beside the SO.
      cryptoki('C_Logout', () => session.logout());
    }
  });
}

function withUserSession<Result>(
  { slot, token }: TokenInSlot,
  userPin: string,
  use: (session: Session) => Result,
): Result {
  if ((token.flags & TokenFlag.USER_PIN_LOCKED) !== 0)
    throw new ProvisioningRefusal('The user PIN of the token is locked.');
  if ((token.flags & TokenFlag.USER_PIN_FINAL_TRY) !== 0) {
    throw new ProvisioningRefusal('The token has one try of the user PIN left, which is for an operator to take.');
  }
  return withSession(slot, (session) => {
    cryptoki('C_Login', () => session.login(userPin, UserType.USER));
    return use(session);
  });
}

function withSession<Result>(slot: Slot, use: (session: Session) => Result): Result {
  const session = cryptoki('C_OpenSession', () => slot.open(SessionFlag.SERIAL_SESSION | SessionFlag.RW_SESSION));
  try {
    return use(session);
  } finally {
    session.close();
  }
}

function inspected(slot: Slot, token: Token): InspectedToken {
  return {
    label: token.label,
    serial: token.serialNumber,
    model: token.model,
    manufacturer: token.manufacturerID,
    flags: flagNames(token.flags),
    mechanisms: cryptoki('C_GetMechanismInfo', () => Array.from(slot.getMechanisms(), inspectedMechanism)),
  };
}

function inspectedMechanism(mechanism: {
  type: number;
  flags: number;
  minKeySize: number;
  maxKeySize: number;
}): InspectedMechanism {
  const { type, flags, minKeySize, maxKeySize } = mechanism;
  return { type, flags, minimumKeySize: minKeySize, maximumKeySize: maxKeySize };
}

function flagNames(flags: number): string[] {
  return Object.entries(TokenFlag)
    .filter(([, flag]) => typeof flag === 'number' && (flags & flag) !== 0)
    .map(([name]) => `CKF_${name}`);
}
