export type { Finding, Part, YamlDocument } from './document.ts';
export { MAX_YAML_BYTES, type Parsed, type ParseOptions, parseYaml } from './parse.ts';
export { renderYaml } from './render.ts';
export { type BadNumber, type PlainValue, resolvePlain } from './scalar.ts';
