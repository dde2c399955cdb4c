// Who decodes: each takes the same pieces and gives the same answer, put together as an application would.
import { createParser } from 'eventsource-parser';
import { Stream } from 'openai/streaming';

/** An answer that is being put together from parsed chunks. */
function assembler() {
  const answer = { text: '', toolCalls: [], usage: undefined, finish: undefined };
  const take = (chunk) => {
    const choice = chunk.choices[0];
    if (choice !== undefined) {
      const { delta } = choice;
      if (delta.content) answer.text += delta.content;
      if (delta.tool_calls) {
        for (const call of delta.tool_calls) {
          const known = (answer.toolCalls[call.index] ??= { id: '', name: '', arguments: '' });
          if (call.id) known.id = call.id;
          if (call.function?.name) known.name = call.function.name;
          if (call.function?.arguments) known.arguments += call.function.arguments;
        }
      }
      if (choice.finish_reason) answer.finish = choice.finish_reason;
    }
    if (chunk.usage) answer.usage = { prompt: chunk.usage.prompt_tokens, completion: chunk.usage.completion_tokens };
  };
  return { answer, take };
}

/** Our decoder, as the shell uses it: text is shown as it comes, the flags are looked at on every push. */
export function ours(ChatDecoder) {
  return (pieces) => {
    const decoder = new ChatDecoder(200, 'text/event-stream');
    let text = '';
    let closed = false;
    for (const piece of pieces) {
      const flags = decoder.push(piece);
      if ((flags & 256) !== 0) text += decoder.takeText();
      if ((flags & 32) !== 0) closed = true;
    }
    const result = decoder.finish('eof');
    if (!closed) throw new Error('the stream did not end');
    return {
      text,
      toolCalls: result.toolCalls,
      usage: { prompt: result.usage.prompt, completion: result.usage.completion },
      finish: result.outcome.kind,
    };
  };
}

function eventsourceParser(pieces) {
  const { answer, take } = assembler();
  const decoder = new TextDecoder();
  let done = false;
  const parser = createParser({
    onEvent(event) {
      if (event.data === '[DONE]') done = true;
      else if (!done) take(JSON.parse(event.data));
    },
  });
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }));
  return answer;
}

/** The SDK takes any async iterable as a body: this one costs it the least. */
async function openai(pieces) {
  const { answer, take } = assembler();
  let at = 0;
  const body = {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const value = pieces[at];
      at += 1;
      return Promise.resolve(value === undefined ? { done: true, value } : { done: false, value });
    },
    return() {
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  for await (const chunk of Stream.fromSSEResponse({ body, headers: new Headers() }, new AbortController()))
    take(chunk);
  return answer;
}

export const PEERS = { 'eventsource-parser': eventsourceParser, openai };
