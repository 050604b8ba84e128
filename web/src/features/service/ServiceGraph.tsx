import '@xyflow/react/dist/style.css'
import { Badge, Text, useComputedColorScheme } from '@mantine/core'
import {
  Background,
  BaseEdge,
  Controls,
  type Edge,
  type EdgeProps,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from '@xyflow/react'
import { useMemo } from 'react'
import { useNavigate } from 'react-router'
import type { ServiceGraph as Picture, ServiceRow } from '~/lib/api/service'
import { plural } from '~/lib/format'
import { severityColor, severityIcon } from '~/lib/labels'
import { type GraphNode, layOut, nodeSize } from './layout'

type ServiceNode = Node<{ service: GraphNode; row?: ServiceRow; inCycle: boolean }, 'service'>

function Card({ data }: NodeProps<ServiceNode>) {
  const { service, row, inCycle } = data
  const color = severityColor[service.severity]
  const Icon = severityIcon[service.severity]
  return (
    <div
      className={`graph-node ${service.missing ? 'graph-third' : ''} ${inCycle ? 'graph-cycle' : ''}`}
      style={
        {
          width: nodeSize.width,
          height: nodeSize.height,
          '--node-color': `var(--mantine-color-${color}-filled)`,
        } as object
      }
    >
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <div className="graph-head">
        <Text size="sm" fw={600} className="ellipsis">
          {service.name}
        </Text>
        {row?.production_version && <span className="version">{row.production_version}</span>}
      </div>
      <div className="graph-foot">
        <Badge size="xs" color={color} variant="light" leftSection={<Icon size={10} />}>
          {row?.criticality.label ?? 'not in the catalogue'}
        </Badge>
        <Text size="xs" c="dimmed" className="ellipsis">
          {service.owner} · {plural(service.dependents, 'dependant')}
        </Text>
      </div>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  )
}

function Routed({ id, data }: EdgeProps<Edge<{ path: string }, 'routed'>>) {
  return <BaseEdge id={id} path={data?.path ?? ''} markerEnd="url(#arrow)" />
}

const nodeTypes = { service: Card }
const edgeTypes = { routed: Routed }

/** Who depends on whom, from left to right; services in a cycle are outlined and their edges dashed. */
export default function ServiceGraph({ graph, services }: { graph: Picture; services: ServiceRow[] }) {
  const navigate = useNavigate()
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => {
    const laid = layOut(graph)
    const row = (name: string) => services.find(it => it.name === name)
    return {
      nodes: laid.nodes.map(node => ({ ...node, data: { ...node.data, row: row(node.data.service.name) } })),
      edges: laid.edges,
    }
  }, [graph, services])
  return (
    <ReactFlow
      nodes={nodes as ServiceNode[]}
      edges={edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      colorMode={scheme}
      fitView
      fitViewOptions={{ padding: 0.12, maxZoom: 1.15 }}
      nodesConnectable={false}
      nodesDraggable={false}
      deleteKeyCode={null}
      zoomOnScroll={false}
      preventScrolling={false}
      onNodeClick={(_event, node) => navigate(`/services/${node.id}`)}
      proOptions={{ hideAttribution: true }}
      aria-label="Services and their dependencies; the same as a table under Table"
    >
      <svg width="0" height="0" aria-hidden="true">
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0L8 4L0 8Z" className="arrow" />
          </marker>
        </defs>
      </svg>
      <Background gap={22} size={1} />
      <Controls showInteractive={false} />
    </ReactFlow>
  )
}
