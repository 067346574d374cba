/** The Roles that Waybill knows, by what their users may do; each is a file `docs/rbac/NAME.yaml`. */
export const ROLES = {
  runner: 'starts runs and drives them to their end, claims of their own included',
  'runner-existing-claims': 'the same, but a run may only use claims that are there already',
  viewer: 'lists runs and reads their logs',
  canceller: 'cancels runs at once, also those whose driver is gone',
} as const;

export type RoleName = keyof typeof ROLES;
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'patch' | 'delete';

/** `needed`: the Role is of no use without it. `optional`: {@link Right.without} says what its user loses. */
export type Need = 'needed' | 'optional';

/** One verb on one resource of the core API group, in the namespace of the runs. */
export interface Right {
  /** With a sub-resource: `pods/log`. */
  readonly resource: string;
  readonly verb: Verb;
  readonly what: string;
  /** What happens where it is missing. */
  readonly without: string;
  readonly roles: Readonly<Partial<Record<RoleName, Need>>>;
}

type For = Right['roles'];
const NEEDED = { runner: 'needed', 'runner-existing-claims': 'needed' } as const satisfies For;
const OPTIONAL = { runner: 'optional', 'runner-existing-claims': 'optional' } as const satisfies For;

/**
 * Every right that Waybill uses. `docs/rbac/*.yaml`, the table in `docs/rbac.md` and `waybill auth check` come from here, and
 * `test/e2e/rights.test.ts` takes each away.
 */
export const RIGHTS: readonly Right[] = [
  {
    resource: 'secrets',
    verb: 'create',
    what: 'writes the record of a new run, and programs that are too large for a pod',
    without: 'no run starts',
    roles: NEEDED,
  },
  {
    resource: 'secrets',
    verb: 'get',
    what: 'reads the record of a run, to resume, cancel or delete it, for its logs, and when somebody else has changed it',
    without: 'a run cannot hear that it was cancelled or taken over, and none can be resumed',
    roles: { ...NEEDED, viewer: 'needed', canceller: 'needed' },
  },
  {
    resource: 'secrets',
    verb: 'patch',
    what: 'writes what a run has come to, and who drives it; cancels a run from elsewhere',
    without: 'no run goes on after its start, and none can be cancelled',
    roles: { ...NEEDED, canceller: 'needed' },
  },
  {
    resource: 'secrets',
    verb: 'delete',
    what: 'deletes runs, and parts of a large record that are no longer used',
    without: '`waybill delete` is refused; unused parts of a large record stay as long as the run',
    roles: OPTIONAL,
  },
  {
    resource: 'secrets',
    verb: 'list',
    what: 'lists the runs of the namespace, and what is left of runs',
    without:
      '`waybill runs` without a name is refused, and so is `waybill delete` with `--older-than`, `--keep` or `--orphans`; runs can still be named',
    roles: { ...OPTIONAL, viewer: 'needed' },
  },
  {
    resource: 'secrets',
    verb: 'watch',
    what: 'hears at once that a run was cancelled from elsewhere, or taken over',
    without: 'a cancel from elsewhere is heard when the driver writes next, at most 10 s later',
    roles: OPTIONAL,
  },
  {
    resource: 'pods',
    verb: 'create',
    what: 'starts the pods of a run',
    without: 'no run starts',
    roles: NEEDED,
  },
  {
    resource: 'pods',
    verb: 'get',
    what: 'adopts a pod that was created before, by a request without an answer or by an earlier driver',
    without: 'a resumed run may fail with PodCreationFailed',
    roles: NEEDED,
  },
  {
    resource: 'pods',
    verb: 'list',
    what: 'sees which pods of a run are there',
    without: 'no run starts',
    roles: { ...NEEDED, viewer: 'needed', canceller: 'needed' },
  },
  {
    resource: 'pods',
    verb: 'watch',
    what: 'sees what becomes of them',
    without: 'no run starts',
    roles: { ...NEEDED, viewer: 'needed', canceller: 'needed' },
  },
  {
    resource: 'pods',
    verb: 'delete',
    what: 'stops the pods of a task that was cancelled or is out of time',
    without: 'pods would go on after the end of their run',
    roles: { ...NEEDED, canceller: 'needed' },
  },
  {
    resource: 'pods',
    verb: 'patch',
    what: 'tells a pod with several tasks to start no further one (`cancel --mode CancelledRunFinally` or `StoppedRunFinally`); ends what a webhook put into a pod whose tasks are over',
    without:
      'tasks that share a pod with a running one still run after such a cancel, and pods with injected containers run on to their deadline; the notices `Refused` and `PodKeepsRunning` say so',
    roles: OPTIONAL,
  },
  {
    resource: 'pods/log',
    verb: 'get',
    what: 'reads the logs of steps, and what the agent tells of them',
    without:
      'no logs are shown, and states and results come from the pod once it has ended, results as far as there is room (TaskRunResultLargerThanAllowedLimit); the notice `LogForbidden` says so',
    roles: { ...OPTIONAL, viewer: 'needed', canceller: 'optional' },
  },
  {
    resource: 'pods/attach',
    verb: 'get',
    what: 'hears the agent before its log can be read',
    without: 'a run takes up to a second longer',
    roles: OPTIONAL,
  },
  {
    resource: 'pods/attach',
    verb: 'create',
    what: 'the same, from Kubernetes 1.35 on',
    without: 'a run takes up to a second longer',
    roles: OPTIONAL,
  },
  {
    resource: 'limitranges',
    verb: 'list',
    what: 'fits pods to the defaults, minima and maxima of the namespace',
    without: 'where there are LimitRanges a pod asks for a default request for each of its steps, and may be refused',
    roles: OPTIONAL,
  },
  {
    resource: 'events',
    verb: 'list',
    what: 'says why a pod does not start',
    without: 'reasons come from the status of the pod alone, and a run takes up to a second longer',
    roles: OPTIONAL,
  },
  {
    resource: 'events',
    verb: 'watch',
    what: 'says it as soon as it is known, and when the agent of a pod has started',
    without: 'reasons may come late, and a run takes up to a second longer',
    roles: OPTIONAL,
  },
  {
    resource: 'persistentvolumeclaims',
    verb: 'create',
    what: 'makes the claims of a run: `-w NAME=claim=SIZE`, `volumeClaimTemplate`',
    without: 'a run that wants a claim of its own is refused before it starts',
    roles: { runner: 'needed' },
  },
  {
    resource: 'persistentvolumeclaims',
    verb: 'get',
    what: 'adopts a claim that was created before, by a request without an answer or by an earlier driver',
    without: 'a run that wants a claim of its own is refused before it starts',
    roles: { runner: 'needed' },
  },
  {
    resource: 'persistentvolumeclaims',
    verb: 'list',
    what: '`waybill delete` sees that the claims of a run are gone; with `--orphans` it finds those of no run',
    without: '`waybill delete` may return before the claims of a run are gone, and `--orphans` is refused',
    roles: { runner: 'optional' },
  },
  {
    resource: 'persistentvolumeclaims',
    verb: 'delete',
    what: '`waybill delete` deletes claims where the garbage collector does not',
    without: '`waybill delete` leaves claims to the garbage collector',
    roles: { runner: 'optional' },
  },
];

/** The rights of a Role, or of those only that it cannot do without. */
export const rightsOf = (role: RoleName, need?: Need): readonly Right[] =>
  RIGHTS.filter(({ roles }) => roles[role] !== undefined && (need === undefined || roles[role] === need));
