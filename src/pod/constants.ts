/** What the pod and the agent agree on; the Go side has the same in agent/internal/supervisor. See docs/agent-protocol.md. */
export const SUPERVISOR = 'waybill-supervisor';

export const AGENT = {
  run: ['/supervisor', 'run'],
  ready: ['/supervisor', 'ready'],
  shim: ['/waybill/bin/shim'],
  /** The program as JSON, up to {@link PROGRAM_LIMIT} bytes. */
  program: 'WAYBILL_PROGRAM',
  /** Path of the program where it is larger. */
  programFile: 'WAYBILL_PROGRAM_FILE',
} as const;

export const VOLUME = {
  bin: 'waybill-bin',
  run: 'waybill-run',
  tasks: 'waybill-tasks',
  shm: 'waybill-shm',
  downward: 'waybill-downward',
  program: 'waybill-program',
} as const;

/** Bytes of a program that still travel in the environment: the kernel takes 128 KiB for one variable. */
export const PROGRAM_LIMIT = 96 * 1024;
/** Key of the program in its Secret. */
export const PROGRAM_KEY = 'program.json';

/** Milliseconds between heartbeats of the supervisor. */
export const HEARTBEAT = 20_000;
/** Bytes of one result, and of all results of a pod. */
export const RESULT_LIMITS = { result: 1024 * 1024, results: 4 * 1024 * 1024 } as const;

export const LABEL = {
  managedBy: 'app.kubernetes.io/managed-by',
  run: 'waybill.dev/run',
  runUid: 'waybill.dev/run-uid',
  group: 'waybill.dev/group',
  attempt: 'waybill.dev/attempt',
} as const;

export const ANNOTATION = {
  planDigest: 'waybill.dev/plan-digest',
  specHash: 'waybill.dev/spec-hash',
  epoch: 'waybill.dev/epoch',
  /** Set by the driver on a running pod: no new task starts. Read by the supervisor. */
  drain: 'waybill.dev/drain',
  /** Set with a deadline that ends what others put into a pod of which all is told: such a deadline is no timeout. */
  told: 'waybill.dev/told',
} as const;

/** Value of {@link LABEL.managedBy}. */
export const MANAGER = 'waybill';
