/**
 * SQL that adds accounts with a hundred calls each of the last thirty days, named by their place in the whole.
 * Triggers and foreign keys rest meanwhile: what is measured is the work on the data, not how they came there.
 *
 * @param {number} first the number of the first account
 * @param {number} last the number of the last one
 */
export function fillSql(first, last) {
  const id = (/** @type {string} */ number) => `('00000000-0000-4000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
  return `
    begin;
    set local session_replication_role = replica;
    insert into auth.users (id, email)
    select ${id('n')}, 'user' || n || '@example.com' from generate_series(${String(first)}, ${String(last)}) as n;
    insert into public.user_profiles (user_id, email, display_name, username)
    select ${id('n')}, 'user' || n || '@example.com', 'User', 'user' || n
    from generate_series(${String(first)}, ${String(last)}) as n;
    insert into public.usage_records (
      user_id, call_id, response_id, model, prompt_tokens, completion_tokens, total_tokens, cached_tokens,
      cache_write_tokens, reasoning_tokens, cost_estimated, cost_source, outcome, occurred_at)
    select
      ${id('n')}, gen_random_uuid(), 'chatcmpl-' || n || '-' || call,
      (array['gpt-4o-mini', 'gpt-4o', 'claude-sonnet-4-5', 'gemini/gemini-2.5-pro'])[1 + call % 4],
      100 + call, 50 + call, 150 + 2 * call, call, 0, 0, 0.000012 * call, 'reported', 'done',
      date_trunc('hour', now()) - interval '7 hours' * (call - 1) - interval '1 second' * (n % 3600)
    from generate_series(${String(first)}, ${String(last)}) as n, generate_series(1, 100) as call;
    commit;
    analyze public.user_profiles;
    analyze public.usage_records;`;
}

/** The id of the account with this number. @param {number} number */
export function accountId(number) {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}
