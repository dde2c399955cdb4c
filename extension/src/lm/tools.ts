/** Tools, on their way to the model and back. */
import type { ChatCall, ChatToolCall } from '../../../crate/wasm/pkg/godoty_core.js';

/** A tool as the host offers it. */
export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema?: object | undefined;
}

export function toCoreTools(
  tools: readonly OfferedTool[] | undefined,
  required: boolean,
): Pick<ChatCall, 'tools' | 'toolChoice'> {
  if (tools === undefined || tools.length === 0) {
    return {};
  }
  return {
    tools: tools.map(({ name, description, inputSchema }) => ({
      name,
      description,
      ...(inputSchema === undefined ? {} : { parameters: JSON.stringify(inputSchema) }),
    })),
    toolChoice: required ? 'required' : 'auto',
  };
}

export interface CalledTool {
  readonly id: string;
  readonly name: string;
  readonly input: object;
}

/** The model called a tool with arguments that are no JSON object. */
export class MalformedArguments extends Error {
  override readonly name = 'MalformedArguments';
  readonly tool: string;

  constructor(tool: string) {
    super('the arguments of a tool call are no JSON object');
    this.tool = tool;
  }
}

/**
 * Reads the arguments of all calls. A call without an id, which some servers leave out, gets one: its result has to name
 * it.
 *
 * @throws MalformedArguments for the first call that can't be carried out
 */
export function readToolCalls(calls: readonly ChatToolCall[], newId: () => string): readonly CalledTool[] {
  return calls.map(({ id, name, arguments: text }) => ({
    id: id === '' ? newId() : id,
    name,
    input: readArguments(name, text),
  }));
}

function readArguments(tool: string, text: string): object {
  if (text.trim() === '') {
    // A tool without arguments.
    return {};
  }
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    throw new MalformedArguments(tool);
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw new MalformedArguments(tool);
  }
  return input;
}
