/** The few icons of the panel, drawn for a 16 × 16 grid. They take the colour of the text around them. */

const SVG = 'http://www.w3.org/2000/svg';

const PATHS = {
  send: 'M8 13.5V3M3.5 7.5 8 3l4.5 4.5',
  stop: 'M4.5 4.5h7v7h-7z',
  copy: 'M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z',
  insert: 'M13.5 2.5v11M2 8h8M6.5 4.5 10 8l-3.5 3.5',
  check: 'm3 8.5 3.5 3.5L13 4.5',
  close: 'm4.5 4.5 7 7M11.5 4.5l-7 7',
  image: 'M2.5 3h11v10h-11zM2.5 11l3.5-4 3 3 1.5-1.5 3 2.5M10.5 6v.1',
  retry: 'M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3',
  more: 'M3 3v4.5h9M8.5 4 12 7.5 8.5 11',
  down: 'M8 3v9.5M3.5 8 8 12.5 12.5 8',
  chevron: 'm4.5 6.5 3.5 3.5 3.5-3.5',
  pulse: 'M1 8h3l2-5 4 10 2-5h3',
  warning: 'M8 2 1.5 13.5h13L8 2zM8 6.5v3.5M8 11.5v.5',
  error: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 4.5v4.5M8 11v.5',
  skip: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM5 8h6',
  info: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM8 7v4.5M8 4.5v.5',
} as const;

const FILLED: ReadonlySet<IconName> = new Set(['stop']);

export type IconName = keyof typeof PATHS;

/** An icon, hidden from assistive technology: the control around it carries the name. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', FILLED.has(name) ? 'icon filled' : 'icon');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
