import { beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  CancellationToken,
  LanguageModelChatRequestMessage,
  ProvideLanguageModelChatResponseOptions,
} from 'vscode';

import type {
  ChatAnswer,
  ChatCall,
  ChatOptions,
  ChatPiece,
  ErrorCode,
  ErrorDetail,
  ModelInfo,
} from '../../../crate/wasm/pkg/godoty_core.js';
import type { AccountService, AccountState } from '../../../extension/src/account.ts';
import { manageModels } from '../../../extension/src/lm/manageModels.ts';
import { GodotyModelProvider } from '../../../extension/src/lm/provider.ts';
import type { Settings } from '../../../extension/src/settings.ts';
import { EventEmitter, host } from '../shell/vscode.ts';
import {
  CancellationError,
  LanguageModelChatMessageRole,
  LanguageModelChatToolMode,
  LanguageModelDataPart,
  LanguageModelError,
  LanguageModelTextPart,
  LanguageModelThinkingPart,
  LanguageModelToolCallPart,
  hostKnowsThinking,
} from './vscodeParts.ts';

const USER = { kind: 'signedIn', account: { sessionId: 's', userId: 'u1', email: 'u1@example.org' } } as const;
const MODEL = {
  id: 'm',
  name: 'm',
  family: 'm',
  version: 'latest',
  maxInputTokens: 1,
  maxOutputTokens: 1,
  capabilities: {},
};
const NO_TOKEN = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose: () => undefined }) };
const SETTINGS: Settings = {
  backend: { supabaseUrl: '', supabaseKey: '', litellmUrl: '' },
  autoSignIn: true,
  showCostEstimates: true,
  defaultModel: 'm',
  network: { timeoutSeconds: 7, maxRetries: 2 },
};
const COST = { text: '–', source: 'unknown' } as const;
const TOKENS = {
  promptTokens: 11,
  completionTokens: 5,
  totalTokens: 16,
  cachedTokens: 4,
  cacheWriteTokens: 0,
  reasoningTokens: 2,
};

type Chat = (
  callId: string,
  call: ChatCall,
  options: ChatOptions,
  onPiece: (piece: ChatPiece) => void,
  signal: AbortSignal,
) => Promise<ChatAnswer>;

let state: AccountState;
let stored: AccountState;
let stateChanged: EventEmitter<AccountState>;
let modelsChanged: EventEmitter<void>;
let models: () => Promise<readonly ModelInfo[]>;
let chat: Chat;
let loads: number;
let restores: number;
let log: string[];
let waited: number[];
const signIn = vi.fn(() => Promise.resolve());

function fault(code: ErrorCode): Error & { readonly detail: ErrorDetail } {
  return Object.assign(new Error(code), { name: 'GodotyError', detail: { code, retryable: false } });
}

function become(next: AccountState): void {
  state = next;
  stateChanged.fire(next);
}

function accountService(): AccountService {
  const account = {
    get state() {
      return state;
    },
    restore: () => {
      restores += 1;
      state = stored;
      return Promise.resolve();
    },
    client: () => {
      loads += 1;
      return Promise.resolve({ models: () => models(), chat });
    },
    onDidChangeState: stateChanged.event,
  };
  return account as unknown as AccountService;
}

function provider(): GodotyModelProvider {
  const account = accountService();
  return new GodotyModelProvider({
    account,
    models: {
      read: async () => (await (await account.client()).models()).filter(({ chat }) => chat),
      onDidChange: modelsChanged.event,
    },
    settings: () => SETTINGS,
    signIn,
    newId: () => 'id-1',
    schedule: (run, milliseconds) => {
      waited.push(milliseconds);
      run();
    },
    report: (what) => log.push(what),
    note: (line) => log.push(line),
  });
}

const listed = async (silent: boolean): Promise<string[]> =>
  (await provider().provideLanguageModelChatInformation({ silent }, NO_TOKEN)).map(({ id }) => id);

const message = (content: readonly unknown[]): LanguageModelChatRequestMessage => ({
  role: LanguageModelChatMessageRole.User,
  content,
  name: undefined,
});
const QUESTION = message([new LanguageModelTextPart('hi')]);

/** Asks, and gives the parts that were reported. */
async function ask(
  options: Partial<ProvideLanguageModelChatResponseOptions> = {},
  content: LanguageModelChatRequestMessage = QUESTION,
  token: CancellationToken = NO_TOKEN,
  of = provider(),
): Promise<{ parts: unknown[]; error: unknown }> {
  const parts: unknown[] = [];
  const error = await of
    .provideLanguageModelChatResponse(
      MODEL,
      [content],
      { toolMode: LanguageModelChatToolMode.Auto, ...options },
      { report: (part) => parts.push(part) },
      token,
    )
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  return { parts, error };
}

