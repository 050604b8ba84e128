import { IconCheck } from '@tabler/icons-react'
import type { Release } from '~/lib/api/release'
import { severityColor } from '~/lib/labels'
import { Time } from '~/parts/Time'

/** The stages of the life, where it stands, and when each was reached. */
export function Life({ steps }: { steps: Release['life'] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone it scrolls, and what scrolls must be reachable by keyboard
    <ol className="life" aria-label="Life of the release" tabIndex={0}>
      {steps.map(step => {
        const reached = step.at != null
        return (
          <li
            key={step.value}
            className={`life-step ${reached ? 'life-reached' : ''} ${step.current ? 'life-current' : ''}`}
            style={{ '--life-color': `var(--mantine-color-${severityColor[step.severity]}-filled)` } as object}
            aria-current={step.current ? 'step' : undefined}
          >
            <span className="life-dot">
              {reached && !step.current && <IconCheck size={11} stroke={3} aria-hidden />}
            </span>
            <span className="life-label">{step.label}</span>
            <span className="life-time">{step.at ? <Time at={step.at} /> : ' '}</span>
          </li>
        )
      })}
    </ol>
  )
}
