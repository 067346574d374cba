import type { RunInput } from './input.ts';
import type { Params } from './params.ts';
import type { Report } from './report.ts';
import type { Plan, PlanNode } from './types.ts';

/** What of a plan depends on the kind of the run. */
export interface Draft extends Pick<Plan, 'timeouts' | 'workspaces' | 'results'> {
  readonly nodes: readonly PlanNode[];
  readonly params: Params;
}

/** Params that nobody declares: allowed, since embedded specs may use them, and often a typing error. */
export const warnUnknown = (run: RunInput, specs: readonly { readonly name: string }[], report: Report): void => {
  run.params.forEach(({ name }, index) => {
    if (specs.some((spec) => spec.name === name)) return;
    report('unknown-param', `there is no param "${name}"`, ['spec', 'params', index], 'warning');
  });
};

/** Workspaces that nobody declares. */
export const warnUnbound = (run: RunInput, declared: readonly { readonly name: string }[], report: Report): void => {
  run.workspaces.forEach(({ name }, index) => {
    if (declared.some((workspace) => workspace.name === name)) return;
    report('unknown-workspace', `there is no workspace "${name}"`, ['spec', 'workspaces', index], 'warning');
  });
};