function ends(outcome: ChatAnswer['outcome'], more: Partial<ChatAnswer> = {}, ...pieces: readonly ChatPiece[]): Chat {
  return (_id, _call, _options, onPiece) => {
    pieces.forEach(onPiece);
    return Promise.resolve({ outcome, toolCalls: [], cost: COST, ...more });
  };
}

beforeEach(() => {
  host.reset();
  vi.clearAllMocks();
  hostKnowsThinking(true);
  state = USER;
  stored = USER;
  stateChanged = new EventEmitter();
  modelsChanged = new EventEmitter();
  models = () =>
    Promise.resolve([
      { id: 'm', chat: true },
      { id: 'embedding', chat: false },
    ]);
  chat = ends({ kind: 'done' });
  loads = 0;
  restores = 0;
  log = [];
  waited = [];
});

describe('VS Code asks for the models', () => {
  it('and gets those that can be chatted with', async () => {
    expect(await listed(true)).toEqual(['m']);
    expect(await listed(false)).toEqual(['m']);
    expect(signIn).not.toHaveBeenCalled();
  });

  it('silently, and nobody is asked anything and no core is loaded while nobody is signed in', async () => {
    state = { kind: 'signedOut' };
    expect(await listed(true)).toEqual([]);
    expect(signIn).not.toHaveBeenCalled();
    expect([loads, restores]).toEqual([0, 0]);
  });

  it('while the stored session is being read, and waits for it', async () => {
    state = { kind: 'restoring' };
    expect(await listed(true)).toEqual(['m']);
    state = { kind: 'restoring' };
    stored = { kind: 'signedOut' };
    expect(await listed(true)).toEqual([]);
    expect(loads).toBe(1);
  });

  it('aloud, and the user is asked to sign in', async () => {
    state = { kind: 'signedOut' };
    signIn.mockImplementationOnce(() => {
      state = USER;
      return Promise.resolve();
    });
    expect(await listed(false)).toEqual(['m']);
  });

  it('aloud, and gets none when the user leaves', async () => {
    state = { kind: 'signedOut' };
    expect(await listed(false)).toEqual([]);
    expect(signIn).toHaveBeenCalledOnce();
    expect(loads).toBe(0);
  });

  it('and hears of a failure only when it asked aloud; the log has it in both cases', async () => {
    models = () => Promise.reject(fault('TIMEOUT'));
    expect(await listed(true)).toEqual([]);
    expect(log).toHaveLength(1);
    await expect(listed(false)).rejects.toThrow(LanguageModelError);
    expect(log).toHaveLength(2);
  });

  it('again when somebody signs in or out, or the backend or its models change, and not otherwise', () => {
    state = { kind: 'restoring' };
    let told = 0;
    const of = provider();
    of.onDidChangeLanguageModelChatInformation(() => (told += 1));
    const steps: readonly [AccountState, number][] = [
      [{ kind: 'signedOut' }, 0],
      [USER, 1],
      [USER, 1],
      [{ kind: 'signedOut' }, 2],
      [USER, 3],
      [{ kind: 'restoring' }, 4],
      [USER, 5],
      [{ ...USER, account: { ...USER.account, userId: 'u2' } }, 6],
    ];
    for (const [next, expected] of steps) {
      become(next);
      expect(told).toBe(expected);
    }
    modelsChanged.fire();
    expect(told).toBe(7);
    of.dispose();
    become({ kind: 'signedOut' });
    modelsChanged.fire();
    expect(told).toBe(7);
  });
});

