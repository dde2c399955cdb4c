import type { LocalStack, LocalStackOptions } from './start.ts';

/** What a person is told when the stack is up; says plainly what is an emulator and what is real. */
export function banner(stack: LocalStack, options: LocalStackOptions, bootMs: number): string {
  const realProxy = options.models?.kind === 'litellm';
  return `
Godoty's local stack is up, ${(bootMs / 1000).toFixed(1)} s after its start. It answers to this machine only.

  Supabase side     ${stack.supabaseUrl}
  publishable key   ${stack.publishableKey}
  model endpoint    ${stack.litellmUrl}
  data              ${dataText(options)}

  Real:      the database (${stack.db.description}) with the project's own migrations and row level
             security; the project's own edge functions; token signing (ES256), rotation and expiry${realProxy ? ';\n             the LiteLLM proxy' : ''}
  Emulated:  Supabase Auth (mails go to ${stack.supabaseUrl}/_inbox; GitHub and Google are stand-ins), PostgREST's
             function calls${realProxy ? '' : ', and LiteLLM with its virtual keys'}
  Answers:   ${stack.modelDescription}

Ctrl-C stops it.
`;
}

/** The one line for programs. */
export function readyLine(stack: LocalStack, options: LocalStackOptions, bootMs: number): string {
  return JSON.stringify({
    event: 'ready',
    supabaseUrl: stack.supabaseUrl,
    publishableKey: stack.publishableKey,
    litellmUrl: stack.litellmUrl,
    dataDir: options.data?.kind === 'folder' ? options.data.path : null,
    models: stack.models,
    bootMs,
  });
}

function dataText(options: LocalStackOptions): string {
  switch (options.data?.kind) {
    case 'folder':
      return options.data.path;
    case 'server':
      return 'the server of DATABASE_URL';
    case 'memory':
    case undefined:
      return 'in memory, gone when it stops';
  }
}
