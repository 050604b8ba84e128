import { Group, Progress, Stack, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { Fragment, useState } from 'react'
import type { Deployment, Step, Wave, WaveTarget } from '~/lib/api/deployment'
import { plural } from '~/lib/format'
import { severityColor, severityIcon } from '~/lib/labels'
import { useNow } from '~/lib/now'
import { lasting } from '~/lib/time'
import { StatusBadge } from '~/parts/Badges'
import { Blockers } from '~/parts/Blockers'
import { Time } from '~/parts/Time'
import { OutputPanel } from './OutputPanel'

/** Waves from top to bottom, their targets as rows, steps as cells that fill in live; a cell opens its output. */
export function DeploymentGrid({ deployment }: { deployment: Deployment }) {
  const [chosen, setChosen] = useState<string | null>(null)
  const selected = chosen && findStep(deployment, chosen)
  return (
    <Stack gap="md">
      <div>
        <Progress
          value={deployment.steps_total ? (deployment.steps_done / deployment.steps_total) * 100 : 0}
          size={6}
          color={severityColor[deployment.status.severity]}
          aria-label="Steps done"
        />
        <Group justify="space-between" mt={4}>
          <Text size="xs" c="dimmed">
            {deployment.steps_done} of {plural(deployment.steps_total, 'step')} done · at most {deployment.max_parallel}{' '}
            at once · pipeline {deployment.pipeline}
          </Text>
          <Text size="xs" c="dimmed" component="span">
            <Time at={deployment.started_at} prefix="started" />
            {deployment.ended_at && (
              <>
                {' · took '}
                {lasting(new Date(deployment.ended_at).getTime() - new Date(deployment.started_at).getTime())}
              </>
            )}
          </Text>
        </Group>
      </div>
      {deployment.held.length > 0 && (
        <div>
          <Text size="xs" fw={600} c="dimmed" mb={6}>
            Held {deployment.held_until && <Time at={deployment.held_until} prefix="until" />}
          </Text>
          <Blockers blockers={deployment.held} />
        </div>
      )}
      {deployment.archived && deployment.waves.length === 0 && (
        <Text size="sm" c="dimmed">
          Its waves and steps are in the ledger only, by now.
        </Text>
      )}
      {deployment.waves.map(wave => (
        <Fragment key={wave.index}>
          <WaveBlock wave={wave} chosen={chosen} onChoose={setChosen} />
          {selected && wave.targets.includes(selected.target) && (
            <OutputPanel
              key={selected.step.id}
              deployment={deployment.id}
              step={selected.step}
              target={selected.target.name}
              onClose={() => setChosen(null)}
            />
          )}
        </Fragment>
      ))}
    </Stack>
  )
}

function findStep(deployment: Deployment, id: string): { step: Step; target: WaveTarget } | null {
  for (const wave of deployment.waves)
    for (const target of wave.targets) for (const step of target.steps) if (step.id === id) return { step, target }
  return null
}

function WaveBlock({ wave, chosen, onChoose }: { wave: Wave; chosen: string | null; onChoose: (id: string) => void }) {
  return (
    <div className="wave" data-testid="wave">
      <Group justify="space-between" className="wave-head" gap="xs">
        <Group gap={8}>
          <span className="wave-index">{wave.index + 1}</span>
          <Text size="sm" fw={580}>
            {wave.name}
          </Text>
          <Text size="xs" c="dimmed">
            {plural(wave.targets.length, 'target')}
            {wave.weight != null && `, weight ${wave.weight}`}
          </Text>
        </Group>
        <Group gap={8}>
          {wave.bake_until && (
            <Text size="xs" c="dimmed" component="span">
              <Time at={wave.bake_until} prefix="bakes, ends" />
            </Text>
          )}
          <StatusBadge status={wave.status} size="sm" />
        </Group>
      </Group>
      {wave.targets.map(target => (
        <div key={target.unit} className="target-row">
          <div className="target-name">
            <Text size="sm" fw={550} className="ellipsis">
              {target.name}
            </Text>
            <Text size="xs" c="dimmed" className="ellipsis">
              {target.service.name} {target.from_version ? `${target.from_version} → ` : ''}
              {target.to_version} · unit {target.unit}
            </Text>
          </div>
          <div className="steps">
            {target.steps.map(step => (
              <StepCell key={step.id} step={step} active={chosen === step.id} onClick={() => onChoose(step.id)} />
            ))}
          </div>
        </div>
      ))}
    </div>
  )
}

function StepCell({ step, active, onClick }: { step: Step; active: boolean; onClick: () => void }) {
  const running = step.started_at != null && step.ended_at == null && !step.status.is_terminal
  const now = useNow(running ? 1000 : 60_000)
  const Icon = severityIcon[step.status.severity]
  const color = severityColor[step.status.severity]
  const length = step.started_at
    ? lasting((step.ended_at ? new Date(step.ended_at).getTime() : now) - new Date(step.started_at).getTime())
    : ''
  return (
    <Tooltip
      label={`${step.name}: ${step.status.label}${step.attempt > 1 ? `, attempt ${step.attempt}` : ''}. ${step.summary}`}
      multiline
      maw={360}
    >
      <UnstyledButton
        className={`step ${running ? 'step-running' : ''} ${active ? 'step-active' : ''} ${step.started_at ? '' : 'step-idle'}`}
        style={
          {
            '--step-color': `var(--mantine-color-${color}-text)`,
            '--step-fill': `var(--mantine-color-${color}-light)`,
          } as object
        }
        onClick={onClick}
        aria-pressed={active}
        data-testid="step"
      >
        <Icon size={14} aria-hidden />
        <span className="step-name">{step.name}</span>
        <span className="visually-hidden">: {step.status.label}</span>
        <span className="step-time">{length || step.status.label}</span>
      </UnstyledButton>
    </Tooltip>
  )
}
