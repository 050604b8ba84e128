import { Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconHammer } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { address } from '~/lib/api/action'
import { readDebts, readGlasses } from '~/lib/api/governance'
import { Section } from '~/parts/Layout'
import { Empty, Loaded } from '~/parts/States'
import { DebtFacts } from './DebtFacts'
import { GlassCard } from './GlassCard'

export function Emergencies() {
  const debts = useQuery({ queryKey: ['debts'], queryFn: readDebts })
  const glasses = useQuery({ queryKey: ['glasses'], queryFn: readGlasses })
  return (
    <Stack gap="md">
      <Section title="Broken glasses" icon={IconHammer}>
        <Loaded result={glasses} rows={2}>
          {data =>
            data.items.length === 0 ? (
              <Empty
                small
                title="No glass was ever broken"
                command='interlock emergency break-glass RELEASE --gate approvals --lasts 30m --reason "…"'
              >
                When nothing else is quick enough, two people open gates of one release together, for a time.
              </Empty>
            ) : (
              <Stack gap="sm">
                {data.items.map(it => (
                  <GlassCard key={it.id} glass={it} at={address('glasses', it.id)} release />
                ))}
              </Stack>
            )
          }
        </Loaded>
      </Section>
      <Section title="Owed after emergencies" icon={IconAlertTriangle}>
        <Loaded result={debts} rows={2}>
          {data =>
            data.items.length === 0 ? (
              <Empty small title="Nothing is owed">
                An emergency owes an approval after the event and a review. While one is overdue, its owners bring
                nothing else into production.
              </Empty>
            ) : (
              <Stack gap="md">
                {data.items.map(it => (
                  <div key={it.change.id}>
                    <Text size="sm" fw={600} mb={4}>
                      <Link className="link" to={`/releases/${it.release.id}`}>
                        {it.release.name}
                      </Link>
                    </Text>
                    <DebtFacts debt={it} />
                  </div>
                ))}
              </Stack>
            )
          }
        </Loaded>
      </Section>
    </Stack>
  )
}
