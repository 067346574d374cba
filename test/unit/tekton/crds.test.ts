import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { SCHEMAS } from '../../../src/tekton/schema/index.ts';
import { parseYaml } from '../../../src/yaml/index.ts';

const CRDS = resolve(import.meta.dirname, '../../../../shared/corpus/crds');
const absent = !existsSync(CRDS);
if (absent) console.warn('skipped: the corpus (../shared/corpus) is not here');

interface CrdNode {
  readonly type?: string;
  readonly items?: CrdNode;
  readonly properties?: Readonly<Record<string, CrdNode>>;
}

interface ZodNode {
  readonly def: {
    readonly type: string;
    readonly innerType?: ZodNode;
    readonly element?: ZodNode;
    readonly shape?: Readonly<Record<string, ZodNode>>;
  };
}

const bare = (node: ZodNode | undefined): ZodNode | undefined =>
  node?.def.type === 'optional' ? bare(node.def.innerType) : node;

/** Fields that only one of two schemas has. Where ours is open there is nothing to compare. */
const differences = (crd: CrdNode | undefined, given: ZodNode | undefined, at: string): string[] => {
  const ours = bare(given);
  if (crd === undefined || ours === undefined) return [];
  if (crd.type === 'array') return differences(crd.items, ours.def.element, `${at}[]`);
  const { properties } = crd;
  const { shape } = ours.def;
  if (properties === undefined || shape === undefined) return [];
  return [
    ...Object.keys(properties).flatMap((key) => (Object.hasOwn(shape, key) ? [] : [`- ${at}.${key}`])),
    ...Object.keys(shape).flatMap((key) => (Object.hasOwn(properties, key) ? [] : [`+ ${at}.${key}`])),
    ...Object.keys(properties).flatMap((key) => differences(properties[key], shape[key], `${at}.${key}`)),
  ];
};

interface Crd {
  readonly spec: {
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: { readonly properties: { readonly spec: CrdNode } } };
    }[];
  };
}

test.skipIf(absent).each([
  ['Task', 'v1'],
  ['Pipeline', 'v1'],
  ['TaskRun', 'v1'],
  ['PipelineRun', 'v1'],
  ['StepAction', 'v1beta1'],
] as const)('our schema of %s has the fields of its CRD', (kind, version) => {
  const text = readFileSync(join(CRDS, `300-${kind.toLowerCase()}.yaml`), 'utf8');
  const crd = parseYaml(text).documents[0]?.value as Crd;
  const schema = crd.spec.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema;
  const ours = SCHEMAS[kind] as unknown as ZodNode;
  expect(schema?.properties.spec).toBeDefined();
  expect(differences(schema?.properties.spec, ours.def.shape?.spec, kind)).toEqual([]);
});
