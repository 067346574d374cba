import { RIGHTS, type Right, ROLES, type RoleName, rightsOf, type Verb } from '../src/runtime/kubernetes/rights.ts';

/** Namespace that the files of docs/rbac name. */
const NAMESPACE = 'ci';

/** The rules of a Role, a line each, with what is optional on lines of its own. */
const rules = (role: RoleName): readonly string[] => {
  const groups = new Map<string, { resource: string; optional: boolean; verbs: Verb[] }>();
  for (const { resource, verb, roles } of rightsOf(role)) {
    const optional = roles[role] === 'optional';
    const key = `${resource} ${optional}`;
    const group = groups.get(key) ?? { resource, optional, verbs: [] };
    groups.set(key, group);
    group.verbs.push(verb);
  }
  return [...groups.values()]
    .toSorted((a, b) => Number(a.optional) - Number(b.optional))
    .map(
      ({ resource, optional, verbs }) =>
        `  - { apiGroups: [""], resources: [${resource}], verbs: [${verbs.join(', ')}] }${optional ? ' # optional' : ''}`,
    );
};

const metadata = (role: RoleName): string => `metadata: { name: waybill-${role}, namespace: ${NAMESPACE} }`;

/** A ServiceAccount, the Role and their binding, to be given to `kubectl apply -f`. */
const fileOf = (role: RoleName): string =>
  `# Written by scripts/docs.ts from src/runtime/kubernetes/rights.ts; do not edit. See docs/rbac.md.
# ${role}: ${ROLES[role]}
apiVersion: v1
kind: ServiceAccount
${metadata(role)}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
${metadata(role)}
rules:
${rules(role).join('\n')}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
${metadata(role)}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: waybill-${role} }
subjects:
  - { kind: ServiceAccount, name: waybill-${role}, namespace: ${NAMESPACE} }
`;

/** The files of docs/rbac by their path. */
export const roleFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries((Object.keys(ROLES) as RoleName[]).map((role) => [`docs/rbac/${role}.yaml`, fileOf(role)]));

const MARK: Readonly<Record<'needed' | 'optional', string>> = { needed: 'needed', optional: 'optional' };

/** Rows of the table in docs/rbac.md, its head first. */
export const rightRows = (): readonly (readonly string[])[] => {
  const roles = Object.keys(ROLES) as RoleName[];
  const row = ({ resource, verb, what, without, roles: of }: Right): readonly string[] => {
    const marks = roles.map((role) => (of[role] === undefined ? '' : MARK[of[role]]));
    return [`\`${resource}\``, verb, what, without, ...marks];
  };
  return [['resource', 'verb', 'what for', 'without it', ...roles], ...RIGHTS.map(row)];
};
