import { Group, Text, Tooltip } from '@mantine/core'
import type { Assessment } from '~/lib/api/verification'
import { evidenceWords } from '~/lib/format'
import { shares } from './effect'

const ticks: [number, string][] = [
  [0, 'none'],
  [1, '10×'],
  [1.477, '30×'],
  [2, '100×'],
]
const tones = ['a', 'b', 'c', 'd', 'e']

/** How strongly the data speak against "no worse than tolerated", on a log scale; at 100 the canary stops by itself. */
export function EvidenceMeter({ assessment, tolerance }: { assessment: Assessment; tolerance: number }) {
  const log = Math.max(0, assessment.log10_wealth)
  const filled = Math.min(1, log / 2)
  const parts = shares(assessment.evidence)
  const percent = Math.round((tolerance - 1) * 100)
  return (
    <div>
      <Group justify="space-between" mb={6} gap="xs">
        <Text size="xs" fw={600} c="dimmed">
          Evidence against “no worse than +{percent} %”
        </Text>
        <Text size="xs" fw={550} c={log >= 2 ? 'red' : log >= 1 ? 'orange' : undefined}>
          {log > 0.02 ? `${(10 ** Math.min(log, 6)).toFixed(log < 1 ? 1 : 0)}× ` : ''}
          {evidenceWords(log)}
        </Text>
      </Group>
      <div
        className="meter"
        role="meter"
        aria-valuemin={0}
        aria-valuemax={2}
        aria-valuenow={Math.min(2, log)}
        aria-valuetext={evidenceWords(log)}
        aria-label="Evidence of harm"
      >
        <div
          className={`meter-fill ${log >= 2 ? 'meter-full' : log >= 1 ? 'meter-warn' : ''}`}
          style={{ width: `${filled * 100}%` }}
        >
          {parts.map((part, index) => (
            <Tooltip key={part.id} label={`${part.label}: ${Math.round(part.share * 100)} % of it`}>
              <div
                className={`meter-part tone-${tones[index % tones.length]}`}
                style={{ width: `${part.share * 100}%` }}
              />
            </Tooltip>
          ))}
        </div>
      </div>
      <div className="meter-ticks" aria-hidden>
        {ticks.map(([at, words]) => (
          <span key={words} style={{ left: `${(at / 2) * 100}%` }}>
            {words}
          </span>
        ))}
      </div>
    </div>
  )
}
