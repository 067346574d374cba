import type { Flaw, Rule } from '../types.ts';

/** Objects that are published: runs are not. */
const PUBLISHED = ['Task', 'Pipeline', 'StepAction'];

export const missingDescription: Rule = {
  code: 'missing-description',
  severity: 'warning',
  why: 'It is what people find it by, in a hub and in `waybill inspect`.',
  check: ({ object }): readonly Flaw[] => {
    const { description } = object.spec as { readonly description?: string };
    if (!PUBLISHED.includes(object.kind) || (description ?? '').trim() !== '') return [];
    return [{ path: ['spec'], part: 'key', message: `the ${object.kind} says nothing of what it does` }];
  },
};

const VERSION = 'app.kubernetes.io/version';

export const missingVersion: Rule = {
  code: 'missing-version',
  severity: 'warning',
  why: `The label \`${VERSION}\` is what Tekton's catalogs and hubs read; a semantic version lets people pin ranges.`,
  check: ({ object }): readonly Flaw[] => {
    const version = object.metadata.labels?.[VERSION] ?? '';
    if (!PUBLISHED.includes(object.kind) || version !== '') return [];
    return [{ path: ['metadata'], part: 'key', message: `the label ${VERSION} is missing` }];
  },
};

export const oldVersion: Rule = {
  code: 'old-version',
  severity: 'warning',
  why: '`tekton.dev/v1beta1` of Tasks, Pipelines and their runs is deprecated. Where no field changed between the versions, `--fix` writes `tekton.dev/v1`.',
  check: ({ object, apiVersion, original }): readonly Flaw[] => {
    if (apiVersion !== 'tekton.dev/v1beta1' || object.kind === 'StepAction') return [];
    const path = ['apiVersion'];
    const message = 'tekton.dev/v1beta1 is deprecated';
    if (differs(original.spec)) return [{ path, message, hint: 'write it in tekton.dev/v1' }];
    return [{ path, message, hint: 'write tekton.dev/v1', within: 'tekton.dev/v1beta1', instead: 'tekton.dev/v1' }];
  },
};

/** Fields that v1beta1 has and v1 has not, or has elsewhere. https://tekton.dev/docs/pipelines/migrating-v1beta1-to-v1/ */
const CHANGED = [
  'bundle',
  'resources',
  'serviceAccountName',
  'podTemplate',
  'timeout',
  'taskRunSpecs',
  'inputs',
  'outputs',
];

const differs = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.some(differs);
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(
    ([key, inner]) => CHANGED.includes(key) || key.startsWith('deprecated') || differs(inner),
  );
};
