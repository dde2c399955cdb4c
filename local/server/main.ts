// The embedded backend as a program. Exit codes: 0 stopped by a signal, 1 failed, 2 wrong usage, 3 a port is taken,
// 4 another stack runs on the data folder, 5 the data is of another version.
import { banner, readyLine } from './banner.ts';
import { DataFolderInUse } from './db/pglite.ts';
import { DatabaseOfOtherVersion } from './db/migrate.ts';
import { PortInUse } from './listener.ts';
import { readCommand, USAGE, UsageError } from './options.ts';
import { startLocalStack } from './start.ts';

async function run(): Promise<void> {
  const command = readCommand(process.argv.slice(2), process.env);
  if (command.kind === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const stack = await startLocalStack(command.options);
  const stop = stopOnSignal(() => stack.close());
  // From the process's very beginning, so that loading the program counts too.
  const bootMs = Math.round(process.uptime() * 1000);
  process.stdout.write(
    command.jsonReady ? `${readyLine(stack, command.options, bootMs)}\n` : banner(stack, command.options, bootMs),
  );
  await stop;
}

/** Resolves when a signal came and everything is closed. */
function stopOnSignal(close: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      close().then(resolve, reject);
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
  });
}

function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) {
    return 2;
  }
  if (error instanceof PortInUse) {
    return 3;
  }
  if (error instanceof DataFolderInUse) {
    return 4;
  }
  return error instanceof DatabaseOfOtherVersion ? 5 : 1;
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`godoty local stack: ${error instanceof Error ? error.message : 'failed'}\n`);
    process.exit(exitCodeFor(error));
  },
);
