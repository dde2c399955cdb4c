import { readFileSync } from 'node:fs';

import { parse } from 'smol-toml';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';

const Template = v.object({ subject: v.pipe(v.string(), v.nonEmpty()), content_path: v.string() });
const Config = v.object({
  auth: v.object({ email: v.object({ otp_length: v.number(), template: v.record(v.string(), Template) }) }),
});

const { email } = v.parse(Config, parse(readFileSync('supabase/config.toml', 'utf8'))).auth;

describe('the project’s mails', () => {
  it('are of every kind that a person can ask for', () => {
    expect(Object.keys(email.template).sort()).toEqual(['confirmation', 'email_change', 'magic_link', 'recovery']);
  });

  it.each(Object.entries(email.template))('%s carries the code beside the link', (_kind, { content_path: path }) => {
    const html = readFileSync(path, 'utf8');
    // A scanner that opens links uses the link up; the code is what is left then.
    expect(html).toContain('{{ .Token }}');
    expect(html).toContain('href="{{ .ConfirmationURL }}"');
    const variables = new Set(html.match(/\{\{[^}]*\}\}/g));
    for (const known of ['{{ .Token }}', '{{ .ConfirmationURL }}', '{{ .Email }}', '{{ .NewEmail }}']) {
      variables.delete(known);
    }
    expect([...variables]).toEqual([]);
  });

  it('have codes of the length that the extension asks for', () => {
    expect(email.otp_length).toBe(6);
  });
});
