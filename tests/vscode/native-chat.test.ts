// Godoty's models in VS Code's own chat, and for another extension that asks `vscode.lm`, in a real VS Code. The upstream
// is one that calls tools. Each step builds on the one before it.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';

import { LmClient } from './harness/lmClient.ts';
import type { Ask, AskMessage } from './harness/lmClient.ts';
import { formatUsd } from './harness/money.ts';
import { begin, end, startUpstream, toolCall } from './harness/toolUpstream.ts';
import type { Upstream } from './harness/toolUpstream.ts';
import { steps } from './harness/steps.ts';
import type { Workbench } from './harness/workbench.ts';
import { startWorld } from './harness/world.ts';
import type { ExtensionHost, World } from './harness/world.ts';

const email = 'native@example.org';
const password = 'correct horse battery staple';
const model = 'gpt-4o-mini';
/** 100 tokens in at $0.15 and 10 out at $0.60 per million: what each complete answer of the upstream costs. */
const picoUsd = 100n * 150_000n + 10n * 600_000n;
const tools = [{ name: 'read', description: 'Reads a file.', inputSchema: { type: 'object', properties: {} } }];
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let upstream: Upstream;
let world: World;
let workbench: Workbench;
let client: LmClient;
/** What the complete answers of this window have cost so far. */
let spent = 0n;

afterAll(close);

