import { Button, Card, Center, PasswordInput, Progress, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useLocation, useNavigate } from 'react-router'
import { Mark } from '~/app/Mark'
import { setUp } from '~/lib/api/session'
import { Empty, ProblemView } from '~/parts/States'
import { secretOf } from './secret'

/** The one-time link of a fresh server: makes the first administrator and signs them in. */
export function SetUp() {
  useDocumentTitle('Set up · Interlock')
  const location = useLocation()
  const secret = secretOf(location.hash, location.search)
  const [values, setValues] = useState({ login: '', name: '', email: '', password: '' })
  const navigate = useNavigate()
  const client = useQueryClient()
  const make = useMutation({
    mutationFn: () => setUp({ ...values, email: values.email || null, secret: secret ?? '' }),
    onSuccess: session => {
      client.setQueryData(['session'], session)
      navigate('/', { replace: true })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    make.mutate()
  }
  const set = (key: keyof typeof values) => (event: { currentTarget: { value: string } }) =>
    setValues({ ...values, [key]: event.currentTarget.value })
  const length = values.password.length
  return (
    <Center mih="100vh" p="md" className="door" component="main">
      <Stack w="100%" maw={440} gap="lg">
        <Stack gap={6} align="center">
          <Mark size={44} />
          <Title order={1} size="h2">
            Make the first administrator
          </Title>
          <Text c="dimmed" size="sm" ta="center">
            This link works once. Whoever holds it decides who else comes in.
          </Text>
        </Stack>
        <Card padding="lg" shadow="sm">
          {secret ? (
            <form onSubmit={submit}>
              <Stack>
                <TextInput
                  label="Your name"
                  required
                  autoFocus
                  autoComplete="name"
                  value={values.name}
                  onChange={set('name')}
                />
                <TextInput
                  label="Login"
                  description="What you type to sign in: a-z, 0-9 and -."
                  required
                  autoComplete="username"
                  pattern="[a-z0-9][a-z0-9\-]{0,62}"
                  value={values.login}
                  onChange={set('login')}
                />
                <TextInput
                  label="E-mail address (optional)"
                  description="As in your commits, so that they are known to be yours."
                  type="email"
                  autoComplete="email"
                  value={values.email}
                  onChange={set('email')}
                />
                <div>
                  <PasswordInput
                    label="Password"
                    description="Length is what counts: a sentence of 12 characters or more."
                    required
                    autoComplete="new-password"
                    value={values.password}
                    onChange={set('password')}
                  />
                  <Progress
                    value={Math.min(100, (length / 16) * 100)}
                    color={length >= 12 ? 'teal' : 'orange'}
                    size={4}
                    mt={6}
                    aria-label="Length of the password"
                  />
                </div>
                {make.isError && <ProblemView error={make.error} />}
                <Button type="submit" loading={make.isPending} disabled={!values.name || !values.login || length < 12}>
                  Make the account and sign in
                </Button>
              </Stack>
            </form>
          ) : (
            <Empty small title="The link is incomplete">
              Copy the whole line that the server printed when it started.
            </Empty>
          )}
        </Card>
      </Stack>
    </Center>
  )
}
