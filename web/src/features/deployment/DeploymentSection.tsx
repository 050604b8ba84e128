import { Group, Text } from '@mantine/core'
import { IconRocket } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import { Link } from 'react-router'
import type { Deployment } from '~/lib/api/deployment'
import type { Release } from '~/lib/api/release'
import { StatusBadge } from '~/parts/Badges'
import { Section } from '~/parts/Layout'
import { Empty, Loading, ProblemView } from '~/parts/States'
import { DeploymentGrid } from './DeploymentGrid'

export function DeploymentSection({
  release,
  deployment,
}: {
  release: Release
  deployment: UseQueryResult<Deployment>
}) {
  return (
    <Section
      id="deployment"
      title="Deployment"
      icon={IconRocket}
      aside={
        deployment.data && (
          <Group gap="xs">
            <Link to={`/deployments/${deployment.data.id}`} className="link small no-print">
              Own page
            </Link>
            <StatusBadge status={deployment.data.status} size="sm" />
          </Group>
        )
      }
    >
      {!release.deployment && (
        <Empty small title="Not deployed yet" command={`interlock release deploy ${release.name}`}>
          When every gate is open and the window has come, Deploy starts it here or from the command line:
        </Empty>
      )}
      {release.deployment && deployment.isPending && <Loading rows={3} />}
      {deployment.isError && <ProblemView error={deployment.error} retry={() => void deployment.refetch()} />}
      {deployment.data && (
        <>
          <Text size="sm" mb="md">
            {deployment.data.sentence}
          </Text>
          <DeploymentGrid deployment={deployment.data} />
        </>
      )}
    </Section>
  )
}
