/**
 * Somebody else's extension that uses `vscode.lm` and asks for the account, in either extension host: it does what a test asks it to do. It fetches its
 * tasks from the address of the setting `lmClient.url`, and takes the next one while it is at work.
 */
const vscode = require('vscode');

/** @typedef {import('../harness/lmClient.ts').Ask} Ask */
/** @typedef {import('../harness/lmClient.ts').AskMessage} AskMessage */
/** @typedef {import('../harness/lmClient.ts').AskPart} AskPart */

let changes = 0;
let sessionChanges = 0;
/** The parts of the last answer so far. @type {unknown[]} */
let parts = [];

/** @param {vscode.ExtensionContext} context */
function activate(context) {
  const url = /** @type {string} */ (vscode.workspace.getConfiguration('lmClient').get('url'));
  const stop = new AbortController();
  context.subscriptions.push(
    { dispose: () => stop.abort() },
    vscode.lm.onDidChangeChatModels(() => (changes += 1)),
    vscode.authentication.onDidChangeSessions(({ provider }) => {
      if (provider.id === 'godoty') sessionChanges += 1;
    }),
  );
  void work(url, stop.signal);
}

module.exports = { activate };

/**
 * @param {string} url
 * @param {AbortSignal} signal
 */
async function work(url, signal) {
  while (!signal.aborted) {
    const { id, what, body } = await (await fetch(url, { signal })).json();
    void run(what, body).then(
      (answer) => fetch(`${url}/${id}`, { method: 'POST', body: JSON.stringify(answer) }),
      (/** @type {Error} */ error) => fetch(`${url}/${id}?failed`, { method: 'POST', body: error.stack ?? '' }),
    );
  }
}

/**
 * @param {string} what
 * @param {Ask} ask
 */
async function run(what, ask) {
  switch (what) {
    case 'models':
      return await models();
    case 'changes':
      return changes;
    case 'parts':
      return parts;
    case 'ask':
      return await answer(ask);
    case 'session':
      return (await vscode.authentication.getSession('godoty', ['godoty'], { silent: true })) ?? null;
    case 'demandSession':
      return await vscode.authentication.getSession('godoty', ['godoty'], { createIfNone: true });
    case 'sessionChanges':
      return sessionChanges;
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
  if ('image' in part) return vscode.LanguageModelDataPart.image(bytesOf(part.image), part.mimeType);
  if ('tool' in part) return new vscode.LanguageModelToolCallPart(part.callId, part.tool, part.input);
  return new vscode.LanguageModelToolResultPart(part.callId, [new vscode.LanguageModelTextPart(part.result)]);
}

/** @param {string} base64 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
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
