// The words that the configuration's schema is written in: quantities with a unit, counts, shares, sections.
import { z } from 'zod';

const milliseconds = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 } as const;
const bytes = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Text with a unit in, a number of the smallest unit out. */
type Quantity = z.ZodPipe<z.ZodString, z.ZodTransform<number, string>>;

function quantity(units: Readonly<Record<string, number>>, example: string): Quantity {
  const names = Object.keys(units).join('|');
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)\\s*(${names})$`);
  return z
    .string()
    .regex(pattern, `expected a number with a unit (${names}), for example "${example}"`)
    .transform((text) => {
      const [, amount, unit] = pattern.exec(text)!;
      return Math.round(Number(amount) * units[unit!]!);
    });
}

export const duration = (fallback: string): z.ZodPrefault<Quantity> =>
  quantity(milliseconds, '30m').prefault(fallback);
export const size = (fallback: string): z.ZodPrefault<Quantity> =>
  quantity(bytes, '64MiB').prefault(fallback);
export const count = (fallback: number, least = 1): z.ZodDefault<z.ZodInt> =>
  z.int().min(least).default(fallback);
export const share = (fallback: number): z.ZodDefault<z.ZodNumber> =>
  z.number().min(0).max(1).default(fallback);
export const rate = (fallback: number): z.ZodDefault<z.ZodNumber> => z.number().positive().default(fallback);
export const section = <S extends z.core.$ZodLooseShape>(
  shape: S,
): z.ZodPrefault<z.ZodObject<S, z.core.$strict>> =>
  // biome-ignore lint/suspicious/noExplicitAny: zod's input type of a section is all-optional; {} always fits
  z.strictObject(shape).prefault({} as any);
