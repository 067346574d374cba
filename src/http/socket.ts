import { type Connect, connectOptions } from './fetch.ts';

export interface SocketOptions {
  readonly connect?: Connect;
  /** Sub-protocols that the other side may choose from. */
  readonly protocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Closes the socket. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that may wait for their reader; a socket that is read more slowly than that is closed. */
const WAITING = 8 * 1024 * 1024;

/**
 * Opens a WebSocket that is only read: its binary messages, in order, until either side closes it. Leaving the loop closes
 * it too. Rejects where no connection comes about; why, WebSockets do not tell. https://websockets.spec.whatwg.org/
 */
export const openSocket = async (
  url: URL,
  { connect = {}, protocols, headers = {}, signal }: SocketOptions,
): Promise<AsyncIterable<Uint8Array>> => {
  const { Agent, WebSocket } = await import('undici');
  signal?.throwIfAborted();
  const agent = new Agent({ connect: connectOptions(connect) });
  const socket = new WebSocket(url, { protocols: [...protocols], headers, dispatcher: agent });
  socket.binaryType = 'arraybuffer';
  let reading: ReadableStreamDefaultController<Uint8Array> | undefined;
  // The reader does not wait for the other side to agree to the end.
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    signal?.removeEventListener('abort', end);
    reading?.close();
    reading = undefined;
    socket.close();
    void agent.destroy();
  };
  const messages = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        reading = controller;
      },
      cancel: () => {
        reading = undefined;
        end();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: WAITING }),
  );
  socket.addEventListener('message', ({ data }) => {
    if (reading === undefined || !(data instanceof ArrayBuffer)) return;
    reading.enqueue(new Uint8Array(data));
    if ((reading.desiredSize ?? 0) <= 0) end();
  });
  socket.addEventListener('close', end, { once: true });
  signal?.addEventListener('abort', end, { once: true });
  await new Promise<void>((opened, failed) => {
    socket.addEventListener('open', () => opened(), { once: true });
    socket.addEventListener('error', (event) => failed(event.error ?? new Error('no WebSocket')), { once: true });
    socket.addEventListener('close', () => failed(new Error('no WebSocket')), { once: true });
  });
  return messages;
};
