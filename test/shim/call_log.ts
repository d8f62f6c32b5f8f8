import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';

/** What the log of the fault module says of all processes together. */
export interface CallLog {
  readonly calls: number;
  /** Outputs that were changed. */
  readonly spoilt: number;
  /** Every C_Login that was answered, by return value. */
  readonly logins: ReadonlyMap<number, number>;
  /** What no caller of Cryptoki may do, each time that it was done. */
  readonly violations: readonly string[];
}

interface Line {
  /** `b` at the beginning of a call, `e` at its end, `s` where its output has been changed. */
  readonly mark: string;
  readonly instance: string;
  readonly thread: string;
  /** With its instance: handles are those of one instance. */
  readonly session: string;
  readonly functionName: string;
  /** Of the end of a call the return value; of the beginning of a login what stands for the PIN. */
  readonly value: number;
}

/** What goes on in a search; anything else leaves it open. */
const OF_A_SEARCH: ReadonlySet<string> = new Set(['C_FindObjects', 'C_FindObjectsFinal']);

/**
 * Holds the calls against what has to be true of them whatever fails: no two threads are in one session at a time, a search that was begun is
 * finalised before the session does anything else, nobody logs out, and a PIN that was refused is not sent again.
 */
export async function readCallLog(path: string): Promise<CallLog> {
  const log = new LogReader();
  for await (const line of createInterface({ input: createReadStream(path) })) log.read(parsed(line));
  return log;
}

class LogReader implements CallLog {
  calls = 0;
  spoilt = 0;
  readonly logins = new Map<number, number>();
  readonly violations: string[] = [];
  readonly #inSession = new Map<string, Line>();
  readonly #searching = new Set<string>();
  readonly #refusedPins = new Set<number>();
  readonly #pins = new Map<string, number>();

  read(line: Line): void {
    if (line.mark === 'b') this.#begin(line);
    else if (line.mark === 'e') this.#end(line);
    else this.spoilt += 1;
  }

  #begin(line: Line): void {
    const { instance, thread, session, functionName, value } = line;
    this.calls += 1;
    const other = this.#inSession.get(session);
    if (other !== undefined && other.thread !== thread)
      this.#violation(line, `while ${other.functionName} was at work in its session`);
    if (isSession(session)) this.#inSession.set(session, line);
    if (this.#searching.has(session) && !OF_A_SEARCH.has(functionName)) this.#violation(line, 'during a search');
    if (functionName === 'C_FindObjectsFinal') this.#searching.delete(session);
    if (functionName === 'C_Logout') this.#violation(line, 'which ends the work of every other session');
    if (functionName !== 'C_Login') return;
    if (this.#refusedPins.has(value)) this.#violation(line, 'with a PIN that was refused');
    this.#pins.set(instance, value);
  }

  #end({ instance, session, functionName, value }: Line): void {
    this.#inSession.delete(session);
    if (functionName === 'C_FindObjectsInit' && value === RETURN_VALUE.CKR_OK) this.#searching.add(session);
    if (functionName !== 'C_Login') return;
    this.logins.set(value, (this.logins.get(value) ?? 0) + 1);
    const pin = this.#pins.get(instance);
    if (value === RETURN_VALUE.CKR_PIN_INCORRECT && pin !== undefined) this.#refusedPins.add(pin);
  }

  #violation({ functionName, session, thread }: Line, why: string): void {
    this.violations.push(`${functionName} in session ${session}, thread ${thread}, ${why}`);
  }
}

function isSession(session: string): boolean {
  return !session.endsWith('/0');
}

function parsed(line: string): Line {
  const [mark = '', instance = '', thread = '', session = '', functionName = '', value] = line.split(' ');
  if (value === undefined) throw new TypeError(`Expected a line of the log of the fault module, received '${line}'.`);
  return {
    mark,
    instance,
    thread,
    session: `${instance}/${session}`,
    functionName,
    value: Number(value),
  };
}
