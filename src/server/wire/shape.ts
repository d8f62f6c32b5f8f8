import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/schema';
import { badParameter } from '../../model/errors.ts';

/** Every leaf of a schema says in words what is expected there; a complaint quotes it. */
export interface Expected {
  readonly expected: string;
}

/**
 * What a request body looks like: one schema gives the type, the check and the words of the complaint. Nothing is coerced, defaulted or
 * removed; members that the schema does not name are left alone and never read.
 */
export class Shape<T extends TSchema> {
  readonly schema: T;
  readonly #subject: string | undefined;
  #validator: Validator | undefined;

  /** `subject`: what the value is, when it is not the request body. */
  constructor(schema: T, subject?: string) {
    this.schema = schema;
    this.#subject = subject;
  }

  /** The value itself. @throws StrongroomError `BadParameter` */
  check(value: unknown): Static<T> {
    this.#validator ??= Compile(this.schema);
    if (this.#validator.Check(value)) return value as Static<T>;
    throw this.#complaint(value);
  }

  #complaint(value: unknown): Error {
    const [, errors] = (this.#validator as Validator).Errors(value);
    const error = errors[0];
    if (error === undefined) throw new TypeError('A value was refused, and no reason given.');
    const missing = 'requiredProperties' in error.params ? error.params.requiredProperties[0] : undefined;
    const schemaPath = missing === undefined ? error.schemaPath : `${error.schemaPath}/properties/${missing}`;
    const path = missing === undefined ? error.instancePath : `${error.instancePath}/${missing}`;
    const expected = at(this.schema, schemaPath.slice(1)) as Partial<Expected> | undefined;
    return badParameter(this.#parameterName(path), expected?.expected ?? error.message, at(value, path));
  }

  /** `/attributes/exp` is `attributes.exp`. */
  #parameterName(pointer: string): string {
    const path = pointer.replaceAll('/', '.');
    if (this.#subject !== undefined) return `${this.#subject}${path}`;
    return path === '' ? 'the request body' : path.slice(1);
  }
}

/** What a JSON pointer (RFC 6901) points at. */
function at(value: unknown, pointer: string): unknown {
  let found = value;
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}
