import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RIGHTS, ROLES, type RoleName, rightsOf } from '../../../src/runtime/index.ts';
import { parseYaml } from '../../../src/yaml/index.ts';

const ROOT = join(import.meta.dirname, '../../..');
const keyOf = ({ verb, resource }: { readonly verb: string; readonly resource: string }): string =>
  `${verb} ${resource}`;

/** Every line of the table of cases in the end-to-end test. */
const tested = [
  ...readFileSync(join(ROOT, 'test/e2e/rights.test.ts'), 'utf8').matchAll(/^ {2}'([a-z]+ [a-z/]+)': /gm),
].map(([, key]) => key);

describe('rights', () => {
  test('each stands once, and is of some Role', () => {
    expect(new Set(RIGHTS.map(keyOf)).size).toBe(RIGHTS.length);
    expect(RIGHTS.filter(({ roles }) => Object.keys(roles).length === 0)).toEqual([]);
  });

  test('each is taken away by an end-to-end test, and no other', () => {
    expect(tested.toSorted()).toEqual(RIGHTS.map(keyOf).toSorted());
  });

  test('a run that uses claims needs no more than one that makes them', () => {
    const more = rightsOf('runner').map(keyOf);
    expect(rightsOf('runner-existing-claims').filter((right) => !more.includes(keyOf(right)))).toEqual([]);
  });

  test.each(Object.keys(ROLES) as RoleName[])('docs/rbac/%s.yaml grants what they say and nothing else', (role) => {
    const { documents } = parseYaml(readFileSync(join(ROOT, `docs/rbac/${role}.yaml`), 'utf8'), { file: role });
    const objects = documents.map(({ value }) => value as { kind: string; rules?: readonly Rule[] });
    expect(objects.map(({ kind }) => kind)).toEqual(['ServiceAccount', 'Role', 'RoleBinding']);
    const granted = objects.flatMap(({ rules = [] }) =>
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${group}${keyOf({ verb, resource })}`)),
        ),
      ),
    );
    expect(granted.toSorted()).toEqual(rightsOf(role).map(keyOf).toSorted());
  });
});

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}
