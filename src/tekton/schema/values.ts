import { z } from 'zod';
import { canonicalJson, type Json } from '../../core/index.ts';
import type { ParamValue } from '../types.ts';

export const text = z.string();
export const flag = z.boolean();
export const texts = z.array(text);
export const textMap = z.record(text, text);
/** A whole number; Kubernetes' int32 and int64. */
export const whole = z.int();

/** A name that has to stand there and not be empty. */
export const name = z.string().min(1);

/** Kubernetes' IntOrString and Quantity. */
export const numberOrText = z.custom<number | string>(
  (value) => typeof value === 'string' || typeof value === 'number',
  'a number or a text',
);

/** Kept as it is: Tekton's own schema leaves it open, and Kubernetes checks it. */
export const open = z.record(text, z.unknown());

/**
 * The value of a param or result. As in Tekton, whatever is no text, list of texts or map of texts becomes the text of
 * its JSON: `5` is "5", `true` is "true". https://github.com/tektoncd/pipeline/blob/main/pkg/apis/pipeline/v1/param_types.go
 */
export const paramValue = z.unknown().transform((value, context): ParamValue => {
  if (value === undefined) {
    context.addIssue({ code: 'invalid_type', expected: 'unknown', message: 'a value' });
    return z.NEVER;
  }
  return paramValueOf(value as Json);
});

const paramValueOf = (value: Json): ParamValue => {
  if (typeof value === 'string') return value;
  if (value !== null && typeof value === 'object' && Object.values(value).every((entry) => typeof entry === 'string')) {
    return value as ParamValue;
  }
  return canonicalJson(value);
};

/** An object with exactly these fields. */
export const fields = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape);
