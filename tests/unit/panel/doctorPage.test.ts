// @vitest-environment jsdom
/** The doctor's page in a document. */
import { beforeEach, describe, expect, it } from 'vitest';

import type { LineView, PageMessage, PageState } from '../../../extension/src/doctor/pageProtocol.ts';
import { DoctorPage } from '../../../extension/webview/doctor/doctorPage.ts';

const strings = {
  title: 'Doctor',
  progress: 'Checks that have ended',
  again: 'Check Again',
  cancel: 'Cancel',
  copy: 'Copy Report',
  copied: 'Copied',
};

let posted: PageMessage[];
let page: DoctorPage;

beforeEach(() => {
  document.body.replaceChildren();
  posted = [];
  page = new DoctorPage(document.body, strings, (message) => posted.push(message));
});

const line = (id: string, more: Partial<LineView> = {}): LineView => ({
  id,
  title: `<b>${id}</b>`,
  tone: 'ok',
  status: 'OK',
  text: 'It works.',
  facts: [],
  steps: [],
  ...more,
});
const checking = (id: string): LineView => line(id, { tone: 'checking', status: 'Checking…', text: '' });

function show(lines: readonly LineView[], summary = ''): void {
  const done = lines.filter(({ tone }) => tone !== 'checking').length;
  const state: PageState = { done, total: lines.length, summary, groups: [{ title: 'Servers', lines }] };
  page.receive({ type: 'state', state });
}

const find = (selector: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`nothing is ${selector}`);
  return found;
};
const buttonOf = (label: string): HTMLButtonElement => {
  const found = [...document.querySelectorAll('button')].find(({ textContent }) => textContent === label);
  if (found === undefined) throw new Error(`no button says ${label}`);
  return found;
};

describe('the doctor’s page', () => {
  it('tells that it is there', () => {
    page.start();
    expect(posted).toEqual([{ type: 'ready' }]);
  });

  it('is a list under each heading, with the status in a word and the icons for the eye alone', () => {
    show([
      line('a', { facts: ['one', 'two'] }),
      line('b', { tone: 'failed', status: 'Problem', text: 'It does not.' }),
    ]);
    const section = find('section');
    expect(find(`#${section.getAttribute('aria-labelledby')}`).textContent).toBe('Servers');
    const rows = [...section.querySelectorAll('ul.lines > li')];
    expect(rows.map((row) => row.textContent)).toEqual(['<b>a</b>OKIt works.onetwo', '<b>b</b>ProblemIt does not.']);
    expect([...document.querySelectorAll('svg')].every((svg) => svg.getAttribute('aria-hidden') === 'true')).toBe(true);
    expect(document.querySelector('b')).toBeNull();
  });

  it('says how far it is, and in the end how it stands', () => {
    show([line('a'), checking('b')], 'Checking…');
    const progress = find('progress') as HTMLProgressElement;
    expect([progress.value, progress.max, progress.getAttribute('aria-label')]).toEqual([1, 2, strings.progress]);
    expect([find('main').getAttribute('aria-busy'), find('.status').textContent]).toEqual(['true', 'Checking…']);
    show([line('a'), line('b')], 'No problem was found');
    expect(find('main').getAttribute('aria-busy')).toBe('false');
    expect([find('.status').getAttribute('role'), find('.status').textContent]).toEqual([
      'status',
      'No problem was found',
    ]);
    expect(progress.classList.contains('over')).toBe(true);
  });

  it('has one button that leaves a run and begins another, and keeps the focus', () => {
    show([checking('a')]);
    const button = buttonOf('Cancel');
    button.focus();
    button.click();
    show([line('a', { tone: 'skipped', status: 'Not checked' })]);
    expect(document.activeElement).toBe(button);
    buttonOf('Check Again').click();
    expect(posted).toEqual([{ type: 'cancel' }, { type: 'again' }]);
  });

  it('leads on by the buttons of a line, which keeps the focus when its button goes', () => {
    const steps = [{ id: 'testAnswer', label: 'Ask a Model' }];
    show([line('a'), line('answer', { tone: 'manual', status: 'Not tested', steps })]);
    const button = buttonOf('Ask a Model');
    button.focus();
    button.click();
    expect(posted).toEqual([{ type: 'step', id: 'testAnswer' }]);
    show([line('a'), checking('answer')]);
    expect(document.activeElement).toBe(find('[data-check="answer"]'));
  });

  it('keeps the focus on a line that moves', () => {
    show([line('a'), line('b')]);
    find('[data-check="b"]').focus();
    show([line('b', { tone: 'failed', status: 'Problem' }), line('a')]);
    expect(document.activeElement).toBe(find('[data-check="b"]'));
  });

  it('leaves a line alone that has not changed', () => {
    show([line('a'), checking('b')]);
    const text = find('[data-check="a"] .text');
    show([line('a'), line('b')]);
    expect(find('[data-check="a"] .text')).toBe(text);
  });

  it('copies the report, and says so to everybody', () => {
    buttonOf('Copy Report').click();
    expect(posted).toEqual([{ type: 'copy' }]);
    page.receive({ type: 'copied' });
    expect(buttonOf('Copied').getAttribute('aria-label')).toBe('Copied');
    expect(find('.visually-hidden[role="status"]').textContent).toBe('Copied');
  });

  it('takes nothing that is not of the protocol', () => {
    show([line('a')]);
    for (const stranger of [null, {}, { type: 'state' }, { type: 'state', state: { groups: 'x' } }]) {
      page.receive(stranger);
    }
    expect(find('[data-check="a"]').textContent).toContain('It works.');
  });
});
