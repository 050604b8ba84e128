/** Lays services out in ranks. Pure: the same services give the same picture. */
import dagre from '@dagrejs/dagre'
import type { ServiceList, ServiceRow } from '~/lib/api/service'

export const nodeSize = { width: 208, height: 66 }

interface Placed {
  id: string
  type: 'service'
  position: { x: number; y: number }
  data: { service: ServiceRow; inCycle: boolean }
}
interface Edge {
  id: string
  source: string
  target: string
  animated: boolean
  className: string
}

export function layOut(services: ServiceList): { nodes: Placed[]; edges: Edge[] } {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 84 })
  graph.setDefaultEdgeLabel(() => ({}))
  const known = new Set(services.items.map(service => service.id))
  const together = (a: string, b: string) => services.cycles.some(cycle => cycle.includes(a) && cycle.includes(b))
  for (const service of services.items) graph.setNode(service.id, { ...nodeSize })
  const edges: Edge[] = []
  for (const service of services.items)
    for (const target of service.depends_on) {
      if (!known.has(target)) continue
      graph.setEdge(service.id, target)
      const cyclic = together(service.id, target)
      edges.push({
        id: `${service.id}-${target}`,
        source: service.id,
        target,
        animated: cyclic,
        className: cyclic ? 'edge-cycle' : 'edge',
      })
    }
  dagre.layout(graph)
  const nodes = services.items.map((service): Placed => {
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
