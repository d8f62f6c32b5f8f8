import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { productVersion } from '../../config/product_version.ts';
import { requireNativeCore } from '../../main.ts';
import { bad, doubtful, type Finding, good } from './finding.ts';

const NODE_MAJOR = 24;
/** The first SQLite without a known way to corrupt a database in WAL mode. */
const SQLITE = '3.51.3';

/** What this runs on and what it is made of. */
export async function checkVersions(): Promise<Finding[]> {
  return [
    good('versions', `Strongroom ${productVersion()}`),
    checkNode(),
    checkSqlite(),
    await checkSoftHsm(),
    checkNative(),
  ];
}

function checkNode(): Finding {
  const { node } = process.versions;
  if (Number(node.split('.')[0]) >= NODE_MAJOR) return good('versions', `Node ${node}`);
  return bad(
    'versions',
    `Node ${node} is too old`,
    `Use Node ${NODE_MAJOR} or newer (./scripts/start brings its own).`,
  );
}

function checkSqlite(): Finding {
  const { sqlite = '0' } = process.versions;
  if (sqlite.localeCompare(SQLITE, undefined, { numeric: true }) >= 0) return good('versions', `SQLite ${sqlite}`);
  return bad('versions', `SQLite ${sqlite} is too old`, `Use a Node with SQLite ${SQLITE} or newer in it.`);
}

async function checkSoftHsm(): Promise<Finding> {
  try {
    const { stdout } = await promisify(execFile)('softhsm2-util', ['--version']);
    return good('versions', `SoftHSM ${stdout.trim()}`);
  } catch {
    return doubtful(
      'versions',
      'SoftHSM is not installed',
      'Nothing with another PKCS#11 module; else: apt install softhsm2',
    );
  }
}

function checkNative(): Finding {
  try {
    requireNativeCore();
    return good('versions', `native core for Node-API ${process.versions.napi}`);
  } catch (error) {
    const [reason = ''] = error instanceof Error && error.cause instanceof Error ? error.cause.message.split('\n') : [];
    return bad('versions', `the native core does not load (${reason})`, 'Build it: ./scripts/start');
  }
}