// The last of these windows is the one of the tests that follow them.
describe.each<ExtensionHost>(['worker', 'node'])('another extension, %s host', (host) => {
  const step = steps(() => [workbench]);

  beforeAll(async () => {
    await close();
    spent = 0n;
    upstream = await startUpstream([model, 'llama3.2']);
    client = await LmClient.listen();
    world = await startWorld({
      host,
      stack: { models: { kind: 'upstream', url: upstream.url, key: undefined } },
      companions: ['lm-client'],
      settings: client.settings,
    });
    workbench = world.workbench;
    writeFileSync(path.join(world.folder, 'notes.txt'), 'Buy milk.');
  });

  step('finds no models while nobody is signed in, and nobody is asked anything', async () => {
    expect(await client.models()).toEqual([]);
    expect(await workbench.asksSomething()).toBe(false);
  });

  step('hears that the models changed when somebody signs in, and finds them with their limits', async () => {
    const before = await client.changes();
    await workbench.runCommand('Godoty: Sign In');
    await workbench.pick('Create account');
    await workbench.answer(/e-mail address/, email);
    await workbench.answer(/Choose a password/, password);
    await workbench.statusBarItem.waitFor();
    await expect.poll(() => client.changes(), { timeout: 40_000 }).toBeGreaterThan(before);
    expect(await client.models()).toEqual([
      expect.objectContaining({ id: model, name: model, family: model, version: 'latest', maxInputTokens: 128_000 }),
      expect.objectContaining({ id: 'llama3.2', maxInputTokens: 32_768 }),
    ]);
  });

  step('gets an estimate of tokens, for a special token as well', async () => {
    const [first] = await client.models();
    expect(first).toMatchObject({ tokens: 5, messageTokens: 5 });
  });

  step('gets an answer, piece by piece, with its tokens, and the status bar shows what it cost', async () => {
    upstream.answer((_, response) => end(begin(response, { content: 'Hel' }, { content: 'lo' }), 'stop'));
    const { parts, error } = await client.ask(saying('Hi'));
    expect(error).toBeUndefined();
    expect(texts(parts)).toBe('Hello');
    const usage = parts.find(({ data }) => data === 'usage');
    expect(JSON.parse(String(usage?.['text']))).toMatchObject({
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 110,
    });
    await costs(picoUsd);
  });

  step('sends images, tools, their calls and their results as the server takes them', async () => {
    upstream.answer((_, response) => end(begin(response, { content: 'ok' }), 'stop'));
    const messages: AskMessage[] = [
      { role: 'user', parts: [{ text: 'Look: ' }, { image: dot, mimeType: 'image/png' }] },
      { role: 'assistant', parts: [{ text: 'I read.' }, { callId: 'c1', tool: 'read', input: { path: 'a' } }] },
      { role: 'user', parts: [{ callId: 'c1', result: 'nothing' }, { text: 'Go on.' }] },
    ];
    const { error } = await client.ask({ model, messages, tools, required: true });
    expect(error).toBeUndefined();
    expect(upstream.requests.at(-1)).toMatchObject({
      model,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look: ' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${dot}` } },
          ],
        },
        {
          role: 'assistant',
          content: 'I read.',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'read', arguments: '{"path":"a"}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'nothing' },
        { role: 'user', content: 'Go on.' },
      ],
      tools: [{ type: 'function', function: { name: 'read', description: 'Reads a file.' } }],
      tool_choice: 'required',
    });
    await costs(picoUsd);
  });

  step('gets the calls of tools with their arguments read, and the reasoning', async () => {
    upstream.answer((_, response) => {
      const deltas = [
        { reasoning_content: 'hm' },
        toolCall(0, 'c1', 'read', '{"pa'),
        { tool_calls: [{ index: 0, function: { arguments: 'th":"a"}' } }] },
        toolCall(1, 'c2', 'read', ''),
      ];
      end(begin(response, ...deltas), 'tool_calls');
    });
    const { parts, error } = await client.ask({ ...saying('Read.'), tools });
    expect(error).toBeUndefined();
    expect(parts.filter(({ tool }) => tool !== undefined)).toEqual([
      { callId: 'c1', tool: 'read', input: { path: 'a' } },
      { callId: 'c2', tool: 'read', input: {} },
    ]);
    expect(parts).toContainEqual({ reasoning: 'hm' });
    await costs(picoUsd);
  });

  step('is told which tool a model called with arguments that can’t be read', async () => {
    upstream.answer((_, response) => end(begin(response, toolCall(0, 'c1', 'read', '{"path":')), 'tool_calls'));
    const { parts, error } = await client.ask({ ...saying('Read.'), tools });
    expect(parts.filter(({ tool }) => tool !== undefined)).toEqual([]);
    expect(error).toMatchObject({ name: 'LanguageModelError', message: expect.stringContaining('“read”') as unknown });
    await costs(picoUsd);
  });

  step('gets what had come of an answer that was cut off, and an error, never a success', async () => {
    let cut = (): void => undefined;
    upstream.answer((_, response) => {
      begin(response, { content: 'Hel' });
      cut = () => response.end();
    });
    const answer = client.ask(saying('Hi'));
    await expect.poll(() => client.parts(), { timeout: 40_000 }).toEqual([{ text: 'Hel' }]);
    cut();
    const { parts, error } = await answer;
    expect(texts(parts)).toBe('Hel');
    expect(error).toMatchObject({
      name: 'LanguageModelError',
      message: expect.stringContaining('incomplete') as unknown,
    });
  });

  step('gets the server’s refusal in words with a next step', async () => {
    upstream.answer((_, response) =>
      response.writeHead(400).end(JSON.stringify({ error: { message: 'no such thing' } })),
    );
    const { error } = await client.ask(saying('Hi'));
    expect(error).toMatchObject({
      name: 'LanguageModelError',
      message: expect.stringMatching(/refused the request.*no such thing.*Godoty: Show Log/) as unknown,
    });
  });

  step('cancels, and the server sees the end of the request', async () => {
    const before = upstream.left();
    upstream.answer((_, response) => void begin(response, { content: '1' }, { content: '2' }));
    const { parts, error } = await client.ask({ ...saying('Count.'), cancelAfterParts: 1 });
    expect(texts(parts)).toMatch(/^1/);
    expect(error?.name).toBe('Canceled');
    await expect.poll(() => upstream.left(), { timeout: 40_000 }).toBe(before + 1);
  });
});

