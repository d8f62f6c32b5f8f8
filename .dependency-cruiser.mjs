/**
 * Who may import whom (src/README.md, "Rooms"). Everything that a room's row does not name is forbidden, so a new
 * room starts with no rights at all.
 */
const ROOMS = {
  model: [],
  config: ['model'],
  pkcs11: ['model'],
  store: ['model'],
  audit: ['model'],
  openid: ['model'],
  identity: ['model', 'openid', 'store/sealed_documents.ts', 'store/store_refusal.ts'],
  attestation: ['model', 'openid'],
  security_domain: ['model'],
  pool: ['model', 'pkcs11', 'security_domain'],
  access: ['model', 'store/sealed_documents.ts', 'store/store_refusal.ts'],
  engine: [
    'model',
    'pkcs11',
    'pool',
    'store/store.ts',
    'store/record_seal.ts',
    'store/sealed_documents.ts',
    'store/store_refusal.ts',
  ],
  backup: [
    'model',
    'config/private_file.ts',
    'engine/lifecycle/backup_payload.ts',
    'store/passage.ts',
    'store/store.ts',
    'store/record_seal.ts',
    'store/sealed_documents.ts',
    'store/store_refusal.ts',
  ],
  server: ['model', 'engine', 'identity', 'access', 'audit', 'security_domain', 'backup'],
  start: [
    'config',
    'model',
    'pkcs11',
    'store',
    'audit',
    'identity',
    'attestation',
    'security_domain',
    'pool',
    'access',
    'engine',
    'backup',
    'server',
  ],
  cli: [
    'config',
    'model',
    'audit',
    'access/firewall.ts',
    'access/address_set.ts',
    'access/connection_origin.ts',
    'access/network_rules.ts',
    'access/network_rules_file.ts',
    'identity/embedded',
    'security_domain',
    'start/inspect_tokens.ts',
    'start/security_domain_ceremony.ts',
    'main.ts',
  ],
};

const escaped = (path) => path.replaceAll('.', '\\.');
const place = (path) => (path.endsWith('.ts') ? `${escaped(path)}$` : `${path}/`);

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `${room}-imports`,
  comment: `src/${room} may import ${allowed.length === 0 ? 'nothing of src/' : allowed.join(', ')}.`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [room, ...allowed].map((path) => `^src/${place(path)}`) },
}));

export default {
  forbidden: [
    ...roomRules,
    {
      name: 'every-room-has-a-rule',
      comment: 'A folder of src/ that the table above does not know.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: Object.keys(ROOMS).map((room) => `^src/${room}/`) },
      to: {},
    },
    {
      name: 'no-circular',
      comment: 'Types may point back (a step to the pipeline that runs it): such imports are gone when the code runs.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-packages-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-unknown', 'npm-no-pkg', 'npm-peer'] },
    },
    {
      name: 'src-stands-alone',
      comment: 'What ships does not import tests, benchmarks or scripts.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'model-is-pure',
      comment: 'The words: no I/O, no clock, no randomness, no packages.',
      severity: 'error',
      from: { path: '^src/model/' },
      to: { pathNot: '^src/model/' },
    },
    {
      name: 'only-main-names-concrete-stores',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/main\\.ts$', '^src/index\\.ts$', '^src/store/'] },
      to: {
        path: '^src/store/',
        pathNot: '^src/store/(store|passage|record_seal|sealed_documents|store_refusal)\\.ts$',
      },
    },
    {
      name: 'only-main-puts-the-parts-together',
      comment: 'start/ belongs to the composition root: it knows every room, so no room may know it.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/main\\.ts$', '^src/start/', '^src/cli/'] },
      to: { path: '^src/start/' },
    },
    {
      name: 'only-provisioning-uses-graphene',
      comment:
        'Two users of one PKCS#11 library in a process share its state: the serving process never loads it this way.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/pkcs11/provisioning[^/]*\\.ts$' },
      to: { path: 'node_modules/(graphene-pk11|pkcs11js)/' },
    },
    {
      name: 'only-binding-loads-native-code',
      comment: 'The .node file enters through one door, and createRequire is the handle of that door.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/pkcs11/binding\\.ts$' },
      to: { path: ['\\.node$', '^(node:)?module$'] },
    },
    {
      name: 'only-wire-knows-json-shapes',
      comment: "Azure's JSON is read and written in server/wire/ alone; other rooms cannot even name it.",
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/server/' },
      to: { path: '^src/server/wire/' },
    },
    {
      name: 'engine-knows-no-http',
      severity: 'error',
      from: { path: '^src/(engine|pool|store|pkcs11|model)/' },
      to: { path: ['^(node:)?(http|https|http2)$', 'node_modules/fastify/'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build|docs|coverage)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
