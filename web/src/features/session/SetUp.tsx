import { Button, Card, Center, PasswordInput, Progress, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useNavigate, useSearchParams } from 'react-router'
import { Mark } from '~/app/Mark'
import { rememberCsrf } from '~/lib/api/client'
import { setUp } from '~/lib/api/session'
import { Empty, ProblemView } from '~/parts/States'

/** The one-time link of a fresh server: makes the first administrator and signs them in. */
export function SetUp() {
  useDocumentTitle('Set up · Interlock')
  const [params] = useSearchParams()
  const token = params.get('token')
  const [values, setValues] = useState({ name: '', email: '', password: '' })
  const navigate = useNavigate()
  const client = useQueryClient()
  const make = useMutation({
    mutationFn: () => setUp({ ...values, token: token ?? '' }),
    onSuccess: session => {
      rememberCsrf(session.csrf_token)
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
          {token ? (
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
                  label="E-mail address"
                  type="email"
                  required
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
                <Button type="submit" loading={make.isPending} disabled={!values.name || !values.email || !length}>
                  Make the account and sign in
                </Button>
              </Stack>
            </form>
          ) : (
            <Empty small title="The link is incomplete" command="interlock setup-link">
              It must end in <code>?token=…</code>. Copy the whole line that the server printed, or make a new one:
            </Empty>
          )}
        </Card>
      </Stack>
    </Center>
  )
}
