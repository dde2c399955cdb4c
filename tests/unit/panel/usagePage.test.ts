// @vitest-environment jsdom
/** The usage page in a document. */
import { beforeEach, describe, expect, it } from 'vitest';

import type { PageMessage, PageState, PageStrings } from '../../../extension/src/usage/pageProtocol.ts';
import { UsagePage } from '../../../extension/webview/usage/usagePage.ts';

type Ready = Extract<PageState, { readonly kind: 'ready' }>;

const names = [
  ...['title', 'refresh', 'refreshing', 'refreshed', 'export', 'loading', 'signedOutTitle', 'signedOutText', 'signIn'],
  ...['emptyTitle', 'emptyText', 'newChat', 'models', 'model', 'requests', 'time', 'tokensIn', 'tokensOut', 'cost'],
  ...['outcome', 'legend'],
];
const strings = {
  ...Object.fromEntries(names.map((name) => [name, `<${name}>`])),
  periods: ['Today', '7 days', 'Month'],
} as unknown as PageStrings;

const REQUEST = {
  id: 'c1',
  time: '12:00',
  iso: '2026-11-21T12:00:00.000Z',
  model: '<img src=x onerror=alert(1)>',
  tokensIn: '12',
  tokensOut: '3',
  inDetail: '4 cached',
  outDetail: '',
  cost: '≈ $0.01',
  source: 'estimated',
  outcome: 'stopped',
  tone: 'partial',
} as const;

const READY: Ready = {
  kind: 'ready',
  busy: false,
  notice: null,
  quota: { plan: 'free', bars: [{ label: 'Tokens', text: '1 of 2', used: 1, limit: 2 }], blocked: '' },
  cards: [{ title: 'Today', cost: '$1', requests: '2 requests', tokens: '1 in, 2 out', notes: ['a note'] }],
  models: [{ model: 'm', cells: ['$1', '$2', '$3'].map((cost) => ({ cost, detail: 'd' })) }],
  days: [{ label: 'Saturday', rows: [REQUEST] }],
  older: 'older',
  unsent: '',
};

let posted: PageMessage[];
let page: UsagePage;

beforeEach(() => {
  document.body.replaceChildren();
  posted = [];
  page = new UsagePage(document.body, strings, (message) => posted.push(message));
});

const show = (state: PageState): void => page.receive({ type: 'state', state });
const find = (selector: string): HTMLElement => {
  const found = document.body.querySelector<HTMLElement>(selector);
  if (found === null) {
    throw new Error(`nothing is ${selector}`);
  }
  return found;
};
const press = (label: string): void => {
  const button = [...document.querySelectorAll('button')].find(({ textContent }) => textContent === label);
  if (button === undefined || button.hidden) {
    throw new Error(`no button says ${label}`);
  }
  button.click();
};

describe('the usage page', () => {
  it('tells that it is there, and waits with what can be waited for', () => {
    page.start();
    expect(posted).toEqual([{ type: 'ready' }]);
    expect(find('main').textContent).toBe('<loading>');
    expect(find('main').getAttribute('aria-busy')).toBe('true');
    expect(() => press('<refresh>')).toThrow();
  });

  it('asks those who are signed out to sign in', () => {
    show({ kind: 'signedOut' });
    press('<signIn>');
    expect(posted).toEqual([{ type: 'action', id: 'signIn' }]);
  });

  it('shows the requests as a table whose cells have their heads', () => {
    show(READY);
    const table = find('table.requests');
    expect(find(`#${table.getAttribute('aria-labelledby')}`).textContent).toBe('<requests>');
    expect(
      Array.from(table.querySelectorAll('thead th'), (head) => [head.textContent, head.getAttribute('scope')]),
    ).toEqual(['time', 'model', 'tokensIn', 'tokensOut', 'cost', 'outcome'].map((name) => [`<${name}>`, 'col']));
    expect(table.querySelector('.day th')?.textContent).toBe('Saturday');
    const cells = [...table.querySelectorAll('tbody tr:not(.day) > *')];
    // What is hidden from people who listen repeats the head.
    const heard = cells.map((cell) => {
      cell.querySelectorAll('[aria-hidden]').forEach((hidden) => hidden.remove());
      return cell.textContent;
    });
    expect(heard).toEqual(['12:00', REQUEST.model, '124 cached', '3', '≈ $0.01estimated', 'stopped']);
    expect(table.querySelector('time')?.dateTime).toBe(REQUEST.iso);
    for (const [selector, role] of [
      ['table', 'table'],
      ['thead, tbody', 'rowgroup'],
      ['tr', 'row'],
      ['td', 'cell'],
    ] as const) {
      const elements = [...document.querySelectorAll(selector)];
      expect(elements.length).toBeGreaterThan(0);
      expect(elements.every((element) => element.getAttribute('role') === role)).toBe(true);
    }
  });

  it('shows the name of a model as text', () => {
    show(READY);
    expect(document.querySelector('img')).toBeNull();
  });

  it('shows sums, the plan, and each model in each period', () => {
    show(READY);
    expect(find('.cards').textContent).toBe('Today$12 requests1 in, 2 outa note');
    const meter = find('meter');
    expect(['value', 'max', 'aria-valuetext'].map((name) => meter.getAttribute(name))).toEqual(['1', '2', '1 of 2']);
    expect(find(`#${meter.getAttribute('aria-labelledby')}`).textContent).toBe('Tokens');
    expect(Array.from(find('table.models').querySelectorAll('thead th'), ({ textContent }) => textContent)).toEqual([
      '<model>',
      'Today',
      '7 days',
      'Month',
    ]);
    expect(find('main').textContent).toContain('older');
  });

  it('invites to a first request where there is none, and exports nothing', () => {
    show({ ...READY, days: [], models: [] });
    expect(document.querySelector('table')).toBeNull();
    expect(() => press('<export>')).toThrow();
    press('<newChat>');
    expect(posted).toEqual([{ type: 'action', id: 'newChat' }]);
  });

  it('says why the account is out of reach, to people who listen too, and what to do', () => {
    show({ ...READY, notice: { text: 'offline', actions: [{ id: 'openSettings', label: 'Settings' }] } });
    expect(find('[role=alert]').textContent).toContain('offline');
    expect(find('[role=status]').textContent).toBe('');
    press('Settings');
    press('<refresh>');
    press('<export>');
    expect(posted).toEqual([{ type: 'action', id: 'openSettings' }, { type: 'refresh' }, { type: 'export' }]);
  });

  it('says when the account is asked and when it has answered, and keeps what is shown in place', () => {
    show(READY);
    const table = find('table.requests');
    expect(find('[role=status]').textContent).toBe('<refreshed>');
    show({ ...READY, busy: true });
    expect(find('[role=status]').textContent).toBe('<refreshing>');
    expect(find('main').getAttribute('aria-busy')).toBe('true');
    expect(find('table.requests')).toBe(table);
    show({ ...READY, days: [{ label: 'Saturday', rows: [REQUEST, { ...REQUEST, id: 'c2' }] }] });
    expect(find('table.requests')).not.toBe(table);
  });

  it('ignores what is no state', () => {
    show(READY);
    const before = document.body.innerHTML;
    for (const stranger of [null, 'state', {}, { type: 'state', state: { kind: 'ready' } }]) {
      page.receive(stranger);
    }
    expect(document.body.innerHTML).toBe(before);
  });
});
