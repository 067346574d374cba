import { renderYaml } from 'waybill/yaml';
import type { Format, Outcome } from '../command.ts';

/** A command's outcome in the format asked for. Keys keep their order; YAML of several runs is one document each. */
export const renderData = async ({ data, text }: Outcome, format: Format): Promise<string> => {
  switch (format) {
    case 'text':
      return text;
    case 'json':
      return `${JSON.stringify(data, null, 2)}\n`;
    case 'yaml':
      return renderYaml(data);
  }
};
