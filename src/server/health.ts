import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** For the operator: which part is not. */
  readonly reason?: string;
}

/** `GET /health/ready`, for load balancers and start scripts: no access token, and nothing in it that is worth one. */
export function addHealthRoute(app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/health/ready', { config: { isPublic: true } }, (_request, reply) => {
    const { ready, reason } = readiness();
    const body = JSON.stringify(ready ? { status: 'ready' } : { status: 'notReady', reason });
    return reply
      .code(ready ? 200 : 503)
      .headers({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        ...(ready ? {} : { 'retry-after': '1' }),
      })
      .type('application/json; charset=utf-8')
      .send(body);
  });
}
