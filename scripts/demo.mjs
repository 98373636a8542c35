// npm run demo: makes a click topic of a synthetic shop, replays it, exports the student, draws its learning
// curve.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}demo-run`;

// Ctrl-C reaches the command at work as well; it leaves cleanly, and its exit code ends this script.
process.on('SIGINT', () => {});

function restill(...args) {
  console.log(`\n$ restill ${args.join(' ').replaceAll(root, '')}`);
  const { status } = spawnSync(process.execPath, [`${root}bin/restill`, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

// Another run starts from nothing; an interrupted one goes on.
if (existsSync(`${out}/model`)) rmSync(out, { recursive: true });
if (!existsSync(`${out}/shop/truth.json`))
  restill('simulate', '--out', `${out}/shop`, '--seed', '1', '--impressions', '24000', '--force');
restill(
  'replay',
  `${out}/shop/clicks.jsonl.gz`,
  '--config',
  `${root}config/demo.yaml`,
  '--data',
  `${out}/data`,
);
restill('export', 'latest', '--to', 'hf', '--data', `${out}/data`, '--out', `${out}/model`, '--force');
console.log(
  `\nThe student is a Hugging Face directory: demo-run/model. Its learning curve: demo-run/data/curve.svg`,
);
