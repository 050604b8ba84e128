import { Anchor, Box, Group, Stack, Text } from '@mantine/core'
import { IconChevronRight, IconRocket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link, useParams } from 'react-router'
import { address } from '~/lib/api/action'
import { readDeployment } from '~/lib/api/deployment'
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
  return (
    <Loaded result={deployment}>
      {data => (
        <>
          <PageHeader
            title={`${data.direction === 'back' ? 'Rollback' : 'Deployment'} of ${data.release.name}`}
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
                {data.started_by && <span>started by {data.started_by.name}</span>}
              </Group>
            }
          />
          <Box className="control no-print">
            <ActionBar
              actions={data.actions}
              at={address('deployments', data.id)}
              name={`deployment of ${data.name}`}
              keys
              fold
            />
          </Box>
          <Stack gap="md" mt="sm">
            <Section title="Waves" icon={IconRocket}>
              <Text size="sm" mb="md">
                {data.sentence}
              </Text>
              <DeploymentGrid deployment={data} />
            </Section>
            {data.analysis && (
              <Suspense fallback={null}>
                <CanarySection analyses={[data.analysis]} />
              </Suspense>
            )}
          </Stack>
        </>
      )}
    </Loaded>
  )
}
