import { Table, Text } from '@mantine/core'
import { ratio } from '~/lib/format'
import { verdictColor } from '~/lib/labels'
import { VerdictBadge } from '~/parts/Badges'
import { barPosition, type Lines, type Row } from './effect'

/** One row for each indicator: its effect with bounds on a common scale, and how it stands. */
export function Indicators({ rows, lines }: { rows: Row[]; lines: Lines }) {
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing={6} className="indicators">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Indicator</Table.Th>
            <Table.Th w="38%">
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
          {rows.map(row => (
            <Table.Tr key={row.id} data-testid="indicator">
              <Table.Td>
                <Text size="sm" fw={550}>
                  {row.label}
                </Text>
                <Text size="xs" c="dimmed">
                  {row.detail}
                </Text>
              </Table.Td>
              <Table.Td>
                <Strip row={row} lines={lines} />
              </Table.Td>
              <Table.Td className="nowrap number">
                {row.effect === null ? '' : ratio(row.effect)}
                {row.low !== null && row.high !== null && (
                  <Text size="xs" c="dimmed">
                    {ratio(row.low)}–{ratio(row.high)}
                  </Text>
                )}
              </Table.Td>
              <Table.Td>
                <VerdictBadge verdict={row.standing} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Strip({ row, lines }: { row: Row; lines: Lines }) {
  // A bound nobody knows yet reaches to the edge.
  const left = barPosition(row.low ?? 0)
  const right = barPosition(row.high ?? Number.POSITIVE_INFINITY)
  const errors = row.id === 'errors' || row.id === 'endpoints'
  return (
    <div className="strip" aria-hidden>
      {errors && <span className="strip-zone" style={{ left: `${barPosition(lines.harm) * 100}%` }} />}
      <span className="strip-one" />
      {errors && <span className="strip-tolerance" style={{ left: `${barPosition(lines.tolerance) * 100}%` }} />}
      {(row.low !== null || row.high !== null) && (
        <span
          className="strip-bar"
          style={{
            left: `${left * 100}%`,
            width: `${Math.max(0.8, (right - left) * 100)}%`,
            background: `var(--mantine-color-${verdictColor[row.standing]}-filled)`,
          }}
        />
      )}
      {row.effect !== null && <span className="strip-dot" style={{ left: `${barPosition(row.effect) * 100}%` }} />}
    </div>
  )
}
