import { createInterface } from 'node:readline';

/** Answers commands, one JSON object per line each way, until one says `close` or whoever sends them goes away. */
export async function serveCommands<Command extends { readonly command: string }>(
  obey: (command: Command) => Promise<unknown>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as Command;
    const answer = await obey(command).catch(failure);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
    if (command.command === 'close') break;
  }
  process.exit(0);
}

/** With its causes: the message of a StrongroomError says little on purpose. */
function failure(error: unknown): { error: string } {
  const texts: string[] = [];
  for (let each: unknown = error; each !== undefined; each = each instanceof Error ? each.cause : undefined) {
    texts.push(each instanceof Error ? (each.stack ?? each.message) : String(each));
  }
  return { error: texts.join('\ncaused by: ') };
}
