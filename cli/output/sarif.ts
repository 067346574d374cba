import { type Diagnostic, FINDINGS } from 'waybill';
import { jsonText } from './render.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/**
 * Findings in SARIF 2.1.0, which code hosts and editors show beside the code; `help` says more of a code, in Markdown. Codes that found nothing
 * are left out.
 * https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export const renderSarif = (
  diagnostics: readonly Diagnostic[],
  help: ReadonlyMap<string, string> = new Map(),
): string => {
  const found = [...new Set(diagnostics.map(({ code }) => code))].sort();
  const log = {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'waybill',
            rules: found.map((id) => {
              const text = help.get(id);
              return {
                id,
                shortDescription: { text: FINDINGS[id] ?? id },
                ...(text === undefined ? {} : { help: { text, markdown: text } }),
              };
            }),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: diagnostics.map((diagnostic) => resultOf(diagnostic, found)),
      },
    ],
  };
  return `${jsonText(log, 2)}\n`;
};

const resultOf = ({ code, severity, message, hint, file, range }: Diagnostic, codes: readonly string[]) => ({
  ruleId: code,
  ruleIndex: codes.indexOf(code),
  level: severity,
  message: { text: hint === undefined ? message : `${message}\n${hint}` },
  locations:
    file === undefined
      ? []
      : [
          {
            physicalLocation: {
              artifactLocation: { uri: uriOf(file) },
              ...(range === undefined
                ? {}
                : {
                    region: {
                      startLine: range.start.line,
                      startColumn: range.start.column,
                      endLine: range.end.line,
                      endColumn: range.end.column,
                    },
                  }),
            },
          },
        ],
});

/** A path as a URI reference: relative ones stay so, for the viewer to find in its work tree. */
const uriOf = (path: string): string =>
  path
    .split(/[\\/]/)
    .map((part) => encodeURIComponent(part))
    .join('/');
