import type { Item, PlanNode, PodPart, Text, Value } from '../plan/index.ts';

/** A use of another task's result, as the smallest value that cannot be completed without it. */
export interface Use {
  readonly task: number;
  readonly result: string;
  readonly value: Value;
}

/**
 * All places in which a node uses results of other tasks: `when`, params (used by a step or not: Tekton demands them all
 * the same), steps, volumes and workspaces.
 */
export const usesOf = (node: PlanNode): readonly Use[] => [
  ...node.when.flatMap(({ input, values }) => [...inText(input), ...inItems(values)]),
  ...node.params.flatMap(({ value }) => inValue(value)),
  ...node.volumes.flatMap(inPart),
  ...node.workspaces.flatMap(({ subPath }) => inText(subPath ?? [])),
  ...node.results.flatMap(({ value }) => (value === undefined ? [] : inValue(value))),
  ...node.steps.flatMap((step) => [
    ...inText(step.image),
    ...inText(step.script ?? []),
    ...inText(step.workingDir ?? []),
    ...inItems(step.command),
    ...inItems(step.args),
    ...step.env.flatMap((entry) => ('value' in entry ? inText(entry.value) : inPart(entry.valueFrom))),
    ...step.volumeMounts.flatMap(inPart),
  ]),
];

const inText = (text: Text): Use[] =>
  text.flatMap((segment) =>
    typeof segment === 'object' && 'task' in segment
      ? [{ task: segment.task, result: segment.result, value: { kind: 'string', text: [segment] } }]
      : [],
  );

const inItems = (items: readonly Item[]): Use[] =>
  items.flatMap((item): Use[] => {
    if ('text' in item) return inText(item.text);
    const { splat } = item;
    return 'task' in splat ? [{ task: splat.task, result: splat.result, value: { kind: 'array', items: [item] } }] : [];
  });

const inPart = ({ at = {} }: PodPart<unknown>): Use[] => Object.values(at).flatMap(inText);

const inValue = (value: Value): Use[] => {
  switch (value.kind) {
    case 'string':
      return inText(value.text);
    case 'array':
      return inItems(value.items);
    case 'object':
      return Object.values(value.entries).flatMap(inText);
    case 'whole':
      return [{ task: value.task, result: value.result, value }];
  }
};
