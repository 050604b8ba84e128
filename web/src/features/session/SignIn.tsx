import { Button, Card, Center, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { Mark } from '~/app/Mark'
import { signIn } from '~/lib/api/session'
import { ProblemView } from '~/parts/States'
import { safeReturn } from './safeReturn'

export function SignIn() {
  useDocumentTitle('Sign in · Interlock')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const client = useQueryClient()
  const enter = useMutation({
    mutationFn: () => signIn(name, password),
    onSuccess: session => {
      client.clear()
      client.setQueryData(['session'], session)
      navigate(safeReturn(params.get('to')), { replace: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    enter.mutate()
  }
  return (
    <Center mih="100vh" p="md" className="door" component="main">
      <Stack w="100%" maw={380} gap="lg">
        <Stack gap={6} align="center">
          <Mark size={44} />
          <Title order={1} size="h2">
            Interlock
          </Title>
          <Text c="dimmed" size="sm">
            May this ship, and if not, what stands in the way?
          </Text>
        </Stack>
        <Card padding="lg" shadow="sm">
          <form onSubmit={submit}>
            <Stack>
              <TextInput
                label="Login"
                name="username"
                autoComplete="username"
                required
                autoFocus
                value={name}
                onChange={event => setName(event.currentTarget.value)}
              />
              <PasswordInput
                label="Password"
                name="password"
                autoComplete="current-password"
                required
                value={password}
                onChange={event => setPassword(event.currentTarget.value)}
              />
              {enter.isError && <ProblemView error={enter.error} />}
              <Button type="submit" loading={enter.isPending} disabled={!name || !password} fullWidth>
                Sign in
              </Button>
            </Stack>
          </form>
        </Card>
        <Text size="xs" c="dimmed" ta="center">
          First start? The server printed a one-time link that makes the first administrator.
        </Text>
      </Stack>
    </Center>
  )
}
