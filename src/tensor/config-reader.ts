// Reads a model's config.json key by key. What is missing or malformed is MODEL_DAMAGED, what is
// well-formed but not done by the models here is MODEL_UNSUPPORTED; both name the key and its value.
import { RestillError } from '../errors.ts';

/** Reads keys of a config.json, with errors that name them. A key whose value is null counts as absent. */
export class ConfigReader {
  private readonly json: Readonly<Record<string, unknown>>;
  private readonly path: string;

  constructor(json: unknown, path = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      throw new RestillError('MODEL_DAMAGED', `config.json: ${path || 'it'} is not a JSON object`);
    this.json = json as Readonly<Record<string, unknown>>;
    this.path = path;
  }

  value(key: string): unknown {
    return this.json[key];
  }

  absent(key: string): boolean {
    return this.json[key] === undefined || this.json[key] === null;
  }

  inside(key: string): ConfigReader {
    return new ConfigReader(this.json[key], `${this.path}${key}.`);
  }

  only(key: string, allowed: readonly unknown[]): void {
    if (!allowed.includes(this.json[key])) throw this.unsupported(key, allowed);
  }

  /** The first of a list of names, undefined where there is no list. */
  first(key: string, allowed: readonly string[]): string | undefined {
    if (this.absent(key)) return undefined;
    const list = this.json[key];
    const name = allowed.find((known) => Array.isArray(list) && list[0] === known);
    if (name === undefined) throw this.unsupported(key, allowed);
    return name;
  }

  /** All of a list, where there is one. */
  each(key: string, allowed: readonly unknown[]): void {
    const list = this.json[key] ?? [];
    if (!Array.isArray(list) || !list.every((value) => allowed.includes(value)))
      throw this.unsupported(key, [allowed, undefined]);
  }

  /** Every key must be among these, or null: one that is not known may change what is computed. */
  noOthers(known: readonly string[]): void {
    for (const key of Object.keys(this.json))
      if (!known.includes(key) && !this.absent(key)) throw this.unsupported(key, [undefined]);
  }

  unsupported(key: string, allowed: readonly unknown[]): RestillError {
    const names = allowed.map((value) => (value === undefined ? 'absent' : JSON.stringify(value)));
    return new RestillError(
      'MODEL_UNSUPPORTED',
      `config.json: ${this.path}${key} is ${JSON.stringify(this.json[key])}; ` +
        `restill supports ${names.join(' or ')}. Use another model`,
    );
  }

  count(key: string, fallback?: number): number {
    const value = this.absent(key) ? fallback : this.json[key];
    if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value;
    throw this.damaged(key, 'a positive whole number');
  }

  positive(key: string, fallback?: number): number {
    const value = this.absent(key) ? fallback : this.json[key];
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    throw this.damaged(key, 'a positive number');
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.absent(key) ? fallback : this.json[key];
    if (typeof value === 'boolean') return value;
    throw this.damaged(key, 'true or false');
  }

  divides(key: string, divisor: number, ofKey: string, of: number): void {
    if (of % divisor !== 0)
      throw new RestillError(
        'MODEL_DAMAGED',
        `config.json: ${key} is ${divisor}, which does not divide ${ofKey} ${of}`,
      );
  }

  private damaged(key: string, expected: string): RestillError {
    const found = JSON.stringify(this.json[key]) ?? 'missing';
    return new RestillError('MODEL_DAMAGED', `config.json: ${this.path}${key} is ${found}, not ${expected}`);
  }
}
