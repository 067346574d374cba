import { WaybillError } from 'waybill';
import { isRunName, RUN_NAME_LIMIT } from 'waybill/plan';

/** The argument as the name of a run. Throws `Usage` for what no run can be called, before a cluster is asked for it. */
export const runName = (text: string): string => {
  if (isRunName(text)) return text;
  throw new WaybillError('Usage', `no run can be called ${JSON.stringify(text.slice(0, 100))}`, {
    hint: `a run's name is at most ${RUN_NAME_LIMIT} lower-case letters, digits and dashes; see all with: waybill runs`,
  });
};
