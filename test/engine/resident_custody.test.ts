import test from 'ava';
import { testEngine } from './engine_suite.ts';

testEngine(test, 'resident');
