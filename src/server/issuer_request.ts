import type { FastifyRequest } from 'fastify';
import { originOf } from './connection_origins.ts';

/** `https://host:port` as the caller reached the issuer. */
export function issuerOrigin(request: FastifyRequest): string {
  return `https://${(request.headers.host ?? '').toLowerCase()}`;
}

/** First segment of the path. */
export function tenantOf(request: FastifyRequest): string {
  return (request.params as { tenant: string }).tenant;
}

export function formOf(request: FastifyRequest): URLSearchParams {
  return request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
}

/** As the network has it, or a trusted proxy. */
export function callerAddress(request: FastifyRequest): string {
  return originOf(request.raw.socket).address?.text ?? '';
}
