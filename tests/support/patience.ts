// A wait ends when what it waits for has come, and fails only when it surely never will: the second that vitest grants by default
// is soon over on a machine that does other things.
import { vi } from 'vitest';

const timeout = 15_000;
type Options = Parameters<typeof vi.waitFor>[1];

const patient = (options: Options): Options => (typeof options === 'number' ? options : { timeout, ...options });
const { waitFor, waitUntil } = vi;
vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
