// restill pull: a model from a Hugging Face hub into the local cache, from where runs start offline.
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { openHub } from '../hub/hub.http.ts';
import { openModelCache } from '../hub/model-cache.fs.ts';
import { pullModel } from '../hub/pull.ts';
import { parseReference } from '../hub/reference.ts';
import { hubSettings } from '../hub/settings.ts';
import { findSnapshot } from '../hub/snapshot.fs.ts';
import { print } from './stored-generations.ts';
import { transferPrinter } from './transfer-printer.ts';

interface Options {
  readonly cache?: string;
  readonly offline?: true;
}

export function addPullCommand(program: Command): void {
  program
    .command('pull')
    .description('fetch a model from a Hugging Face hub, to start from')
    .argument('<model>', 'ORG/NAME, or ORG/NAME@REV with a branch, a tag or a commit')
    .option('--cache <dir>', 'instead of the Hugging Face cache')
    .option('--offline', 'ask no network: say where the cache has it')
    .addHelpText('after', help)
    .action((model: string, options: Options, command: Command) => run(model, options, command));
}

const help = `
Fetches config.json, the tokenizer and the safetensors weights into the cache that transformers uses too,
checks them, and prints the directory on standard output. What was interrupted goes on where it was.

Environment: HF_HOME, HF_HUB_CACHE (where the cache is), HF_ENDPOINT (another hub), HF_TOKEN (for gated
models), HF_HUB_OFFLINE=1.

Example:
  restill pull sentence-transformers/all-MiniLM-L6-v2
and in the configuration:
  student: { start: "hf:sentence-transformers/all-MiniLM-L6-v2" }`;

async function run(model: string, options: Options, command: Command): Promise<void> {
  const reference = parseReference(model);
  const settings = hubSettings(process.env, homedir());
  const cache = resolve(options.cache ?? settings.cache);
  const directory =
    options.offline || settings.offline
      ? findSnapshot(cache, reference)
      : await pullModel({
          reference,
          hub: openHub(settings),
          cache: openModelCache(cache, reference),
          onProgress: transferPrinter(process.stderr, systemClock),
        });
  print(command, `${directory}\n`);
}
