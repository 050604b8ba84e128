import { Tabs } from '@mantine/core'
import { IconAlertTriangle, IconGavel, IconRoute, IconTemplate } from '@tabler/icons-react'
import { useNavigate, useParams } from 'react-router'
import { PageHeader } from '~/parts/Layout'
import { Boards } from '../board/Boards'
import { Emergencies } from './Emergencies'
import { Flows } from './Flows'
import { Templates } from './Templates'

const tabs = [
  ['boards', 'Boards', IconGavel, Boards],
  ['templates', 'Templates', IconTemplate, Templates],
  ['emergencies', 'Emergencies', IconAlertTriangle, Emergencies],
  ['flows', 'Classes', IconRoute, Flows],
] as const

export function Changes() {
  const { tab = 'boards' } = useParams()
  const navigate = useNavigate()
  return (
    <>
      <PageHeader
        title="Changes"
        lead="Who decides together, what goes without asking, what is owed after emergencies"
      />
      <Tabs value={tab} onChange={value => navigate(`/changes/${value}`)} keepMounted={false}>
        <Tabs.List mb="md">
          {tabs.map(([value, label, Icon]) => (
            <Tabs.Tab key={value} value={value} leftSection={<Icon size={15} />}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {tabs.map(([value, , , Panel]) => (
          <Tabs.Panel key={value} value={value}>
            <Panel />
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  )
}
