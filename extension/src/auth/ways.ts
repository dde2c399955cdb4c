/** The ways to sign in, as people read them. Which of them there are, and in which order, is the core's to say. */
import { UIKind, env, l10n } from 'vscode';

import type { GodotyClient, HostAbilities, SignInWay, WayId } from '../../../crate/wasm/pkg/godoty_core.js';
import { choose } from './inputs.ts';

/** What has to be typed before anything is sent. */
export type Question = 'email' | 'password';

/** What a way asks first, in this order. */
export const QUESTIONS: Readonly<Record<WayId, readonly Question[]>> = {
  github: [],
  google: [],
  emailCode: ['email'],
  password: ['email', 'password'],
  createAccount: ['email', 'password'],
  resetPassword: ['email'],
};

interface WayText {
  readonly icon: string;
  readonly label: string;
  readonly detail: string;
}

function textOf(way: WayId): WayText {
  switch (way) {
    case 'github':
      return {
        icon: 'github',
        label: l10n.t('Continue with GitHub'),
        detail: l10n.t('Opens your browser; an account is made if you have none.'),
      };
    case 'google':
      return {
        icon: 'globe',
        label: l10n.t('Continue with Google'),
        detail: l10n.t('Opens your browser; an account is made if you have none.'),
      };
    case 'emailCode':
      return {
        icon: 'mail',
        label: l10n.t('Sign in with a code by e-mail'),
        detail: l10n.t('No password: type the code, or open the link.'),
      };
    case 'password':
      return {
        icon: 'key',
        label: l10n.t('Sign in with e-mail and password'),
        detail: l10n.t('For an account that has a password.'),
      };
    case 'createAccount':
      return {
        icon: 'person-add',
        label: l10n.t('Create account'),
        detail: l10n.t('With e-mail and password.'),
      };
    case 'resetPassword':
      return {
        icon: 'question',
        label: l10n.t('Forgot your password?'),
        detail: l10n.t('A code by e-mail lets you choose another one.'),
      };
  }
}

/** A port that is opened here is one of the user's machine only where VS Code runs there as a whole. */
export const browserIsHere = (): boolean => env.uiKind === UIKind.Desktop && env.remoteName === undefined;

function hostAbilities(opensPorts: boolean): HostAbilities {
  return { desktop: env.uiKind === UIKind.Desktop, uriHandler: true, loopback: opensPorts && browserIsHere() };
}

/** Lets the user choose. The list is there at once, and fills when the server has said what it takes. */
export async function chooseWay(
  client: GodotyClient,
  opensPorts: boolean,
  signal: AbortSignal,
): Promise<SignInWay | undefined> {
  const items = client.signInWays(hostAbilities(opensPorts)).then((ways) =>
    ways.map((value) => {
      const { icon, label, detail } = textOf(value.way);
      return { label: `$(${icon}) ${label}`, detail, value };
    }),
  );
  return await choose(
    { title: l10n.t('Sign in to Godoty'), placeholder: l10n.t('How do you want to sign in?'), items },
    signal,
  );
}
