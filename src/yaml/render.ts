import { stringify } from 'yaml';

/**
 * Plain JSON data as one YAML document. Strings that some YAML reader would take for something else (`yes`, `0644`,
 * `1:30`) are quoted, long lines are not folded, texts of several lines are blocks. {@link parseYaml} gives the value
 * back.
 */
export const renderYaml = (value: unknown): string =>
  stringify(value, {
    schema: 'core',
    compat: 'yaml-1.1',
    lineWidth: 0,
    aliasDuplicateObjects: false,
    blockQuote: 'literal',
  });
