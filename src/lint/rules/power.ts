import { allContainersOf, taskSpecsOf } from '../parts.ts';
import type { Flaw, Rule } from '../types.ts';

export const privilegedStep: Rule = {
  code: 'privileged-step',
  severity: 'warning',
  why: "It can do to its node what root can, to every other pod there and to the kubelet's credentials. Namespaces with PodSecurity `baseline` or `restricted` refuse it.",
  check: ({ object }) =>
    allContainersOf(object).flatMap(({ container, path }): Flaw[] =>
      container.securityContext?.privileged === true
        ? [{ path: [...path, 'securityContext', 'privileged'], message: 'the container is root on its node' }]
        : [],
    ),
};

export const hostPath: Rule = {
  code: 'host-path',
  severity: 'warning',
  why: 'What a step reads and leaves there depends on the node, and other pods see it. Namespaces with PodSecurity `baseline` or `restricted` refuse it.',
  check: ({ object }) =>
    taskSpecsOf(object).flatMap(({ spec, path }) =>
      (spec.volumes ?? []).flatMap((volume, index): Flaw[] =>
        volume.hostPath === undefined
          ? []
          : [
              {
                path: [...path, 'volumes', index, 'hostPath'],
                part: 'key',
                message: `the volume "${volume.name}" is ${volume.hostPath.path} of the node`,
              },
            ],
      ),
    ),
};

const SECRET = /(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)$/i;

export const literalSecret: Rule = {
  code: 'literal-secret',
  severity: 'warning',
  why: 'Everybody who can read the bundle reads it, and no rotation reaches it. Take it from a Secret: `valueFrom.secretKeyRef`, or a workspace.',
  check: ({ object }) =>
    allContainersOf(object).flatMap(({ container: { env = [] }, path }) =>
      env.flatMap(({ name, value = '' }, index): Flaw[] =>
        // A path or a variable tells where the secret is, not what it is.
        !SECRET.test(name) || value === '' || /[$/]/.test(value)
          ? []
          : [{ path: [...path, 'env', index, 'name'], message: `the value of ${name} stands in the file` }],
      ),
    ),
};
