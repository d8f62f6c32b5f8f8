import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { LIMITS } from '../model/limits.ts';
import type { LineBatch, LineCopy, OnTrouble } from './ledger.ts';

/** Where a syslog server listens, over a stream. */
export type SyslogAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Facility 13 ("log audit"), severity 6 ("informational"): RFC 5424 §6.2.1. */
const PRIORITY = 13 * 8 + 6;
const RECONNECT_MS = 1_000;
const ADDRESS = /^(?:tcp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):(\d{1,5})|unix:(\/.{1,106}))$/;

/** `tcp://HOST:PORT` or `unix:/PATH`. */
export function parseSyslogAddress(text: string): SyslogAddress | undefined {
  const [, bracketed, plain, port, path] = ADDRESS.exec(text) ?? [];
  if (path !== undefined) return { path };
  const host = bracketed ?? plain;
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

/**
 * Lines as syslog messages (RFC 5424) over a stream, each behind its length (RFC 6587 §3.4.1). Syslog never says that it has a message, so
 * this is a copy and no ledger: what is under way when a connection breaks may be lost, which shows there as numbers that are missing.
 */
export class SyslogCopy implements LineCopy {
  readonly #address: SyslogAddress;
  readonly #onTrouble: OnTrouble;
  readonly #header = ` ${hostname().slice(0, 255) || '-'} strongroom ${process.pid} audit - `;
  #socket: Socket | undefined;
  #connected = false;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #leftOut = 0;
  #reconnect: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(address: SyslogAddress, onTrouble: OnTrouble) {
    this.#address = address;
    this.#onTrouble = onTrouble;
    this.#connect();
  }

  offer({ text, first, last }: LineBatch): void {
    const buffered = this.#waitingCharacters + (this.#socket?.writableLength ?? 0);
    if (buffered + text.length > LIMITS.auditCopyBytes) {
      if (this.#leftOut === 0) this.#onTrouble('records are left out of syslog', new Error('It takes none.'));
      this.#leftOut += last - first + 1;
      return;
    }
    this.#leftOut = 0;
    const messages = this.#messages(text);
    if (this.#connected) {
      this.#socket?.write(messages);
      return;
    }
    this.#waiting.push(messages);
    this.#waitingCharacters += messages.length;
  }

  /** What was offered is handed over when it resolves, if there is a connection. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return;
    const ended = new Promise((resolve) => socket.once('close', resolve));
    if (this.#connected) socket.end();
    else socket.destroy();
    await ended;
  }

  #messages(text: string): string {
    const start = `<${PRIORITY}>1 ${new Date().toISOString()}${this.#header}`;
    let messages = '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const message = `${start}${line}`;
      messages += `${Buffer.byteLength(message)} ${message}`;
    }
    return messages;
  }

  #connect(): void {
    const socket = connect(this.#address);
    this.#socket = socket;
    // The end of the process does not wait for a syslog server.
    socket.unref();
    socket.on('connect', () => {
      this.#connected = true;
      for (const messages of this.#waiting) socket.write(messages);
      this.#waiting = [];
      this.#waitingCharacters = 0;
    });
    socket.on('error', (error) => {
      if (this.#connected || this.#waiting.length === 0) this.#onTrouble('syslog cannot be reached', error);
    });
    socket.resume();
    socket.on('close', () => {
      this.#connected = false;
      if (this.#closed) return;
      this.#reconnect = setTimeout(() => this.#connect(), RECONNECT_MS).unref();
    });
  }
}
