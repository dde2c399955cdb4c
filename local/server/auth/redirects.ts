import { AuthError } from './errors.ts';

/** Where a browser may be sent at the end of a sign-in. */
export class RedirectPolicy {
  readonly siteUrl: string;
  readonly #patterns: readonly RegExp[];

  /** `patterns` are globs as supabase/config.toml has them. */
  constructor(siteUrl: string, patterns: readonly string[]) {
    this.siteUrl = siteUrl;
    this.#patterns = patterns.map(globPattern);
  }

  /** The address when it is allowed; else, without a word, the site's own. */
  permitted(requested: string | undefined): string {
    return requested !== undefined && this.#allows(requested) ? requested : this.siteUrl;
  }

  #allows(requested: string): boolean {
    if (!URL.canParse(requested)) {
      return false;
    }
    const { protocol, hostname, origin } = new URL(requested);
    if (protocol === 'http:' || protocol === 'https:') {
      // Another spelling of an address ("2130706433") or somebody's name before it is nobody's honest wish.
      if (!requested.toLowerCase().startsWith(origin)) {
        return false;
      }
      // A native app cannot know its port beforehand (RFC 8252, section 7.3).
      if (hostname === new URL(this.siteUrl).hostname || hostname.startsWith('127.') || hostname === '[::1]') {
        return true;
      }
      if (/^(?:[\d.]+|\[.*\])$/.test(hostname)) {
        return false;
      }
    }
    const [withoutFragment = ''] = requested.split('#');
    return this.#patterns.some((pattern) => pattern.test(withoutFragment));
  }
}

/**
 * A glob whose separators are `.` and `/`: `*` and `?` stop at them, `**` does not; `[a-z]` and `[!a-z]` are sets,
 * `{a,b}` a choice, and a backslash takes the next character as it is.
 */
function globPattern(glob: string): RegExp {
  const tokens = /\\(.)|(\*\*)|(\*)|(\?)|\[(!?)([^\]]+)\]|([{},])|([^])/g;
  let choices = 0;
  const source = glob.replace(tokens, (...parts: (string | undefined)[]) => {
    const [, escaped, all, some, one, not, set, brace, plain] = parts;
    if (all !== undefined) return '[^]*';
    if (some !== undefined) return '[^./]*';
    if (one !== undefined) return '[^./]';
    if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replaceAll(/[\\^]/g, '\\$&')}]`;
    if (brace === '{') {
      choices += 1;
      return '(?:';
    }
    if (brace === '}' && choices > 0) {
      choices -= 1;
      return ')';
    }
    if (brace === ',' && choices > 0) return '|';
    return (escaped ?? brace ?? plain ?? '').replaceAll(/[$()*+./?[\\\]^{|}-]/g, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

/** What the `error` parameter of a redirect says (RFC 6749, section 4.1.2.1) for each status of the API. */
const OAUTH_ERRORS: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'unauthorized_client',
  403: 'access_denied',
  500: 'server_error',
  503: 'temporarily_unavailable',
};

/** The parameters that tell a redirect's target what went wrong. */
export function errorParameters(error: AuthError): Readonly<Record<string, string>> {
  return {
    error: OAUTH_ERRORS[error.status] ?? 'server_error',
    error_code: error.code,
    error_description: error.message,
  };
}

/** The address with parameters added to its query. */
export function withQuery(address: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(parameters)) {
    url.searchParams.set(name, value);
  }
  return url.href;
}

/** The address with parameters as its fragment; `sb` marks it as Supabase Auth's. */
export function withFragment(address: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(address);
  const fragment = new URLSearchParams({ ...parameters, sb: '' });
  fragment.sort();
  url.hash = fragment.toString();
  return url.href;
}
