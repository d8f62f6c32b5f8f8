import { ConfigurationError } from '../config/configuration_error.ts';

/** Exit codes of sysexits.h: what started us can tell a wrong setting, which will not go away, from something that may. */
const EX_CONFIG = 78;
const EX_UNAVAILABLE = 69;
const EX_SOFTWARE = 70;
const REFUSED = 1;

const SYSTEM_MESSAGES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: stop it, or listen elsewhere with --listen',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EACCES: 'may not be listened on: ports below 1024 need the right to',
};

/** Says on standard error what went wrong, and gives the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof ConfigurationError) {
    console.error('The configuration will not do:');
    for (const { path, message } of error.problems) console.error(`  ${path}: ${message}`);
    return EX_CONFIG;
  }
  if (error instanceof Error && error.name === 'ServiceRefusal') {
    console.error(error.message);
    return REFUSED;
  }
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const hint = SYSTEM_MESSAGES[code ?? ''];
  if (hint !== undefined && port !== undefined) {
    console.error(`${address}:${port} ${hint}.`);
    return EX_UNAVAILABLE;
  }
  if (error instanceof Error && error.name === 'StrongroomError') {
    console.error(error.message);
    if (error.cause instanceof Error) console.error(`  because: ${error.cause.message}`);
    return EX_UNAVAILABLE;
  }
  console.error(error);
  return EX_SOFTWARE;
}
