/** The page of the panel, as text. Pure. */
export interface PanelPage {
  /** The source that VS Code serves the extension's own files from. */
  readonly cspSource: string;
  readonly nonce: string;
  readonly script: string;
  readonly styles: readonly string[];
  /** A BCP 47 tag, for the page and its numbers. */
  readonly language: string;
  /** The texts of the page, which its script reads. */
  readonly strings: object;
}

/**
 * A page that can show itself and nothing else: no connection, no frame, no inline style, no script but the one with
 * the nonce. An answer's text is a stranger's text, and this is the wall behind the sanitiser.
 */
export function panelHtml({ cspSource, nonce, script, styles, language, strings }: PanelPage): string {
  const policy = [
    "default-src 'none'",
    `style-src ${cspSource}`,
    `script-src 'nonce-${nonce}'`,
    // Thumbnails of the images that the user attached; an answer's images are links.
    'img-src data:',
    `font-src ${cspSource}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${escape(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Godoty</title>
${styles.map((style) => `<link rel="stylesheet" href="${escape(style)}">`).join('\n')}
</head>
<body data-strings="${escape(JSON.stringify(strings))}">
<script nonce="${escape(nonce)}" src="${escape(script)}"></script>
</body>
</html>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
