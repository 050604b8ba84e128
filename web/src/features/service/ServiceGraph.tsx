import '@xyflow/react/dist/style.css'
import { Badge, Text, useComputedColorScheme } from '@mantine/core'
import { Background, Controls, Handle, type Node, type NodeProps, Position, ReactFlow } from '@xyflow/react'
import { useMemo } from 'react'
import { useNavigate } from 'react-router'
import type { ServiceList, ServiceRow } from '~/lib/api/service'
import { severityColor, severityIcon } from '~/lib/labels'
import { layOut, nodeSize } from './layout'

type ServiceNode = Node<{ service: ServiceRow; inCycle: boolean }, 'service'>

function Card({ data }: NodeProps<ServiceNode>) {
  const { service, inCycle } = data
  const color = severityColor[service.criticality.severity]
  const Icon = severityIcon[service.criticality.severity]
  return (
    <div
      className={`graph-node ${service.third_party ? 'graph-third' : ''} ${inCycle ? 'graph-cycle' : ''}`}
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
        {service.production_version && <span className="version">{service.production_version}</span>}
      </div>
      <div className="graph-foot">
        <Badge size="xs" color={color} variant="light" leftSection={<Icon size={10} />}>
          {service.criticality.label}
        </Badge>
        <Text size="xs" c="dimmed" className="ellipsis">
          {service.third_party ? 'third party' : service.owner}
        </Text>
      </div>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  )
}

const nodeTypes = { service: Card }

/** Who depends on whom, from left to right; services in a cycle are outlined and their edges dashed. */
export default function ServiceGraph({ services }: { services: ServiceList }) {
  const navigate = useNavigate()
  const scheme = useComputedColorScheme('light')
  const { nodes, edges } = useMemo(() => layOut(services), [services])
  return (
    <ReactFlow
      nodes={nodes as ServiceNode[]}
      edges={edges}
      nodeTypes={nodeTypes}
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
      <Background gap={22} size={1} />
      <Controls showInteractive={false} />
    </ReactFlow>
  )
}
