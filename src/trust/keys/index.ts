export type { Algorithm } from './algorithm.ts';
export { generateKey, type PrivateKey, readPrivateKey, writePrivateKey } from './private.ts';
export { keyHint, type PublicKey, readPublicKey } from './public.ts';
