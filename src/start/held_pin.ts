import type { PinOptions } from '../pool/pin_source.ts';

/** What variables of the environment held: they are removed when they are read, and a pool is opened again after a recovery. */
const held = new Map<string, Buffer>();

/** The PIN of a variable, which no child process inherits; where it is not set, whoever needs it says so. */
export function heldPin(variable: string): PinOptions {
  const text = process.env[variable] ?? '';
  if (text !== '') {
    held.set(variable, Buffer.from(text, 'utf8'));
    delete process.env[variable];
  }
  const value = held.get(variable);
  return value === undefined ? { environment: variable } : { value };
}
