import * as v from 'valibot';

import type { AccountLimits } from './litellm.ts';

const Period = v.object({ used: v.number(), limit: v.number(), remaining: v.number(), resets_at: v.string() });

/** What an account's plan allows. Money is decimal text in US dollars; null is no limit. */
export const PlanLimits = v.object({
  max_budget_usd: v.nullable(v.string()),
  budget_duration: v.nullable(v.string()),
  rpm_limit: v.nullable(v.number()),
  tpm_limit: v.nullable(v.number()),
  models: v.nullable(v.array(v.string())),
  max_devices: v.number(),
  output_tokens_per_request: v.number(),
});

/** What the database says that LiteLLM is to know of an account. */
export const AccountState = v.object({
  ...PlanLimits.entries,
  plan: v.string(),
  blocked: v.nullable(v.object({ limit: v.string(), until: v.string() })),
  quota: v.object({
    plan: v.string(),
    month: Period,
    hour: Period,
    blocked: v.boolean(),
    max_output_tokens: v.number(),
  }),
});

export function limitsOf(userId: string, state: v.InferOutput<typeof AccountState>): AccountLimits {
  return {
    userId,
    plan: state.plan,
    maxBudgetUsd: state.max_budget_usd,
    budgetDuration: state.budget_duration,
    rpm: state.rpm_limit,
    tpm: state.tpm_limit,
    models: state.models,
    blocked: state.blocked,
  };
}
