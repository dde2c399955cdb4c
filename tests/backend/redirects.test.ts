import { describe, expect, it } from 'vitest';

import { RedirectPolicy } from '../../local/server/auth/redirects.ts';

const SITE = 'https://site.example/done';

describe('a pattern of the redirect list', () => {
  it.each<[string, string, boolean]>([
    ['vscode://godoty.godoty/**', 'vscode://godoty.godoty/auth/callback?a=b.c/d', true],
    ['vscode://*/**', 'vscode://godoty.godoty/auth/callback', false],
    ['vscode://*.*/**', 'vscode://godoty.godoty/auth/callback', true],
    ['https://*.example.com/cb', 'https://a.example.com/cb', true],
    ['https://*.example.com/cb', 'https://a.b.example.com/cb', false],
    ['https://**.example.com/cb', 'https://a.b.example.com/cb', true],
    ['https://example.com/c?', 'https://example.com/cb', true],
    ['https://example.com/c?', 'https://example.com/c/', false],
    ['https://example.com/[a-c]', 'https://example.com/b', true],
    ['https://example.com/[!a-c]', 'https://example.com/b', false],
    ['https://example.com/[!a-c]', 'https://example.com/d', true],
    ['https://example.com/{one,two}/x', 'https://example.com/two/x', true],
    ['https://example.com/{one,two}/x', 'https://example.com/three/x', false],
    ['https://example.com/a,b', 'https://example.com/a,b', true],
    ['https://example.com/\\*', 'https://example.com/*', true],
    ['https://example.com/\\*', 'https://example.com/x', false],
    ['https://example.com', 'https://exampleXcom', false],
    ['https://example.com/cb', 'https://example.com/cb#fragment', true],
    ['https://example.com/cb', 'https://example.com/cb/more', false],
  ])('%s and %s: %s', (pattern, address, allowed) => {
    expect(new RedirectPolicy(SITE, [pattern]).permitted(address)).toBe(allowed ? address : SITE);
  });

  it('is not needed for the site itself, and nothing is asked for no address', () => {
    const policy = new RedirectPolicy(SITE, []);
    expect(policy.permitted('https://site.example/elsewhere')).toBe('https://site.example/elsewhere');
    expect(policy.permitted(undefined)).toBe(SITE);
  });
});
