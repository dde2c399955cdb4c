/** The texts that people read: all of them can be translated, and what is translated still fits its text. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { bundles, fixedParts, textsOf, textsOfShell } from '../../extension/l10n.mjs';
import { checkout } from '../../local/setup/packages.mjs';

const AGAIN = 'run `npm run l10n` and commit what it writes';
/** Members of the manifest that VS Code shows to people. */
const SHOWN = new Set([
  'altText',
  'contents',
  'description',
  'displayName',
  'enumDescriptions',
  'label',
  'markdownDescription',
  'markdownEnumDescriptions',
  'name',
  'patternErrorMessage',
  'title',
]);
const BRAND = 'Godoty';

const readJson = (name: string): unknown => JSON.parse(readFileSync(path.join(checkout, name), 'utf8'));
const textsIn = (name: string): Record<string, string> => readJson(name) as Record<string, string>;
const manifest = readJson('package.json') as Record<string, unknown>;
const titles = textsIn('package.nls.json');
const translatedTitles = readdirSync(checkout).filter((name) => /^package\.nls\..+\.json$/u.test(name));

/** Every text of the manifest that people see. */
function* shown(value: unknown, name = ''): Generator<string> {
  if (typeof value === 'string') {
    if (SHOWN.has(name) && value !== BRAND) yield value;
  } else if (Array.isArray(value)) {
    for (const item of value) yield* shown(item, name);
  } else if (typeof value === 'object' && value !== null) {
    for (const [member, inner] of Object.entries(value)) yield* shown(inner, member);
  }
}

describe('the texts of the shell', () => {
  const { texts, faults } = textsOfShell();
  const { english, translations } = bundles();

  it('are literals, so that they can be found and translated', () => {
    expect(faults).toEqual([]);
  });

  it('are all in the bundle for translators', () => {
    expect(english, AGAIN).toEqual(texts);
  });

  it.each(Object.entries(translations))('have no translation in %s that nobody asks for', (_, translation) => {
    expect(
      Object.keys(translation).filter((text) => !texts.includes(text)),
      AGAIN,
    ).toEqual([]);
  });

  it('are all translated into German, which the extension says it speaks', () => {
    const german = Object.keys(translations['bundle.l10n.de.json'] ?? {});
    expect(texts.filter((text) => !german.includes(text))).toEqual([]);
  });

  it.each(Object.entries(translations))('keep their placeholders in %s', (_, translation) => {
    for (const [text, translated] of Object.entries(translation)) {
      expect(fixedParts(translated), text).toEqual(fixedParts(text));
    }
  });
});

describe('the texts of the manifest', () => {
  const keys = [
    manifest['description'],
    ...shown(manifest['contributes']),
    ...shown(manifest['capabilities']),
  ] as string[];

  it('are keys of package.nls.json', () => {
    expect(keys.filter((text) => !/^%[\w.]+%$/u.test(text))).toEqual([]);
  });

  it('are there, and none is left over', () => {
    expect(Object.keys(titles).toSorted()).toEqual([...new Set(keys.map((key) => key.slice(1, -1)))].sort());
  });

  it('are all translated into German', () => {
    expect(Object.keys(textsIn('package.nls.de.json')).toSorted()).toEqual(Object.keys(titles).toSorted());
  });

  it.each(translatedTitles)('are translated in %s without a change to links and code', (name) => {
    for (const [key, translated] of Object.entries(textsIn(name))) {
      expect(fixedParts(translated), key).toEqual(fixedParts(titles[key] ?? ''));
    }
  });
});

describe('the search for texts', () => {
  it('finds them whichever way VS Code is imported', () => {
    const source = "l10n.t('one {0}', 1); vscode.l10n.t(`two`); other.t('three'); t('four');";
    expect(textsOf('a.ts', source)).toEqual({ texts: ['one {0}', 'two'], faults: [] });
  });

  it('complains about a text that is put together, which no translator would see', () => {
    const source = "\nl10n.t(`${count} files`); l10n.t('a' + b);";
    expect(textsOf('a.ts', source).faults).toHaveLength(2);
    expect(textsOf('a.ts', source).faults[0]).toMatch(/^a\.ts:2: /u);
  });
});
