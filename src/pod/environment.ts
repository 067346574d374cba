import type { EnvVar } from 'kubernetes-types/core/v1.d.ts';
import { kubernetesText } from '../plan/compile-text.ts';
import { type Known, type PlanEnv, type PlanStep, settleText, type Text } from '../plan/index.ts';
import type { PodTemplate } from '../tekton/index.ts';
import { completePart } from './part.ts';

/** A step's environment, divided by who sets it. */
export interface StepEnvironment {
  /** In the pod's spec: set by the kubelet. */
  readonly settled: readonly EnvVar[];
  /** In the program: it waits for a result inside the pod, and the shim sets it. */
  readonly late: readonly { readonly name: string; readonly value: Text }[];
}

/** HOME as Tekton sets it; a step's own entry replaces it. */
const HOME: EnvVar = { name: 'HOME', value: '/tekton/home' };

/**
 * The environment of a step: HOME, the step's entries, then the pod template's; of one name the last counts. A reference
 * to a variable that is late makes an entry late too, since the kubelet could not expand it.
 */
export const environmentOf = (step: PlanStep, template: PodTemplate, known: Known): StepEnvironment => {
  const overridden = new Set(template.env?.map(({ name }) => name));
  const entries = lastOfEachName(step.env).filter(({ name }) => !overridden.has(name));
  const late: { readonly name: string; readonly value: Text }[] = [];
  const settled: EnvVar[] = entries.some(({ name }) => name === HOME.name) || overridden.has('HOME') ? [] : [HOME];
  for (const entry of entries) {
    if ('valueFrom' in entry) {
      settled.push({ name: entry.name, valueFrom: completePart(entry.valueFrom, known) });
      continue;
    }
    const value = settleText(entry.value, known);
    const text = usesLate(value, late) ? undefined : kubernetesText(value);
    if (text === undefined) late.push({ name: entry.name, value });
    else settled.push({ name: entry.name, value: text });
  }
  return { settled: [...settled, ...lastOfEachName(template.env ?? [])], late };
};

/**
 * A text that the kubelet gives back unchanged.
 * https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export const escapeDollars = (text: string): string => text.replaceAll('$', () => '$$');

const usesLate = (text: Text, late: readonly { readonly name: string }[]): boolean =>
  text.some(
    (segment) => typeof segment === 'object' && 'env' in segment && late.some(({ name }) => name === segment.env),
  );

const lastOfEachName = <T extends EnvVar | PlanEnv>(entries: readonly T[]): readonly T[] =>
  entries.filter(({ name }, at) => !entries.slice(at + 1).some((later) => later.name === name));
