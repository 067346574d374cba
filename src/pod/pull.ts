/** Why an image cannot be used, whatever time goes by. */
const HOPELESS = ['InvalidImageName', 'ErrImageNeverPull', 'SignatureValidationFailed'];
const PULL = [...HOPELESS, 'ErrImagePull', 'ImagePullBackOff', 'ImageInspectError', 'RegistryUnavailable'];

/**
 * What a registry answers, in the words of containerd, CRI-O and registries themselves:
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
const ANSWERS = [
  'not found',
  'manifest unknown',
  'name unknown',
  'does not exist',
  'no matching manifest',
  'no match for platform',
  'invalid reference format',
];

/** What it answers to whom it does not let in. */
const REFUSALS = ['unauthorized', 'authentication required', 'denied', '403 forbidden', 'authorization failed'];

/** How an image that a container waits for fares: `gone` is for good, `away` may pass, `refused` was not given to this pod. */
export type Pull = 'gone' | 'refused' | 'away';

/**
 * What the kubelet's reason and message for a waiting container say of its image; undefined where it waits for something
 * else. A registry that answers "no" has answered, one that does not answer may come back.
 */
export const pullOf = (reason: string, message: string, image: string): Pull | undefined => {
  if (HOPELESS.includes(reason)) return 'gone';
  if (!PULL.includes(reason)) return undefined;
  // An image may be named like an answer, and so may its place in a registry.
  const said = message
    .replaceAll(image, '')
    .replace(/https?:[^\s"]+/g, '')
    .toLowerCase();
  if (REFUSALS.some((refusal) => said.includes(refusal))) return 'refused';
  return ANSWERS.some((answer) => said.includes(answer)) ? 'gone' : 'away';
};
