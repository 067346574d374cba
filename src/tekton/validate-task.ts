import type { Path } from '../core/index.ts';
import { collect, type Found, type Report, type Strictness } from './finding.ts';
import { agentPathFound } from './reserved.ts';
import {
  checkChoice,
  checkDuration,
  checkNames,
  checkParamSpecs,
  checkReference,
  checkResultSpecs,
  checkWhen,
  LABEL,
  STEP,
  WORKSPACE,
} from './rules.ts';
import { type Surroundings, taskScope } from './task-scope.ts';
import { type PlacedText, textsOf, textsOfValue } from './texts.ts';
import type { Step, TaskSpec } from './types.ts';
import { checkTexts } from './variables-check.ts';

/** A Task's spec by itself. `around` is what an embedded spec sees beyond its own declarations. */
export const validateTaskSpec = (
  spec: TaskSpec,
  path: Path,
  strictness: Strictness,
  around: Surroundings = {},
): Found[] => {
  const { found, report } = collect();
  if (spec.steps === undefined || spec.steps.length === 0) {
    report('required-field', [...path, 'steps'], 'a Task has steps');
    return found;
  }
  checkParamSpecs(spec.params, [...path, 'params'], report);
  checkResultSpecs(spec.results, [...path, 'results'], report);
  checkNames(spec.workspaces, 'workspaces', WORKSPACE, [...path, 'workspaces'], report);
  checkMountPaths(spec, path, report);
  checkNames(spec.volumes, 'volumes', LABEL, [...path, 'volumes'], report);
  checkNames(spec.steps, 'steps', STEP, [...path, 'steps'], report);
  checkMounts(spec.stepTemplate?.volumeMounts, [...path, 'stepTemplate', 'volumeMounts'], report);
  spec.steps.forEach((step, index) => {
    validateStep(step, spec, [...path, 'steps', index], report);
  });
  return [
    ...found,
    ...agentPathsOf(spec, path, strictness),
    ...commandsOf(spec, path, strictness),
    ...variablesOf(spec, path, strictness, around),
  ];
};

const ON_ERROR = ['continue', 'stopAndFail'];
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];

const validateStep = (step: Step, spec: TaskSpec, path: Path, report: Report): void => {
  const { stepTemplate } = spec;
  checkDuration(step.timeout, [...path, 'timeout'], report);
  checkChoice(step.onError, ON_ERROR, [...path, 'onError'], report);
  checkChoice(step.imagePullPolicy, PULL_POLICIES, [...path, 'imagePullPolicy'], report);
  checkResultSpecs(step.results, [...path, 'results'], report);
  checkMounts(step.volumeMounts, [...path, 'volumeMounts'], report);
  checkWhen((step as { when?: Parameters<typeof checkWhen>[0] }).when, [...path, 'when'], report);
  if (step.ref !== undefined) {
    checkReference(step.ref, [...path, 'ref'], report);
    for (const field of ['image', 'command', 'args', 'script', 'env', 'volumeMounts'] as const) {
      if (step[field] !== undefined) {
        report('exclusive-fields', [...path, field], `a StepAction brings its own ${field}`, { part: 'key' });
      }
    }
    return;
  }
  if (step.image === undefined && stepTemplate?.image === undefined) {
    report('required-field', [...path, 'image'], 'a step has an image');
  }
  if (step.script !== undefined && step.command !== undefined) {
    report('exclusive-fields', [...path, 'command'], 'a step has a script or a command, not both', { part: 'key' });
  }
};

/** Folders below which Tekton keeps its own things; its home is open to all. */
const checkMounts = (mounts: Step['volumeMounts'], path: Path, report: Report): void => {
  mounts?.forEach(({ name, mountPath }, index) => {
    if (/^\/tekton\/(?!home(?:\/|$))/.test(mountPath) || mountPath === '/tekton') {
      report('reserved-path', [...path, index, 'mountPath'], `${mountPath} belongs to Tekton`);
    }
    if (name.startsWith('tekton-internal-')) {
      report('bad-name', [...path, index, 'name'], 'names that start with tekton-internal- belong to Tekton');
    }
  });
};