describe('VS Code’s own chat', () => {
  const step = steps(() => [workbench]);

  step('offers the models with their prices', async () => {
    const { page } = workbench;
    await workbench.runCommand('Chat: Manage Language Models');
    await page.locator('.monaco-table .monaco-list-row').filter({ hasText: model }).waitFor();
    await workbench.picture('native-models');
    await page.keyboard.press('Escape');
    await workbench.runCommand('Chat: Open Chat');
    await picker().click();
    await page.getByText('$0.15 in, $0.60 out / 1M').waitFor();
    await workbench.picture('native-picker');
    await page.keyboard.press('Escape');
    expect(await picker().innerText()).toBe(model);
    // The extension that runs VS Code's chat says this when it is up and has found the models. Until then VS Code would
    // ask for an account of GitHub.
    await page.getByText('Set BYOK utility models', { exact: true }).waitFor();
  });

  step('has the model call a tool in agent mode, and shows its answer and the cost', async () => {
    // VS Code's own tools come with an extension of its own, which may still be starting: they are waited for.
    for (let asked = 0, ready = false; !ready; asked += 1) {
      expect(asked).toBeLessThan(10);
      const at = upstream.requests.length;
      upstream.answer((_, response) => {
        end(begin(response, { content: `Ready ${asked}.` }), 'stop');
      });
      await say('Are you there?');
      await answers()
        .filter({ hasText: `Ready ${asked}.` })
        .waitFor();
      await costs(picoUsd);
      ready = upstream.requests[at]?.tools?.some((tool) => tool.function.name === 'list_dir') ?? false;
    }
    const before = upstream.requests.length;
    upstream.answer((request, response) => {
      if (request.messages.at(-1)?.role === 'tool') {
        end(begin(response, { content: 'There is **one** file.' }), 'stop');
      } else {
        const call = toolCall(0, 'c1', 'list_dir', JSON.stringify({ path: world.folder }));
        end(begin(response, { content: 'I look.' }, call), 'tool_calls');
      }
    });
    await say('What is in this folder?');
    await answers().filter({ hasText: 'There is one file.' }).waitFor();
    await workbench.picture('native-agent');
    const [first, second] = upstream.requests.slice(before);
    expect(first?.tools?.map((tool) => tool.function.name)).toContain('list_dir');
    // The tool has really looked.
    expect(second?.messages.at(-1)).toMatchObject({
      role: 'tool',
      tool_call_id: expect.stringMatching(/^c1/) as unknown,
      content: expect.stringContaining('notes.txt') as unknown,
    });
    await costs(2n * picoUsd);
  });

  step('keeps what had come of an answer that was cut off, and says so', async () => {
    let cut = (): void => undefined;
    upstream.answer((_, response) => {
      begin(response, { content: 'The first half' });
      cut = () => response.end();
    });
    await say('Tell me more.');
    // While an answer comes, VS Code keeps its last word back.
    const answer = answers().filter({ hasText: 'The first' });
    await answer.waitFor();
    cut();
    await answer.getByText(/The answer is incomplete: the connection ended in the middle of it/).waitFor();
    await workbench.picture('native-cut-off');
    expect(await answer.innerText()).toContain('The first half');
  });

  step('loses the models when somebody signs out, which can be done where models are managed', async () => {
    const before = await client.changes();
    await workbench.runCommand('Godoty: Manage Models');
    await workbench.pick('Sign Out');
    await workbench.statusBarItem.waitFor({ state: 'hidden' });
    await expect.poll(() => client.changes(), { timeout: 40_000 }).toBeGreaterThan(before);
    expect(await client.models()).toEqual([]);
  });
});

/** Closes what there is of the window and what belongs to it. */
async function close(): Promise<void> {
  await (world as World | undefined)?.close();
  await (client as LmClient | undefined)?.close();
  await (upstream as Upstream | undefined)?.close();
}

function saying(text: string): Ask {
  return { model, messages: [{ role: 'user', parts: [{ text }] }] };
}

function picker(): Locator {
  return workbench.page.locator('.model-picker-name');
}

function answers(): Locator {
  return workbench.page.locator('.interactive-response');
}

async function say(text: string): Promise<void> {
  await workbench.page.locator('.interactive-input-editor .monaco-editor').click();
  await workbench.page.keyboard.type(text);
  await workbench.page.keyboard.press('Enter');
}

function texts(parts: readonly Readonly<Record<string, unknown>>[]): string {
  return parts.flatMap(({ data, text }) => (data === undefined && typeof text === 'string' ? [text] : [])).join('');
}

/** Waits for the status bar to show that so much more was spent. */
async function costs(more: bigint): Promise<void> {
  spent += more;
  const shown = formatUsd(spent).replace(/[$.]/g, '\\$&');
  const text = async (): Promise<string> => (await workbench.statusBarItem.innerText()).trim();
  await expect.poll(text, { timeout: 40_000 }).toMatch(new RegExp(`(^|\\s)${shown}$`));
}
