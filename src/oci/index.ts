export { openArchive } from './archive/archive.ts';
export { type ArchiveOptions, writeArchive } from './archive/write.ts';
export { type Cache, type CacheOptions, cached, openCache } from './cache.ts';
export { type CopyOptions, copy } from './copy.ts';
export { type ContainerConfig, type Image, type ImageOptions, imageOf, tarLayer } from './image.ts';
export { openLayout } from './layout/layout.ts';
export {
  childrenOf,
  contentOf,
  isIndexType,
  isManifestLike,
  isManifestType,
  jsonContent,
  parseIndex,
  parseManifest,
  referrerOf,
} from './manifest.ts';
export { createMemoryStore } from './memory.ts';
export { mirrored } from './mirror.ts';
export { type Opened, type OpenOptions, openStore } from './open.ts';
export {
  type ManifestOptions,
  type PushOptions,
  pushBlob,
  pushContent,
  pushImage,
  pushIndex,
  pushManifest,
} from './pack.ts';
export { type CopyEvent, watched } from './progress.ts';
export {
  type FileReference,
  formatReference,
  type LayoutReference,
  type ObjectName,
  parseReference,
  type Reference,
  type RegistryReference,
  type ResolverReference,
} from './reference.ts';
export { type Credential, type Credentials, credentialOf } from './registry/credential.ts';
export {
  type CredentialOptions,
  createCredentials,
  firstCredentials,
  type PullSecret,
  pullSecretCredentials,
} from './registry/credentials.ts';
export { checkCredential, forgetCredential, type Keeper, saveCredential } from './registry/login.ts';
export { openRegistry, type RegistryOptions } from './registry/registry.ts';
export { DEFAULT_RETRY, type RetryPolicy } from './registry/retry.ts';
export { type Passwords, readHtpasswd } from './server/htpasswd.ts';
export { folderRepositories, type Repositories } from './server/repositories.ts';
export { createRegistryServer, type RegistryServer, type RegistryServerOptions } from './server/serve.ts';
export type { TarEntry } from './tar.ts';
export {
  type Body,
  type ByteRange,
  type Content,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA_TYPES,
  type Place,
  type Platform,
  type Repository,
  type Source,
  type Store,
  type Target,
} from './types.ts';
export { assertMatches, collect, LAYER_CAP, MANIFEST_CAP, type ReadOptions, readAll, verified } from './verify.ts';
