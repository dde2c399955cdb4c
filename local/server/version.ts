export { VERSION } from '../../supabase/functions/_shared/version.ts';