const checkMountPaths = ({ workspaces }: TaskSpec, path: Path, report: Report): void => {
  const seen = new Set<string>();
  workspaces?.forEach(({ name, mountPath }, index) => {
    const where = mountPath === undefined || mountPath === '' ? `/workspace/${name}` : mountPath;
    const at = [...path, 'workspaces', index, mountPath === undefined ? 'name' : 'mountPath'];
    if (seen.has(where)) report('duplicate-path', at, `two workspaces are mounted at ${where}`);
    seen.add(where);
  });
};

/** Mounts of steps and workspaces that would hide the agent. */
const agentPathsOf = ({ steps, stepTemplate, workspaces }: TaskSpec, path: Path, strictness: Strictness): Found[] => {
  const mounts = [
    { list: workspaces, at: [...path, 'workspaces'] },
    { list: stepTemplate?.volumeMounts, at: [...path, 'stepTemplate', 'volumeMounts'] },
    ...steps.map(({ volumeMounts }, index) => ({ list: volumeMounts, at: [...path, 'steps', index, 'volumeMounts'] })),
  ];
  return mounts.flatMap(({ list = [], at }) =>
    list.flatMap(({ mountPath }, index) => agentPathFound(mountPath, [...at, index, 'mountPath'], strictness)),
  );
};

/** Tekton looks the image's entrypoint up; Waybill does not yet. */
const commandsOf = ({ steps, stepTemplate }: TaskSpec, path: Path, strictness: Strictness): Found[] =>
  steps.flatMap((step, index): Found[] => {
    if (step.ref !== undefined || isFilled(step.script)) return [];
    if ((step.command ?? stepTemplate?.command ?? []).length > 0) return [];
    return [
      {
        code: 'step-needs-command',
        severity: strictness === 'run' ? 'error' : 'warning',
        path: [...path, 'steps', index],
        message: 'steps without command and script are not supported yet',
        hint: "write the image's entrypoint as the step's command",
      },
    ];
  });

const isFilled = (text: string | undefined): boolean => text !== undefined && text !== '';

const variablesOf = (spec: TaskSpec, path: Path, strictness: Strictness, around: Surroundings): Found[] => {
  const scopeOf = (step?: number) => taskScope(spec, around, step);
  const whole = scopeOf();
  const { sidecars } = spec as { sidecars?: unknown };
  const inStep = ({ path: at }: PlacedText) => (at.includes('valueFrom') ? 'unchecked' : 'checked');
  return [
    ...(spec.params ?? []).flatMap((param, index) => {
      const texts = textsOfValue(param.default, [...path, 'params', index, 'default']);
      return checkTexts(texts, whole, strictness, () => 'default');
    }),
    ...[
      ...textsOf(spec.workspaces, [...path, 'workspaces']).filter(({ path: at }) => at.at(-1) === 'mountPath'),
      ...textsOf(spec.volumes, [...path, 'volumes']),
      ...textsOf(sidecars, [...path, 'sidecars']),
      ...textsOf(spec.stepTemplate, [...path, 'stepTemplate']),
    ].flatMap((text) => checkTexts([text], whole, strictness, () => 'unchecked')),
    ...spec.steps.flatMap((step, index) => {
      const at = [...path, 'steps', index];
      const texts = [
        ...textsOf(step, at, ['displayName', 'results', 'params']),
        ...(step.params ?? []).flatMap((param, place) => textsOfValue(param.value, [...at, 'params', place, 'value'])),
      ];
      return checkTexts(texts, scopeOf(index), strictness, inStep);
    }),
    ...(spec.results ?? []).flatMap((result, index) =>
      checkTexts(textsOfValue(result.value, [...path, 'results', index, 'value']), whole, strictness),
    ),
  ];
};
