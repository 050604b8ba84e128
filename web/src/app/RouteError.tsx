import { Container } from '@mantine/core'
import { useRouteError } from 'react-router'
import { ProblemView } from '~/parts/States'

export function RouteError() {
  const error = useRouteError()
  return (
    <Container size="sm" py="xl">
      <ProblemView error={error} retry={() => window.location.reload()} />
    </Container>
  )
}
