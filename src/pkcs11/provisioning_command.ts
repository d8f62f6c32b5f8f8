import type { PoolKeyMarks } from './pool_key_marks.ts';
import type { TransportedPoolKeys } from './pool_key_transport.ts';
import type { InspectedToken, ProvisionedToken } from './provisioning.ts';
import type { PoolKeySight } from './provisioning_arrival.ts';
import type { Succession } from './provisioning_succession.ts';

interface TokenCommand {
  readonly module: string;
  readonly label: string;
  readonly userPin: string;
}

interface ArrivalCommand extends TokenCommand {
  /** Where the token has to be made first. */
  readonly soPin: string | undefined;
  /** Nobody else keeps anything in it. */
  readonly isOwn: boolean;
  readonly transportKey: string;
  readonly keys: TransportedPoolKeys;
}

/** What the child process for setting up tokens reads from its standard input. Bytes in base64. */
export type ProvisioningCommand =
  | { readonly action: 'inspect'; readonly module: string }
  | ({
      readonly action: 'provision';
      readonly soPin: string | undefined;
      readonly makesPoolKeys: boolean;
    } & TokenCommand)
  | ({ readonly action: 'lookAtPoolKeys' } & TokenCommand)
  | ({ readonly action: 'exportPoolKeys'; readonly transportKey: string } & TokenCommand)
  | ({ readonly action: 'lookAtArrival'; readonly inputs: readonly string[] } & ArrivalCommand)
  | ({ readonly action: 'importPoolKeys' } & ArrivalCommand)
  | ({
      readonly action: 'stagePoolKeys';
      readonly transportKey: string;
      readonly keys: TransportedPoolKeys;
      readonly inputs: readonly string[];
    } & TokenCommand)
  | ({
      readonly action: 'settlePoolKeys';
      readonly proof: { readonly input: string; readonly seal: string } | undefined;
    } & TokenCommand)
  | ({ readonly action: 'lockPoolKeys' } & TokenCommand);

export type ProvisioningResult =
  | ProvisionedToken
  | readonly InspectedToken[]
  | TransportedPoolKeys
  | PoolKeySight
  | { readonly sight: PoolKeySight; readonly marks: PoolKeyMarks; readonly seals: readonly string[] }
  | readonly string[]
  | Succession
  | boolean
  | null;

/** What it writes to its standard output. `detail` is for the log, as is what Cryptoki said. */
export type ProvisioningReply =
  | { readonly ok: true; readonly result: ProvisioningResult }
  | {
      readonly ok: false;
      readonly message: string;
      readonly detail?: string | undefined;
      readonly functionName?: string | undefined;
      readonly returnValue?: number | undefined;
    };
