/** Where the boxes and lines of the picture go; dagre decides, this only asks. */

import { graphlib, layout } from '@dagrejs/dagre';

import { IPipeline } from '../tokens';

export const BOX = { width: 128, height: 50 };

export interface IPlaced {
  width: number;
  height: number;
  boxes: { name: string; x: number; y: number }[];
  lines: { key: string; names: string[]; points: { x: number; y: number }[] }[];
}

/** Place the stages top to bottom. */
export function place(pipeline: IPipeline): IPlaced {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 14, ranksep: 22, marginx: 2, marginy: 2 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const stage of pipeline.stages) {
    graph.setNode(stage.name, { ...BOX });
  }
  const names = new Map<string, string[]>();
  for (const edge of pipeline.edges) {
    if (graph.hasNode(edge.from) && graph.hasNode(edge.to)) {
      const key = `${edge.from} ${edge.to}`;
      names.set(key, [...(names.get(key) ?? []), ...edge.names]);
      graph.setEdge(edge.from, edge.to);
    }
  }
  layout(graph);
  const size = graph.graph();
  return {
    width: size.width ?? BOX.width,
    height: size.height ?? BOX.height,
    boxes: graph.nodes().map(name => ({ name, x: graph.node(name).x, y: graph.node(name).y })),
    lines: graph.edges().map(edge => {
      const key = `${edge.v} ${edge.w}`;
      return { key, names: names.get(key) ?? [], points: graph.edge(edge).points };
    })
  };
}
