import { describe, expect, it } from 'vitest';

import {
  interruptStreaming,
  MAX_MESSAGES,
  promptMessages,
  reduceTranscript,
  retryableAnswer,
  streamingAnswer,
} from '../../../extension/src/chat/transcript.ts';
import type { AnswerEnd, Transcript, TranscriptEvent } from '../../../extension/src/chat/transcript.ts';
import { bill } from './support.ts';

const asked = (n: number): TranscriptEvent => ({
  type: 'asked',
  user: { id: `q${String(n)}`, text: `question ${String(n)}`, images: [] },
  answer: { id: `a${String(n)}`, model: 'm' },
});
const grew = (id: string, text: string, reasoning = ''): TranscriptEvent => ({ type: 'grew', id, text, reasoning });
const ended = (id: string, state: AnswerEnd): TranscriptEvent => ({ type: 'ended', id, state });
const play = (...events: TranscriptEvent[]): Transcript => events.reduce(reduceTranscript, []);
const done: AnswerEnd = { status: 'done', bill };
const stopped: AnswerEnd = { status: 'stopped', bill: null };

describe('the transcript', () => {
  it('adds a question with its empty answer, which then grows', () => {
    const transcript = play(asked(1), grew('a1', 'Hel', 'hm'), grew('a1', 'lo', '!'));
    expect(transcript).toEqual([
      { role: 'user', id: 'q1', text: 'question 1', images: [] },
      {
        role: 'assistant',
        id: 'a1',
        model: 'm',
        text: 'Hello',
        reasoning: 'hm!',
        earlierBills: [],
        state: { status: 'streaming' },
      },
    ]);
    expect(streamingAnswer(transcript)?.id).toBe('a1');
  });

  it('lets no text in after the end', () => {
    const transcript = play(asked(1), grew('a1', 'x'), ended('a1', done));
    expect(reduceTranscript(transcript, grew('a1', 'y'))).toBe(transcript);
  });

  const secondEnds: [string, AnswerEnd, AnswerEnd, AnswerEnd][] = [
    ['done stays done', done, stopped, done],
    ['truncated never becomes done', { status: 'truncated', bill: null }, done, { status: 'truncated', bill: null }],
    ['stopped never becomes done', stopped, done, stopped],
    ['a stopped answer gets its bill later', stopped, { status: 'stopped', bill }, { status: 'stopped', bill }],
    ['a bill is not taken away', { status: 'stopped', bill }, stopped, { status: 'stopped', bill }],
  ];
  it.each(secondEnds)('an answer ends once: %s', (_name, first, second, expected) => {
    expect(play(asked(1), ended('a1', first), ended('a1', second)).at(-1)).toMatchObject({ state: expected });
  });

  it('ignores events about messages that are gone', () => {
    const transcript = play(asked(1), ended('a1', done));
    expect(reduceTranscript(transcript, grew('gone', 'x'))).toBe(transcript);
    expect(reduceTranscript(transcript, ended('gone', stopped))).toBe(transcript);
    expect(reduceTranscript(transcript, ended('q1', stopped))).toBe(transcript);
  });

  it('replaces an answer by its retry, in its place', () => {
    const transcript = play(asked(1), grew('a1', 'half'), ended('a1', stopped), {
      type: 'retried',
      replaced: 'a1',
      answer: { id: 'a1b', model: 'n' },
    });
    expect(transcript.map(({ id }) => id)).toEqual(['q1', 'a1b']);
    expect(transcript.at(-1)).toMatchObject({ text: '', model: 'n', state: { status: 'streaming' } });
  });

  const ends: [AnswerEnd['status'], AnswerEnd][] = [
    ['done', done],
    ['stopped', stopped],
    ['truncated', { status: 'truncated', bill }],
    ['length', { status: 'length', bill }],
    ['filtered', { status: 'filtered', bill }],
    ['interrupted', { status: 'interrupted' }],
    ['error', { status: 'error', error: { code: 'X', message: '', actions: [] }, bill: null }],
  ];
  it.each(ends)('a last answer that is %s may be retried', (_name, state) => {
    expect(retryableAnswer(play(asked(1), ended('a1', state)))?.id).toBe('a1');
  });

  it('offers no retry for an answer that others follow, or for one under way', () => {
    expect(retryableAnswer(play(asked(1), ended('a1', stopped), asked(2)))).toBeUndefined();
    expect(retryableAnswer([])).toBeUndefined();
  });

  it('shows the model partial answers too, but no empty ones', () => {
    const transcript = play(asked(1), ended('a1', stopped), asked(2), grew('a2', 'half'), ended('a2', stopped));
    expect(promptMessages(transcript, () => undefined)).toEqual([
      { role: 'user', content: 'question 1' },
      { role: 'user', content: 'question 2' },
      { role: 'assistant', content: 'half' },
    ]);
  });

  it('marks what was streaming as interrupted and nothing else', () => {
    const transcript = interruptStreaming(play(asked(1), ended('a1', done), asked(2), grew('a2', 'half')));
    expect(transcript[1]).toMatchObject({ state: done });
    expect(transcript[3]).toMatchObject({ text: 'half', state: { status: 'interrupted' } });
  });

  it('drops the oldest messages beyond its bound', () => {
    const events = Array.from({ length: MAX_MESSAGES }, (_, n) => [asked(n), ended(`a${String(n)}`, done)]).flat();
    const transcript = play(...events);
    expect(transcript).toHaveLength(MAX_MESSAGES);
    expect(transcript.at(-1)?.id).toBe(`a${String(MAX_MESSAGES - 1)}`);
  });
});
