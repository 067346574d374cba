import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Admin, Manifest } from './admin.ts';
import { eventually } from './namespace.ts';

/** https://www.rfc-editor.org/rfc/rfc6902 */
export interface Change {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** What a webhook says to a pod: go on, changed; no, in its own words; or nothing at all. */
export type Verdict =
  | { readonly kind: 'allow'; readonly changes?: readonly Change[] }
  | { readonly kind: 'deny'; readonly message: string; readonly code?: number }
  | { readonly kind: 'silent' };

export interface Webhook {
  stop(): Promise<void>;
}

export interface WebhookOptions {
  readonly namespace: string;
  readonly kind: 'Mutating' | 'Validating';
  readonly review: (pod: Pod) => Verdict;
}

/**
 * An admission webhook for the creation of pods in one namespace: a server on the loopback with a certificate of its own, and
 * the configuration that names it. It is in effect when this resolves, and gone from the cluster when `stop` does.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
 */
export const startWebhook = async (admin: Admin, { namespace, kind, review }: WebhookOptions): Promise<Webhook> => {
  const { key, cert } = await certificate();
  const seen = new Set<string>();
  const server = createServer({ key, cert }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { uid, object } = (JSON.parse(Buffer.concat(parts).toString('utf8')) as Review).request;
      seen.add(object.metadata?.name ?? '');
      const said = answerOf(uid, review(object));
      if (said === undefined) return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const configuration: Manifest = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: `${namespace}-${kind.toLowerCase()}` },
    webhooks: [
      {
        name: 'pods.webhook.example',
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: Buffer.from(cert).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        timeoutSeconds: 1,
        admissionReviewVersions: ['v1'],
      },
    ],
  };
  const stop = async (): Promise<void> => {
    await admin.delete(configuration).catch(() => undefined);
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  try {
    await admin.create(configuration);
    // The API server hears of it a moment later.
    const probe = { name: `probe-${kind.toLowerCase()}`, namespace };
    const spec = { containers: [{ name: 'probe', image: 'probe' }] };
    await eventually(`the webhook of ${namespace} is asked`, async () => {
      await admin.create({ apiVersion: 'v1', kind: 'Pod', metadata: probe, spec }, { dryRun: true });
      return seen.has(probe.name);
    });
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

interface Review {
  readonly request: { readonly uid: string; readonly object: Pod };
}

const answerOf = (uid: string, verdict: Verdict): object | undefined => {
  const of = (response: object) => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, ...response },
  });
  switch (verdict.kind) {
    case 'allow': {
      const { changes = [] } = verdict;
      if (changes.length === 0) return of({ allowed: true });
      const patch = Buffer.from(JSON.stringify(changes)).toString('base64');
      return of({ allowed: true, patchType: 'JSONPatch', patch });
    }
    case 'deny': {
      const { message, code } = verdict;
      return of({ allowed: false, status: { message, ...(code !== undefined && { code }) } });
    }
    case 'silent':
      return undefined;
  }
};

/** A key and a certificate that is its own authority. */
const certificate = async (): Promise<{ readonly key: string; readonly cert: string }> => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-webhook-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const name = ['-subj', '/CN=webhook', '-addext', 'subjectAltName=IP:127.0.0.1'];
  try {
    await promisify(execFile)('openssl', ['req', '-x509', ...ec, ...name, '-days', '2', '-keyout', key, '-out', cert]);
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
