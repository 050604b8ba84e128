import { Badge, Button, Card, Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { IconExternalLink, IconFileSpreadsheet } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { periodOf } from '~/features/ledger/pack'
import { type Catalogue, readControls, reportAddress } from '~/lib/api/control'
import { Section } from '~/parts/Layout'
import { Loaded } from '~/parts/States'
import { quarterOf } from './quarter'

/** What laws and standards ask for, what guards it, and reports of what came of it over a period. */
export function Controls() {
  const controls = useQuery({ queryKey: ['controls'], queryFn: readControls })
  return (
    <Loaded result={controls}>
      {data => (
        <Stack>
          <Report />
          {data.catalogues.map(it => (
            <CatalogueSection key={it.pack} catalogue={it} />
          ))}
        </Stack>
      )}
    </Loaded>
  )
}

function Report() {
  const [span, setSpan] = useState(() => quarterOf(new Date()))
  const period = periodOf(span.from, span.to)
  return (
    <Card component="section" aria-label="Control report">
      <Stack gap="sm">
        <Text size="sm">
          A report lists every deployment that began in the period, what each control that applied to it came to, every
          exception, and who tested, approved and deployed.
        </Text>
        <Group align="flex-end">
          <TextInput
            type="date"
            label="From the beginning of (UTC)"
            value={span.from}
            onChange={event => setSpan({ ...span, from: event.currentTarget.value })}
          />
          <TextInput
            type="date"
            label="To the end of (UTC)"
            value={span.to}
            onChange={event => setSpan({ ...span, to: event.currentTarget.value })}
            error={span.from && span.to && !period ? 'It has to end after it begins' : undefined}
          />
          {period && (
            <>
              <Button
                component="a"
                href={reportAddress(period, 'html')}
                target="_blank"
                rel="noreferrer"
                leftSection={<IconExternalLink size={15} />}
                data-testid="control-report"
              >
                Open the report
              </Button>
              <Button
                component="a"
                href={reportAddress(period, 'csv')}
                variant="default"
                leftSection={<IconFileSpreadsheet size={15} />}
              >
                As a table
              </Button>
            </>
          )}
        </Group>
      </Stack>
    </Card>
  )
}

function CatalogueSection({ catalogue }: { catalogue: Catalogue }) {
  return (
    <Section
      title={catalogue.title}
      flush
      aside={
        <Badge variant="light" color={catalogue.in_force ? 'teal' : 'gray'}>
          {catalogue.in_force ? 'in force' : 'not in force'}
        </Badge>
      }
    >
      <Text size="xs" c="dimmed" px="md" pb="sm">
        {catalogue.source}. Applies to services that handle{' '}
        {catalogue.data_classes.length > 0 ? catalogue.data_classes.join(' or ') : 'data of any class'}:{' '}
        {catalogue.services.length > 0 ? catalogue.services.map(it => it.name).join(', ') : 'none of ours'}.
      </Text>
      <Table.ScrollContainer minWidth={640}>
        <Table verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Control</Table.Th>
              <Table.Th>Guarded by gate</Table.Th>
              <Table.Th>Decided by</Table.Th>
              <Table.Th>Evidence</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {catalogue.controls.map(it => (
              <Table.Tr key={it.id} data-testid="control">
                <Table.Td>
                  <Text size="sm" fw={560}>
                    {it.id}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {it.title}
                  </Text>
                </Table.Td>
                <Table.Td>{it.gates.join(', ')}</Table.Td>
                <Table.Td>
                  {it.policies.map(policy => (
                    <Text key={policy.id} size="xs" td={policy.in_force ? undefined : 'line-through'}>
                      {policy.id}
                      {!policy.in_force && ' (not in force)'}
                    </Text>
                  ))}
                </Table.Td>
                <Table.Td>{it.evidence}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Section>
  )
}
