import { Anchor, Box, Group, Stack, Text } from '@mantine/core'
import { IconChevronRight, IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link, useParams } from 'react-router'
import { readCanary, readDeployment } from '~/lib/api/deployment'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { PageHeader, Section } from '~/parts/Layout'
import { Loaded } from '~/parts/States'
import { DeploymentGrid } from './DeploymentGrid'

const CanarySection = lazy(() => import('~/features/canary/CanarySection').then(m => ({ default: m.CanarySection })))

export function DeploymentPage() {
  const { id = '' } = useParams()
  const deployment = useQuery({ queryKey: ['deployment', id], queryFn: () => readDeployment(id) })
  const canaryId = deployment.data?.canary?.id ?? ''
  const canary = useQuery({
    queryKey: ['canary', canaryId],
    queryFn: () => readCanary(canaryId),
    enabled: canaryId !== '',
    refetchInterval: query => (query.state.data && !query.state.data.status.is_terminal ? 5_000 : false),
  })
  return (
    <Loaded result={deployment}>
      {data => (
        <>
          <PageHeader
            title={`Deployment of ${data.release.name}`}
            above={
              <Group gap={4} className="crumbs">
                <Anchor component={Link} to={`/releases/${data.release.id}`} size="sm" c="dimmed">
                  {data.release.name}
                </Anchor>
                <IconChevronRight size={13} aria-hidden />
                <Id value={data.id} />
              </Group>
            }
            lead={
              <Group gap={8}>
                <StatusBadge status={data.status} />
                <Link to={`/environments/${data.environment.id}`} className="link">
                  {data.environment.name}
                </Link>
              </Group>
            }
          />
          <Box className="control no-print">
            <ActionBar actions={data.actions} noun="deployments" id={data.id} name={data.name} keys />
          </Box>
          <Stack gap="md" mt="sm">
            <Section title="Waves" icon={IconRocket}>
              <Text size="sm" mb="md">
                {data.sentence}
              </Text>
              <DeploymentGrid deployment={data} />
            </Section>
            {canaryId && (
              <Suspense fallback={null}>
                <CanarySection canary={canary} />
              </Suspense>
            )}
          </Stack>
        </>
      )}
    </Loaded>
  )
}
