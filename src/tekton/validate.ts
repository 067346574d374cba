import { collect, type Found, type Strictness } from './finding.ts';
import { checkName, checkParamSpecs, checkResultSpecs, SUBDOMAIN } from './rules.ts';
import { findUnsupported } from './support.ts';
import type { ParamSpec, ResultSpec, TektonObject } from './types.ts';
import { validatePipelineSpec } from './validate-pipeline.ts';
import { validatePipelineRun, validateTaskRun } from './validate-run.ts';
import { validateTaskSpec } from './validate-task.ts';

/**
 * What is wrong with an object by itself, after defaults: names, duplicates, fields that exclude each other, variables,
 * the graph of a Pipeline, and what Waybill cannot run yet. Paths are those of the object.
 */
export const validate = (object: TektonObject, strictness: Strictness): Found[] => [
  ...validateMetadata(object),
  ...findUnsupported(object, strictness),
  ...validateSpec(object, strictness),
];

const validateMetadata = ({ kind, metadata }: TektonObject): Found[] => {
  const { found, report } = collect();
  const generated = kind === 'TaskRun' || kind === 'PipelineRun' ? metadata.generateName : undefined;
  const { name } = metadata;
  if (name !== undefined && name !== '') checkName(name, SUBDOMAIN, ['metadata', 'name'], report);
  else if (generated === undefined || generated === '') {
    report('required-field', ['metadata', 'name'], `a ${kind} has a name`);
  }
  return found;
};

const validateSpec = (object: TektonObject, strictness: Strictness): Found[] => {
  switch (object.kind) {
    case 'Task':
      return validateTaskSpec(object.spec, ['spec'], strictness);
    case 'Pipeline':
      return validatePipelineSpec(object.spec, ['spec'], strictness);
    case 'TaskRun':
      return validateTaskRun(object, strictness);
    case 'PipelineRun':
      return validatePipelineRun(object, strictness);
    case 'StepAction': {
      const { found, report } = collect();
      const { params, results } = object.spec as { params?: readonly ParamSpec[]; results?: readonly ResultSpec[] };
      checkParamSpecs(params, ['spec', 'params'], report);
      checkResultSpecs(results, ['spec', 'results'], report);
      return found;
    }
  }
};
