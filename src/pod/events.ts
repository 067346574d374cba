import { WaybillError } from '../core/index.ts';
import type { Range } from './missing.ts';
import { missingNumbers } from './missing.ts';
import type { AgentEvent } from './program.ts';
import type { AgentPart } from './schema.ts';
import { agentEvent, agentPart } from './schema.ts';

/** Version of the event stream that this reader understands. */
export const EVENT_PROTOCOL = 1;

/** Longest line of an agent, in bytes. */
const MAX_LINE = 12 * 1024;

/** What may wait for missing parts, in UTF-16 units: the largest closing event (4 MiB of results, escaped), twice, and room. */
const MAX_WAITING = 64 * 1024 * 1024;

/** Reads the log of one supervisor. A log may be read again from any place: what was read before is dropped. */
export interface EventReader {
  /**
   * Takes one line, with or without its end, and returns the events that it completes (none or one). A line that is no
   * event of an agent is counted and dropped. Throws `AgentProtocol` on the hello of another version.
   */
  push(line: string): AgentEvent[];
  /** The first lines that were not read though later ones were; null without any, and after closing. */
  readonly gap: Range | null;
  /** How many lines were no part of the protocol. */
  readonly garbage: number;
  /** The closing event was read: there is no more to come. */
  readonly closed: boolean;
}

/**
 * A reader for one pod's events; see docs/agent-protocol.md. Pure: what it does depends on the lines alone.
 * Events come out in the order in which they are completed, which after a gap is not that of their numbers.
 */
export const eventReader = (): EventReader => {
  const missing = missingNumbers();
  /** Parts by the number of their event's first line. */
  const pending = new Map<number, { readonly parts: number; readonly pieces: Map<number, string> }>();
  let waiting = 0;
  let garbage = 0;
  let closed = false;

  const drop = (): [] => {
    garbage += 1;
    return [];
  };

  const accept = (event: AgentEvent): AgentEvent[] => {
    if (event.type === 'hello' && event.protocol !== EVENT_PROTOCOL)
      throw new WaybillError(
        'AgentProtocol',
        `the agent ${event.agent} speaks protocol ${event.protocol}, this Waybill speaks ${EVENT_PROTOCOL}`,
        { hint: 'use the agent image that belongs to this version of Waybill' },
      );
    closed = event.type === 'closing';
    return [event];
  };

  const join = (part: AgentPart): AgentEvent[] => {
    const first = part.seq - part.part + 1;
    const known = pending.get(first) ?? { parts: part.parts, pieces: new Map<number, string>() };
    if (first < 1 || part.part > part.parts || known.parts !== part.parts || waiting + part.data.length > MAX_WAITING)
      return drop();
    missing.see(part.seq);
    pending.set(first, known);
    known.pieces.set(part.part, part.data);
    waiting += part.data.length;
    if (known.pieces.size < known.parts) return [];
    pending.delete(first);
    const text = Array.from({ length: known.parts }, (_, i) => known.pieces.get(i + 1)).join('');
    waiting -= text.length;
    const event = agentEvent.safeParse(parse(text));
    if (event.success && event.data.seq === first) return accept(event.data);
    // What the lines said is not known: as if they had not been read.
    missing.forget(first, part.parts);
    return drop();
  };

  return {
    push(line) {
      const text = line.trimEnd();
      if (closed || text === '') return [];
      if (text.length > MAX_LINE) return drop();
      const json = parse(text);
      const part = agentPart.safeParse(json);
      const event = part.success ? part : agentEvent.safeParse(json);
      if (!event.success) return drop();
      if (missing.seen(event.data.seq)) return [];
      if (part.success) return join(part.data);
      missing.see(event.data.seq);
      return accept(event.data as AgentEvent);
    },
    get gap() {
      return closed ? null : missing.first();
    },
    get garbage() {
      return garbage;
    },
    get closed() {
      return closed;
    },
  };
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
