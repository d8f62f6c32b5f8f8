import { createHash, X509Certificate } from 'node:crypto';
import { compactVerify } from 'jose';
import { type Finding, good } from './finding.ts';

type Members = Readonly<Record<string, unknown>>;

/** What is known of an attestation so far; a check adds what it finds. */
interface Examination {
  readonly findings: Finding[];
  /** Of the answer, where the bundle is all of it. */
  readonly key: Members | undefined;
  readonly attestation: Members;
}

const ATTESTATION_TYPE = 'key-attestation+jws';
const ATTESTATION_VERSION = 'strongroom-1.0';

/** Checks one after the other what docs/attestation.md says of an attestation. */
export async function checkAttestation(bundle: string, root: string | undefined): Promise<readonly Finding[]> {
  const examination = read(bundle);
  if (examination === undefined)
    return [wrong('bundle', 'is neither the answer of the service nor an attestation in it')];
  const { findings, attestation, key } = examination;
  const certificate = checkCertificate(examination, root);
  if (certificate === undefined) return findings;
  if (attestation.version !== ATTESTATION_VERSION) {
    findings.push(wrong('version', `${String(attestation.version)} is not ${ATTESTATION_VERSION}`));
  }
  const secret = await checkStatement(examination, 'privateKeyAttestation', certificate);
  if (secret !== undefined) tellCustody(findings, secret);
  const isSymmetric = secret?.part === 'secret';
  if (attestation.publicKeyAttestation !== undefined) {
    const shown = await checkStatement(examination, 'publicKeyAttestation', certificate);
    if (secret !== undefined && shown !== undefined) checkPublicKey(findings, secret, shown, key);
  } else if (!isSymmetric) findings.push(wrong('public key', 'has no statement of its own'));
  if (secret !== undefined) checkIdentifier(findings, secret, key);
  return findings;
}

const wrong = (subject: string, text: string): Finding => ({ subject, verdict: 'bad', text });

function read(bundle: string): Examination | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bundle);
  } catch {
    return undefined;
  }
  const attributes = membersOf(membersOf(value)?.attributes);
  const attestation = membersOf(attributes?.attestation) ?? membersOf(value);
  if (typeof attestation?.privateKeyAttestation !== 'string') return undefined;
  return { findings: [], attestation, key: membersOf(membersOf(value)?.key) };
}

function membersOf(value: unknown): Members | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
}

function checkCertificate(
  { findings, attestation }: Examination,
  root: string | undefined,
): X509Certificate | undefined {
  const certificate = readCertificate(
    Buffer.from(String(attestation.certificatePemFile), 'base64url').toString('utf8'),
  );
  if (certificate === undefined || !certificate.verify(certificate.publicKey)) {
    findings.push(wrong('certificate', 'is none that is signed by its own key'));
    return undefined;
  }
  const subject = certificate.subject.replace(/^CN=/, '');
  if (root === undefined) {
    findings.push({
      subject: 'certificate',
      verdict: 'doubtful',
      text: `of "${subject}" was not compared with one that is trusted (--root): SHA-256 ${certificate.fingerprint256}`,
    });
    return certificate;
  }
  const trusted = readCertificate(root);
  const same = trusted !== undefined && spkiOf(trusted).equals(spkiOf(certificate));
  findings.push(
    same
      ? good('certificate', `of "${subject}" is over the key of the one that is trusted`)
      : wrong('certificate', `of "${subject}" is over another key than the one that is trusted`),
  );
  return certificate;
}

function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

const spkiOf = ({ publicKey }: X509Certificate): Buffer => publicKey.export({ type: 'spki', format: 'der' });

async function checkStatement(
  { findings, attestation }: Examination,
  member: 'privateKeyAttestation' | 'publicKeyAttestation',
  certificate: X509Certificate,
): Promise<Members | undefined> {
  const subject = member.replace('KeyAttestation', ' key');
  const jws = Buffer.from(String(attestation[member]), 'base64url').toString('ascii');
  try {
    const { payload, protectedHeader } = await compactVerify(jws, certificate.publicKey, { algorithms: ['ES256'] });
    const statement = membersOf(JSON.parse(Buffer.from(payload).toString('utf8')));
    const isPublic = statement?.part === 'public';
    if (
      statement === undefined ||
      protectedHeader.typ !== ATTESTATION_TYPE ||
      statement.attestation !== ATTESTATION_VERSION ||
      isPublic !== (member === 'publicKeyAttestation')
    ) {
      findings.push(wrong(subject, 'is stated in something that is no such statement'));
      return undefined;
    }
    const issued = new Date(Number(statement.issued) * 1000).toISOString();
    findings.push(good(subject, `statement of ${issued} has the signature of the certificate's key`));
    return statement;
  } catch {
    findings.push(wrong(subject, "statement has not the signature of the certificate's key"));
    return undefined;
  }
}

/** No check, but what the checks are made for. */
function tellCustody(findings: Finding[], { custody, object, token }: Members): void {
  const flags = membersOf(object) ?? {};
  const told = Object.entries(flags).map(([name, value]) => (value === true ? name : `not ${name}`));
  const where = custody === 'resident' ? 'an object of the token' : 'kept wrapped under a key of the token';
  findings.push(good('custody', `${where} "${String(membersOf(token)?.label)}"; in use: ${told.join(', ')}`));
}

function checkPublicKey(findings: Finding[], secret: Members, shown: Members, key: Members | undefined): void {
  const stated = membersOf(secret.key);
  const jwk = membersOf(shown.jwk) ?? {};
  if (JSON.stringify(stated) !== JSON.stringify(shown.key)) {
    findings.push(wrong('public key', 'is stated of another key than the private one'));
    return;
  }
  const canonical = JSON.stringify(Object.fromEntries(Object.entries(jwk).sort(([a], [b]) => (a < b ? -1 : 1))));
  const thumbprint = createHash('sha256').update(canonical).digest('base64url');
  const isStated = thumbprint === stated?.thumbprint;
  findings.push(
    isStated
      ? good('public key', `has the thumbprint of the statements, ${thumbprint}`)
      : wrong('public key', 'has another thumbprint than the statements'),
  );
  if (key === undefined) return;
  const shownToo = ['n', 'e', 'crv', 'x', 'y'].every((name) => key[name] === jwk[name]);
  findings.push(
    shownToo ? good('answer', 'shows the public key of the statements') : wrong('answer', 'shows another public key'),
  );
}

function checkIdentifier(findings: Finding[], secret: Members, key: Members | undefined): void {
  const stated = membersOf(secret.key);
  const path = `/keys/${String(stated?.name)}/${String(stated?.version)}`;
  if (key === undefined) findings.push(good('key', `the statements speak of ${path}`));
  else if (String(key.kid).endsWith(path)) findings.push(good('key', `the statements speak of ${String(key.kid)}`));
  else findings.push(wrong('key', `the statements speak of ${path}, the answer of ${String(key.kid)}`));
}
