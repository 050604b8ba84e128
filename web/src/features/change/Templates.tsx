import { Card, Group, Progress, Stack, Text } from '@mantine/core'
import { IconTemplate } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import { readTemplates, type Template } from '~/lib/api/governance'
import { plural } from '~/lib/format'
import { modelWords } from '~/lib/labels'
import { ActionBar } from '~/parts/ActionBar'
import { StatusBadge } from '~/parts/Badges'
import { Fact } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

export function Templates() {
  const templates = useQuery({ queryKey: ['templates'], queryFn: readTemplates })
  return (
    <Loaded result={templates}>
      {data =>
        data.items.length === 0 ? (
          <Card>
            <Empty
              title="No template yet"
              icon={IconTemplate}
              command='interlock template propose NAME --from RELEASE --reason "…"'
            >
              A template is the shape of releases that need no approval of their own, once its record has earned that.
            </Empty>
          </Card>
        ) : (
          <Stack gap="md">
            {data.items.map(it => (
              <TemplateCard key={it.name} template={it} />
            ))}
          </Stack>
        )
      }
    </Loaded>
  )
}

function TemplateCard({ template: it }: { template: Template }) {
  return (
    <Card data-testid="template" data-status={it.status.value}>
      <Stack gap="sm">
        <Group gap={8}>
          <Text fw={600}>{it.name}</Text>
          <Text size="xs" c="dimmed">
            version {it.version}
          </Text>
          <StatusBadge status={it.status} size="sm" />
        </Group>
        <Text size="sm">{it.reason}</Text>
        <Group gap="xl">
          <Fact label="Ships">
            {it.services.join(', ')} to {it.environment.name}
          </Fact>
          <Fact label="How">
            {modelWords(it.model)} by {it.pipeline}, within {it.length}
          </Fact>
          <Fact label="Proposed by">{it.proposed_by.name}</Fact>
          <Fact label="Approved by">{it.approved_by?.name ?? 'nobody'}</Fact>
        </Group>
        <div>
          <Text size="sm">
            {it.good} of the last {plural(it.uses, 'use')} went well; the lower bound of its success rate is{' '}
            {percent(it.lower)} and has to reach {percent(it.bar)}.
            {it.still_needed > 0 && ` ${plural(it.still_needed, 'use')} without a failure would do.`}
          </Text>
          <Progress
            value={it.lower * 100}
            color={it.lower >= it.bar ? 'teal' : 'orange'}
            aria-label={`Lower bound of the success rate of ${it.name}`}
            mt={6}
          />
        </div>
        {it.record.length > 0 && (
          <Text size="xs" c="dimmed" component="div">
            Last uses:{' '}
            {it.record.map((use, index) => (
              <span key={use.release.id}>
                {index > 0 && ', '}
                <Link className="link" to={`/releases/${use.release.id}`}>
                  {use.release.name}
                </Link>{' '}
                {use.good ? 'well' : 'taken back'}
              </span>
            ))}
          </Text>
        )}
        {!it.status.is_terminal && (
          <ActionBar actions={it.actions} at={address('templates', it.name)} name={it.name} size="xs" kind="template" />
        )}
      </Stack>
    </Card>
  )
}
