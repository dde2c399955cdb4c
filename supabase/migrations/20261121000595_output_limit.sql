-- As before, with the longest answer that a request may ask for. LiteLLM has no such limit for an account, so clients are
-- told it along with the others.
create or replace function godoty.limits_of(p_user_id uuid)
returns jsonb
language sql
stable
set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'max_budget_usd', max_budget_usd::text,
    'budget_duration', budget_duration,
    'rpm_limit', rpm_limit,
    'tpm_limit', tpm_limit,
    'models', pg_catalog.to_jsonb(models),
    'max_devices', max_devices,
    'output_tokens_per_request', output_tokens_per_request)
  from godoty.plan_of(p_user_id);
$$;
