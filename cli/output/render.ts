import { renderYaml } from 'waybill/yaml';
import type { Format, Outcome } from '../command.ts';

/** A command's outcome in the format asked for. Keys keep their order; YAML of several runs is one document each. */
export const renderData = ({ data, text }: Outcome, format: Format): string => {
  switch (format) {
    case 'text':
      return text;
    case 'json':
      return `${jsonText(data, 2)}\n`;
    case 'yaml':
      return renderYaml(data);
  }
};

/** JSON that a terminal shows as it is: what JSON itself lets through (DEL, C1, bidi overrides) is escaped as well. */
export const jsonText = (data: unknown, indent: number): string =>
  JSON.stringify(data, null, indent).replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
