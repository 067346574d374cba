import type { KubeClient, Scope } from './client.ts';
import { lines } from './lines.ts';

/** Longer lines are left out. */
const CAP = 64 * 1024;
/** First byte of a frame that holds standard output. */
const STDOUT = 1;

/**
 * The lines that a container writes from now on, until it ends or the connection does; the first may be the rest of a line.
 * Throws `Unreachable` where nobody may attach, or nothing between can carry a WebSocket. A reader that stops reading holds
 * up the container at last: keep it short.
 * https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#connect-get-attach-pod-v1
 */
export async function* attachOutput(
  client: Pick<KubeClient, 'attach'>,
  { pod, container, ...scope }: Scope & { readonly pod: string; readonly container: string },
): AsyncGenerator<Buffer> {
  const frames = await client.attach(pod, container, scope);
  let within = false;
  for await (const { bytes, end } of lines(output(frames), CAP)) {
    if (end === 'newline' && !within) yield bytes;
    within = end === 'cap';
  }
}

async function* output(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) {
    if (frame[0] === STDOUT && frame.length > 1) yield frame.subarray(1);
  }
}
