/** Lays services out in ranks. Pure: the same services give the same picture. */
import dagre from '@dagrejs/dagre'
import type { ServiceGraph } from '~/lib/api/service'

export const nodeSize = { width: 208, height: 66 }
export type GraphNode = ServiceGraph['nodes'][number]

interface Placed {
  id: string
  type: 'service'
  position: { x: number; y: number }
  data: { service: GraphNode; inCycle: boolean }
}
interface Edge {
  id: string
  source: string
  target: string
  type: 'routed'
  className: string
  /** Path of the edge round the nodes between its ends. */
  data: { path: string }
}

interface Point {
  x: number
  y: number
}

/** A smooth line through points: quadratic pieces that meet half-way between them. */
export function curve(points: Point[]): string {
  const [first, ...rest] = points
  if (!first) return ''
  let path = `M${first.x} ${first.y}`
  for (let i = 0; i < rest.length - 1; i++) {
    const at = rest[i]!
    const next = rest[i + 1]!
    const end = i === rest.length - 2 ? next : { x: (at.x + next.x) / 2, y: (at.y + next.y) / 2 }
    path += ` Q${at.x} ${at.y} ${end.x} ${end.y}`
  }
  return rest.length === 1 ? `${path} L${rest[0]!.x} ${rest[0]!.y}` : path
}

export function layOut(services: ServiceGraph): { nodes: Placed[]; edges: Edge[] } {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 34, ranksep: 56, edgesep: 18 })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(services.nodes.map(node => node.id))
  for (const node of services.nodes) graph.setNode(node.id, { ...nodeSize })
  const edges: Edge[] = []
  for (const { from, to, in_cycle } of services.edges) {
    if (!known.has(from) || !known.has(to)) continue
    graph.setEdge(from, to)
    edges.push({
      id: `${from}-${to}`,
      source: from,
      target: to,
      type: 'routed',
      data: { path: '' },
      className: in_cycle ? 'edge-cycle' : 'edge',
    })
  }
  dagre.layout(graph)
  for (const edge of edges) edge.data.path = curve(graph.edge(edge.source, edge.target).points as Point[])
  const nodes = services.nodes.map((service): Placed => {
    const at = graph.node(service.id) as { x: number; y: number }
    return {
      id: service.id,
      type: 'service',
      position: { x: at.x - nodeSize.width / 2, y: at.y - nodeSize.height / 2 },
      data: { service, inCycle: services.cycles.some(cycle => cycle.includes(service.id)) },
    }
  })
  return { nodes, edges }
}
