import { type Diagnostic, hasErrors } from '../core/index.ts';
import { parseYaml } from '../yaml/index.ts';
import { collect, type Found } from './finding.ts';
import { withoutNulls } from './load.ts';
import { templateVolumesFound } from './reserved.ts';
import { checkSchema } from './schema/check.ts';
import { podTemplate as schema } from './schema/runs.ts';
import { findUnsupported } from './support.ts';
import type { PodTemplate } from './types.ts';

/** What a text holds of a pod template; undefined where a finding is an error. */
export interface LoadedPodTemplate {
  readonly podTemplate?: PodTemplate;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * A pod template in a file of its own, as `tkn --pod-template` takes it: the fields of a run's `podTemplate`, and nothing
 * around them. https://tekton.dev/docs/pipelines/podtemplates/
 */
export const loadPodTemplate = (text: string, file: string): LoadedPodTemplate => {
  const { documents, diagnostics } = parseYaml(text, { file });
  if (hasErrors(diagnostics)) return { diagnostics };
  const [document, another] = documents;
  if (document === undefined) {
    const message = 'there is no pod template in the file';
    return { diagnostics: [{ code: 'required-field', severity: 'error', message, file }] };
  }
  if (another !== undefined) {
    const message = 'a file holds one pod template';
    return { diagnostics: [another.diagnose([], { code: 'several-documents', severity: 'error', message })] };
  }
  const checked = checkSchema<unknown>(schema, withoutNulls(document.value));
  const place = (found: readonly Found[]) => found.map(({ path, ...finding }) => document.diagnose(path, finding));
  if (checked.found !== undefined) return { diagnostics: place(checked.found) };
  // The schema is strict, so what it lets through has the shape of our type.
  const template = checked.value as PodTemplate;
  const { found, report } = collect();
  const reserved = templateVolumesFound(template, [], 'run', report);
  const all = [...unsupported(template), ...found, ...reserved];
  return all.length > 0 ? { diagnostics: place(all) } : { podTemplate: template, diagnostics };
};

/** The gaps are listed as those of a run. */
const unsupported = (podTemplate: PodTemplate): readonly Found[] =>
  findUnsupported({ apiVersion: 'tekton.dev/v1', kind: 'TaskRun', metadata: {}, spec: { podTemplate } }, 'run').map(
    (found) => ({ ...found, path: found.path.slice(2) }),
  );
