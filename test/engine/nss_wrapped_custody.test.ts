import { NSS, testWithNss } from '../fixtures/nss_token.ts';
import { testEngine } from './engine_suite.ts';

testEngine(testWithNss, 'wrapped', NSS);
