import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { AuditService } from './audit_service.ts';
import { originOf } from './connection_origins.ts';

/** Why Node.js took it for no request (its error codes), and what it is answered with. */
const STATUSES: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};
const BAD_REQUEST = [400, 'Bad Request'] as const;
const UNAVAILABLE = [503, 'Service Unavailable'] as const;

/** A request that is none, as far as HTTP goes. */
export interface BrokenRequest {
  readonly error: NodeJS.ErrnoException | undefined;
  readonly socket: Duplex;
  /** It was a request first, which the pipeline has taken and puts on record. */
  readonly isRequest: boolean;
}

/** Answers what is not HTTP, once it is on record: that somebody was there, and nothing of what he sent. */
export function brokenRequestAnswerer(audit: AuditService, log: Logger): (request: BrokenRequest) => Promise<void> {
  return async ({ error, socket, isRequest }) => {
    // A connection that broke, and nothing to be answered.
    if (!socket.writable || socket.destroyed) {
      socket.destroy();
      return;
    }
    let answer: readonly [number, string] = STATUSES[error?.code ?? ''] ?? BAD_REQUEST;
    try {
      if (!isRequest) await record(audit, answer[0], socket);
    } catch (failure) {
      log.error({ err: failure }, 'what was no request could not be put on record');
      answer = UNAVAILABLE;
    }
    end(socket, answer);
  };
}

async function record(audit: AuditService, httpStatus: number, socket: Duplex): Promise<void> {
  audit.admit();
  await audit.record({
    timeMs: Date.now(),
    operation: 'InvalidRequest',
    result: 'BadParameter',
    innerCode: 'MalformedHttp',
    httpStatus,
    requestId: randomUUID(),
    callerAddress: originOf(socket as Socket).address?.text,
  });
}

function end(socket: Duplex, [status, reason]: readonly [number, string]): void {
  const message = `The request is not acceptable HTTP: ${status} ${reason}.`;
  const body = JSON.stringify({ error: { code: 'BadParameter', message } });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json; charset=utf-8\r\ncache-control: no-cache\r\n` +
      'x-content-type-options: nosniff\r\n' +
      `connection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
