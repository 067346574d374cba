import { expect, test } from 'vitest';
import type { KubeObject } from '../../cluster/api.ts';
import { mountsBelow } from '../../cluster/mounts.ts';
import { parseTables, removal } from '../../cluster/network.ts';
import { PROVISIONER } from '../../cluster/objects.ts';
import { isReleased, volumeFor } from '../../cluster/provisioner.ts';
import { settingsFrom } from '../../cluster/settings.ts';
import { storedName } from '../../cluster/standin.ts';

test.each([
  ['bash', 'docker.io/library/bash:latest'],
  ['bash:5', 'docker.io/library/bash:5'],
  ['alpine/git:v2', 'docker.io/alpine/git:v2'],
  ['quay.io/a/jq@sha256:00', 'quay.io/a/jq@sha256:00'],
  ['docker.io/library/bash:5.0.18@sha256:00', 'docker.io/library/bash@sha256:00'],
  ['localhost:5000/a', 'localhost:5000/a:latest'],
  ['localhost:5000/a@sha256:00', 'localhost:5000/a@sha256:00'],
])('containerd stores %s as %s', (reference, stored) => {
  expect(storedName(reference)).toBe(stored);
});

test('ports count from the base', () => {
  const { dir, ports } = settingsFrom({ WAYBILL_CLUSTER_DIR: '/a/../b', WAYBILL_CLUSTER_PORT: '30000' });
  expect([dir, ports.apiserver, ports.registry]).toEqual(['/b', 30_000, 30_010]);
  expect(new Set(Object.values(ports)).size).toBe(Object.keys(ports).length);
});

test.each(['0', '80', '99999', 'x', '-1', '1e4'])('%s is no base port', (port) => {
  expect(() => settingsFrom({ WAYBILL_CLUSTER_PORT: port })).toThrow();
});

test('mounts below a folder, the deepest first', () => {
  const line = (path: string): string => `1 2 3:4 / ${path} rw - tmpfs tmpfs rw`;
  const table = ['/d', '/d/a', '/d/a/b\\040c', '/dd/a'].map(line).join('\n');
  expect(mountsBelow('/d', table)).toEqual(['/d/a/b c', '/d/a']);
});

test('only chains that came with the cluster are removed, and the rules that lead to them', () => {
  const [table] = parseTables(
    'iptables',
    [
      '# a comment',
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      ':KUBE-SERVICES - [0:0]',
      ':CNI-old - [0:0]',
      '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A PREROUTING -j CNI-old',
      '-A KUBE-SERVICES -j RETURN',
      'COMMIT',
    ].join('\n'),
  );
  expect(removal(table!, ['iptables nat CNI-old'])?.split('\n')).toEqual([
    '*nat',
    '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-F KUBE-SERVICES',
    '-X KUBE-SERVICES',
    'COMMIT',
    '',
  ]);
  expect(removal(table!, ['iptables nat CNI-old', 'iptables nat KUBE-SERVICES'])).toBeUndefined();
});

const uid = '0b1f8f1e-7a52-4b66-9a7e-3f6f3c1d2e4f';
const claim: KubeObject = {
  metadata: {
    name: 'c',
    namespace: 'n',
    uid,
    annotations: { 'volume.kubernetes.io/storage-provisioner': PROVISIONER },
  },
  spec: { storageClassName: 'hostpath', accessModes: ['ReadWriteMany'], resources: { requests: { storage: '5Gi' } } },
};

test('a claim that waits for us gets a volume that names it', () => {
  expect(volumeFor(claim, '/v')).toMatchObject({
    metadata: { name: `pvc-${uid}` },
    spec: {
      accessModes: ['ReadWriteMany'],
      claimRef: { namespace: 'n', name: 'c', uid },
      hostPath: { path: `/v/pvc-${uid}` },
    },
  });
});

test.each<[string, KubeObject]>([
  ['another provisioner', { ...claim, metadata: { ...claim.metadata, annotations: {} } }],
  ['a volume', { ...claim, spec: { ...claim.spec, volumeName: 'v' } }],
  ['a deletion', { ...claim, metadata: { ...claim.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
])('a claim with %s gets none', (_, other) => {
  expect(volumeFor(other, '/v')).toBeUndefined();
});

test('a folder is deleted for a released volume of ours only', () => {
  const volume: KubeObject = {
    metadata: { name: `pvc-${uid}`, uid, annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: { persistentVolumeReclaimPolicy: 'Delete' },
    status: { phase: 'Released' },
  };
  expect(isReleased(volume)).toBe(true);
  expect(isReleased({ ...volume, status: { phase: 'Bound' } })).toBe(false);
  expect(isReleased({ ...volume, metadata: { ...volume.metadata, annotations: {} } })).toBe(false);
  expect(isReleased({ ...volume, metadata: { ...volume.metadata, name: '../../etc' } })).toBe(false);
});
