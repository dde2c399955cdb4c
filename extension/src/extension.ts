/** Composes the extension. `activate` registers everything and returns; what reads or calls comes after it. */
import { UIKind, commands, env, l10n, window, workspace } from 'vscode';
import type { ExtensionContext } from 'vscode';

import { AccountService, chatUser } from './account.ts';
import type { AccountNews, AccountState } from './account.ts';
import { runAction } from './actions.ts';
import { CallbackHandler, loopbackTexts } from './auth/callback.ts';
import { GodotyAuthenticationProvider } from './auth/provider.ts';
import { PASTE_COMMAND, SignInFlow } from './auth/signIn.ts';
import { tellStoreTrouble } from './auth/storeTrouble.ts';
import { keyMarkerOf } from './auth/vault/keyMarker.ts';
import { VaultSessionStore } from './auth/vault/vault.ts';
import type { VaultPorts } from './auth/vault/vault.ts';
import { VaultChanges } from './auth/vaultChanges.ts';
import { ChatController } from './chat/controller.ts';
import { ConversationStore } from './chat/conversationStore.ts';
import { controllerTexts } from './chat/l10n.ts';
import type { Notice } from './chat/panelState.ts';
import { ChatViewProvider } from './chat/view.ts';
import { CoreChatEngine } from './chatEngine.ts';
import { ContextKeys } from './contexts.ts';
import { detailOf } from './core/errors.ts';
import { isoTime, newNonce, newUuid, schedule, timing } from './core/host.ts';
import { cameAtOnce, coreVersion, openClient } from './core/load.ts';
import { readPriceMap } from './core/priceMap.ts';
import { deviceOf } from './device.ts';
import { allChecks } from './doctor/checks.ts';
import { Doctor } from './doctor/doctor.ts';
import { DoctorPanel } from './doctor/doctorPanel.ts';
import { doctorVaults } from './doctor/vaults.ts';
import { RoundTrip } from './doctor/wayBack.ts';
import { manageModels } from './lm/manageModels.ts';
import { GodotyModelProvider } from './lm/provider.ts';
import { Log } from './log.ts';
import { ModelList } from './models.ts';
import type { Platform } from './platform.ts';
import { onDidChangeSettings, readProxySettings, readSettings, sameBackend } from './settings.ts';
import { sessionEndedText } from './status/model.ts';
import { StatusBar } from './status/statusBar.ts';
import { UsageQueueFiles } from './usage/queueFiles.ts';
import { UsageFeed } from './usage/usageFeed.ts';
import { UsagePanel } from './usage/usagePanel.ts';
import { unlinked, wordsFor } from './words.ts';

