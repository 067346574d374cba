import { WaybillError } from 'waybill';
import type { WorkspaceBinding } from 'waybill/tekton';

const FORMS =
  'write -w NAME=emptyDir, NAME=pvc=CLAIM, NAME=claim=5Gi, NAME=config=CONFIGMAP or NAME=secret=SECRET; ,subPath=DIR may follow';

/**
 * One `-w` text as a binding: `src=emptyDir`, `src=pvc=CLAIM`, `src=claim=5Gi[,class=C][,mode=ReadWriteMany]`,
 * `src=config=NAME`, `src=secret=NAME`, each with `,subPath=DIR`; also as `tkn` writes it: `name=src,claimName=CLAIM`,
 * `name=src,emptyDir=`, `name=src,config=NAME`, `name=src,secret=NAME`. Throws `Usage`.
 */
export const readWorkspace = (text: string): WorkspaceBinding => {
  const [first = '', ...rest] = text.split(',').map(pair);
  const tkn = first[0] === 'name' && rest.length > 0;
  const name = tkn ? first[1] : first[0];
  const [kind, value] = tkn ? (rest[0] as [string, string]) : pair(first[1]);
  const extra = new Map((tkn ? rest.slice(1) : rest) as [string, string][]);
  const take = (key: string): string | undefined => {
    const found = extra.get(key);
    extra.delete(key);
    return found;
  };
  const subPath = take('subPath');
  const base = { name, ...(subPath !== undefined && { subPath }) };
  const binding = bind(base, kind, value, take);
  if (name === '' || binding === undefined || extra.size > 0) {
    throw new WaybillError('Usage', `-w ${text} is no workspace binding`, { hint: FORMS });
  }
  return binding;
};

const bind = (
  base: { readonly name: string; readonly subPath?: string },
  kind: string,
  value: string,
  take: (key: string) => string | undefined,
): WorkspaceBinding | undefined => {
  switch (kind) {
    case 'emptyDir':
      return { ...base, emptyDir: value === '' ? {} : { medium: value } };
    case 'pvc':
    case 'claimName':
      return value === '' ? undefined : { ...base, persistentVolumeClaim: { claimName: value } };
    case 'claim': {
      if (!/^\d+(?:\.\d+)?(?:[EPTGMk]i?)?$/.test(value)) return undefined;
      const storageClassName = take('class');
      return {
        ...base,
        volumeClaimTemplate: {
          spec: {
            accessModes: [take('mode') ?? 'ReadWriteOnce'],
            resources: { requests: { storage: value } },
            ...(storageClassName !== undefined && { storageClassName }),
          },
        },
      };
    }
    case 'config':
      return value === '' ? undefined : { ...base, configMap: { name: value } };
    case 'secret':
      return value === '' ? undefined : { ...base, secret: { secretName: value } };
    default:
      return undefined;
  }
};

const pair = (text: string): [string, string] => {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
};
