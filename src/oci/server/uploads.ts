import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../../core/index.ts';
import type { Repository } from '../types.ts';
import { Refusal } from './refusal.ts';

/** A blob on its way into one repository. */
export interface Upload {
  readonly id: string;
  readonly name: string;
  /** Bytes received so far. */
  readonly size: number;
}

/** The uploads of a registry that are not finished. What has come so far lies in files of a folder. */
export interface Uploads {
  begin(name: string): Promise<Upload>;
  /** Throws `BLOB_UPLOAD_UNKNOWN`. */
  find(name: string, id: string): Upload;
  /** Adds bytes; `start` is the place that the sender believes to be at. What came before a failure is kept. */
  append(upload: Upload, body: Readable, start: number | undefined): Promise<Upload>;
  /** Puts the blob into its repository if it has the digest, and forgets the upload. */
  finish(upload: Upload, digest: Digest, repository: Repository): Promise<void>;
  cancel(upload: Upload): Promise<void>;
  /** Forgets all of them, and removes the folder. */
  close(): Promise<void>;
}

/** Uploads that nobody went on with for so long are forgotten. */
const IDLE_MS = 60 * 60 * 1000;
const MOST = 1000;

interface Session {
  readonly upload: Upload;
  readonly touched: number;
  readonly busy: boolean;
}

/** Uploads whose bytes lie in `folder`, which is theirs alone. */
export const createUploads = (folder: string, now: () => number): Uploads => {
  const sessions = new Map<string, Session>();
  const fileOf = ({ id }: Upload): string => join(folder, id);

  const forget = async (upload: Upload): Promise<void> => {
    sessions.delete(upload.id);
    await rm(fileOf(upload), { force: true });
  };

  const set = (upload: Upload, busy: boolean): Upload => {
    sessions.set(upload.id, { upload, touched: now(), busy });
    return upload;
  };

  const claim = ({ id, name }: Upload): Upload => {
    const session = sessions.get(id);
    if (session === undefined || session.upload.name !== name) throw unknown(id);
    if (session.busy) throw new Refusal('BLOB_UPLOAD_INVALID', 'another request is adding to this upload');
    return set(session.upload, true);
  };

  return {
    begin: async (name) => {
      for (const { upload, touched, busy } of sessions.values()) {
        if (!busy && now() - touched > IDLE_MS) await forget(upload);
      }
      if (sessions.size >= MOST) throw new Refusal('TOOMANYREQUESTS', `more than ${MOST} uploads are under way`);
      await mkdir(folder, { recursive: true });
      return set({ id: randomUUID(), name, size: 0 }, false);
    },
    find: (name, id) => {
      const upload = sessions.get(id)?.upload;
      if (upload === undefined || upload.name !== name) throw unknown(id);
      return upload;
    },
    append: async (given, body, start) => {
      const upload = claim(given);
      let { size } = upload;
      try {
        if (start !== undefined && start !== size) throw outOfOrder(upload);
        await pipeline(body, createWriteStream(fileOf(upload), { flags: 'a' }));
      } finally {
        size = (await stat(fileOf(upload)).catch(() => ({ size }))).size;
        set({ ...upload, size }, false);
      }
      return { ...upload, size };
    },
    finish: async (given, digest, repository) => {
      const upload = claim(given);
      try {
        const descriptor = { mediaType: 'application/octet-stream', digest, size: upload.size };
        const body = upload.size === 0 ? new Uint8Array() : createReadStream(fileOf(upload));
        await repository.push(descriptor, body);
      } finally {
        await forget(upload);
      }
    },
    cancel: async (upload) => forget(claim(upload)),
    close: async () => {
      sessions.clear();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** The `Range` header of an upload: what has been received, both ends included. */
export const rangeOf = ({ size }: Upload): string => `0-${Math.max(size - 1, 0)}`;

const unknown = (id: string): Refusal => new Refusal('BLOB_UPLOAD_UNKNOWN', `there is no upload ${id.slice(0, 64)}`);

const outOfOrder = (upload: Upload): Refusal =>
  new Refusal('BLOB_UPLOAD_INVALID', `the next byte of the upload is ${upload.size}`, {
    status: 416,
    headers: { range: rangeOf(upload) },
  });
