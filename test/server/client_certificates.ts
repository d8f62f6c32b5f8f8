import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority for clients, by OpenSSL's hand. */
export class ClientAuthority {
  readonly #directory = mkdtempSync(join(tmpdir(), 'strongroom-clients-'));
  readonly certificate: string;
  #issued = 0;

  constructor(name: string) {
    this.#openssl(`req -x509 -nodes -days 30 -subj /CN=${name} -keyout ca.key -out ca.pem ${NEW_KEY}`);
    this.certificate = this.#read('ca.pem');
  }

  /** `days` may be negative: then it ended before it began. */
  issue(usage: 'clientAuth' | 'serverAuth' = 'clientAuth', days = 30): ClientCertificate {
    const name = `client${this.#issued++}`;
    writeFileSync(join(this.#directory, 'extensions'), `basicConstraints=CA:FALSE\nextendedKeyUsage=${usage}\n`);
    this.#openssl(`req -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr ${NEW_KEY}`);
    this.#openssl(
      `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -days ${days} -extfile extensions -out ${name}.pem`,
    );
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true });
  }

  #openssl(line: string): void {
    execFileSync('openssl', line.split(' '), { cwd: this.#directory, stdio: 'pipe' });
  }

  #read(name: string): string {
    return readFileSync(join(this.#directory, name), 'utf8');
  }
}

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256';
