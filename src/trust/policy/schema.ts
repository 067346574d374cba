import { z } from 'zod';

const KEY = z
  .strictObject({
    path: z.string().min(1).max(4096).optional().describe('A public key in PEM, relative to the folder of this file'),
    pem: z.string().min(1).max(16_384).optional().describe('A public key in PEM'),
    id: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/)
      .optional()
      .describe('The id that the key must have, as `waybill keys show` prints it'),
  })
  .meta({ oneOf: [{ required: ['path'] }, { required: ['pem'] }] });

const RULE = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(512)
    .describe('HOST/REPO as references write it; * within a part, ** for any number of parts'),
  keys: z.array(KEY).min(1).max(64).describe('Whose signatures count'),
  threshold: z.int().min(1).max(64).default(1).describe('How many of the keys must have signed'),
});

/** Version 1 of `waybill.policy.yaml`; `docs/policy.schema.json` is written from it. */
export const POLICY = z
  .strictObject({
    version: z.literal(1),
    default: z.enum(['refuse', 'allow']).default('refuse').describe('What happens to a name that no rule matches'),
    rules: z.array(RULE).max(1000).describe('The first rule whose pattern matches decides'),
  })
  .meta({
    title: 'waybill.policy.yaml, version 1',
    description: 'What must be true of a bundle before it may run',
  });

export type PolicyFile = z.output<typeof POLICY>;
export type PolicyKey = PolicyFile['rules'][number]['keys'][number];

/** JSON Schema (draft 2020-12) of a policy file. */
export const policyJsonSchema = (): object => z.toJSONSchema(POLICY, { io: 'input' });
