import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPodTemplate } from '../../../src/tekton/index.ts';

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
  ['broken YAML', 'a: [\n', [['yaml-syntax', 2]]],
  ['several documents', 'dnsPolicy: Default\n---\ndnsPolicy: Default\n', [['several-documents', 3]]],
  ['nothing', '\n', [['required-field', undefined]]],
])('%s is a finding', (_, text, expected) => {
  expect(codesOf(text)).toEqual(expected);
  expect(loadPodTemplate(text, 'template.yaml').podTemplate).toBeUndefined();
});
