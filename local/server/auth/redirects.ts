/** The editors that an e-mail's link may lead back to, as supabase/config.toml lists them. */
const EDITOR_SCHEMES = ['vscode', 'vscode-insiders', 'vscodium', 'code-oss', 'cursor', 'windsurf'];
const EXTENSION = 'godoty.godoty';

/** The address to redirect to when it is allowed; else, without a word, the site's own. */
export function permittedRedirect(requested: string | undefined, siteUrl: string): string {
  if (requested === undefined || !URL.canParse(requested)) {
    return siteUrl;
  }
  const url = new URL(requested);
  const loopback = url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  const editor = EDITOR_SCHEMES.includes(url.protocol.slice(0, -1)) && url.host === EXTENSION;
  return loopback || editor ? requested : siteUrl;
}
