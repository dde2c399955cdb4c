/**
 * Somebody else's extension that uses `vscode.lm`: it does over HTTP what a test asks it to do. Where it listens stands in
 * `lm-client.json` in the workspace.
 */
const { createServer } = require('node:http');
const vscode = require('vscode');

/** @typedef {import('../harness/lmClient.ts').Ask} Ask */
/** @typedef {import('../harness/lmClient.ts').AskMessage} AskMessage */
/** @typedef {import('../harness/lmClient.ts').AskPart} AskPart */

let changes = 0;
/** The parts of the last answer so far. @type {unknown[]} */
let parts = [];

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (/** @type {string} */ text) => (body += text));
    request.on('end', () => {
      run(request.url ?? '', body === '' ? undefined : JSON.parse(body)).then(
        (answer) => response.end(JSON.stringify(answer)),
        (/** @type {Error} */ error) => response.writeHead(500).end(error.stack),
      );
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const folder = vscode.workspace.workspaceFolders?.[0];
    if (folder === undefined || address === null || typeof address === 'string') return;
    const text = new TextEncoder().encode(JSON.stringify({ port: address.port }));
    void vscode.workspace.fs.writeFile(vscode.Uri.joinPath(folder.uri, 'lm-client.json'), text);
  });
  context.subscriptions.push(
    { dispose: () => server.close() },
    vscode.lm.onDidChangeChatModels(() => (changes += 1)),
  );
}

module.exports = { activate };

/**
 * @param {string} what
 * @param {Ask} ask
 */
async function run(what, ask) {
  switch (what) {
    case '/models':
      return await models();
    case '/changes':
      return changes;
    case '/parts':
      return parts;
    case '/ask':
      return await answer(ask);
    default:
      throw new Error(`nothing is known of ${what}`);
  }
}

async function models() {
  const found = await vscode.lm.selectChatModels({ vendor: 'godoty' });
  return await Promise.all(
    found.map(async (model) => ({
      id: model.id,
      name: model.name,
      family: model.family,
      version: model.version,
      maxInputTokens: model.maxInputTokens,
      tokens: await model.countTokens('<|endoftext|>'),
      messageTokens: await model.countTokens(vscode.LanguageModelChatMessage.User('hello')),
    })),
  );
}

/** @param {Ask} ask */
async function answer({ model: id, messages, tools, required, cancelAfterParts }) {
  const [model] = await vscode.lm.selectChatModels({ vendor: 'godoty', id });
  if (model === undefined) throw new Error(`there is no model ${id}`);
  const cancel = new vscode.CancellationTokenSource();
  parts = [];
  try {
    const { Auto, Required } = vscode.LanguageModelChatToolMode;
    const response = await model.sendRequest(
      messages.map(toMessage),
      { ...(tools === undefined ? {} : { tools }), toolMode: required === true ? Required : Auto },
      cancel.token,
    );
    for await (const part of response.stream) {
      parts.push(shown(part));
      if (parts.length === cancelAfterParts) cancel.cancel();
    }
    return { parts };
  } catch (error) {
    const { name, message, code } = /** @type {vscode.LanguageModelError} */ (error);
    return { parts, error: { name, message, code } };
  }
}

/** @param {AskMessage} message */
function toMessage({ role, parts }) {
  const { User, Assistant } = vscode.LanguageModelChatMessageRole;
  return new vscode.LanguageModelChatMessage(role === 'user' ? User : Assistant, parts.map(toPart));
}

/** @param {AskPart} part */
function toPart(part) {
  if ('text' in part) return new vscode.LanguageModelTextPart(part.text);
  if ('image' in part) return vscode.LanguageModelDataPart.image(Buffer.from(part.image, 'base64'), part.mimeType);
  if ('tool' in part) return new vscode.LanguageModelToolCallPart(part.callId, part.tool, part.input);
  return new vscode.LanguageModelToolResultPart(part.callId, [new vscode.LanguageModelTextPart(part.result)]);
}

/** @param {unknown} part */
function shown(part) {
  if (part instanceof vscode.LanguageModelTextPart) return { text: part.value };
  if (part instanceof vscode.LanguageModelToolCallPart) {
    return { callId: part.callId, tool: part.name, input: part.input };
  }
  if (part instanceof vscode.LanguageModelDataPart) {
    return { data: part.mimeType, text: new TextDecoder().decode(part.data) };
  }
  // A part of reasoning, whose class is proposed API.
  return { reasoning: /** @type {{value?: unknown}} */ (part).value };
}