export function activate(context: ExtensionContext, platform: Platform): void {
  const log = new Log();
  const report = (what: string, error: unknown): void => {
    log.error(what, error);
  };
  let settings = readSettings();

  const vaultChanges = new VaultChanges(context.globalStorageUri);
  const vault: VaultPorts = {
    ...platform.vault(context.globalStorageUri),
    secrets: context.secrets,
    marker: keyMarkerOf(context.globalState),
    changes: vaultChanges,
    privateSecrets: env.uiKind === UIKind.Web,
    now: () => timing.now(),
    onTrouble: (trouble, error) => {
      report(`the session store: ${trouble}`, error);
      tellStoreTrouble(trouble, act).catch((failure: unknown) => report('the session store', failure));
    },
  };
  const account = new AccountService(
    {
      openClient: (config, host, onEnd) => openClient(context.extensionUri, config, host, onEnd),
      storeFor: (backend) => new VaultSessionStore(vault, backend.supabaseUrl),
      device: () => deviceOf(context.globalState, newUuid),
      loadPriceMap: () => readPriceMap(context.extensionUri),
      openQueues: () => new UsageQueueFiles(workspace.fs, context.globalStorageUri, newUuid(), report),
      report,
    },
    settings.backend,
  );
  const { openLoopback } = platform;
  const signIn: SignInFlow = new SignInFlow({
    account,
    openLoopback:
      openLoopback === undefined
        ? undefined
        : () => openLoopback(loopbackTexts(), (address) => callbacks.take(address)),
    report,
    runAction: (id) => act(id),
  });
  const provider = new GodotyAuthenticationProvider(account, (userId) => signIn.start(userId));
  const callbacks: CallbackHandler = new CallbackHandler({ account, flow: signIn, runAction: (id) => act(id), report });
  const usage = new UsageFeed({ account, showEstimates: () => settings.showCostEstimates, schedule, report });
  const modelList = new ModelList({ account, schedule });
  const engine = new CoreChatEngine({
    account,
    models: modelList,
    settings: () => settings,
    report,
    note: (line) => log.info(line),
  });
  const models = new GodotyModelProvider({
    account,
    models: modelList,
    settings: () => settings,
    signIn: () => signIn.start(),
    newId: newUuid,
    schedule,
    report,
    note: (line) => log.info(line),
  });
  const controller = new ChatController(
    {
      engine,
      store: new ConversationStore(context.workspaceState),
      schedule,
      newId: newUuid,
      texts: controllerTexts(l10n),
      report: (error) => report('the chat', error),
    },
    settings.defaultModel,
  );
  const chat = new ChatViewProvider({
    extensionUri: context.extensionUri,
    controller,
    runAction: (id) => act(id),
    online: () => {
      if (controller.models.length === 0) {
        refreshAccount();
      }
    },
    readModels: () => readModels(),
    tell: (error) => {
      report('the chat panel', error);
      void showError(error, act);
    },
    newNonce,
    report: (error) => report('the chat panel', error),
  });
  const usagePanel = new UsagePanel({
    extensionUri: context.extensionUri,
    account,
    feed: usage,
    runAction: (id) => act(id),
    newNonce,
    report,
  });
  const roundTrip = new RoundTrip(newNonce);
  const doctor = new Doctor({
    checks: () =>
      allChecks({
        account,
        settings: () => settings,
        backend: () => settings.backend,
        proxy: readProxySettings,
        network: platform.network,
        openLoopback,
        roundTrip,
        secrets: context.secrets,
        privateSecrets: vault.privateSecrets,
        ...doctorVaults(vault, platform, context.globalStorageUri, () => settings.backend.supabaseUrl, newUuid),
        version: extensionVersion(context),
        coreVersion,
        cameAtOnce,
        now: () => timing.now(),
        formatTime: (at) => new Intl.DateTimeFormat(env.language, { dateStyle: 'medium' }).format(at),
        newId: newUuid,
        newNonce,
        report,
      }),
    schedule,
    report,
  });
  const doctorPanel = new DoctorPanel({
    extensionUri: context.extensionUri,
    doctor,
    runAction: (id) => act(id),
    secrets: () => [settings.backend.supabaseKey, account.state.kind === 'signedIn' ? account.state.account.email : ''],
    time: () => isoTime(timing.now()),
    newNonce,
    report,
  });
  const statusBar = new StatusBar();
  const contexts = new ContextKeys();

  const act = (id: string): void => {
    runAction(id, chat).catch((error: unknown) => report(`the action ${id}`, error));
  };
  /** Runs a command; what it throws is put into words. */
  const run = (what: string, command: () => Promise<unknown>) => async (): Promise<void> => {
    try {
      await command();
    } catch (error) {
      report(what, error);
      await showError(error, act);
    }
  };
  const refreshStatus = (): void => {
    statusBar.update({
      account: isEnded(account.state) ? 'ended' : account.state.kind,
      usage: usage.current,
      answering: [...engine.answering, ...models.answering],
    });
  };
  const readModels = async (): Promise<void> => {
    const asked = account.state;
    const choices = await engine.models();
    // Another account may have other models.
    if (account.state === asked) {
      controller.setModels(choices, settings.defaultModel);
    }
  };
  const refreshAccount = (): void => {
    const { state } = account;
    const user = chatUser(state);
    const ended = isEnded(state);
    const none = state.kind === 'restoring' ? state.kind : 'signedOut';
    controller.setAccount(user === undefined ? { kind: none } : { kind: 'ready', id: user });
    controller.setNotice(ended ? sessionEnded() : null);
    contexts.set('godoty.sessionEnded', ended);
    contexts.set('godoty.signedIn', user !== undefined);
    refreshStatus();
    if (user !== undefined) {
      readModels().catch((error: unknown) => report('reading the models', error));
    }
  };

  context.subscriptions.push(
    log,
    vaultChanges,
    account,
    provider,
    statusBar,
    chat,
    controller,
    engine,
    modelList,
    models,
    usage,
    usagePanel,
    doctor,
    doctorPanel,
    account.onDidChangeState(refreshAccount),
    account.onNews((news) => {
      tell(news, account.state, act);
    }),
    usage.onDidChange(refreshStatus),
    modelList.onDidChange(() => {
      readModels().catch((error: unknown) => report('reading the models', error));
    }),
    engine.onDidChangeStreaming(() => {
      contexts.asked('panel', engine.streaming);
      refreshStatus();
    }),
    models.onDidChangeStreaming(() => {
      contexts.asked('vsCode', models.streaming);
      refreshStatus();
    }),
    window.registerUriHandler({
      handleUri: async (uri) => {
        if (!roundTrip.take(uri)) {
          await callbacks.handleUri(uri);
        }
      },
    }),
    window.onDidChangeWindowState(({ focused }) => {
      account.setFocused(focused);
    }),
    window.registerWebviewViewProvider(ChatViewProvider.viewType, chat),
    commands.registerCommand(
      'godoty.signIn',
      run('signing in', () => signIn.start()),
    ),
    commands.registerCommand(PASTE_COMMAND, () => {
      signIn.paste();
    }),
    commands.registerCommand(
      'godoty.signOut',
      run('signing out', () => signOut(account)),
    ),
    commands.registerCommand(
      'godoty.newChat',
      run('opening the chat', () => chat.newChat()),
    ),
    commands.registerCommand(
      'godoty.focusChat',
      run('opening the chat', () => chat.show()),
    ),
    commands.registerCommand('godoty.stop', () => {
      controller.stop();
    }),
    commands.registerCommand(
      'godoty.showUsage',
      run('showing the usage', () => usagePanel.show()),
    ),
    commands.registerCommand(
      'godoty.manageModels',
      run('managing the models', () => manageModels(account)),
    ),
    commands.registerCommand(
      'godoty.openWalkthrough',
      run('opening the walkthrough', async () => {
        await commands.executeCommand('workbench.action.openWalkthrough', `${context.extension.id}#start`);
      }),
    ),
    commands.registerCommand('godoty.doctor', () => {
      doctorPanel.show();
    }),
    commands.registerCommand('godoty.showLog', () => {
      log.show();
    }),
    onDidChangeSettings(() => {
      const before = settings;
      settings = readSettings();
      usage.refresh();
      controller.setDefaultModel(settings.defaultModel);
      if (!sameBackend(before.backend, settings.backend)) {
        void run('changing the backend', async () => {
          void signIn.backendChanged();
          await account.use(settings.backend, settings.autoSignIn);
          // An address that can't be used is told at once.
          await account.client();
        })();
      }
    }, schedule),
  );

  account.setFocused(window.state.focused);
  // Everything is registered. The stored session is read once VS Code has gone on.
  if (settings.autoSignIn) {
    const cancel = schedule(() => {
      void account.restore();
    }, 0);
    context.subscriptions.push({ dispose: cancel });
  } else {
    account.stayOut();
  }
  log.info(`Godoty is ready (${env.appName}, ${env.appHost})`);
}

