import { StrongroomError } from '../model/errors.ts';
import type { PoolKeyMarks } from '../pkcs11/pool_key_marks.ts';
import type { PoolKeySight } from '../pkcs11/provisioning_arrival.ts';
import type { DomainItem } from '../security_domain/domain_cipher.ts';
import {
  agreedMarks,
  bringInEverywhere,
  lookAtAll,
  requireNoOthers,
  type TokensAtHand,
  takeOutOfOneOf,
} from './pool_ceremony.ts';
import { type CeremonyToken, lookAt, type SealProof } from './pool_key_ceremony.ts';

export interface JoiningOptions {
  /** A security domain that a quorum has opened; without one a token of the pool gives its keys. */
  readonly items: readonly DomainItem[] | undefined;
  /** Something that the store of the pool holds. */
  readonly sealed: SealProof | undefined;
}

/**
 * Brings the pool keys into a token that is to join others, unless it has them: false then. Before anything is in it, they are shown to be
 * those of the pool: by the other tokens that are there, by what the store holds, by both where there are both.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable` (`PoolKeysDiffer`, `PoolKeysLocked`, `PoolKeysMissing`)
 */
export async function joinPool(
  joining: CeremonyToken,
  others: TokensAtHand,
  { items, sealed }: JoiningOptions,
): Promise<boolean> {
  const { sights } = await lookAtAll(others);
  const marks = agreedMarks(sights);
  if (items !== undefined) {
    if (marks === undefined && sealed === undefined) throw nothingTells();
    return bringIn(joining, items, 'The security domain', marks, sealed);
  }
  if (marks === undefined) throw noGiver('No other token of the pool is there that has its keys');
  if (await hasThem(joining, marks)) return false;
  const givers = others.tokens.filter(({ name }) => isGiving(sights.get(name)));
  const [first] = givers;
  if (first === undefined) throw noGiver('The pool keys are locked in the other tokens, which give them to nobody');
  return bringIn(joining, await takeOutOfOneOf(givers), `The token ${first.name}`, marks, sealed);
}

/** @throws StrongroomError `ServiceUnavailable` (`PoolKeysDiffer`) */
async function hasThem(joining: CeremonyToken, marks: PoolKeyMarks): Promise<boolean> {
  // One that is to be made yet has nothing.
  if (joining.serial === undefined) return false;
  const sight = await lookAt(joining);
  requireNoOthers(joining.name, sight.marks, marks);
  return sight.isWhole;
}

async function bringIn(
  joining: CeremonyToken,
  items: readonly DomainItem[],
  what: string,
  marks: PoolKeyMarks | undefined,
  sealed: SealProof | undefined,
): Promise<boolean> {
  return (await bringInEverywhere([joining], items, { what, marks, sealed })).length > 0;
}

function isGiving(sight: PoolKeySight | undefined): boolean {
  return sight?.isExtractable === true;
}

function noGiver(why: string): StrongroomError {
  return new StrongroomError(
    'ServiceUnavailable',
    `${why}: a quorum of custodians of the security domain brings them in (--file and --key).`,
    { innerCode: 'PoolKeysLocked' },
  );
}

function nothingTells(): StrongroomError {
  return new StrongroomError(
    'ServiceUnavailable',
    'Neither a token of the pool nor its store is there to show whether the security domain is that of the pool. ' +
      'For a pool that has lost all of its tokens: strongroom security-domain recover.',
    { innerCode: 'PoolKeysMissing' },
  );
}
