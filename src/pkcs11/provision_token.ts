/*
 * A process of its own, for one request: reads a ProvisioningCommand from standard input, writes a ProvisioningReply to standard
 * output. PINs come that way alone; its command line is empty.
 */
import { readFileSync, writeSync } from 'node:fs';
import { importPoolKeys, lookAtArrival, lookAtPoolKeys } from './provisioning_arrival.ts';
import type { ProvisioningCommand, ProvisioningReply, ProvisioningResult } from './provisioning_command.ts';
import { ProvisioningRefusal } from './provisioning_refusal.ts';
import { inspectModule, provisionToken, useToken } from './provisioning_setup.ts';
import { settlePoolKeys, stagePoolKeys } from './provisioning_succession.ts';
import { exportPoolKeys, lockPoolKeys } from './provisioning_transport.ts';
import { CryptokiFailure } from './return_value.ts';

const STANDARD_INPUT = 0;
const STANDARD_OUTPUT = 1;

type CommandOf<Action> = Extract<ProvisioningCommand, { action: Action }>;

const ACTIONS: {
  readonly [Action in ProvisioningCommand['action']]: (command: CommandOf<Action>) => ProvisioningResult;
} = {
  inspect: ({ module }) => inspectModule(module),
  provision: provisionToken,
  exportPoolKeys: (command) =>
    useToken(command, undefined, (session) => exportPoolKeys(session, bytesOf(command.transportKey))),
  lookAtPoolKeys: (command) => useToken(command, undefined, lookAtPoolKeys),
  lookAtArrival: (command) =>
    useToken(command, command.soPin, (session) => {
      const inputs = command.inputs.map(bytesOf);
      const { marks, seals } = lookAtArrival(session, bytesOf(command.transportKey), command.keys, inputs);
      return { sight: lookAtPoolKeys(session), marks, seals: seals.map(base64) };
    }),
  importPoolKeys: (command) =>
    useToken(command, command.soPin, (session) => {
      const { isOwn, transportKey, keys } = command;
      return importPoolKeys(session, bytesOf(transportKey), keys, isOwn);
    }),
  stagePoolKeys: (command) =>
    useToken(command, undefined, (session) => {
      const inputs = command.inputs.map(bytesOf);
      return stagePoolKeys(session, bytesOf(command.transportKey), command.keys, inputs).map(base64);
    }),
  settlePoolKeys: (command) =>
    useToken(command, undefined, (session) => {
      const { proof } = command;
      return settlePoolKeys(session, proof && { input: bytesOf(proof.input), seal: bytesOf(proof.seal) });
    }),
  lockPoolKeys: (command) =>
    useToken(command, undefined, (session) => {
      lockPoolKeys(session);
      return null;
    }),
};

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function bytesOf(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}

function perform(): ProvisioningReply {
  try {
    const command = JSON.parse(readFileSync(STANDARD_INPUT, 'utf8')) as ProvisioningCommand;
    return { ok: true, result: ACTIONS[command.action](command as never) };
  } catch (error) {
    return replyTo(error);
  }
}

function replyTo(error: unknown): ProvisioningReply {
  if (error instanceof ProvisioningRefusal) return { ok: false, message: error.message, detail: error.detail };
  const message = 'The token could not be set up.';
  if (error instanceof CryptokiFailure) {
    return { ok: false, message, functionName: error.functionName, returnValue: error.returnValue };
  }
  return { ok: false, message, detail: error instanceof Error ? error.message : String(error) };
}

const reply = Buffer.from(JSON.stringify(perform()), 'utf8');
let written = 0;
while (written < reply.length) written += writeSync(STANDARD_OUTPUT, reply, written);
