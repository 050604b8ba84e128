import { Group, Progress, Stack, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { Fragment, useState } from 'react'
import type { Deployment, Step, Wave, WaveTarget } from '~/lib/api/deployment'
import { severityColor, severityIcon } from '~/lib/labels'
import { useNow } from '~/lib/now'
import { lasting } from '~/lib/time'
import { StatusBadge } from '~/parts/Badges'
import { Time } from '~/parts/Time'
import { OutputPanel } from './OutputPanel'

interface Chosen {
  step: string
  target: string
}

/** Waves from top to bottom, their targets as rows, steps as cells that fill in live; a cell opens its output. */
export function DeploymentGrid({ deployment }: { deployment: Deployment }) {
  const [chosen, setChosen] = useState<Chosen | null>(null)
  const all = deployment.waves.flatMap(wave => wave.targets.flatMap(target => target.steps))
  const done = all.filter(step => step.status.is_terminal).length
  const selected = chosen && findStep(deployment, chosen)
  return (
    <Stack gap="md">
      <div>
        <Progress
          value={all.length ? (done / all.length) * 100 : 0}
          size={6}
          color={severityColor[deployment.status.severity]}
          aria-label="Steps done"
        />
        <Group justify="space-between" mt={4}>
          <Text size="xs" c="dimmed">
            {done} of {all.length} steps done · at most {deployment.parallelism} targets at once
          </Text>
          <Text size="xs" c="dimmed" component="span">
            <Time at={deployment.started_at} prefix="started" />
            {deployment.ended_at ? (
              <>
                {' · took '}
                {lasting(new Date(deployment.ended_at).getTime() - new Date(deployment.started_at).getTime())}
              </>
            ) : (
              deployment.expected_end_at && (
                <>
                  {' · '}
                  <Time at={deployment.expected_end_at} prefix="done" />
                </>
              )
            )}
          </Text>
        </Group>
      </div>
      {deployment.waves.map(wave => (
        <Fragment key={wave.index}>
          <WaveBlock wave={wave} chosen={chosen} onChoose={setChosen} />
          {selected && wave.targets.includes(selected.target) && (
            <OutputPanel
              key={selected.target.id + selected.step.id}
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

function findStep(deployment: Deployment, chosen: Chosen): { step: Step; target: WaveTarget } | null {
  for (const wave of deployment.waves)
    for (const target of wave.targets)
      for (const step of target.steps)
        if (target.id === chosen.target && step.id === chosen.step) return { step, target }
  return null
}

function WaveBlock({ wave, chosen, onChoose }: { wave: Wave; chosen: Chosen | null; onChoose: (c: Chosen) => void }) {
  return (
    <div className="wave" data-testid="wave">
      <Group justify="space-between" className="wave-head" gap="xs">
        <Group gap={8}>
          <span className="wave-index">{wave.index + 1}</span>
          <Text size="sm" fw={580}>
            {wave.name}
          </Text>
          <Text size="xs" c="dimmed">
            {wave.traffic}
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
        <div key={target.id} className="target-row">
          <div className="target-name">
            <Text size="sm" fw={550} className="ellipsis">
              {target.name}
            </Text>
            <Text size="xs" c="dimmed">
              {target.from_version} → {target.to_version} · {Math.round(target.traffic * 100)} % traffic
            </Text>
          </div>
          <div className="steps">
            {target.steps.map(step => (
              <StepCell
                key={step.id}
                step={step}
                active={chosen?.step === step.id && chosen.target === target.id}
                onClick={() => onChoose({ step: step.id, target: target.id })}
              />
            ))}
          </div>
        </div>
      ))}
    </div>
  )
}

function StepCell({ step, active, onClick }: { step: Step; active: boolean; onClick: () => void }) {
  const running = step.started_at !== null && step.ended_at === null && !step.status.is_terminal
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
        aria-label={`${step.name}: ${step.status.label}. Show its output`}
        data-testid="step"
      >
        <Icon size={14} aria-hidden />
        <span className="step-name">{step.name}</span>
        <span className="step-time">{length || step.status.label}</span>
      </UnstyledButton>
    </Tooltip>
  )
}
