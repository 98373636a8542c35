// What a process holds, as Linux tells it.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Resident memory, MiB. NaN when the process is gone. */
export function residentMiB(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`));
  return found === null ? Number.NaN : Number((Number(found[1]) / 1024).toFixed(1));
}

/** NaN when the process is gone. */
export function openFiles(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return Number.NaN;
  }
}

/** Of what the files of a directory take on the disk. */
export function diskMiB(directory: string): number {
  const blocks = readdirSync(directory).map((name) => statSync(join(directory, name)).blocks);
  return Number((blocks.reduce((sum, count) => sum + 512 * count, 0) / 2 ** 20).toFixed(1));
}

/** Slope of the least-squares line through [x, y]; NaN for fewer than two points. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (axis: 0 | 1): number => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const products = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  return products / points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process is gone.
  }
}
