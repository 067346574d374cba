import type { TektonObject } from './types.ts';

export type Kind = TektonObject['kind'];

/** Versions of `tekton.dev` in which each kind is read. What is not v1 is converted, but for StepActions. */
const VERSIONS: Record<Kind, readonly string[]> = {
  Task: ['v1', 'v1beta1'],
  Pipeline: ['v1', 'v1beta1'],
  TaskRun: ['v1', 'v1beta1'],
  PipelineRun: ['v1', 'v1beta1'],
  StepAction: ['v1beta1', 'v1alpha1'],
};

export const isKind = (text: string): text is Kind => Object.hasOwn(VERSIONS, text);

/** Whether a kind is read in that version. */
export const isVersionOf = (kind: Kind, version: string): boolean => VERSIONS[kind].includes(version);

/** The versions in which a kind is read, for hints. */
export const versionsOf = (kind: Kind): readonly string[] => VERSIONS[kind];
