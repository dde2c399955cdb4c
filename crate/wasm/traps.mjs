// Has the glue code tell of a trap: a defect that ends the module's instance in the midst of a call. What JavaScript calls sees
// it thrown; but where a promise or a timer calls back into the module, nobody would: no promise of the module's settles then.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

/** As wasm-bindgen writes how JavaScript calls back, and what is to stand there. The dead are called no more, and do not complain. */
const CHANGES = [
  [
    `        if (state.instance !== __wbg_instance_id) {
            throw new Error('Cannot invoke closure from previous WASM instance');
        }
`,
    `        if (trapped || state.instance !== __wbg_instance_id) {
            return;
        }
`,
  ],
  [
    `            return f(a, state.b, ...args);
        } finally {
`,
    `            return f(a, state.b, ...args);
        } catch (error) {
            if (!isTrap(error)) {
                throw error;
            }
            trapped = true;
            tellOfTrap();
        } finally {
`,
  ],
];

const GLUE = `
let trapped = false;
let tellOfTrap = () => undefined;

export function onTrap(listener) {
    trapped = false;
    tellOfTrap = listener;
}

export function isTrap(error) {
    return error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
}

export function abandon() {
    trapped = true;
}
`;

const DECLARATIONS = `
/**
 * Has a listener called when a defect ends the instance in a call from a promise or a timer. Nothing of it may be used then, no
 * promise of it settles any more, and what calls back into it does nothing. Called again after \`GodotyClient.startAnew\`.
 */
export function onTrap(listener: () => void): void;

/** Whether what a call threw means that a defect has ended the instance: a panic, or memory or stack that ran out. */
export function isTrap(error: unknown): boolean;

/** Has no promise and no timer call back into the instance any more, until \`onTrap\` is called for the next one. */
export function abandon(): void;
`;

/** Changes the glue code and its declarations. @param {string} stem the path of the package's files without their endings */
export function tellOfTraps(stem) {
  let glue = readFileSync(`${stem}.js`, 'utf8');
  for (const [from = '', to = ''] of CHANGES) {
    const parts = glue.split(from);
    if (parts.length !== 2)
      throw new Error(`wasm-bindgen writes its closures otherwise now; this is not there once:\n${from}`);
    glue = parts.join(to);
  }
  writeFileSync(`${stem}.js`, glue + GLUE);
  appendFileSync(`${stem}.d.ts`, DECLARATIONS);
}
