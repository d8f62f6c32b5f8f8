import type { Logger } from 'pino';
import type { Firewall } from '../access/firewall.ts';
import type { Authenticator } from '../identity/authenticator.ts';
import type { AttestationService } from './attestation_service.ts';
import type { AuditService } from './audit_service.ts';
import type { BackupService, EpochService } from './backup_service.ts';
import type { Exchange } from './exchange.ts';
import type { Hosts } from './hosts.ts';
import type { KeyService } from './key_service.ts';
import type { RoleService } from './role_service.ts';
import type { DomainRecoveryService, SecurityDomainService } from './security_domain_service.ts';
import { announceAudit } from './steps/announce_audit.ts';
import { authenticate } from './steps/authenticate.ts';
import { authorize } from './steps/authorize.ts';
import { challenge } from './steps/challenge.ts';
import { commitAudit, commitRefusal } from './steps/commit_audit.ts';
import { firewall } from './steps/firewall.ts';
import { matchRoute } from './steps/match_route.ts';
import { openAudit } from './steps/open_audit.ts';
import { parseBody } from './steps/parse_body.ts';
import { perform } from './steps/perform.ts';
import { refuse } from './steps/refuse.ts';
import { refuseDuringRestore } from './steps/refuse_during_restore.ts';
import { requireActive } from './steps/require_active.ts';
import { requireCertificate } from './steps/require_certificate.ts';
import { respond } from './steps/respond.ts';
import type { TokenService } from './token_service.ts';
import type { ResponseHeaders } from './wire/response_headers.ts';

/** What the steps work with. */
export interface Parts {
  readonly engine: KeyService;
  /** The rules may be replaced between one request and the next. */
  readonly firewall: { readonly current: Firewall };
  readonly authenticator: Authenticator;
  readonly roles: RoleService;
  readonly attestations: AttestationService;
  readonly audit: AuditService;
  /** What is on record before it is begun: what changes something, or every operation. */
  readonly announced: 'changes' | 'operations';
  readonly securityDomain: SecurityDomainService;
  readonly backups: BackupService;
  readonly epoch: EpochService;
  readonly domainRecovery: DomainRecoveryService;
  readonly tokens: TokenService;
  /** Whether a client has to show a certificate. */
  readonly requiresCertificate: boolean;
  readonly hosts: Hosts;
  readonly headers: ResponseHeaders;
  readonly log: Logger;
  /** The server is about to stop: connections end with their next answer. */
  readonly draining: () => boolean;
}

/** A step looks at the exchange and throws, or adds to it. A promise only where there is something to wait for. */
export type Step = (exchange: Exchange, parts: Parts) => void | Promise<void>;

/** What happens to a request, in this order. What one step throws, `refuse` answers, and the steps behind it do not happen. */
const PIPELINE: readonly Step[] = [
  openAudit,
  requireCertificate,
  challenge,
  firewall,
  authenticate,
  matchRoute,
  authorize,
  refuseDuringRestore,
  requireActive,
  parseBody,
  announceAudit,
  perform,
  commitAudit,
  respond,
];

/** Never rejects. */
export async function runPipeline(exchange: Exchange, parts: Parts): Promise<void> {
  try {
    for (const step of PIPELINE) {
      const pending = step(exchange, parts);
      if (pending !== undefined) await pending;
    }
  } catch (error) {
    refuse(exchange, await commitRefusal(exchange, error, parts), parts);
  }
}
