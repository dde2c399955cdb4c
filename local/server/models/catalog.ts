/** Prices of one model in whole pico-dollars (10⁻¹² USD) a token, so that sums of them are exact. */
export interface Prices {
  readonly input: bigint;
  readonly output: bigint;
  readonly cacheRead: bigint;
}

/** A model as /v1/models and /v1/model/info show it. */
export interface Model {
  readonly name: string;
  /** What stands behind the name: `litellm_params.model`. */
  readonly target: string;
  /** Undefined when nobody knows them; its cost is then unknown, never zero. */
  readonly prices: Prices | undefined;
  readonly maxInputTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
}

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

/** OpenAI's prices as LiteLLM's map of version 1.106.2 has them. */
const KNOWN: Readonly<Record<string, Omit<Model, 'name' | 'target'>>> = {
  'gpt-4o-mini': {
    prices: { input: 150_000n, output: 600_000n, cacheRead: 75_000n },
    maxInputTokens: 128_000,
    maxOutputTokens: 16_384,
  },
  'gpt-4o': {
    prices: { input: 2_500_000n, output: 10_000_000n, cacheRead: 1_250_000n },
    maxInputTokens: 128_000,
    maxOutputTokens: 16_384,
  },
};

/** The names under which the built-in model can be called: they have real prices, so that costs look real. */
export const BUILT_IN_MODELS: readonly Model[] = Object.keys(KNOWN).map((name) => model(name, 'godoty/built-in'));

/** A model by its name, with what is known about it. */
export function model(name: string, target: string): Model {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  return {
    name,
    target,
    prices: known?.prices,
    maxInputTokens: known?.maxInputTokens,
    maxOutputTokens: known?.maxOutputTokens,
  };
}

/** What a call cost, in pico-dollars; undefined when the model's prices are unknown. */
export function costOf(of: Model, usage: Usage): bigint | undefined {
  if (of.prices === undefined) {
    return undefined;
  }
  const { input, output, cacheRead } = of.prices;
  return (
    BigInt(usage.promptTokens - usage.cachedTokens) * input +
    BigInt(usage.cachedTokens) * cacheRead +
    BigInt(usage.completionTokens) * output
  );
}

/**
 * Pico-dollars as a JSON number of dollars. One division of two exactly represented integers is rounded once,
 * to the double next to the true value, so it prints as that value up to 15 digits.
 */
export function dollars(pico: bigint): number {
  return Number(pico) / 1e12;
}

/** Pico-dollars as decimal text of dollars, for the database's numeric. */
export function dollarText(pico: bigint): string {
  const digits = pico.toString().padStart(13, '0');
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

/** An entry of /v1/models. */
export function listEntry(of: Model): Record<string, unknown> {
  return {
    id: of.name,
    object: 'model',
    created: 1677610602,
    owned_by: 'openai',
    mode: 'chat',
    ...limits(of),
  };
}

/** An entry of /v1/model/info, with LiteLLM's field names. */
export function infoEntry(of: Model): Record<string, unknown> {
  const prices = of.prices;
  return {
    model_name: of.name,
    litellm_params: { model: of.target },
    model_info: {
      id: of.name,
      db_model: false,
      key: of.name,
      litellm_provider: 'openai',
      mode: 'chat',
      max_tokens: of.maxOutputTokens ?? null,
      ...limits(of),
      input_cost_per_token: prices === undefined ? null : dollars(prices.input),
      output_cost_per_token: prices === undefined ? null : dollars(prices.output),
      cache_read_input_token_cost: prices === undefined ? null : dollars(prices.cacheRead),
      supports_system_messages: true,
      supports_vision: of.target === 'godoty/built-in' ? false : null,
      supports_function_calling: of.target === 'godoty/built-in' ? false : null,
    },
  };
}

function limits(of: Model): Record<string, number> {
  return {
    ...(of.maxInputTokens === undefined ? {} : { max_input_tokens: of.maxInputTokens }),
    ...(of.maxOutputTokens === undefined ? {} : { max_output_tokens: of.maxOutputTokens }),
  };
}
