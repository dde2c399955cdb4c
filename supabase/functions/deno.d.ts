/** The two members of Deno that the functions' entry files use; Deno itself knows its own, fuller types. */
declare const Deno: {
  readonly env: { get(name: string): string | undefined };
  serve(handler: (request: Request) => Promise<Response>): unknown;
};
