import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadObjects, loadPodTemplate } from '../../../src/tekton/index.ts';

const codesOf = (text: string) =>
  loadPodTemplate(text, 'template.yaml').diagnostics.map(({ code, range }) => [code, range?.start.line]);

test('a pod template is read as tkn reads it, nulls as what is not there', () => {
  const text = 'securityContext: { runAsUser: 1000, fsGroup: null }\nnodeSelector: { disk: ssd }\n';
  const { podTemplate, diagnostics } = loadPodTemplate(text, 'template.yaml');
  expect(diagnostics).toEqual([]);
  expect(podTemplate).toEqual({ securityContext: { runAsUser: 1000 }, nodeSelector: { disk: 'ssd' } });
});

test('the one of our fixtures is one', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../fixtures/restricted-pod-template.yaml'), 'utf8');
  expect(loadPodTemplate(text, 'f').podTemplate?.securityContext?.runAsNonRoot).toBe(true);
});

test.each([
  ['an unknown field', 'nodeSelector: {}\nsecurityContexts: {}\n', [['unknown-field', 2]]],
  ['a wrong type', 'tolerations: yes\n', [['wrong-type', 1]]],
  ['what is not supported', 'dnsPolicy: Default\nhostUsers: false\n', [['unsupported-field', 2]]],
  ['a volume with a name of ours', 'volumes:\n  - { name: waybill-bin, emptyDir: {} }\n', [['reserved-volume', 2]]],
  ['one of a workspace’s', 'volumes:\n  - name: x\n    emptyDir: {}\n  - name: ws-0\n', [['reserved-volume', 4]]],
  ['one of a task’s', 'volumes: [{ name: t3-x, emptyDir: {} }]\n', [['reserved-volume', 1]]],
  ['two volumes of one name', 'volumes:\n  - name: x\n  - name: x\n', [['duplicate-name', 3]]],
  ['a name that Kubernetes refuses', 'volumes: [{ name: X, emptyDir: {} }]\n', [['bad-name', 1]]],
  ['broken YAML', 'a: [\n', [['yaml-syntax', 2]]],
  ['several documents', 'dnsPolicy: Default\n---\ndnsPolicy: Default\n', [['several-documents', 3]]],
  ['nothing', '\n', [['required-field', undefined]]],
])('%s is a finding', (_, text, expected) => {
  expect(codesOf(text)).toEqual(expected);
  expect(loadPodTemplate(text, 'template.yaml').podTemplate).toBeUndefined();
});

test('names that are only like ours are anybody’s', () => {
  const volumes = ['waybills', 'my-waybill-bin', 'ws', 'ws-x', 't-1', 'tx-1', 't1'].map((name) => ({
    name,
    emptyDir: {},
  }));
  expect(codesOf(JSON.stringify({ volumes }))).toEqual([]);
});

test.each([
  ['TaskRun', 'taskRef', (podTemplate: object) => ({ podTemplate })],
  ['PipelineRun', 'pipelineRef', (podTemplate: object) => ({ taskRunTemplate: { podTemplate } })],
])('the template of a %s has no volume of ours', (kind, reference, specOf) => {
  const spec = { [reference]: { name: 'x' }, ...specOf({ volumes: [{ name: 'waybill-bin', emptyDir: {} }] }) };
  const text = JSON.stringify({ apiVersion: 'tekton.dev/v1', kind, metadata: { name: 'r' }, spec });
  const found = (strictness: 'run' | 'lint') =>
    loadObjects(text, 'f', { strictness }).diagnostics.map(({ code, severity }) => [code, severity]);
  expect(found('run')).toEqual([['reserved-volume', 'error']]);
  expect(found('lint')).toEqual([['reserved-volume', 'warning']]);
});

test('a mount where the agent lives is refused to run and a warning of lint, with its place', () => {
  const text = `apiVersion: tekton.dev/v1
kind: Task
metadata: { name: t }
spec:
  workspaces:
    - { name: w, mountPath: /waybill }
  volumes: [{ name: v, emptyDir: {} }]
  stepTemplate:
    volumeMounts:
      - { name: v, mountPath: / }
  steps:
    - image: i
      script: x
      volumeMounts:
        - { name: v, mountPath: /x/../waybill/bin }
        - { name: v, mountPath: $(params.p)/waybill }
  params: [{ name: p }]
`;
  const found = (strictness: 'run' | 'lint') =>
    loadObjects(text, 'f', { strictness }).diagnostics.map(({ code, severity, range }) => [
      code,
      severity,
      range?.start.line,
    ]);
  expect(found('run')).toEqual([6, 10, 15].map((line) => ['reserved-path', 'error', line]));
  expect(found('lint')).toEqual([6, 10, 15].map((line) => ['reserved-path', 'warning', line]));
});
