/**
 * The parts of the usage page. On narrow pages the rows of a table become blocks; the roles keep them rows of a table
 * for people who listen, and each cell then says its column.
 */
import type { Card, ModelRow, PageState, PageStrings, QuotaView, RequestRow } from '../../src/usage/pageProtocol.ts';
import { button, h } from '../dom.ts';
import { icon } from '../icons.ts';

type Ready = Extract<PageState, { readonly kind: 'ready' }>;

export function notice({ text, actions }: NonNullable<Ready['notice']>, act: (id: string) => void): HTMLElement {
  const buttons = actions.map(({ id, label }) => button({ class: 'secondary' }, () => act(id), label));
  return h(
    'div',
    { class: 'notice', role: 'alert' },
    icon('warning'),
    h('p', {}, text),
    h('div', { class: 'actions' }, ...buttons),
  );
}

export function cards(all: readonly Card[]): HTMLElement {
  const items = all.map(({ title, cost, requests, tokens, notes }) =>
    h(
      'li',
      {},
      h('h2', {}, title),
      h('p', { class: 'amount' }, cost),
      h('p', {}, requests),
      h('p', { class: 'quiet' }, tokens),
      ...notes.map((note) => h('p', { class: 'quiet' }, note)),
    ),
  );
  return h('ul', { class: 'cards' }, ...items);
}

export function quota({ plan, bars, blocked }: QuotaView): HTMLElement {
  const rows = bars.map(({ label, text, used, limit }, index) => {
    const id = `quota-${index}`;
    return h(
      'div',
      { class: 'bar' },
      h('span', { id }, label),
      h('meter', {
        'aria-labelledby': id,
        'aria-valuetext': text,
        min: '0',
        max: String(Math.max(limit, 1)),
        high: String(limit * 0.9),
        optimum: '0',
        value: String(used),
      }),
      h('span', { class: 'quiet' }, text),
    );
  });
  return h(
    'section',
    { class: 'quota' },
    h('h2', {}, plan),
    ...rows,
    ...(blocked === '' ? [] : [h('p', { class: 'bad' }, icon('error'), blocked)]),
  );
}

export function modelTable(models: readonly ModelRow[], strings: PageStrings): HTMLElement {
  const rows = models.map(({ model, cells }) =>
    row(
      rowHead(model),
      ...cells.map(({ cost, detail }, index) =>
        cell(strings.periods[index] ?? '', cost, detail, cost === '' ? 'number none' : 'number'),
      ),
    ),
  );
  return h(
    'section',
    {},
    h('h2', { id: 'models' }, strings.models),
    table('models', [strings.model, ...strings.periods], 1, h('tbody', { role: 'rowgroup' }, ...rows)),
  );
}

export function requestTable({ days, older, unsent }: Ready, strings: PageStrings): HTMLElement {
  const heads = [strings.time, strings.model, strings.tokensIn, strings.tokensOut, strings.cost, strings.outcome];
  const groups = days.map(({ label, rows }) =>
    h(
      'tbody',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row', class: 'day' },
        h('th', { role: 'rowheader', scope: 'rowgroup', colspan: String(heads.length) }, label),
      ),
      ...rows.map((request) => requestRow(request, strings)),
    ),
  );
  const notes = [strings.legend, older, unsent].filter((note) => note !== '');
  return h(
    'section',
    {},
    h('h2', { id: 'requests' }, strings.requests),
    table('requests', heads, 2, ...groups),
    ...notes.map((note) => h('p', { class: 'quiet note' }, note)),
  );
}

function requestRow(request: RequestRow, strings: PageStrings): HTMLElement {
  const time = h('time', { datetime: request.iso }, request.time);
  const mark = { good: 'check', partial: 'warning', bad: 'error' } as const;
  return row(
    h('td', { role: 'cell', class: 'time' }, time),
    rowHead(request.model),
    cell(strings.tokensIn, request.tokensIn, request.inDetail, 'number'),
    cell(strings.tokensOut, request.tokensOut, request.outDetail, 'number'),
    cell(strings.cost, request.cost, request.source, 'number'),
    h('td', { role: 'cell', class: `outcome ${request.tone}` }, icon(mark[request.tone]), request.outcome),
  );
}

/** The last of the columns is text; so are the first ones, as many as `texts` says. */
function table(labelledBy: string, heads: readonly string[], texts: number, ...bodies: HTMLElement[]): HTMLElement {
  const isText = (index: number): boolean => index < texts || (texts > 1 && index === heads.length - 1);
  const columns = heads.map((head, index) =>
    h('th', { role: 'columnheader', scope: 'col', class: isText(index) ? null : 'number' }, head),
  );
  return h(
    'table',
    { role: 'table', class: labelledBy, 'aria-labelledby': labelledBy },
    h('thead', { role: 'rowgroup' }, row(...columns)),
    ...bodies,
  );
}

function row(...cells: HTMLElement[]): HTMLElement {
  return h('tr', { role: 'row' }, ...cells);
}

function rowHead(name: string): HTMLElement {
  return h('th', { role: 'rowheader', scope: 'row' }, name);
}

function cell(column: string, text: string, detail: string, kind: string): HTMLElement {
  return h(
    'td',
    { role: 'cell', class: kind },
    // Shown on narrow pages, where there is no head; the head is what people who listen hear.
    h('span', { class: 'column', 'aria-hidden': 'true' }, column),
    h('span', {}, text),
    detail === '' ? null : h('span', { class: 'detail' }, detail),
  );
}
