// A disk in memory with the durability of a POSIX file system and no more: content that was not fsynced may
// be gone, cut, or zero after a power loss; names whose directory was not fsynced may be back as they were,
// in any mixture.
import type { Entry, Files, InputFile, OutputFile } from '../../src/checkpoint/files.fs.ts';
import type { Random } from '../../src/random.ts';

class FileNode {
  content: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
}

/** One change of a directory: atomic, so a rename is one. */
interface Change {
  readonly drop?: { readonly name: string; readonly node: Node };
  readonly put?: { readonly name: string; readonly node: Node };
}

class DirectoryNode {
  entries = new Map<string, Node>();
  durable = new Map<string, Node>();
  pending: Change[] = [];

  change(change: Change): void {
    apply(this.entries, change);
    this.pending.push(change);
  }
}

type Node = FileNode | DirectoryNode;

export class MemoryDisk implements Files {
  readonly #root: DirectoryNode;

  constructor(root = new DirectoryNode()) {
    this.#root = root;
  }

  /**
   * The disk after the power went and came back. What had been synced is there; of the rest, chance decides.
   */
  powerLoss(random: Random): MemoryDisk {
    return new MemoryDisk(survivor(this.#root, random) as DirectoryNode);
  }

  async makeDirectory(path: string): Promise<boolean> {
    const { parent, name } = this.#locate(path);
    if (parent.entries.has(name)) return false;
    parent.change({ put: { name, node: new DirectoryNode() } });
    return true;
  }

  async create(path: string): Promise<OutputFile> {
    const node = this.#file(path);
    node.content = new Uint8Array(0);
    return output(node);
  }

  async append(path: string): Promise<OutputFile> {
    return output(this.#file(path));
  }

  #file(path: string): FileNode {
    const { parent, name } = this.#locate(path);
    const old = parent.entries.get(name);
    if (old instanceof DirectoryNode) throw failure('EISDIR', path);
    const node = old ?? new FileNode();
    if (!old) parent.change({ put: { name, node } });
    return node;
  }

  async openRead(path: string): Promise<InputFile | null> {
    const node = this.#find(path);
    if (!node) return null;
    if (node instanceof DirectoryNode) throw failure('EISDIR', path);
    let position = 0;
    return {
      read: async (into) => {
        const bytes = node.content.subarray(position, position + into.byteLength);
        into.set(bytes);
        position += bytes.byteLength;
        return bytes.byteLength;
      },
      close: async () => {},
    };
  }

  async list(path: string): Promise<Entry[] | null> {
    const node = this.#find(path);
    if (!node) return null;
    if (node instanceof FileNode) throw failure('ENOTDIR', path);
    return [...node.entries].map(([name, child]) => ({
      name,
      kind: child instanceof FileNode ? 'file' : 'directory',
    }));
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.#locate(from);
    const target = this.#locate(to);
    if (source.parent !== target.parent)
      throw failure('EXDEV: this disk renames inside one directory only', to);
    const node = source.parent.entries.get(source.name);
    if (!node) throw failure('ENOENT', from);
    const old = target.parent.entries.get(target.name);
    if (old instanceof DirectoryNode && node instanceof FileNode) throw failure('EISDIR', to);
    if (old instanceof FileNode && node instanceof DirectoryNode) throw failure('ENOTDIR', to);
    if (old instanceof DirectoryNode && old.entries.size > 0) throw failure('ENOTEMPTY', to);
    source.parent.change({ drop: { name: source.name, node }, put: { name: target.name, node } });
  }

  async removeFile(path: string): Promise<void> {
    const { parent, name } = this.#locate(path);
    const node = parent.entries.get(name);
    if (!node) throw failure('ENOENT', path);
    if (node instanceof DirectoryNode) throw failure('EISDIR', path);
    parent.change({ drop: { name, node } });
  }

  async removeDirectory(path: string): Promise<void> {
    const { parent, name } = this.#locate(path);
    const node = parent.entries.get(name);
    if (!node) throw failure('ENOENT', path);
    if (node instanceof FileNode) throw failure('ENOTDIR', path);
    if (node.entries.size > 0) throw failure('ENOTEMPTY', path);
    parent.change({ drop: { name, node } });
  }

  async syncDirectory(path: string): Promise<void> {
    const node = this.#find(path);
    if (!(node instanceof DirectoryNode)) throw failure('ENOENT', path);
    node.durable = new Map(node.entries);
    node.pending = [];
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      if (node instanceof FileNode) throw failure('ENOTDIR', path);
      node = node?.entries.get(name);
    }
    return node;
  }

  #locate(path: string): { parent: DirectoryNode; name: string } {
    const cut = path.lastIndexOf('/');
    const parent = this.#find(path.slice(0, cut));
    if (parent instanceof FileNode) throw failure('ENOTDIR', path);
    if (!parent) throw failure('ENOENT', path);
    return { parent, name: path.slice(cut + 1) };
  }
}

const output = (node: FileNode): OutputFile => ({
  write: async (bytes) => {
    node.content = Buffer.concat([node.content, bytes]);
    return bytes.byteLength;
  },
  sync: async () => {
    node.durable = node.content;
  },
  close: async () => {},
});

function apply(entries: Map<string, Node>, { drop, put }: Change): void {
  if (drop && entries.get(drop.name) === drop.node) entries.delete(drop.name);
  if (put) entries.set(put.name, put.node);
}

function survivor(node: Node, random: Random): Node {
  if (node instanceof FileNode) {
    const file = new FileNode();
    file.content = survivingContent(node, random);
    file.durable = file.content;
    return file;
  }
  const entries = new Map(node.durable);
  for (const change of node.pending) if (random.below(2) === 0) apply(entries, change);
  const directory = new DirectoryNode();
  for (const [name, child] of entries) directory.entries.set(name, survivor(child, random));
  directory.durable = new Map(directory.entries);
  return directory;
}

function survivingContent({ content, durable }: FileNode, random: Random): Uint8Array {
  if (content === durable) return durable;
  // What was only appended to keeps what was durable.
  const kept = durable.every((byte, i) => byte === content[i]) ? durable.byteLength : 0;
  const cut = content.slice(0, kept + random.below(content.byteLength - kept + 1));
  const zeros = Buffer.concat([content.slice(0, kept), new Uint8Array(content.byteLength - kept)]);
  return [durable, content, cut, zeros][random.below(4)]!;
}

const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}, ${path}`), { code });
