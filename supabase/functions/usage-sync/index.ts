import { createEnv } from '../_shared/env.ts';
import { handler } from './handler.ts';

const env = createEnv((name) => Deno.env.get(name));
Deno.serve((request) => handler(request, env));
