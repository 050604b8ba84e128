import { Table, Text } from '@mantine/core'
import type { Indicator } from '~/lib/api/deployment'
import { ratio } from '~/lib/format'
import { verdictColor } from '~/lib/labels'
import { VerdictBadge } from '~/parts/Badges'
import { barPosition } from './effect'

/** One row for each indicator: its effect with bounds on a common scale, and how it stands. */
export function Indicators({
  indicators,
  tolerance,
  harm,
}: {
  indicators: Indicator[]
  tolerance: number
  harm: number
}) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing={6} className="indicators">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Indicator</Table.Th>
            <Table.Th w="42%">
              <span className="scale">
                <span>×0.25</span>
                <span>×1</span>
                <span>×4</span>
              </span>
            </Table.Th>
            <Table.Th>Effect</Table.Th>
            <Table.Th>Stands</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {indicators.map(indicator => {
            const left = barPosition(indicator.low)
            const right = barPosition(indicator.high)
            return (
              <Table.Tr key={indicator.id} data-testid="indicator">
                <Table.Td>
                  <Text size="sm" fw={550}>
                    {indicator.label}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {indicator.detail}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <div className="strip">
                    <span className="strip-zone" style={{ left: `${barPosition(harm) * 100}%` }} />
                    <span className="strip-one" />
                    <span className="strip-tolerance" style={{ left: `${barPosition(tolerance) * 100}%` }} />
                    <span
                      className="strip-bar"
                      style={{
                        left: `${left * 100}%`,
                        width: `${Math.max(0.8, (right - left) * 100)}%`,
                        background: `var(--mantine-color-${verdictColor[indicator.verdict]}-filled)`,
                      }}
                    />
                    <span className="strip-dot" style={{ left: `${barPosition(indicator.effect) * 100}%` }} />
                  </div>
                </Table.Td>
                <Table.Td className="nowrap number">
                  {ratio(indicator.effect)}
                  <Text size="xs" c="dimmed">
                    {ratio(indicator.low)}–{ratio(indicator.high)}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <VerdictBadge verdict={indicator.verdict} />
                </Table.Td>
              </Table.Tr>
            )
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
