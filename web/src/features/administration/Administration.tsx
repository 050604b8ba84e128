import { Tabs } from '@mantine/core'
import {
  IconBiohazard,
  IconChecklist,
  IconKey,
  IconPackage,
  IconRoute2,
  IconScale,
  IconServerBolt,
  IconUsers,
} from '@tabler/icons-react'
import { useNavigate, useParams } from 'react-router'
import { PageHeader } from '~/parts/Layout'
import { Artifacts } from './Artifacts'
import { Controls } from './Controls'
import { People } from './People'
import { Pipelines } from './Pipelines'
import { Policies } from './Policies'
import { Quarantines } from './Quarantines'
import { Runners } from './Runners'
import { Tokens } from './Tokens'

const tabs = [
  ['people', 'People', IconUsers, People],
  ['tokens', 'Tokens', IconKey, Tokens],
  ['policies', 'Policies', IconScale, Policies],
  ['controls', 'Controls', IconChecklist, Controls],
  ['pipelines', 'Pipelines', IconRoute2, Pipelines],
  ['runners', 'Runners', IconServerBolt, Runners],
  ['artifacts', 'Artefacts', IconPackage, Artifacts],
  ['quarantines', 'Quarantines', IconBiohazard, Quarantines],
] as const

export function Administration() {
  const { tab = 'people' } = useParams()
  const navigate = useNavigate()
  return (
    <>
      <PageHeader title="Administration" lead="Who may come in, what programs may do, and the rules that decide" />
      <Tabs value={tab} onChange={value => navigate(`/administration/${value}`)} keepMounted={false}>
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
