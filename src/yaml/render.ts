import { Document, isScalar, Scalar, visit } from 'yaml';

/**
 * What a terminal obeys, a reader of YAML 1.1 takes for a line break, or an editor does not show: DEL, C1, U+2028 and U+2029,
 * overrides of the direction of text, the byte order mark. C0 is escaped by YAML itself.
 */
const HIDDEN = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Plain JSON data as one YAML document. Strings that some YAML reader would take for something else (`yes`, `0644`,
 * `1:30`) are quoted, long lines are not folded, texts of several lines are blocks; what a terminal would obey is escaped.
 * {@link parseYaml} gives the value back.
 */
export const renderYaml = (value: unknown): string => {
  const document = new Document(value, { schema: 'core', compat: 'yaml-1.1', aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      if (!isScalar(node) || typeof node.value !== 'string' || node.value.search(HIDDEN) < 0) return;
      node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  // Only double quotes hold any of these, where they may be written so.
  return document
    .toString({ lineWidth: 0, blockQuote: 'literal' })
    .replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
};