function extensionVersion({ extension }: ExtensionContext): string {
  const { version } = extension.packageJSON as { readonly version?: unknown };
  return typeof version === 'string' ? version : '';
}

/** Whether the server ended the session, and chat goes on with this device's key. */
function isEnded(state: AccountState): boolean {
  return state.kind === 'signedOut' && chatUser(state) !== undefined;
}

async function signOut(account: AccountService): Promise<void> {
  await account.restore();
  const { state } = account;
  if (chatUser(state) === undefined) {
    await window.showInformationMessage(l10n.t('You are not signed in.'));
    return;
  }
  await account.signOut();
  void window.showInformationMessage(
    state.kind === 'signedIn' ? l10n.t('Signed out {0}.', unlinked(state.account.email)) : l10n.t('Signed out.'),
  );
}

async function showError(error: unknown, act: (id: string) => void): Promise<void> {
  const words = wordsFor(detailOf(error));
  const actions = words.actions.filter((action) => action.id !== 'retry');
  const picked = await window.showErrorMessage(words.message, ...actions.map((action) => action.label));
  const chosen = actions.find((action) => action.label === picked);
  if (chosen !== undefined) {
    act(chosen.id);
  }
}

/** What happened to the session without the user's doing. */
function tell(news: AccountNews, state: AccountState, act: (id: string) => void): void {
  switch (news.kind) {
    case 'signedOut':
      if (news.reason === 'expired') {
        const goesOn = chatUser(state) !== undefined;
        void offer(
          goesOn ? sessionEndedText(l10n) : l10n.t('Your Godoty session has ended. Sign in again to go on.'),
          act,
        );
      }
      return;
    case 'storedSessionUnreadable':
      void offer(l10n.t('The stored Godoty session could not be read, so you are signed out. Sign in again.'), act);
      return;
    case 'storeFailed':
      // The store has told the user what is the matter with it.
      return;
    case 'signedIn':
    case 'refreshed':
      return;
  }
}

function sessionEnded(): Notice {
  return { kind: 'warning', text: sessionEndedText(l10n), actions: [{ id: 'signIn', label: l10n.t('Sign In') }] };
}

async function offer(message: string, act: (id: string) => void): Promise<void> {
  const signIn = l10n.t('Sign In');
  if ((await window.showWarningMessage(message, signIn)) === signIn) {
    act('signIn');
  }
}
