import { Tabs } from '@mantine/core'
import { IconKey, IconScale, IconUsers } from '@tabler/icons-react'
import { useNavigate, useParams } from 'react-router'
import { PageHeader } from '~/parts/Layout'
import { People } from './People'
import { Policies } from './Policies'
import { Tokens } from './Tokens'

export function Administration() {
  const { tab = 'people' } = useParams()
  const navigate = useNavigate()
  return (
    <>
      <PageHeader title="Administration" lead="Who may come in, what programs may do, and the rules that decide" />
      <Tabs value={tab} onChange={value => navigate(`/administration/${value}`)} keepMounted={false}>
        <Tabs.List mb="md">
          <Tabs.Tab value="people" leftSection={<IconUsers size={15} />}>
            People
          </Tabs.Tab>
          <Tabs.Tab value="tokens" leftSection={<IconKey size={15} />}>
            Tokens
          </Tabs.Tab>
          <Tabs.Tab value="policies" leftSection={<IconScale size={15} />}>
            Policies
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people">
          <People />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <Tokens />
        </Tabs.Panel>
        <Tabs.Panel value="policies">
          <Policies />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
