import '@fullcalendar/react/skeleton.css'
import '@fullcalendar/react/themes/breezy/theme.css'
import '@fullcalendar/react/themes/breezy/palettes/indigo.css'
import './calendar.css'
import FullCalendar from '@fullcalendar/react'
import dayGridPlugin from '@fullcalendar/react/daygrid'
import listPlugin from '@fullcalendar/react/list'
import breezy from '@fullcalendar/react/themes/breezy'
import timeGridPlugin from '@fullcalendar/react/timegrid'
import { Button, Group, Modal, Select, Stack, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconCalendarDown, IconCalendarQuestion, IconListDetails, IconPlus } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { type CalendarEntry, readCalendar } from '~/lib/api/calendar'
import { readEnvironments } from '~/lib/api/environment'
import { hrefOf } from '~/lib/links'
import { zone } from '~/lib/time'
import { PageHeader } from '~/parts/Layout'
import { ProblemView } from '~/parts/States'
import { AskException } from './AskException'
import { CheckDialog } from './CheckDialog'
import { EntryFacts } from './EntryFacts'
import { toEvents } from './events'
import { ImportDialog } from './ImportDialog'
import { Legend } from './Legend'

const monthAround = () => {
  const now = new Date()
  return {
    from: new Date(now.getFullYear(), now.getMonth(), -7).toISOString(),
    to: new Date(now.getFullYear(), now.getMonth() + 1, 8).toISOString(),
  }
}

export function CalendarPage() {
  const [params, setParams] = useSearchParams()
  const [range, setRange] = useState(monthAround)
  const [shown, setShown] = useState<CalendarEntry | null>(null)
  const [asking, setAsking] = useState(false)
  const [importing, setImporting] = useState(false)
  const navigate = useNavigate()
  const phone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false })
  const environment = params.get('environment') ?? ''
  const calendar = useQuery({
    queryKey: ['calendar', range.from, range.to, environment],
    queryFn: () => readCalendar(range.from, range.to, environment),
    placeholderData: keepPreviousData,
  })
  const environments = useQuery({ queryKey: ['environments', 'list'], queryFn: readEnvironments })
  const set = (key: string, value: string | null) =>
    setParams(
      old => {
        const next = new URLSearchParams(old)
        if (value) next.set(key, value)
        else next.delete(key)
        return next
      },
      { replace: true },
    )
  const events = useMemo(() => toEvents(calendar.data?.entries ?? []), [calendar.data])
  const open = (id: string) => {
    const entry = calendar.data?.entries.find(candidate => candidate.id === id)
    if (entry?.kind === 'release' && entry.subject) navigate(hrefOf('release', entry.subject.id))
    else setShown(entry ?? null)
  }
  return (
    <>
      <PageHeader
        title="Calendar"
        lead={`Times in your zone, ${zone()}`}
        actions={
          <>
            <Select
              aria-label="Environment"
              placeholder="All environments"
              clearable
              w={180}
              data={(environments.data?.items ?? []).map(e => ({ value: e.id, label: e.name }))}
              value={environment || null}
              onChange={value => set('environment', value)}
            />
            <Button variant="default" leftSection={<IconCalendarDown size={15} />} onClick={() => setImporting(true)}>
              Import
            </Button>
            <Button component={Link} to="/calendar/rules" variant="default" leftSection={<IconListDetails size={15} />}>
              Calendars and exceptions
            </Button>
            <Button variant="default" leftSection={<IconCalendarQuestion size={15} />} onClick={() => setAsking(true)}>
              May one ship?
            </Button>
            <Button component={Link} to="/releases?plan=1" leftSection={<IconPlus size={15} />}>
              Plan a release
            </Button>
          </>
        }
      />
      {calendar.isError && <ProblemView error={calendar.error} retry={() => void calendar.refetch()} />}
      <Stack gap="sm">
        <Legend />
        <div className="calendar">
          <FullCalendar
            plugins={[breezy, dayGridPlugin, timeGridPlugin, listPlugin]}
            initialView={params.get('view') ?? (phone ? 'listMonth' : 'dayGridMonth')}
            initialDate={params.get('date') ?? undefined}
            firstDay={1}
            height="auto"
            nowIndicator
            dayMaxEvents={4}
            slotHeaderFormat={{ hour: '2-digit', minute: '2-digit', hour12: false }}
            eventTimeFormat={{ hour: '2-digit', minute: '2-digit', hour12: false }}
            headerToolbar={{
              left: phone ? 'prev,next' : 'today prev,next',
              center: 'title',
              right: phone ? 'listMonth,timeGridDay' : 'dayGridMonth,timeGridWeek,listMonth',
            }}
            buttons={{
              today: { text: 'Today', hint: 'Today' },
              dayGridMonth: { text: 'Month' },
              timeGridWeek: { text: 'Week' },
              timeGridDay: { text: 'Day' },
              listMonth: { text: 'List' },
            }}
            events={events}
            eventClick={info => {
              info.jsEvent.preventDefault()
              open(info.event.id.replace(/:band$/, ''))
            }}
            datesSet={info => {
              setRange({ from: info.start.toISOString(), to: info.end.toISOString() })
              // The library reports its first range while it renders; the address may change only after that.
              const middle = new Date((info.start.getTime() + info.end.getTime()) / 2)
              queueMicrotask(() => {
                set('view', info.view.type)
                set('date', middle.toISOString().slice(0, 10))
              })
            }}
          />
        </div>
      </Stack>
      {asking && <CheckDialog onClose={() => setAsking(false)} />}
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
      <Modal
        opened={shown !== null}
        onClose={() => setShown(null)}
        title={shown?.title}
        size="md"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {shown && <EntryFacts entry={shown} />}
        {shown?.exceptions_by && <AskException key={shown.id} entry={shown} onClose={() => setShown(null)} />}
        <Group justify="flex-end" mt="md">
          <Text size="xs" c="dimmed">
            Where it was written: {shown?.source}
          </Text>
        </Group>
      </Modal>
    </>
  )
}
