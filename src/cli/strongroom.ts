#!/usr/bin/env node
import { Command } from 'commander';
import type { SettingOptions } from './read_settings.ts';
import { reportFailure } from './report_failure.ts';

/** A verb gives the exit code. Its file is loaded when it is asked for: most need little of the program. */
type Verb = (options: SettingOptions) => number | Promise<number>;

const program = new Command('strongroom').description('A Managed HSM over any PKCS#11 device.').showHelpAfterError();

function verb(name: string, description: string, load: () => Promise<Verb>): Command {
  return program
    .command(name)
    .description(description)
    .action(async (options: SettingOptions) => {
      try {
        process.exitCode = await (await load())(options);
      } catch (error) {
        process.exit(reportFailure(error));
      }
    });
}

function withSettings(command: Command): Command {
  return command
    .option('--config <file>', 'settings as JSON')
    .option('--data-dir <dir>', 'where everything is kept')
    .option('--listen <host:port>', 'addresses to listen on, several with commas')
    .option('--domain <domain>', 'the HSM is served at https://NAME.DOMAIN')
    .option('--hsm <name>', 'name of the HSM');
}

withSettings(verb('start', 'serve the HSM', async () => (await import('./start.ts')).start));
withSettings(verb('env', 'print what clients need in their environment', async () => (await import('./env.ts')).env));
withSettings(
  verb(
    'doctor',
    'look for what keeps the server or its clients from working',
    async () => (await import('./doctor.ts')).doctor,
  ),
);
verb('version', 'print the version', async () => (await import('./version.ts')).version);

await program.parseAsync();
