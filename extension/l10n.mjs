// Keeps the texts that people read: `npm run l10n` writes extension/l10n/bundle.l10n.json, the list for translators, from
// the calls of `l10n.t` in extension/src, and drops from the translations what no longer exists. A text that a translation
// lacks appears in English.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'extension', 'l10n');
const BUNDLE = 'bundle.l10n.json';

/** @typedef {Record<string, string>} Texts */

/**
 * The texts that a source file hands to `l10n.t`, and where it hands over something that can't be translated.
 *
 * @param {string} name
 * @param {string} source
 * @returns {{texts: string[], faults: string[]}}
 */
export function textsOf(name, source) {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  /** @type {string[]} */
  const texts = [];
  /** @type {string[]} */
  const faults = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isCallExpression(node) && isTranslation(node.expression)) {
      const [text] = node.arguments;
      if (text !== undefined && ts.isStringLiteralLike(text)) {
        texts.push(text.text);
      } else {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart());
        faults.push(`${name}:${line + 1}: l10n.t takes one string literal, with {0} for what varies`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { texts, faults };
}

/**
 * `l10n.t` or `vscode.l10n.t`.
 *
 * @param {ts.Expression} callee
 */
function isTranslation(callee) {
  if (!ts.isPropertyAccessExpression(callee) || callee.name.text !== 't') return false;
  const owner = callee.expression;
  return ts.isPropertyAccessExpression(owner) ? owner.name.text === 'l10n' : owner.getText() === 'l10n';
}

/** The texts of the whole shell, sorted, and what is wrong with its calls. */
export function textsOfShell() {
  const sources = path.join(root, 'extension', 'src');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const found = files.map((file) => textsOf(file, readFileSync(path.join(sources, file), 'utf8')));
  const texts = [...new Set(found.flatMap((of) => of.texts))].sort();
  return { texts, faults: found.flatMap((of) => of.faults) };
}

/** The bundle for translators and the translations, by file name. */
export function bundles() {
  const translations = readdirSync(folder).filter((file) => file.endsWith('.json') && file !== BUNDLE);
  return {
    english: Object.keys(read(path.join(folder, BUNDLE))),
    translations: Object.fromEntries(translations.map((file) => [file, read(path.join(folder, file))])),
  };
}

/**
 * What a translation must share with its text: placeholders, commands that links run, and code.
 *
 * @param {string} text
 */
export function fixedParts(text) {
  return [...text.matchAll(/\{\d\}|\]\([^)]*\)|`[^`]*`|\$\([a-z-]+\)/gu)].map(([part]) => part).sort();
}

/**
 * @param {string} file
 * @returns {Texts}
 */
function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * @param {string} name
 * @param {Texts} texts
 */
function write(name, texts) {
  const sorted = Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(path.join(folder, name), `${JSON.stringify(sorted, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { texts, faults } = textsOfShell();
  for (const fault of faults) console.error(fault);
  write(BUNDLE, Object.fromEntries(texts.map((text) => [text, text])));
  for (const [name, translation] of Object.entries(bundles().translations)) {
    const kept = texts.flatMap((text) => (translation[text] === undefined ? [] : [[text, translation[text]]]));
    write(name, Object.fromEntries(kept));
    const missing = texts.filter((text) => translation[text] === undefined);
    console.log(`${name}: ${kept.length} of ${texts.length} texts`);
    for (const text of missing) console.log(`  missing: ${text}`);
  }
  process.exitCode = faults.length === 0 ? 0 : 1;
}
