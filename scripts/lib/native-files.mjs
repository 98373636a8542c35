// The cache of native files: folders that appear whole, under names that say what they are for.
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { missing } from './native-plan.mjs';

const listName = 'restill-files.json';

/** Where native files are kept, so that a second clone neither downloads nor compiles. */
export function cacheRoot(env) {
  return resolve(env.RESTILL_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'restill'));
}

/** @throws SetupError if the file system has less room than `gigabytes`. */
export function checkSpace(directory, gigabytes) {
  const { bavail, bsize } = statfsSync(directory);
  const free = (bavail * bsize) / 1e9;
  if (free < gigabytes) throw missing.space({ directory, free, needed: gigabytes });
}

/** Whether the folder holds every file that was there when it was published, each with its size. */
function isWhole(directory) {
  try {
    const sizes = JSON.parse(readFileSync(join(directory, listName), 'utf8'));
    return Object.entries(sizes).every(([path, size]) => statSync(join(directory, path)).size === size);
  } catch {
    return false; // unreadable, or a file is missing: not whole, and the caller makes it anew
  }
}

/**
 * Makes `root/name` by `fill(staging)`, unless it is there. Two set-ups at once are safe: each stages in a
 * folder of its own, and the first to rename wins. What a killed set-up has left is removed by the next
 * one.
 */
export function publish(root, name, fill) {
  const target = join(root, name);
  if (isWhole(target)) return target;
  sweep(root);
  const staging = mkdtempSync(join(root, `staging.${hostname()}.${process.pid}.`));
  try {
    chmodSync(staging, 0o755); // mkdtemp makes it private, and a cache may be shared
    fill(staging);
    writeFileSync(join(staging, listName), JSON.stringify(sizesOf(staging)));
    if (existsSync(target) && !isWhole(target)) rmSync(target, { recursive: true, force: true });
    try {
      renameSync(staging, target);
    } catch (error) {
      if (!isWhole(target)) throw error; // else another set-up was first: its folder is as good as ours
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return target;
}

/** Removes the staging folders of set-ups of this machine that are no longer running. */
function sweep(root) {
  for (const name of readdirSync(root)) {
    const [, host, pid] = /^staging\.(.+)\.(\d+)\.[^.]+$/.exec(name) ?? [];
    if (host === hostname() && !isRunning(Number(pid)))
      rmSync(join(root, name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function sizesOf(directory) {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries
    .map((entry) => relative(directory, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
  return Object.fromEntries(paths.map((path) => [path, statSync(join(directory, path)).size]));
}

/** Makes `path` a link to the folder `target`; a copy where the file system has no links. */
export function link(target, path) {
  if (isLink(path) && readlinkSync(path) === target) return;
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  rmSync(temporary, { recursive: true, force: true });
  try {
    symlinkSync(target, temporary, 'dir');
  } catch (error) {
    if (!['EPERM', 'ENOSYS', 'ENOTSUP'].includes(error.code)) throw error;
    cpSync(target, temporary, { recursive: true, dereference: true });
  }
  if (!isLink(path)) rmSync(path, { recursive: true, force: true });
  renameSync(temporary, path);
}

function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
