import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BATCH_MS, PanelLink } from '../../../extension/src/chat/panelLink.ts';
import { reducePanel } from '../../../extension/src/chat/panelState.ts';
import type { PanelEvent, PanelState } from '../../../extension/src/chat/panelState.ts';
import { parseHostMessage } from '../../../extension/src/chat/protocol.ts';
import type { HostMessage } from '../../../extension/src/chat/protocol.ts';
import { Replica } from '../../../extension/webview/replica.ts';
import { bill, ManualTimers, model } from './support.ts';

const empty: PanelState = { account: 'ready', model, notice: null, offline: false, transcript: [], attachments: [] };
const draft = { text: 'typed', revision: 3 };
const grew = (id: string, text: string): PanelEvent => ({ type: 'grew', id, text, reasoning: '' });

function linked() {
  const timers = new ManualTimers();
  const sent: HostMessage[] = [];
  const link = new PanelLink(timers.schedule, () => ({ state: empty, draft }));
  const post = (message: HostMessage): void => {
    sent.push(message);
  };
  return { timers, sent, link, post };
}

describe('the link to the panel', () => {
  it('sends nothing until the page is ready, then everything', () => {
    const { timers, sent, link, post } = linked();
    link.attach(post);
    link.push(grew('a', 'x'));
    timers.advance(BATCH_MS);
    expect(sent).toEqual([]);
    link.replay();
    expect(sent).toEqual([{ type: 'state', seq: 1, state: empty, draft }]);
  });

  it('batches events and merges growth, with consecutive numbers', () => {
    const { timers, sent, link, post } = linked();
    link.attach(post);
    link.replay();
    link.push(grew('a', 'x'));
    link.push(grew('a', 'y'));
    link.push(grew('b', 'z'));
    timers.advance(BATCH_MS - 1);
    expect(sent).toHaveLength(1);
    timers.advance(1);
    link.push({ type: 'cleared' });
    timers.advance(BATCH_MS);
    expect(sent.slice(1)).toEqual([
      { type: 'patch', seq: 2, events: [grew('a', 'xy'), grew('b', 'z')] },
      { type: 'patch', seq: 3, events: [{ type: 'cleared' }] },
    ]);
  });

  it('does not send again what a replay already held', () => {
    const { timers, sent, link, post } = linked();
    link.attach(post);
    link.replay();
    link.push(grew('a', 'x'));
    link.replay();
    timers.advance(BATCH_MS);
    expect(sent.map(({ type }) => type)).toEqual(['state', 'state']);
  });

  it('leaves a hidden page alone and keeps no timer for it', () => {
    const { timers, sent, link, post } = linked();
    link.attach(post);
    link.replay();
    link.push(grew('a', 'x'));
    link.pause();
    link.push(grew('a', 'y'));
    link.replayIfLive();
    expect(timers.waiting).toBe(0);
    expect(sent).toHaveLength(1);
  });

  it('remembers that the cursor is wanted until the page is ready', () => {
    const { sent, link, post } = linked();
    link.focus();
    link.attach(post);
    link.replay();
    link.replay();
    expect(sent.map(({ type }) => type)).toEqual(['state', 'focus', 'state']);
  });
});

const anyId = fc.constantFrom('a', 'b', 'c', 'd');
const anyEvent: fc.Arbitrary<PanelEvent> = fc.oneof(
  fc.record({
    type: fc.constant('asked' as const),
    user: fc.record({ id: fc.constantFrom('u', 'w'), text: fc.string(), images: fc.constant([]) }),
    answer: fc.record({ id: anyId, model: fc.constant('m') }),
  }),
  fc.record({ type: fc.constant('grew' as const), id: anyId, text: fc.string(), reasoning: fc.string() }),
  fc.record({
    type: fc.constant('ended' as const),
    id: anyId,
    state: fc.oneof(
      fc.constant({ status: 'done' as const, bill }),
      fc.constant({ status: 'stopped' as const, bill: null }),
      fc.constant({ status: 'stopped' as const, bill }),
      fc.constant({ status: 'interrupted' as const }),
    ),
  }),
  fc.record({
    type: fc.constant('retried' as const),
    replaced: anyId,
    answer: fc.record({ id: anyId, model: fc.constant('n') }),
  }),
  fc.constant({ type: 'cleared' as const }),
  fc.record({
    type: fc.constant('accountChanged' as const),
    account: fc.constantFrom('ready' as const, 'signedOut' as const),
  }),
);

type Step = { do: 'event'; event: PanelEvent } | { do: 'wait' } | { do: 'lose' } | { do: 'hide' };
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyEvent.map((event) => ({ do: 'event' as const, event })) },
  { weight: 3, arbitrary: fc.constant({ do: 'wait' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'lose' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'hide' as const }) },
);

describe('the panel and its host', () => {
  it('agree whatever happens, also when messages are lost or the page is thrown away', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const timers = new ManualTimers();
        let state = empty;
        let replica = new Replica();
        let loseNext = false;
        const link = new PanelLink(timers.schedule, () => ({ state, draft }));
        const post = (message: HostMessage): void => {
          const isLost = loseNext && message.type === 'patch';
          if (isLost) {
            loseNext = false;
            return;
          }
          // As over a real wire: what arrives is a copy, and is parsed.
          const parsed = parseHostMessage(JSON.parse(JSON.stringify(message)));
          expect(parsed).not.toBeNull();
          if ((parsed?.type === 'state' || parsed?.type === 'patch') && replica.apply(parsed) === 'gap') {
            link.replay();
          }
        };
        const push = (event: PanelEvent): void => {
          state = reducePanel(state, event);
          link.push(event);
        };
        link.attach(post);
        link.replay();
        for (const step of steps) {
          switch (step.do) {
            case 'event':
              push(step.event);
              break;
            case 'wait':
              timers.advance(BATCH_MS);
              break;
            case 'lose':
              loseNext = true;
              break;
            case 'hide':
              link.pause();
              replica = new Replica();
              link.replay();
              break;
          }
        }
        // A lost message is noticed with the next one that arrives.
        loseNext = false;
        timers.advance(BATCH_MS);
        push({ type: 'noticeChanged', notice: null });
        timers.advance(BATCH_MS);
        expect(replica.state).toEqual(state);
      }),
      { numRuns: 300 },
    );
  });
});
