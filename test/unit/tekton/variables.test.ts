import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseVariables, renderVariables, soleExpression, type Variable } from '../../../src/tekton/variables.ts';

const variableOf = (text: string): Variable | undefined => soleExpression(text)?.variable;

describe('expressions', () => {
  test.each<[string, Variable]>([
    ['$(params.x)', { kind: 'param', name: 'x' }],
    ['$(params["a.b"])', { kind: 'param', name: 'a.b' }],
    ["$(params['a.b'])", { kind: 'param', name: 'a.b' }],
    ['$(params.x[*])', { kind: 'param', name: 'x', access: { kind: 'whole' } }],
    ['$(params.x[0])', { kind: 'param', name: 'x', access: { kind: 'index', index: 0 } }],
    ["$(params['x'][12])", { kind: 'param', name: 'x', access: { kind: 'index', index: 12 } }],
    ['$(params.obj.key)', { kind: 'param', name: 'obj', access: { kind: 'key', key: 'key' } }],
    ['$(params.obj.a.b)', { kind: 'param', name: 'obj', access: { kind: 'key', key: 'a.b' } }],
    ['$(inputs.params.x)', { kind: 'param', name: 'x' }],
    ['$(results.r.path)', { kind: 'result-path', result: 'r' }],
    ['$(results["r.s"].path)', { kind: 'result-path', result: 'r.s' }],
    ['$(step.results.r.path)', { kind: 'step-result-path', result: 'r' }],
    ['$(workspaces.w.bound)', { kind: 'workspace', workspace: 'w', property: 'bound' }],
    ['$(steps.s.results.r)', { kind: 'step-result', step: 's', result: 'r' }],
    ['$(steps.s.results.r.k)', { kind: 'step-result', step: 's', result: 'r', access: { kind: 'key', key: 'k' } }],
    ['$(steps.step-s.exitCode.path)', { kind: 'exit-code-path', container: 'step-s' }],
    ['$(tasks.t.results.r)', { kind: 'task-result', section: 'tasks', task: 't', result: 'r' }],
    [
      '$(tasks.t.results.r[3])',
      { kind: 'task-result', section: 'tasks', task: 't', result: 'r', access: { kind: 'index', index: 3 } },
    ],
    [
      "$(finally.t.results['r'][*])",
      { kind: 'task-result', section: 'finally', task: 't', result: 'r', access: { kind: 'whole' } },
    ],
    ['$(tasks.status)', { kind: 'task-status' }],
    ['$(tasks.t.status)', { kind: 'task-status', task: 't' }],
    ['$(tasks.t.reason)', { kind: 'task-reason', task: 't' }],
    ['$(context.task.retry-count)', { kind: 'context', of: 'task', property: 'retry-count' }],
    ['$(context.pipelineRun.uid)', { kind: 'context', of: 'pipelineRun', property: 'uid' }],
    ['$(credentials.path)', { kind: 'credentials-path' }],
    ['$(tasks.t.matrix.length)', { kind: 'unsupported', what: 'matrix' }],
    ['$(step.artifacts.path)', { kind: 'unsupported', what: 'artifacts' }],
    ['$(context.toString.name)', { kind: 'unknown' }],
    ['$(params.x[*][0])', { kind: 'unknown' }],
    ['$(tasks.t.bogus)', { kind: 'unknown' }],
    ['$(workspaces.w.size)', { kind: 'unknown' }],
  ])('%s', (text, variable) => {
    expect(variableOf(text)).toEqual(variable);
  });

  test.each([
    '$(VAR)',
    '$(date +%s)',
    '$$',
    '$$(VAR)',
    '$(params.x',
    '$(params)',
    '$(params.x y)',
    '$(params.)',
    '$()',
    '$',
  ])('%s is literal', (text) => {
    expect(parseVariables(text)).toEqual([text]);
  });

  test('the empty text has no parts', () => {
    expect(parseVariables('')).toEqual([]);
  });

  test('a dollar before an expression stays, the expression counts', () => {
    expect(parseVariables('$$(params.x)')).toMatchObject(['$', { expression: 'params.x', start: 1, end: 12 }]);
  });

  test('an expression inside of a shell substitution is found', () => {
    expect(parseVariables('$(cat $(params.file) $(params.$(params.y)))')).toMatchObject([
      '$(cat ',
      { parts: ['params', 'file'] },
      ' $(params.',
      { parts: ['params', 'y'] },
      '))',
    ]);
  });
});

describe('properties', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('$', '$(', ')', '$$', '(params.', "['", '[*]', '$(params.'),
    name.map((n) => `$(params.${n})`),
    fc.tuple(name, name).map(([t, r]) => `$(tasks.${t}.results.${r}[0])`),
  );

  test('parsed and rendered, any text is itself', () => {
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const parts = parseVariables(text);
        expect(renderVariables(parts)).toBe(text);
        for (const part of parts) {
          if (typeof part !== 'string') expect(text.slice(part.start, part.end)).toBe(`$(${part.expression})`);
        }
      }),
    );
  });

  test('no two literals stand side by side', () => {
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const parts = parseVariables(pieces.join(''));
        expect(parts.some((part, i) => typeof part === 'string' && typeof parts[i + 1] === 'string')).toBe(false);
      }),
    );
  });
});
