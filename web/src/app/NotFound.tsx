import { Button } from '@mantine/core'
import { IconMapOff } from '@tabler/icons-react'
import { Link } from 'react-router'
import { PageHeader } from '~/parts/Layout'
import { Empty } from '~/parts/States'

export function NotFound() {
  return (
    <>
      <PageHeader title="There is no such page" />
      <Empty title="Nothing lives at this address" icon={IconMapOff}>
        Press Ctrl K and type a release, service, commit or digest, or
        <br />
        <Button component={Link} to="/" variant="light" mt="md">
          Go to Today
        </Button>
      </Empty>
    </>
  )
}
