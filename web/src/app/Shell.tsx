import { AppShell, Burger, Center, Group, Kbd, Loader, NavLink, ScrollArea, Text, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Link, Navigate, Outlet, ScrollRestoration, useLocation, useNavigate, useNavigation } from 'react-router'
import { Problem } from '~/lib/api/client'
import { readSession } from '~/lib/api/session'
import { useKeys } from '~/lib/keys'
import { follow } from '~/lib/live'
import { ProblemView } from '~/parts/States'
import { KeysDialog } from './KeysDialog'
import { LiveMark } from './LiveMark'
import { Mark } from './Mark'
import { places } from './nav'
import { PersonMenu } from './PersonMenu'

const Palette = lazy(() => import('./Palette'))

export function Shell() {
  const session = useQuery({ queryKey: ['session'], queryFn: readSession, staleTime: 300_000 })
  const client = useQueryClient()
  const location = useLocation()
  const signedIn = session.data !== undefined
  useEffect(() => (signedIn ? follow(client) : undefined), [signedIn, client])
  if (session.error instanceof Problem && session.error.status === 401)
    return <Navigate to={`/sign-in?to=${encodeURIComponent(location.pathname + location.search)}`} replace />
  if (session.isError)
    return (
      <Center mih="100vh" p="md">
        <ProblemView error={session.error} retry={() => void session.refetch()} />
      </Center>
    )
  if (!session.data)
    return (
      <Center mih="100vh">
        <Loader role="status" aria-label="Loading" />
      </Center>
    )
  return <Frame />
}

function Frame() {
  const [opened, menu] = useDisclosure()
  const [keysOpen, keys] = useDisclosure()
  const [paletteWanted, setPaletteWanted] = useState(0)
  const { pathname } = useLocation()
  const navigate = useNavigate()
  const navigation = useNavigation()
  const openPalette = () => setPaletteWanted(wanted => wanted + 1)
  const bindings: Record<string, () => void> = {
    '?': keys.open,
    '/': openPalette,
    n: () => navigate('/releases?plan=1'),
  }
  for (const place of places) bindings[`g ${place.key}`] = () => navigate(place.to)
  useKeys(bindings)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        setPaletteWanted(wanted => wanted + 1)
      }
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', md: 'xl' }}
    >
      <a href="#main" className="skip">
        Skip to the page
      </a>
      <AppShell.Header className="header">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={menu.toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <Link to="/" className="brand" aria-label="Interlock, Today">
              <Mark />
              <Text fw={680} visibleFrom="xs">
                Interlock
              </Text>
            </Link>
          </Group>
          <UnstyledButton className="search-box" onClick={openPalette}>
            <IconSearch size={15} aria-hidden />
            <span className="visually-hidden">Search: </span>
            <span className="search-words">Find a release, commit, digest…</span>
            <Kbd size="xs" visibleFrom="sm">
              Ctrl K
            </Kbd>
          </UnstyledButton>
          <Group gap="sm" wrap="nowrap">
            <LiveMark />
            <PersonMenu onKeys={keys.open} />
          </Group>
        </Group>
        {navigation.state === 'loading' && (
          <div className="progress" role="progressbar" aria-label="Loading the page" />
        )}
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="navbar" aria-label="Pages">
        <ScrollArea>
          {places.map(place => (
            <NavLink
              key={place.to}
              component={Link}
              to={place.to}
              label={place.label}
              leftSection={<place.icon size={17} stroke={1.7} aria-hidden />}
              rightSection={<span className="nav-key">g {place.key}</span>}
              active={place.to === '/' ? pathname === '/' : pathname.startsWith(place.to)}
              onClick={menu.close}
              variant="light"
              className="nav-link"
            />
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <div className="page">
          <Outlet />
        </div>
      </AppShell.Main>
      <ScrollRestoration />
      <KeysDialog opened={keysOpen} onClose={keys.close} />
      {paletteWanted > 0 && (
        <Suspense>
          <Palette wanted={paletteWanted} />
        </Suspense>
      )}
    </AppShell>
  )
}
