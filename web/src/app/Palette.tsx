import '@mantine/spotlight/styles.css'
import { useDebouncedValue } from '@mantine/hooks'
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData, spotlight } from '@mantine/spotlight'
import { IconPlus, IconSearch } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useNavigate } from 'react-router'
import { search } from '~/lib/api/search'
import { hrefOf } from '~/lib/links'
import { places } from './nav'

/** Finds any object by id, name, commit or digest, and goes anywhere. Fetched when first asked for. */
export default function Palette({ wanted }: { wanted: number }) {
  const navigate = useNavigate()
  const [typed, setTyped] = useState('')
  const [settled] = useDebouncedValue(typed.trim(), 150)
  const found = useQuery({
    queryKey: ['search', settled],
    queryFn: ({ signal }) => search(settled, signal),
    enabled: settled.length >= 2,
  })
  useEffect(() => {
    if (wanted > 0) spotlight.open()
  }, [wanted])
  const wants = (text: string) => !typed || text.toLowerCase().includes(typed.toLowerCase())
  const hits: SpotlightActionData[] = (found.data?.items ?? []).map(hit => ({
    id: `${hit.kind}-${hit.id}`,
    label: hit.title,
    description: `${hit.kind} · ${hit.detail}`,
    onClick: () => navigate(hrefOf(hit.kind, hit.id, hit.title)),
  }))
  const go: SpotlightActionData[] = places
    .filter(place => wants(`${place.label} ${place.words}`))
    .map(place => ({
      id: place.to,
      label: place.label,
      leftSection: <place.icon size={18} stroke={1.6} />,
      rightSection: <span className="nav-key">g {place.key}</span>,
      onClick: () => navigate(place.to),
    }))
  const run: SpotlightActionData[] = wants('plan a release new')
    ? [
        {
          id: 'plan',
          label: 'Plan a release',
          leftSection: <IconPlus size={18} stroke={1.6} />,
          rightSection: <span className="nav-key">n</span>,
          onClick: () => navigate('/releases?plan=1'),
        },
      ]
    : []
  const groups: SpotlightActionGroupData[] = [
    { group: 'Found', actions: hits },
    { group: 'Do', actions: run },
    { group: 'Go to', actions: go },
  ].filter(group => group.actions.length > 0)
  return (
    <Spotlight
      actions={groups}
      query={typed}
      onQueryChange={setTyped}
      filter={(_, all) => all}
      shortcut={null}
      highlightQuery
      scrollable
      maxHeight={420}
      nothingFound={
        found.isFetching ? 'Searching…' : 'Nothing found. Try a release name, a commit or part of a digest.'
      }
      searchProps={{
        leftSection: <IconSearch size={18} />,
        // Enter without an arrow key means the first line.
        onKeyDown: event => {
          if (event.key === 'Enter' && !document.querySelector('.mantine-Spotlight-action[data-selected]'))
            document.querySelector<HTMLElement>('.mantine-Spotlight-action')?.click()
        },
        placeholder: 'Find a release, service, commit, digest; or type an action',
      }}
    />
  )
}
