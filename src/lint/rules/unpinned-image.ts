import { allContainersOf } from '../parts.ts';
import type { Rule } from '../types.ts';

/** Images that a variable names, or that a run chooses, are the run's to pin. */
const isLiteral = (image: string): boolean => image !== '' && !image.includes('$(');

const tagOf = (image: string): string | undefined => /:([^/:@]+)$/.exec(image)?.[1];

export const unpinnedImage: Rule = {
  code: 'unpinned-image',
  severity: 'warning',
  why: 'A tag can be moved: the same Task then runs another program, and no signature of the bundle says which. Write the digest behind the tag, `IMAGE:TAG@sha256:…`.',
  check: ({ object }) =>
    allContainersOf(object).flatMap(({ container: { image = '' }, path }) => {
      if (!isLiteral(image) || image.includes('@')) return [];
      const tag = tagOf(image);
      if (tag === undefined || tag === 'latest') return [];
      return [{ path: [...path, 'image'], message: `the tag ${tag} can be moved`, hint: `pin it: ${image}@sha256:…` }];
    }),
};

export const floatingImage: Rule = {
  code: 'floating-image',
  severity: 'warning',
  why: 'It is another program whenever somebody pushes one, and Kubernetes pulls it anew for each pod. Name a version, and its digest.',
  check: ({ object }) =>
    allContainersOf(object).flatMap(({ container: { image = '' }, path }) => {
      if (!isLiteral(image) || image.includes('@')) return [];
      const tag = tagOf(image);
      if (tag !== undefined && tag !== 'latest') return [];
      const message = tag === undefined ? 'the image has no tag, which means latest' : 'latest changes with every push';
      return [{ path: [...path, 'image'], message }];
    }),
};
