import type { Diagnostic, Digest } from '../core/index.ts';
import type { Descriptor, LayoutReference, RegistryReference, Source } from '../oci/index.ts';
import type { Verified } from '../plan/index.ts';
import type { LoadedObject, Param } from '../tekton/index.ts';
import type { Trust } from '../trust/index.ts';

/** Where a bundle stands: a repository of a registry or a layout folder, and which manifest of it is meant. */
export interface Place {
  /** As the user or the Pipeline wrote it. */
  readonly text: string;
  /** `HOST/REPO` or `oci:DIR`: what policies match, and the URI of what comes from there. */
  readonly name: string;
  /** Without a range. */
  readonly reference: RegistryReference | LayoutReference;
}

/** A place whose tag was resolved and whose bundle the policy lets run: the one way to anything in it. */
export interface Pinned {
  readonly place: Place;
  readonly source: Source;
  readonly descriptor: Descriptor;
  readonly verdict: Verified;
}

/** An object from a file of this machine. */
export interface LocalObject extends LoadedObject {
  /** Digest of the file's bytes. */
  readonly digest: Digest;
}

/** What a resolver gives: an object's bytes as its store holds them, and where they came from. */
export interface Resolved {
  readonly bytes: Uint8Array;
  readonly kind: string;
  readonly name: string;
  /** Tekton's RefSource. */
  readonly source: { readonly uri: string; readonly digest: Digest; readonly entryPoint: string };
  readonly verdict: Verified;
  /** The reference in one line, as written. */
  readonly reference: string;
  /** Where plain names in the object are looked up first. */
  readonly bundle?: Pinned | undefined;
}

/** One protocol by which a reference with `resolver` and `params` finds an object. */
export interface Resolver {
  readonly name: string;
  resolve(params: readonly Param[], context: ResolveContext): Promise<Resolved>;
}

export interface ResolveOptions {
  /** The store that a reference names; nothing is sent before its first call. */
  readonly open: (reference: RegistryReference | LayoutReference) => Source;
  /** The policy in force; without one everything runs, as not verified. */
  readonly trust?: Trust | undefined;
  /** A tag that points elsewhere than the digest beside it is refused, not only warned of. */
  readonly frozen?: boolean | undefined;
  /** What no policy verified is refused. */
  readonly requireVerified?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What one run knows while it resolves. Tags are resolved, bundles judged and layers pulled once for all who ask. */
export interface ResolveContext {
  readonly requireVerified: boolean;
  readonly signal: AbortSignal | undefined;
  /** Resolves a tag and puts the bundle before the policy; throws `NotVerified`, `TagMoved`, `NotFound`. */
  pin(place: Place): Promise<Pinned>;
  /** Shares a call with all who ask for the same key. */
  share<T>(key: string, start: () => Promise<T>): Promise<T>;
  warn(warning: Diagnostic): void;
  /** The warnings so far. */
  warnings(): readonly Diagnostic[];
}
