import {
  Button,
  Collapse,
  Group,
  Modal,
  MultiSelect,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconChevronDown } from '@tabler/icons-react'
import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import { useNavigate } from 'react-router'
import { readArtifacts } from '~/lib/api/artifact'
import { checkCalendar } from '~/lib/api/calendar'
import { newKey, Problem } from '~/lib/api/client'
import { readPipelines } from '~/lib/api/deployment'
import { readEnvironments } from '~/lib/api/environment'
import { draftRelease, type ReleaseSpec } from '~/lib/api/release'
import { readServices } from '~/lib/api/service'
import { later, toInstant, toLocal } from '~/lib/instants'
import { ago, zone } from '~/lib/time'
import { PersonSelect } from '~/parts/ActionDialog'
import { Blockers } from '~/parts/Blockers'
import { Slots } from '~/parts/Slots'
import { ProblemView } from '~/parts/States'
import { blank, complete, type Draft, seconds, specOf } from './draft'

/** Plans a release. While a window is chosen, the server says whether it is free, and offers the next that are. */
export function PlanDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const [key, setKey] = useState(newKey)
  const [draft, setDraft] = useState<Draft>(blank)
  const [more, setMore] = useState(false)
  const set = <K extends keyof Draft>(name: K, value: Draft[K]) => setDraft(old => ({ ...old, [name]: value }))
  const text = (name: keyof Draft) => (event: { currentTarget: { value: string } }) =>
    set(name, event.currentTarget.value)
  const start = toInstant(draft.start)
  const plan = useMutation({
    mutationFn: () => draftRelease({ name: draft.name, spec: specOf(draft), start }, key),
    onError: error => {
      if (error instanceof Problem && error.status !== 0) setKey(newKey())
    },
    onSuccess: receipt => {
      void client.invalidateQueries()
      navigate(`/releases/${encodeURIComponent(receipt.subject?.id ?? draft.name)}`)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    plan.mutate()
  }
  const ready = complete(draft)
  return (
    <Modal opened onClose={onClose} title="Plan a release" size="xl" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={submit}>
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label="Name"
              description="a-z, 0-9 and -, never used before"
              placeholder="checkout-2026-48"
              required
              pattern="[a-z0-9][a-z0-9\-]{0,62}"
              data-autofocus
              value={draft.name}
              onChange={text('name')}
            />
            <TextInput
              label="What it is for"
              description="One line, for those who approve it"
              placeholder="New payment form"
              value={draft.summary}
              onChange={text('summary')}
            />
          </SimpleGrid>
          <Scope draft={draft} set={set} />
          <div>
            <Text size="sm" fw={500} mb={4}>
              Model
            </Text>
            <SegmentedControl
              aria-label="Model"
              value={draft.model}
              onChange={value => set('model', value as Draft['model'])}
              data={[
                { value: 'phased', label: 'Phased, with a canary' },
                { value: 'big_bang', label: 'Big bang' },
              ]}
            />
          </div>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <PersonSelect
              label="Who answers for taking it back"
              required
              value={draft.owner}
              onChange={login => set('owner', login)}
            />
            <PersonSelect label="Their deputy" required value={draft.deputy} onChange={login => set('deputy', login)} />
          </SimpleGrid>
          <Button
            variant="subtle"
            size="compact-sm"
            color="gray"
            w="fit-content"
            leftSection={<IconChevronDown size={14} />}
            onClick={() => setMore(!more)}
            aria-expanded={more}
          >
            Canary, triggers and watch
          </Button>
          <Collapse expanded={more}>
            <Details draft={draft} set={set} />
          </Collapse>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              type="datetime-local"
              step={1}
              label={`Window starts (${zone()})`}
              description="Empty: only a draft"
              name="start"
              value={draft.start}
              onChange={text('start')}
            />
            <TextInput
              label="Window lasts"
              description="Such as 45m or 1h 30m"
              required
              value={draft.length}
              onChange={text('length')}
            />
          </SimpleGrid>
          <WhenFree draft={draft} onChoose={at => set('start', toLocal(at))} />
          {plan.isError && <ProblemView error={plan.error} onSlot={at => set('start', toLocal(at))} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" loading={plan.isPending} disabled={!ready} data-testid="plan">
              {start ? 'Plan it' : 'Save the draft'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

type Set = <K extends keyof Draft>(name: K, value: Draft[K]) => void

function Scope({ draft, set }: { draft: Draft; set: Set }) {
  const services = useQuery({ queryKey: ['services'], queryFn: readServices })
  const environments = useQuery({ queryKey: ['environments', 'list'], queryFn: readEnvironments })
  const pipelines = useQuery({ queryKey: ['pipelines'], queryFn: readPipelines })
  const chosen = Object.keys(draft.items)
  const builds = useQueries({
    queries: chosen.map(service => ({
      queryKey: ['artifacts', service],
      queryFn: () => readArtifacts(service),
    })),
  })
  const only = pipelines.data?.items.length === 1 ? pipelines.data.items[0]!.name : ''
  useEffect(() => {
    if (only && !draft.pipeline) set('pipeline', only)
  }, [only, draft.pipeline, set])
  const choose = (names: string[]) =>
    set('items', Object.fromEntries(names.map(name => [name, draft.items[name] ?? ''])))
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <MultiSelect
        label="Services"
        placeholder={chosen.length ? undefined : 'Choose'}
        required
        searchable
        data={(services.data?.items ?? []).map(s => s.name)}
        value={chosen}
        onChange={choose}
      />
      <Select
        label="Environment"
        placeholder="Choose"
        required
        data={(environments.data?.items ?? []).map(e => ({ value: e.name, label: `${e.name} (${e.tier})` }))}
        value={draft.environment || null}
        onChange={value => set('environment', value ?? '')}
      />
      {chosen.map((service, index) => (
        <Select
          key={service}
          label={`Version of ${service}`}
          placeholder={builds[index]?.isPending ? 'Loading' : 'Choose'}
          required
          searchable
          nothingFoundMessage="No artefact is registered"
          data={(builds[index]?.data?.items ?? []).map(build => ({
            value: build.digest,
            label: `${build.version}, ${ago(build.registered_at, Date.now())}${build.status.severity === 'bad' ? `, ${build.status.label.toLowerCase()}` : ''}`,
          }))}
          value={draft.items[service] || null}
          onChange={digest => set('items', { ...draft.items, [service]: digest ?? '' })}
        />
      ))}
      <Select
        label="Pipeline"
        placeholder="Choose"
        required
        data={(pipelines.data?.items ?? []).map(it => it.name)}
        value={draft.pipeline || null}
        onChange={value => set('pipeline', value ?? '')}
      />
      <Select
        label="Class"
        allowDeselect={false}
        data={[
          { value: 'standard', label: 'Standard: pre-approved' },
          { value: 'normal', label: 'Normal' },
          { value: 'emergency', label: 'Emergency' },
        ]}
        value={draft.class}
        onChange={value => set('class', (value ?? 'normal') as ReleaseSpec['class'])}
      />
    </SimpleGrid>
  )
}

function Details({ draft, set }: { draft: Draft; set: Set }) {
  const input = (name: keyof Draft, label: string, description?: string) => (
    <TextInput
      key={name}
      size="xs"
      label={label}
      description={description}
      value={String(draft[name])}
      onChange={event => set(name, event.currentTarget.value as never)}
    />
  )
  return (
    <Stack gap="sm" className="effect">
      {draft.model === 'phased' && (
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
          {input('canaryTake', 'Targets of the canary wave', 'of each service: 1, 25%')}
          {input('canaryWeight', 'Weight while judged', '0 to 100, in the router')}
          {input('interval', 'A look each')}
          {input('horizon', 'Looks at most')}
          {input('atLeast', 'Looks at least')}
          {input('harmErrors', 'Harm: additional errors, in %')}
          {input('harmLatency', 'Harm: slower by, in %')}
          <Select
            size="xs"
            label="If it cannot tell"
            allowDeselect={false}
            data={[
              { value: 'hold', label: 'A person decides' },
              { value: 'rollback', label: 'Roll back' },
            ]}
            value={draft.onInconclusive}
            onChange={value => set('onInconclusive', (value ?? 'hold') as Draft['onInconclusive'])}
          />
        </SimpleGrid>
      )}
      <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
        {input('errorPercent', 'Roll back when errors exceed, in %')}
        {input('errorFor', 'without a break for')}
        {input('healthPath', 'Afterwards every target answers at')}
        {input('identityPath', 'and reports the former digest at')}
        {input('identityPointer', 'there at', 'JSON pointer')}
        {input('watchLength', 'Watched after the last wave for')}
        {input('watchInterval', 'Between two looks of the watch')}
      </SimpleGrid>
    </Stack>
  )
}

/** What the calendar says about the window while it is chosen. */
function WhenFree({ draft, onChoose }: { draft: Draft; onChoose: (start: string) => void }) {
  const services = Object.entries(draft.items)
    .filter(([, digest]) => digest !== '')
    .map(([service]) => service)
  const start = toInstant(draft.start)
  const length = seconds(draft.length)
  const [question] = useDebouncedValue(
    JSON.stringify({ services, environment: draft.environment, start, length: draft.length }),
    250,
  )
  const asked = JSON.parse(question) as {
    services: string[]
    environment: string
    start: string | null
    length: string
  }
  const answer = useQuery({
    queryKey: ['calendar', 'check', question],
    queryFn: () =>
      checkCalendar({
        services: asked.services,
        environment: asked.environment,
        ...(asked.start
          ? { from: asked.start, until: later(asked.start, Math.max(1, seconds(asked.length) ?? 3600)) }
          : {}),
        length: asked.length,
      }),
    enabled: asked.environment !== '' && asked.services.length > 0 && length !== null,
    retry: false,
  })
  if (!answer.data) return null
  return (
    <Stack gap="xs" className="effect" aria-live="polite" data-testid="when-free">
      {start && !answer.data.allowed && <Blockers blockers={answer.data.reasons} />}
      {start && answer.data.allowed && (
        <Text size="sm" fw={550}>
          The calendar is open then.
        </Text>
      )}
      <Slots
        title={start && !answer.data.allowed ? 'Next free windows' : 'Free windows'}
        slots={answer.data.slots}
        chosen={draft.start}
        onChoose={onChoose}
      />
    </Stack>
  )
}
