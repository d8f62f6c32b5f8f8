import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { type IssuedCertificate, issueServerCertificate, newAuthority } from '../../src/server/tls/local_authority.ts';

export type Claims = Record<string, unknown>;

/** A key of an attestation authority. */
export class AuthorityKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;

  constructor(kid: string) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.kid = kid;
    this.privateKey = privateKey;
    this.publicKey = publicKey;
  }

  async jwk(): Promise<JWK> {
    return { ...(await exportJWK(this.publicKey)), kid: this.kid, use: 'sig' };
  }

  /** A token of the authority, good for an hour unless its claims say otherwise. */
  sign(claims: Claims, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iat: now, exp: now + 3600, ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: this.kid, ...header })
      .sign(this.privateKey);
  }
}

type Answer =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body: string }
  | 'hang'
  | 'drip';

/** An authority's web server, with a certificate that a test has to name to be believed. */
export class AuthorityServer {
  readonly certificateAuthority: string;
  readonly #server: Server;
  readonly answers = new Map<string, Answer>();
  /** Paths that were asked for. */
  readonly asked: string[] = [];

  private constructor(certificateAuthority: string, { certificate, key }: IssuedCertificate) {
    this.certificateAuthority = certificateAuthority;
    this.#server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
      const path = incoming.url ?? '';
      this.asked.push(path);
      const answer = this.answers.get(path) ?? { status: 404, body: '' };
      if (answer === 'hang') return;
      if (answer === 'drip') {
        const dripping = setInterval(() => outgoing.write(' '), 200);
        outgoing.on('close', () => clearInterval(dripping));
        return;
      }
      outgoing.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
    });
  }

  static async open(): Promise<AuthorityServer> {
    const authority = await newAuthority('authority of tests', ['localhost'], new Date());
    const issued = await issueServerCertificate(authority, ['localhost'], new Date());
    const opened = new AuthorityServer(authority.certificate, issued);
    await new Promise<void>((resolve) => opened.#server.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  get issuer(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  get metadata(): URL {
    return new URL(`${this.issuer}/.well-known/openid-configuration`);
  }

  /** Metadata and these keys, as an authority serves them. */
  async publish(...keys: readonly AuthorityKey[]): Promise<void> {
    this.publishMetadata({ issuer: this.issuer, jwks_uri: `${this.issuer}/certs` });
    const jwks = await Promise.all(keys.map((key) => key.jwk()));
    this.answers.set('/certs', { body: JSON.stringify({ keys: jwks }) });
  }

  publishMetadata(metadata: Claims): void {
    this.answers.set(this.metadata.pathname, { body: JSON.stringify(metadata) });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
