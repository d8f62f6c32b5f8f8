import type { Command } from '../protocol.ts';
import { measureClosedLoop, measureClosedLoopSync } from './closed_loop.ts';
import type { Contender } from './contender.ts';
import { measureOpenLoop } from './open_loop.ts';
import { serveCommands } from './serve_commands.ts';

/** Answers the coordinator's commands until it says `close` or goes away. */
export function serveContender<Setup>(contender: Contender<Setup>): Promise<void> {
  return serveCommands((command: Command<Setup>) => obey(contender, command));
}

async function obey<Setup>(contender: Contender<Setup>, command: Command<Setup>): Promise<unknown> {
  switch (command.command) {
    case 'open':
      return (await contender.open(command)) ?? { opened: true };
    case 'measure':
      return contender.style === 'async'
        ? await measureClosedLoop(contender.perform(command.operation), command)
        : await measureClosedLoopSync(contender.perform(command.operation), command);
    case 'openLoop':
      return await measureOpenLoop(contender, command);
    case 'lanes':
      return contender.style === 'async' ? contender.lanes?.() : undefined;
    case 'close':
      await contender.close();
      return { closed: true };
  }
}
