import { Anchor, Box, Group, Stack, Text } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { Link, useParams } from 'react-router'
import { DeploymentSection } from '~/features/deployment/DeploymentSection'
import { PackButton } from '~/features/ledger/PackButton'
import { address } from '~/lib/api/action'
import { readDeployment } from '~/lib/api/deployment'
import { type Release, readRelease } from '~/lib/api/release'
import { useKeys } from '~/lib/keys'
import { modelWords } from '~/lib/labels'
import { spanned } from '~/lib/time'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { PageHeader } from '~/parts/Layout'
import { Loaded } from '~/parts/States'
import { ApprovalsSection } from './ApprovalsSection'
import { CriteriaSection } from './CriteriaSection'
import { GatesSection } from './GatesSection'
import { Life } from './Life'
import { PlanSection } from './PlanSection'
import { ReviewSection } from './ReviewSection'
import { RollbackSection } from './RollbackSection'
import { ScopeSection } from './ScopeSection'
import { SectionNav } from './SectionNav'
import { Sentence } from './Sentence'
import { sectionsOf } from './sections'
import { TimelineSection } from './TimelineSection'
import { WatchSection } from './WatchSection'

const CanarySection = lazy(() => import('~/features/canary/CanarySection').then(m => ({ default: m.CanarySection })))

export function ReleasePage() {
  const { id = '' } = useParams()
  const release = useQuery({ queryKey: ['release', id], queryFn: () => readRelease(id) })
  return <Loaded result={release}>{data => <Page key={data.id} release={data} />}</Loaded>
}

function Page({ release }: { release: Release }) {
  const sections = sectionsOf(release)
  const bindings: Record<string, () => void> = {}
  sections.forEach((section, index) => {
    bindings[String(index + 1)] = () => document.getElementById(section.id)?.scrollIntoView({ behavior: 'smooth' })
  })
  useKeys(bindings)
  const deploymentId = release.deployment?.id ?? ''
  const deployment = useQuery({
    queryKey: ['deployment', deploymentId],
    queryFn: () => readDeployment(deploymentId),
    enabled: deploymentId !== '',
  })
  return (
    <>
      <PageHeader
        title={release.name}
        above={
          <Group gap={4} className="crumbs">
            <Anchor component={Link} to="/releases" size="sm" c="dimmed">
              Releases
            </Anchor>
            <IconChevronRight size={13} aria-hidden />
            <Id value={release.id} />
          </Group>
        }
        lead={
          <Group gap={8}>
            <StatusBadge status={release.status} />
            {release.summary && (
              <>
                <span>{release.summary}</span>
                <span>·</span>
              </>
            )}
            <Link to={`/environments/${release.environment.id}`} className="link">
              {release.environment.name}
            </Link>
            <span>·</span>
            <span>{modelWords(release.model)}</span>
            {release.window && (
              <>
                <span>·</span>
                <span>{spanned(release.window.start, release.window.end)}</span>
              </>
            )}
            {release.owner && (
              <>
                <span>·</span>
                <span>{release.owner.name}</span>
              </>
            )}
          </Group>
        }
        actions={<PackButton release={release.id} name={release.name} />}
      />
      <Box className="control no-print">
        <ActionBar actions={release.actions} at={address('releases', release.id)} name={release.name} keys fold />
        {deployment.data && !deployment.data.status.is_terminal && (
          <ActionBar
            actions={deployment.data.actions}
            at={address('deployments', deployment.data.id)}
            name={`deployment of ${deployment.data.name}`}
            keys
            fold
          />
        )}
      </Box>
      <Stack gap="md" mt="sm">
        <Sentence release={release} />
        <Life steps={release.life} />
        <div className="with-nav">
          <Stack gap="md" miw={0}>
            <ScopeSection release={release} />
            <PlanSection release={release} />
            <GatesSection gates={release.gates} />
            <CriteriaSection release={release} />
            <ApprovalsSection change={release.change} />
            <RollbackSection rollback={release.rollback} />
            <DeploymentSection release={release} deployment={deployment} />
            {release.analyses.length > 0 && (
              <Suspense fallback={null}>
                <CanarySection analyses={release.analyses} />
              </Suspense>
            )}
            <WatchSection watch={release.watch} />
            {release.review && <ReviewSection review={release.review} />}
            <TimelineSection id={release.id} />
            <Text size="xs" c="dimmed">
              Everything on this page follows from the ledger.{' '}
              <Link to={`/ledger?subject=${encodeURIComponent(`release:${release.id}`)}`} className="link">
                See its entries
              </Link>
            </Text>
          </Stack>
          <SectionNav sections={sections} />
        </div>
      </Stack>
    </>
  )
}