describe('VS Code asks a model', () => {
  it('and the core gets the call, with the settings and an id', async () => {
    const asked = vi.fn(chat);
    chat = asked;
    const tool = { name: 'read', description: 'Reads.', inputSchema: { type: 'object' } };
    await ask({ tools: [tool], toolMode: LanguageModelChatToolMode.Required, modelOptions: { temperature: 0.5 } });
    expect(asked).toHaveBeenCalledWith(
      'id-1',
      {
        model: 'm',
        messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
        tools: [{ name: 'read', description: 'Reads.', parameters: '{"type":"object"}' }],
        toolChoice: 'required',
        temperature: 0.5,
      },
      { firstByteMs: 7000, idleMs: 7000, maxRetries: 2, showEstimates: true },
      expect.any(Function),
      expect.any(AbortSignal),
    );
  });

  it('and gets the pieces as they come, and the tokens', async () => {
    chat = ends({ kind: 'done' }, { usage: TOKENS }, { reasoning: 'hm' }, { text: 'Hello' }, { text: '!' });
    const { parts, error } = await ask();
    expect(error).toBeUndefined();
    const Thinking = LanguageModelThinkingPart;
    if (Thinking === undefined) throw new Error('this host knows parts of reasoning');
    expect(parts).toEqual([
      new Thinking('hm'),
      new LanguageModelTextPart('Hello'),
      new LanguageModelTextPart('!'),
      LanguageModelDataPart.json(
        {
          prompt_tokens: 11,
          completion_tokens: 5,
          total_tokens: 16,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 2 },
        },
        'usage',
      ),
    ]);
  });

  it('and gets no reasoning where the host has no part for it', async () => {
    hostKnowsThinking(false);
    chat = ends({ kind: 'done' }, {}, { reasoning: 'hm' }, { text: 'a', reasoning: 'b' });
    expect((await ask()).parts).toEqual([new LanguageModelTextPart('a')]);
  });

  it('and gets what the model refuses with', async () => {
    chat = ends({ kind: 'done' }, { refusal: 'I can’t.' });
    expect((await ask()).parts).toEqual([new LanguageModelTextPart('I can’t.')]);
  });

  it('and gets the calls of tools, after the text', async () => {
    const toolCalls = [
      { id: 'c1', name: 'read', arguments: '{"path":"a"}' },
      { id: '', name: 'now', arguments: '' },
    ];
    chat = ends({ kind: 'tool_calls' }, { toolCalls }, { text: 'I look.' });
    expect(await ask()).toEqual({
      parts: [
        new LanguageModelTextPart('I look.'),
        new LanguageModelToolCallPart('c1', 'read', { path: 'a' }),
        new LanguageModelToolCallPart('id-1', 'now', {}),
      ],
      error: undefined,
    });
  });

  it('and gets none of the calls, but the name of the tool, when the arguments of one can’t be read', async () => {
    const toolCalls = [
      { id: 'c1', name: 'read', arguments: '{}' },
      { id: 'c2', name: 'write', arguments: '{"path":' },
    ];
    chat = ends({ kind: 'tool_calls' }, { toolCalls });
    const { parts, error } = await ask();
    expect(parts).toEqual([]);
    expect(error).toBeInstanceOf(LanguageModelError);
    expect(String(error)).toContain('“write”');
  });

  it.each([
    ['truncated', '', /incomplete/],
    ['filtered', 'Blocked', /content filter/],
  ] as const)('and keeps the text of an answer that is %s, which is no success', async (kind, code, words) => {
    const toolCalls = [{ id: 'c1', name: 'read', arguments: '{}' }];
    chat = ends({ kind }, { toolCalls }, { text: 'Hel' });
    const { parts, error } = await ask();
    expect(parts).toEqual([new LanguageModelTextPart('Hel')]);
    expect(error).toBeInstanceOf(LanguageModelError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) as unknown });
    // Or the error would overtake the text.
    expect(waited).toEqual([150]);
  });

  it('and is told in the text that it ends at the limit, and no half call of a tool gets through', async () => {
    const toolCalls = [{ id: 'c1', name: 'read', arguments: '{"pa' }];
    chat = ends({ kind: 'length' }, { toolCalls }, { text: 'Hel' });
    const { parts, error } = await ask();
    expect(error).toBeUndefined();
    expect(parts).toEqual([
      new LanguageModelTextPart('Hel'),
      new LanguageModelTextPart('\n\n*The answer ends here: m has reached its length limit.*'),
    ]);
  });

  it('and an error of the server becomes one of models, with our words', async () => {
    chat = ends({ kind: 'error', error: { code: 'QUOTA_EXCEEDED', retryable: false } });
    const { error } = await ask();
    expect(error).toMatchObject({ name: 'LanguageModelError', code: 'Blocked' });
    expect(log).toEqual(['an answer for VS Code’s chat failed: QUOTA_EXCEEDED']);
    expect(waited).toEqual([]);
  });

  it('and so does what was never sent', async () => {
    chat = () => Promise.reject(fault('ORIGIN_MISMATCH'));
    expect((await ask()).error).toBeInstanceOf(LanguageModelError);
    chat = () => Promise.reject(new TypeError('a defect'));
    const { error } = await ask();
    expect(error).toBeInstanceOf(LanguageModelError);
    expect(String(error)).not.toContain('a defect');
  });

  it('and is told to sign in, without loading the core, while nobody is signed in', async () => {
    state = { kind: 'signedOut' };
    const { error } = await ask();
    expect(error).toMatchObject({ code: 'NoPermissions', message: expect.stringContaining('Sign In') as unknown });
    expect(loads).toBe(0);
  });

  it('with nothing in the request, or with an image that can’t be sent, and nothing is sent', async () => {
    const never = vi.fn(chat);
    chat = never;
    expect((await ask({}, message([]))).error).toBeInstanceOf(LanguageModelError);
    const image = new LanguageModelDataPart(new Uint8Array(3), 'image/bmp');
    const { error } = await ask({}, message([image]));
    expect(String(error)).toContain('image/bmp');
    expect(never).not.toHaveBeenCalled();
  });

  it('with parts that are nothing for a model, which the log names once', async () => {
    const note = new LanguageModelDataPart(new Uint8Array(1), 'cache_control');
    await ask({}, message([new LanguageModelTextPart('secret'), note, note]));
    expect(log).toEqual(['left out of a request of VS Code’s chat: cache_control']);
  });

  it.each([false, true])('and cancels; already before it asked: %j', async (before) => {
    const cancelled = new EventEmitter<void>();
    const token = { isCancellationRequested: before, onCancellationRequested: cancelled.event };
    chat = (_id, _call, _options, onPiece, signal) =>
      new Promise((resolve) => {
        onPiece({ text: 'Hel' });
        const end = (): void => resolve({ outcome: { kind: 'cancelled' }, toolCalls: [], cost: COST });
        if (signal.aborted) {
          end();
        } else {
          signal.addEventListener('abort', end);
          cancelled.fire();
        }
      });
    expect((await ask({}, QUESTION, token as CancellationToken)).error).toBeInstanceOf(CancellationError);
    // Nobody reads on.
    expect(waited).toEqual([]);
  });

  it('and its answer ends with words when the user signs out meanwhile, not when the session is read or renewed', async () => {
    const signals: AbortSignal[] = [];
    chat = (_id, _call, _options, onPiece, signal) =>
      new Promise((resolve) => {
        signals.push(signal);
        onPiece({ text: 'Hel' });
        signal.addEventListener('abort', () => {
          resolve({ outcome: { kind: 'cancelled' }, toolCalls: [], cost: COST });
        });
      });
    const answer = ask();
    await vi.waitFor(() => {
      expect(signals).toHaveLength(1);
    });
    become({ kind: 'restoring' });
    become({ kind: 'signedOut', keyOf: USER.account.userId });
    become(USER);
    expect(signals[0]?.aborted).toBe(false);
    become({ kind: 'signedOut' });
    const { parts, error } = await answer;
    expect(parts).toEqual([new LanguageModelTextPart('Hel')]);
    expect(error).toMatchObject({ code: 'NoPermissions', message: expect.stringContaining('Sign In') as unknown });
    // The chat still shows the answer, so the error must not overtake its last words.
    expect(waited).toEqual([150]);
  });

  it('and the status bar hears when an answer begins and when it has ended, however it ended', async () => {
    const of = provider();
    const seen: boolean[] = [];
    of.onDidChangeStreaming(() => seen.push(of.streaming));
    await ask({}, QUESTION, NO_TOKEN, of);
    chat = () => Promise.reject(fault('TIMEOUT'));
    await ask({}, QUESTION, NO_TOKEN, of);
    expect(seen).toEqual([true, false, true, false]);
  });

  it('how many tokens a text or a message has', async () => {
    expect(await provider().provideTokenCount(MODEL, '<|endoftext|>')).toBe(5);
    expect(await provider().provideTokenCount(MODEL, QUESTION)).toBe(5);
  });
});

describe('the models are managed', () => {
  it('by signing in, while nobody is signed in', async () => {
    stored = { kind: 'signedOut' };
    await manageModels(accountService());
    expect(host.commands).toEqual([{ id: 'godoty.signIn', args: [] }]);
  });

  it.each([
    ['$(pulse) Show Usage', { id: 'godoty.showUsage', args: [] }],
    ['$(settings-gear) Open Settings', { id: 'workbench.action.openSettings', args: ['@ext:godoty.godoty'] }],
    ['$(sign-out) Sign Out', { id: 'godoty.signOut', args: [] }],
  ])('by %s', async (label, command) => {
    const managing = manageModels(accountService());
    (await host.picks.next()).pick(label);
    await managing;
    expect(host.commands).toEqual([command]);
  });

  it('by nothing, when the user leaves', async () => {
    const managing = manageModels(accountService());
    (await host.picks.next()).pick();
    await managing;
    expect(host.commands).toEqual([]);
  });
});
