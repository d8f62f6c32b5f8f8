import type { ServiceAnswer } from './service_client.ts';

/** What the server will not do, in its own words. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal';
  readonly status: number;
  /** Azure's code, or that of the token endpoint. */
  readonly code: string;

  private constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Reads the error of the pool and of the directory (`error` is an object) and that of the token endpoint (a text). */
  static of({ status, json }: ServiceAnswer): ServiceRefusal {
    const { error, error_description: description } = (json ?? {}) as Record<string, unknown>;
    if (typeof error === 'string') return new ServiceRefusal(status, error, String(description ?? error));
    const { code, message } = (error ?? {}) as Record<string, unknown>;
    return new ServiceRefusal(status, String(code ?? status), String(message ?? `The server answered ${status}.`));
  }
}
