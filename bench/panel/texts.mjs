// What answers are made of, each kind at its longest: as many characters as a test wants, and the same each time.
/**
 * @param {(n: number) => string} make
 * @param {number} chars
 */
const lines = (make, chars) => {
  let text = '';
  for (let n = 0; text.length < chars; n += 1) text += make(n);
  return text;
};

/** @type {Readonly<Record<string, (chars: number) => string>>} */
export const TEXTS = {
  prose: (chars) =>
    lines(
      (n) =>
        `Paragraph ${n} explains a **point** with \`code\` and a [link](https://example.com/${n}), and goes on.\n\n`,
      chars,
    ),
  paragraph: (chars) =>
    lines((n) => `Sentence ${n} makes a **point** with \`code\` and a [link](https://example.com/${n}). `, chars),
  code: (chars) =>
    '```ts\n' + lines((n) => `const value${n} = compute(${n}, 'text'); // a line of code\n`, chars) + '```\n',
  list: (chars) => lines((n) => `- item ${n} with **bold** and \`code\`\n`, chars),
  html: (chars) => lines((n) => `Paragraph ${n} explains a **point** with \`code\`, and <b>goes</b> on.\n\n`, chars),
  table: (chars) =>
    '| name | kind | count |\n|---|---|--:|\n' + lines((n) => `| row ${n} | **kind** | ${n} |\n`, chars),
};
