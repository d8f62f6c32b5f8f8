import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** How a header goes out: in one piece with what the client sends first, before it, or byte by byte. */
export type Sending = 'together' | 'apart' | 'byteByByte';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const FAMILIES = { ipv4: 0x11, ipv6: 0x21 } as const;

export interface HeaderParts {
  readonly versionAndCommand?: number;
  readonly familyAndTransport?: number;
  /** What stands behind the fixed part. */
  readonly block: Buffer;
  /** What the header says of the length of the block, which may not be true. */
  readonly announced?: number;
}

/** A header of the PROXY protocol, version 2, put together by hand. */
export function proxyHeader({
  versionAndCommand = 0x21,
  familyAndTransport = 0x11,
  block,
  announced,
}: HeaderParts): Buffer {
  const fixed = Buffer.alloc(4);
  fixed.writeUInt8(versionAndCommand, 0);
  fixed.writeUInt8(familyAndTransport, 1);
  fixed.writeUInt16BE(announced ?? block.length, 2);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

/** Says that the connection is for this caller: bytes of its address, of any address for the other end, and two ports. */
export function headerFor(source: readonly number[], extensions: Buffer = Buffer.alloc(0)): Buffer {
  const family = source.length === 4 ? 'ipv4' : 'ipv6';
  const block = Buffer.concat([
    Buffer.from([...source, ...source.map(() => 1)]),
    Buffer.from([0xd4, 0x31, 0x01, 0xbb]),
    extensions,
  ]);
  return proxyHeader({ familyAndTransport: FAMILIES[family], block });
}

/** A connection that begins with a header, for TLS to be spoken over. */
export async function connectThroughProxy(port: number, header: Buffer, sending: Sending): Promise<Duplex> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return new ProxiedStream(socket, header, sending);
}

class ProxiedStream extends Duplex {
  readonly #socket: Socket;
  readonly #sending: Sending;
  #header: Buffer | undefined;

  constructor(socket: Socket, header: Buffer, sending: Sending) {
    super();
    this.#socket = socket;
    this.#header = header;
    this.#sending = sending;
    socket.on('data', (bytes: Buffer) => this.push(bytes));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  override _read(): void {
    // What comes is pushed as it comes.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const header = this.#header;
    this.#header = undefined;
    if (header === undefined) {
      this.#socket.write(bytes, done);
      return;
    }
    this.#sendFirst(header, bytes).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  async #sendFirst(header: Buffer, bytes: Buffer): Promise<void> {
    if (this.#sending === 'together') {
      this.#socket.write(Buffer.concat([header, bytes]));
    } else if (this.#sending === 'apart') {
      this.#socket.write(header);
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.#socket.write(bytes);
    } else {
      for (const byte of Buffer.concat([header, bytes])) {
        this.#socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }
}
