// Checks:
// 1. Names are unique; a variable has one shape; a function has one definition.
// 2. Equal small constants are one node; equal ops on equal inputs are one node; reads of state never are.
// 3. What reads a variable is known, so that its update can wait.
import { describe, expect, test } from 'vitest';
import { Graph } from '../../src/tensor/graph.ts';
import { Nodes } from '../../src/tensor/graph-nodes.ts';

const parameter = { startsAtZero: false };

describe('Graph', () => {
  test('refuses a second node, function or shape under one name', () => {
    const graph = new Graph();
    graph.node('NoOp', [], {}, 'a');
    expect(() => graph.node('NoOp', [], {}, 'a')).toThrow('two nodes called a');
    graph.addFunction({ name: 'f', feeds: {}, fetches: {} });
    expect(() => graph.addFunction({ name: 'f', feeds: {}, fetches: {} })).toThrow('two functions called f');
    graph.variable('w', [2, 3], parameter);
    expect(() => graph.variable('w', [3, 2], parameter)).toThrow('variable w has shape [2,3], not [3,2]');
  });

  test('a variable asked for twice is one', () => {
    const graph = new Graph();
    expect(graph.variable('w', [2], parameter)).toBe(graph.variable('w', [2], parameter));
    expect(graph.variables.size).toBe(1);
  });

  test('shares equal constants, and none that differ in type, shape or value', () => {
    const graph = new Graph();
    expect(graph.float(1)).toBe(graph.float(1));
    const others = [graph.float(2), graph.ints(1), graph.ints([1]), graph.constant(Float32Array.of(1), [1])];
    expect(new Set([graph.float(1), ...others]).size).toBe(5);
  });

  test('does not share large constants: comparing them would cost more', () => {
    const graph = new Graph();
    const large = new Float32Array(65);
    expect(graph.constant(large, [65])).not.toBe(graph.constant(large, [65]));
  });
});

describe('Nodes', () => {
  const begin = () => {
    const graph = new Graph();
    return { graph, nodes: new Nodes(graph, 'f') };
  };

  test('equal ops on equal inputs are one node', () => {
    const { graph, nodes } = begin();
    const [a, b] = [graph.float(1), graph.float(2)];
    expect(nodes.add(a, b)).toBe(nodes.add(a, b));
    expect(nodes.add(a, b)).not.toBe(nodes.add(b, a));
    expect(nodes.matMul(a, b)).not.toBe(nodes.matMul(a, b, { a: true }));
    expect(new Nodes(graph, 'g').add(a, b)).not.toBe(nodes.add(a, b));
  });

  test('a variable is read once per function, and its readers are known', () => {
    const { graph, nodes } = begin();
    const [w, other] = [graph.variable('w', [1], parameter), graph.variable('other', [1], parameter)];
    expect(nodes.readersOf(w)).toEqual([]);
    const value = nodes.read(w);
    expect(nodes.read(w)).toBe(value);
    expect(new Nodes(graph, 'g').read(w)).not.toBe(value);
    const used = nodes.add(nodes.read(other), value);
    nodes.neg(used);
    expect(nodes.readersOf(w)).toEqual([value, used]);
  });

  test('several outputs are numbered, and the shape of a product with unknown sizes is packed', () => {
    const { graph, nodes } = begin();
    const x = graph.placeholder('x', { type: 'float32', shape: ['n', 't'] });
    const [n, t] = nodes.dimensions(x, 2);
    expect(t).toBe(`${n}:1`);
    expect(nodes.reshape(x, [n!, 4])).not.toBe(nodes.reshape(x, [t!, 4]));
  });
});
