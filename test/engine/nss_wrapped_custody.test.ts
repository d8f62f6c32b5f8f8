import test from 'ava';
import { NSS, NSS_MODULE } from '../fixtures/nss_token.ts';
import { testEngine } from './engine_suite.ts';

if (NSS_MODULE !== undefined) testEngine(test, 'wrapped', NSS);
// biome-ignore lint/suspicious/noSkippedTests: the library is a package of Debian's, and its absence is to be seen.
else test.skip('libsoftokn3.so of NSS is not installed (apt install libnss3)', () => undefined);
