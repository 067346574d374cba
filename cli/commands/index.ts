import type { Entry } from '../command.ts';

/** All commands, in the order of `--help`. A new one is a file and a line here. */
export const COMMANDS: readonly Entry[] = [
  { name: 'lint', summary: 'check Tekton files', load: () => import('./lint.ts') },
  { name: 'pack', summary: 'pack Tekton files into a bundle in a layout folder', load: () => import('./pack.ts') },
  {
    name: 'push',
    summary: 'push files, or a bundle from a layout folder, to a registry',
    load: () => import('./push.ts'),
  },
  { name: 'pull', summary: 'write the objects of a bundle into a folder', load: () => import('./pull.ts') },
  {
    name: 'list',
    summary: 'list the objects of a bundle, or the tags of a repository',
    load: () => import('./list.ts'),
  },
  { name: 'inspect', summary: 'show what a bundle is made of and who signed it', load: () => import('./inspect.ts') },
  {
    name: 'explain',
    summary: 'show what a Task or Pipeline takes and gives',
    load: () => import('./explain.ts'),
  },
  { name: 'copy', summary: 'copy a bundle between registries and layout folders', load: () => import('./copy.ts') },
  { name: 'tag', summary: 'give a bundle further tags', load: () => import('./tag.ts') },
  { name: 'login', summary: 'check and keep credentials for a registry', load: () => import('./login.ts') },
  { name: 'logout', summary: 'forget the credentials for a registry', load: () => import('./logout.ts') },
  { name: 'keys generate', summary: 'make a key pair for signing', load: () => import('./keys-generate.ts') },
  { name: 'sign', summary: 'sign a bundle', load: () => import('./sign.ts') },
  { name: 'verify', summary: 'verify the signatures of a bundle', load: () => import('./verify.ts') },
  { name: 'resolve', summary: 'resolve a reference to one object and its digest', load: () => import('./resolve.ts') },
  { name: 'plan', summary: 'show how a Task or Pipeline would run', load: () => import('./plan.ts') },
  { name: 'run', summary: 'run a Task or Pipeline', load: () => import('./run.ts'), drives: true },
  { name: 'logs', summary: 'print the logs of a run', load: () => import('./logs.ts') },
  { name: 'runs', summary: 'list runs', load: () => import('./runs.ts') },
  { name: 'cancel', summary: 'cancel a run', load: () => import('./cancel.ts'), drives: true },
  { name: 'delete', summary: 'delete a run and all that it made in the cluster', load: () => import('./delete.ts') },
  {
    name: 'registry serve',
    summary: 'serve a folder of layouts as a registry',
    load: () => import('./registry-serve.ts'),
  },
  {
    name: 'auth check',
    summary: 'show which rights in the cluster are there, and which are missing',
    load: () => import('./auth-check.ts'),
  },
  {
    name: 'completion',
    summary: 'print a script that completes calls in a shell',
    load: () => import('./completion.ts'),
  },
];
