import { text } from 'node:stream/consumers';
import { ConfigurationError } from '../config/configuration_error.ts';

const END_OF_LINE = /\r?\n$/;

/** A secret from standard input, never from an argument, which everybody on the machine can see. From a terminal it is not shown. */
export async function readSecret(prompt: string): Promise<string> {
  const { stdin } = process;
  const secret = stdin.isTTY ? await ask(prompt) : (await text(stdin)).replace(END_OF_LINE, '');
  if (secret !== '') return secret;
  throw new ConfigurationError([{ path: 'standard input', message: 'Expected a password, received nothing.' }]);
}

function ask(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true).setEncoding('utf8').resume();
  return new Promise((resolve) => {
    let typed = '';
    const onKeys = (keys: string): void => {
      for (const key of keys) {
        if (key === '\u0003') process.exit(130);
        if (key === '\r' || key === '\n') {
          stdin.off('data', onKeys).setRawMode(false).pause();
          stderr.write('\n');
          resolve(typed);
          return;
        }
        typed = key === '\u007f' ? typed.slice(0, -1) : typed + key;
      }
    };
    stdin.on('data', onKeys);
  });
}
