// The learning curve of a run as an SVG picture: quality on holdout queries over groups learnt. Pure text.
import type { CurvePoint } from '../protocol.ts';

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const size = { width: 760, height: 400, left: 60, right: 150, top: 40, bottom: 50 } as const;
const colours = {
  student: '#1f6feb',
  teacher: '#bf6a02',
  bm25: '#57606a',
  random: '#8c959f',
  shown: '#8250df',
} as const;

/** `on`: whose figures to draw, as in `judgments.student.ndcg10`. Floors are constant lines. */
export function curveSvg(curve: readonly CurvePoint[], on: string): string {
  const lines = Object.entries(colours).flatMap(([ranker, colour]): Line[] => {
    const points = curve.flatMap(({ cursor, figures }): [number, number][] => {
      const value = figures[`${on}.${ranker}.ndcg10`];
      return value === undefined ? [] : [[cursor, value]];
    });
    const floor = ranker !== 'student' && ranker !== 'teacher';
    return points.length === 0 ? [] : [{ name: ranker, colour, dashed: floor, points }];
  });
  const values = lines.flatMap((line) => line.points.map(([, y]) => y));
  const xMax = Math.max(1, ...lines.flatMap((line) => line.points.map(([x]) => x)));
  const yMin = Math.floor(Math.min(...values, 1) * 20) / 20;
  const yMax = Math.ceil(Math.max(...values, 0) * 20) / 20;
  const x = (v: number): number => size.left + (v / xMax) * (size.width - size.left - size.right);
  const y = (v: number): number =>
    size.height -
    size.bottom -
    ((v - yMin) / Math.max(yMax - yMin, 0.05)) * (size.height - size.top - size.bottom);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" ` +
      'font-family="sans-serif" font-size="12">',
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${size.left}" y="22" font-size="15">${title(on)}</text>`,
    ...axes({ xMax, yMin, yMax }, x, y),
    ...lines.map((line) => polyline(line, x, y)),
    ...names(lines, y),
    `<text x="${centre}" y="${size.height - 12}" text-anchor="middle">groups learnt</text>`,
    '</svg>',
    '',
  ].join('\n');
}

const centre = (size.left + size.width - size.right) / 2;
const title = (on: string): string => `nDCG@10 on holdout queries (${on}) while the stream is learnt`;

type Scale = (v: number) => number;

function axes(range: { xMax: number; yMin: number; yMax: number }, x: Scale, y: Scale): string[] {
  const { xMax, yMin, yMax } = range;
  const right = size.width - size.right;
  const rows = Array.from({ length: Math.round((yMax - yMin) / 0.05) + 1 }, (_, i) => yMin + i * 0.05);
  const columns = [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * xMax));
  return [
    ...rows.map((v) => {
      const at = y(v).toFixed(1);
      return (
        `<line x1="${size.left}" y1="${at}" x2="${right}" y2="${at}" stroke="#d8dee4"/>` +
        `<text x="${size.left - 8}" y="${at}" dy="4" text-anchor="end">${v.toFixed(2)}</text>`
      );
    }),
    ...columns.map(
      (v) => `<text x="${x(v).toFixed(1)}" y="${size.height - 32}" text-anchor="middle">${v}</text>`,
    ),
  ];
}

function polyline({ colour, dashed, points }: Line, x: Scale, y: Scale): string {
  const text = points.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(' ');
  const dash = dashed ? ' stroke-dasharray="5 4"' : '';
  return `<polyline points="${text}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`;
}

/** The name of each line at its right end, moved apart where they would overlap. */
function names(lines: readonly Line[], y: Scale): string[] {
  const ends = lines.map((line) => ({ line, at: y(line.points.at(-1)![1]) })).sort((a, b) => a.at - b.at);
  for (let i = 1; i < ends.length; i++) ends[i]!.at = Math.max(ends[i]!.at, ends[i - 1]!.at + 16);
  return ends.map(({ line, at }) => {
    const value = line.points.at(-1)![1].toFixed(3);
    const left = size.width - size.right + 10;
    return `<text x="${left}" y="${at.toFixed(1)}" dy="4" fill="${line.colour}">${line.name} ${value}</text>`;
  });
}
