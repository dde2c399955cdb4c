import * as v from 'valibot';

import { ProxyError } from './errors.ts';

const Part = v.looseObject({ type: v.string(), text: v.optional(v.string()) });
const Message = v.looseObject({
  role: v.string(),
  content: v.optional(v.nullable(v.union([v.string(), v.array(Part)]))),
});

const Schema = v.looseObject({
  model: v.string(),
  messages: v.pipe(v.array(Message), v.minLength(1)),
  stream: v.optional(v.nullable(v.boolean())),
  stream_options: v.optional(v.nullable(v.looseObject({ include_usage: v.optional(v.boolean()) }))),
  max_tokens: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1)))),
  max_completion_tokens: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1)))),
});

/** A request for a chat answer; fields that are not named here are kept for an upstream. */
export type ChatRequest = v.InferOutput<typeof Schema>;

/** Parses the body of POST /chat/completions. Throws a ProxyError as the real proxy words it. */
export function parseChatRequest(text: string): ChatRequest {
  let body: unknown;
  try {
    body = JSON.parse(text) as unknown;
  } catch {
    throw invalid('Invalid JSON payload', 'request_body');
  }
  const record = v.safeParse(v.record(v.string(), v.unknown()), body);
  if (!record.success) {
    throw invalid('Invalid JSON payload', 'request_body');
  }
  if (typeof record.output['model'] !== 'string') {
    throw unknownModel('None');
  }
  if (record.output['messages'] === undefined) {
    throw invalid("/chat/completions: Missing required parameter: 'messages'.", 'messages');
  }
  const parsed = v.safeParse(Schema, record.output);
  if (!parsed.success) {
    const where = parsed.issues[0].path?.map((item) => String(item.key)).join('.') ?? 'body';
    throw invalid(`/chat/completions: Invalid value for '${where}'.`, where);
  }
  return parsed.output;
}

export function unknownModel(name: string): ProxyError {
  return new ProxyError(
    400,
    'invalid_request_error',
    `/chat/completions: Invalid model name passed in model=${name}. Call \`/v1/models\` to view available models for your key.`,
  );
}

/** The text of a message; parts that are not text are left out. */
export function textOf(message: ChatRequest['messages'][number]): string {
  if (typeof message.content === 'string') {
    return message.content;
  }
  return (message.content ?? []).map((part) => part.text ?? '').join('');
}

function invalid(message: string, param: string): ProxyError {
  return new ProxyError(400, 'invalid_request_error', message, param);
}
