import type { ExecutionContext } from 'ava';
import type { Store } from '../../src/store/store.ts';
import { testDocuments } from './contract/documents.ts';
import { testEncryptionCounts } from './contract/encryption_counts.ts';
import { testIntents } from './contract/intents.ts';
import { testKeyChanges } from './contract/key_changes.ts';
import { testKeyRecords } from './contract/key_records.ts';
import { testLimits } from './contract/limits.ts';
import { testLists } from './contract/lists.ts';
import { testReplacement } from './contract/replacement.ts';

/** A store that a test has for itself. `reopen` closes it and opens it again over what it had made durable. */
export interface TestStore {
  readonly store: Store;
  reopen(): Promise<Store>;
  remove(): Promise<void>;
}

/** Declares a test with a store of its own, which is empty when the test begins and gone when it has ended. */
export type StoreTest = (
  claim: string,
  run: (t: ExecutionContext, store: Store, reopen: () => Promise<Store>) => Promise<void>,
) => void;

/** `test` of ava, or its serial form. */
type Declare = (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void;

/** What every implementation of Store does. */
export function testStoreContract(test: Declare, implementation: string, open: () => Promise<TestStore>): void {
  const storeTest: StoreTest = (claim, run) => {
    test(`${implementation}: ${claim}`, async (t) => {
      const { store, reopen, remove } = await open();
      t.teardown(remove);
      await run(t, store, reopen);
    });
  };
  testKeyRecords(storeTest);
  testKeyChanges(storeTest);
  testLimits(storeTest);
  testLists(storeTest);
  testEncryptionCounts(storeTest);
  testIntents(storeTest);
  testDocuments(storeTest);
  testReplacement(storeTest);
}
