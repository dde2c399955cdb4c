// A long answer as an OpenAI-compatible server streams it: made anew each time, and the same each time.

const EVENTS = 18_000;

const WORDS = [
  ' the',
  ' stream',
  ' ends',
  '.',
  '\n\n',
  ' of',
  ' a',
  ' token',
  ' and',
  ' "quoted"',
  ' cost',
  ' is',
  ' shown',
  ',',
  ' Rust',
  ' core',
  ' model',
  ' answer',
  ' which',
  ' reader',
  '**',
  '- ',
  ' path\\name',
  ' it',
  "'s",
  ' every',
  ' request',
  ' counts',
];
const CODE = [
  '```',
  'typescript',
  '\n',
  '  const',
  ' value',
  ' =',
  ' await',
  ' fetch',
  '(',
  'url',
  ')',
  ';',
  '\n  ',
  'if',
  ' (',
  '!',
  '==',
  ' {',
  '\n}',
  '\t',
  "'a'",
  '"b"',
  '=>',
  ' return',
  ' null',
  '[0]',
  '\\n',
  '/*',
  ' */',
  '<T>',
];
const CJK = [
  '中文',
  '的',
  '模型',
  '回答',
  '，',
  '。',
  '日本語',
  'です',
  '한국어',
  '토큰',
  '费用',
  '是',
  '東京',
  'を',
  '流',
];
const EMOJI = ['🌍', '👩‍💻', '🚀', ' ✅', '🇩🇪', '👍🏽', '…', '€', 'é', 'ß'];
const KINDS = [WORDS, WORDS, WORDS, WORDS, CODE, CODE, CJK, EMOJI];

/** A small generator (mulberry32), so that no two runs differ. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Each event as its bytes: 90 % text, 10 % tool calls, comments that keep alive, a finish, the usage, `[DONE]`. */
function events() {
  const next = random(20_044);
  const pick = (list) => list[next() % list.length];
  const head = {
    id: 'chatcmpl-CeZ2kqXW8vT4yN0bR6uJ1mH5sP3dF',
    object: 'chat.completion.chunk',
    created: 1_795_215_123,
    model: 'gpt-4o-mini-2024-07-18',
    service_tier: 'default',
    system_fingerprint: 'fp_44709d6fcb',
  };
  const chunk = (delta, finish = null) => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    usage: null,
  });
  const list = [];
  const add = (value) => list.push(`data: ${JSON.stringify(value)}\n\n`);
  add(chunk({ role: 'assistant', content: '', refusal: null }));
  let kind = WORDS;
  for (let at = 0; at < EVENTS; at += 1) {
    if (at % 20 === 0) kind = pick(KINDS);
    add(chunk({ content: pick(kind) }));
    if (at % 500 === 499) list.push(': keep-alive\n\n');
  }
  for (let call = 0; call < 40; call += 1) {
    add(
      chunk({
        tool_calls: [{ index: call, id: `call_${call}`, type: 'function', function: { name: 'edit', arguments: '' } }],
      }),
    );
    for (let piece = 0; piece < 49; piece += 1) {
      const text = piece === 0 ? '{"a":"' : piece === 48 ? '"}' : JSON.stringify(pick(CODE)).slice(1, -1);
      add(chunk({ tool_calls: [{ index: call, function: { arguments: text } }] }));
    }
  }
  add(chunk({}, 'tool_calls'));
  add({
    ...head,
    choices: [],
    usage: {
      prompt_tokens: 5120,
      completion_tokens: 20_000,
      total_tokens: 25_120,
      prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
  });
  list.push('data: [DONE]\n\n');
  const encoder = new TextEncoder();
  return list.map((event) => encoder.encode(event));
}

/** The corpus cut in three ways: whole events, 16 KiB reads, and pieces of 1 to 64 bytes. */
export function cases() {
  const whole = events();
  const bytes = Buffer.concat(whole);
  const cut = (size) => {
    const pieces = [];
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(at + size(), bytes.length);
      pieces.push(new Uint8Array(bytes.subarray(at, end)));
      at = end;
    }
    return pieces;
  };
  const next = random(64);
  return {
    count: whole.length,
    bytes: bytes.length,
    pieces: { event: whole, '16k': cut(() => 16_384), '1-64b': cut(() => 1 + (next() % 64)) },
  };
}
