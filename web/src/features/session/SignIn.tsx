import { Alert, Button, Card, Center, Divider, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { Mark } from '~/app/Mark'
import { readServer, signIn } from '~/lib/api/session'
import { ProblemView } from '~/parts/States'
import { reason } from './refused'
import { safeReturn } from './safeReturn'

export function SignIn() {
  useDocumentTitle('Sign in · Interlock')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [params] = useSearchParams()
  const navigate = useNavigate()
  const client = useQueryClient()
  const server = useQuery({ queryKey: ['server'], queryFn: readServer })
  const ways = server.data?.sign_in ?? []
  const to = safeReturn(params.get('to'))
  const refused = reason(params.get('refused'))
  const enter = useMutation({
    mutationFn: () => signIn(name, password),
    onSuccess: session => {
      client.clear()
      client.setQueryData(['session'], session)
      navigate(to, { replace: true })
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
        {refused && (
          <Alert color="red" title={refused.title}>
            {refused.clears}
            <Text size="xs" c="dimmed" mt={6}>
              {refused.code}
            </Text>
          </Alert>
        )}
        <Card padding="lg" shadow="sm">
          {ways.length > 0 && (
            <Stack mb="md">
              {ways.map(way => (
                <Button
                  key={way.name}
                  component="a"
                  variant="default"
                  href={`${way.url}?to=${encodeURIComponent(to)}`}
                  fullWidth
                >
                  Sign in with {way.title}
                </Button>
              ))}
              <Divider label="or with a password" />
            </Stack>
          )}
          <form onSubmit={submit}>
            <Stack>
              <TextInput
                label="Login"
                name="username"
                autoComplete="username"
                required
                autoFocus={ways.length === 0}
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
