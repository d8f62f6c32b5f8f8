import { createDataDirectory, dataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { badParameter } from '../model/errors.ts';
import {
  bringInEverywhere,
  type FailedToken,
  lockEverywhere,
  requireAllAtHand,
  type TokensAtHand,
  takeOutOfPool,
} from '../pool/pool_ceremony.ts';
import type { SealProof } from '../pool/pool_key_ceremony.ts';
import { joinPool } from '../pool/token_joining.ts';
import type { Custodian } from '../security_domain/custodian.ts';
import type { DomainFile } from '../security_domain/domain_format.ts';
import { type CustodianKey, checkQuorum, closeDomain, openDomain } from '../security_domain/security_domain.ts';
import { withCeremonyTokens } from './ceremony_tokens.ts';
import { prepareTokens } from './prepare_tokens.ts';

/* What is done with the security domain on the machine of the tokens, by whoever may read their PINs; a server may run meanwhile, or not. */

/**
 * The pool keys for these custodians. May be done again for others, until the pool is locked. A token that is away keeps nobody from it: its
 * loss may be the reason. Answers those as well that nobody has looked at.
 * @throws StrongroomError
 */
export async function downloadDomain(
  configuration: Configuration,
  custodians: readonly Custodian[],
  required: number,
): Promise<{ readonly domain: DomainFile; readonly unseen: readonly FailedToken[] }> {
  checkQuorum(custodians, required);
  const files = dataDirectory(configuration.dataDir);
  const { items, unseen } = await withCeremonyTokens(configuration, files, takeOutOfPool);
  return { domain: await closeDomain(items, custodians, required), unseen };
}

/**
 * The pool keys of a domain into every configured token, none of which has others; without one, into a new one of our own. Answers the
 * names of those that have got them. What the store holds has to be sealed by them, where there is something in it.
 * @throws StrongroomError
 */
export async function recoverDomain(
  configuration: Configuration,
  file: DomainFile,
  keys: readonly CustodianKey[],
  storedSeal: (configuration: Configuration) => Promise<SealProof | undefined>,
): Promise<string[]> {
  const items = await openDomain(file, keys);
  const files = dataDirectory(configuration.dataDir);
  await createDataDirectory(files);
  const sealed = await storedSeal(configuration);
  const bringIn = async (atHand: TokensAtHand): Promise<string[]> => {
    requireAllAtHand(atHand);
    return bringInEverywhere(atHand.tokens, items, { what: 'The security domain', sealed });
  };
  return withCeremonyTokens(configuration, files, bringIn, { makes: () => true });
}

/**
 * From now on nothing brings the pool keys out of a token, and there will be no other domain of them. Answers the tokens that could not be
 * locked: with those it is to be done again.
 */
export async function lockDomain(configuration: Configuration): Promise<FailedToken[]> {
  return withCeremonyTokens(configuration, dataDirectory(configuration.dataDir), lockEverywhere);
}

/**
 * The pool keys into one configured token, which joins the others: out of the hands of a quorum, or else from a token that gives them. False
 * when it had them.
 * @throws StrongroomError `BadParameter`, `ServiceUnavailable`
 */
export async function joinToken(
  configuration: Configuration,
  name: string,
  quorum: { readonly file: DomainFile; readonly keys: readonly CustodianKey[] } | undefined,
  storedSeal: (configuration: Configuration) => Promise<SealProof | undefined>,
): Promise<boolean> {
  const files = dataDirectory(configuration.dataDir);
  const names = (await prepareTokens(configuration, files)).map(({ options }) => options.name);
  if (!names.includes(name)) throw badParameter('the token', `one that is configured (${names.join(', ')})`, name);
  const items = quorum && (await openDomain(quorum.file, quorum.keys));
  const sealed = await storedSeal(configuration);
  const isJoining = (each: { readonly name: string }): boolean => each.name === name;
  const join = ({ tokens, away }: TokensAtHand): Promise<boolean> => {
    const joining = tokens.find(isJoining);
    if (joining === undefined) throw away.find(isJoining)?.error;
    const others = { tokens: tokens.filter((each) => !isJoining(each)), away };
    return joinPool(joining, others, { items, sealed });
  };
  return withCeremonyTokens(configuration, files, join, { makes: (each) => each === name, joining: name });
}
