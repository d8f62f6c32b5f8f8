import test from 'ava';
import { NSS, NSS_MODULE } from '../fixtures/nss_token.ts';
import { testEngine } from './engine_suite.ts';

if (NSS_MODULE !== undefined) testEngine(test, 'wrapped', NSS);
else test('libsoftokn3.so of NSS is not installed (apt install libnss3): nothing was tested with it', (t) => t.pass());
