import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completeItems, completeText, kubernetesText } from '../../../src/plan/index.ts';
import { compilePipeline, compileTask, findings, planOf } from './objects.ts';

const nothing = { result: () => undefined, env: () => undefined };

/** Texts made of what would mean something if it were read. */
const tricky = fc
  .array(fc.constantFrom('$(params.x)', '$(A)', '$$', '$', '(', ')', '$(tasks.t.results.r)', '"', '\n', 'é'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));

test('whatever a param holds arrives as it is: in scripts, arguments, environment, defaults and other tasks', () => {
  fc.assert(
    fc.property(tricky, (x) => {
      const plan = planOf(
        compilePipeline(
          {
            params: [
              { name: 'x', type: 'string' },
              { name: 'y', type: 'string', default: '$(params.x)' },
            ],
            tasks: [
              {
                name: 't',
                params: [{ name: 'z', value: ['$(params.y)'] }],
                taskSpec: {
                  params: [{ name: 'z', type: 'array' }],
                  steps: [
                    {
                      image: 'i',
                      script: '<$(params.z[0])>',
                      args: ['$(params.z[*])', '<$(params.x)>'],
                      env: [
                        { name: 'A', value: 'a' },
                        { name: 'B', value: '$(params.y)' },
                      ],
                    },
                  ],
                },
              },
            ],
          },
          { params: [{ name: 'x', value: x }] },
        ),
      );
      const step = plan.nodes[0]?.steps[0];
      expect(completeText(step?.script ?? [], nothing)).toBe(`<${x}>`);
      expect(completeItems(step?.args ?? [], nothing)).toEqual([x, `<${x}>`]);
      const env = step?.env[1];
      expect(env !== undefined && 'value' in env && completeText(env.value, nothing)).toBe(x);
    }),
  );
});

test('what Kubernetes itself reads takes no values, and no program is given a NUL', () => {
  const mount = { name: 'v', mountPath: '/v' };
  const taskOf = (step: object) => ({
    params: [{ name: 'p', type: 'string' as const, default: '$(HOME)\0' }],
    volumes: [{ name: 'v', emptyDir: {} }],
    steps: [{ image: 'i', script: 'x', ...step }],
  });
  const at = 'spec.steps.0';
  for (const [step, found] of [
    [{ volumeMounts: [{ ...mount, subPathExpr: '$(HOME)/a' }] }, []],
    [
      { volumeMounts: [{ ...mount, subPathExpr: '$(params.p)' }] },
      [`error unsupported-variable ${at}.volumeMounts.0.subPathExpr`],
    ],
    [{ image: '$(params.p)' }, [`error bad-value ${at}.image`]],
    [{ workingDir: '$(params.p)' }, [`error bad-value ${at}.workingDir`]],
    [{ args: ['a', '$(params.p)'] }, [`error bad-value ${at}.args`]],
    [{ script: '', command: ['$(params.p)'] }, [`error bad-value ${at}.command`]],
    [{ env: [{ name: 'A', value: '$(params.p)' }] }, [`error bad-value ${at}.env.0.value`]],
    [{ script: '$(params.p)' }, []],
  ] as const) {
    expect(findings(compileTask(taskOf(step)))).toEqual(found);
  }
});

test("Kubernetes' spelling of a text means that text", () => {
  expect(kubernetesText(['a$', { env: 'A' }, '$(B)$$'])).toBe('a$$$(A)$$(B)$$$$');
  expect(kubernetesText([{ retryCount: true }])).toBeUndefined();
});

test('defaults that double each other are stopped', () => {
  const params = Array.from({ length: 60 }, (_, index) => ({
    name: `p${index}`,
    type: 'string' as const,
    default: index === 0 ? 'boom' : `$(params.p${index - 1})$(params.p${index - 1})`,
  }));
  expect(findings(compileTask({ params }))[0]).toMatch(/^error text-too-large spec\.params\.\d+\.default$/);
  const lists = params.map(({ name }, index) => ({
    name,
    type: 'array' as const,
    default: index === 0 ? ['boom'] : [`$(params.p${index - 1}[*])`, `$(params.p${index - 1}[*])`],
  }));
  expect(findings(compileTask({ params: lists }))[0]).toMatch(/^error list-too-large spec\.params\.\d+\.default$/);
});

test('a long text of openings is read in one go', () => {
  const args = ['$('.repeat(500_000)];
  expect(planOf(compileTask({ steps: [{ image: 'i', script: 'x', args }] })).nodes[0]?.steps[0]?.args).toEqual([
    { text: args },
  ]);
});

test('names of Object.prototype are names', () => {
  const result = compileTask({
    params: [{ name: 'o', type: 'object', default: { a: '' } }],
    steps: [{ image: 'i', script: '$(params.o.constructor)$(params.toString)' }],
  });
  expect(findings(result)).toEqual([
    'error missing-key spec.steps.0.script',
    'error unknown-param spec.steps.0.script',
  ]);
});
