/** What a stream of server-sent events is answered with. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
};

/**
 * A body out of a generator. Bytes are made only as fast as they are read; when the reader goes away, the signal
 * given to the generator is aborted and its `finally` runs.
 */
export function streamOf(
  produce: (signal: AbortSignal) => AsyncGenerator<Uint8Array, void>,
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const generator = produce(gone.signal);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await generator.next();
      if (done === true) {
        controller.close();
      } else {
        controller.enqueue(value);
      }
    },
    async cancel() {
      gone.abort();
      // One more step first: a generator that has not begun would otherwise end without its `finally`.
      await generator.next();
      await generator.return();
    },
  });
}
