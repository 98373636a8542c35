// Columns of text for a terminal. Pure.

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
}

/** Two spaces between columns, none at the end of a line; one line for the titles, one per row. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const lines = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const cell = (text: string, i: number): string =>
    columns[i]!.right ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
  return lines.map((line) => `${line.map(cell).join('  ').trimEnd()}\n`).join('');
}

/** `2026-01-01 12:30:00`, UTC. */
export const shortTime = (iso: string): string => iso.slice(0, 19).replace('T', ' ');

/** `1.5 MiB`; bytes below 1 KiB as they are. */
export function shortSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}
