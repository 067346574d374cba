import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { WaybillError } from '../core/index.ts';

const named = <T extends z.ZodType>(key: string, value: T) =>
  z
    .array(z.object({ name: z.string(), [key]: value.nullish() }).loose())
    .nullish()
    .transform((entries) =>
      (entries ?? []).map((entry) => ({
        name: entry.name as string,
        value: (entry as Record<string, unknown>)[key] as z.output<T> | undefined,
      })),
    );

const text = z.string().nullish();

const CLUSTER = z.looseObject({
  server: text,
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.boolean().nullish(),
  'tls-server-name': text,
  'proxy-url': text,
});

const EXEC = z.looseObject({
  apiVersion: z.string(),
  command: z.string().min(1),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  installHint: text,
  interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
  provideClusterInfo: z.boolean().nullish(),
});

const USER = z.looseObject({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  exec: EXEC.nullish(),
});

const CONTEXT = z.looseObject({ cluster: z.string(), user: text, namespace: text });

const SCHEMA = z.looseObject({
  'current-context': text,
  clusters: named('cluster', CLUSTER),
  contexts: named('context', CONTEXT),
  users: named('user', USER),
});

export type Cluster = z.output<typeof CLUSTER>;
export type User = z.output<typeof USER>;
type Context = z.output<typeof CONTEXT>;
export type Exec = z.output<typeof EXEC>;

/** An entry of a kubeconfig with the file that holds it, from which its relative paths count. */
export interface Entry<T> {
  readonly file: string;
  readonly value: T;
}

/** Several files as one. https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ */
export interface KubeConfig {
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, Entry<Cluster>>;
  readonly contexts: ReadonlyMap<string, Entry<Context>>;
  readonly users: ReadonlyMap<string, Entry<User>>;
}

/** Reads parsed files as kubeconfigs and merges them: the first file that sets a name or the current context wins. */
export const mergeKubeConfigs = (
  files: readonly { readonly file: string; readonly content: unknown }[],
): KubeConfig => {
  const clusters = new Map<string, Entry<Cluster>>();
  const contexts = new Map<string, Entry<Context>>();
  const users = new Map<string, Entry<User>>();
  let currentContext = '';
  for (const { file, content } of files) {
    const parsed = SCHEMA.safeParse(content ?? {});
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      // Only the place is named: values may be secrets.
      throw new WaybillError('KubeConfig', `${file}: ${issue?.path.join('.') || 'the file'} is not as it should be`, {
        hint: 'compare with `kubectl config view`',
      });
    }
    currentContext ||= parsed.data['current-context'] ?? '';
    add(clusters, file, parsed.data.clusters);
    add(contexts, file, parsed.data.contexts);
    add(users, file, parsed.data.users);
  }
  return { currentContext, clusters, contexts, users };
};

const add = <T>(
  to: Map<string, Entry<T>>,
  file: string,
  entries: readonly { name: string; value: T | undefined }[],
): void => {
  for (const { name, value } of entries) {
    if (value !== undefined && value !== null && !to.has(name)) to.set(name, { file, value });
  }
};

/** A path of a kubeconfig: relative ones count from the folder of the file that holds them. */
export const pathIn = (file: string, path: string): string => resolve(dirname(file), path);
