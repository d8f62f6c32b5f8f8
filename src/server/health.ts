import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** For the operator: which part is not. */
  readonly reason?: string;
  /** Whether the pool serves keys, waits for its security domain, or is being restored. */
  readonly activation?: PoolActivation;
  /** How many tokens are in which state. */
  readonly tokens?: Readonly<Record<string, number>>;
}

export type PoolActivation = 'NotActivated' | 'Restoring' | 'Active';

/** `GET /health/ready`, for load balancers and start scripts: no access token, and nothing in it that is worth one. */
export function addHealthRoute(app: FastifyInstance, readiness: () => Readiness): void {
  app.get('/health/ready', { config: { isPublic: true } }, (_request, reply) => {
    const { ready, ...more } = readiness();
    const body = JSON.stringify({ status: ready ? 'ready' : 'notReady', ...more });
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
