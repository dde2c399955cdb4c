-- Data of a development database (the Supabase CLI's `db reset`, and the embedded backend); never part of a
-- deployment. Every account made there is on the largest plan, so that nobody meets a limit while trying Godoty.

update godoty.settings set default_plan = 'enterprise';
