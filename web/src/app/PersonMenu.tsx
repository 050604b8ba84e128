import { Avatar, Menu, SegmentedControl, Text, UnstyledButton, useMantineColorScheme } from '@mantine/core'
import { IconKeyboard, IconLink, IconLogout, IconPrinter } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useNavigate } from 'react-router'
import { readSession, signOut } from '~/lib/api/session'

export function PersonMenu({ onKeys }: { onKeys: () => void }) {
  const session = useQuery({ queryKey: ['session'], queryFn: readSession, staleTime: 300_000 })
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const client = useQueryClient()
  const navigate = useNavigate()
  useEffect(() => {
    // The calendar library reads its own attribute; it follows Mantine's, whoever sets that.
    const root = document.documentElement
    const copy = () => root.setAttribute('data-color-scheme', root.getAttribute('data-mantine-color-scheme') ?? 'light')
    const observer = new MutationObserver(copy)
    observer.observe(root, { attributeFilter: ['data-mantine-color-scheme'] })
    copy()
    return () => observer.disconnect()
  }, [])
  if (!session.data) return null
  const { person, server } = session.data
  const leave = async () => {
    // Read anew: the provider's place may have changed since the page was opened.
    const elsewhere = await readSession()
      .then(it => it.sign_out_url)
      .catch(() => null)
    await signOut()
    client.clear()
    if (elsewhere) window.location.assign(elsewhere)
    else navigate('/sign-in')
  }
  return (
    <Menu width={250} position="bottom-end" withinPortal>
      <Menu.Target>
        <UnstyledButton className="person-button">
          <span className="visually-hidden">{person.name}: menu</span>
          <Avatar name={person.name} color="indigo" size={30} radius="xl" alt="" aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <div className="person-card">
          <Text size="sm" fw={600}>
            {person.name}
          </Text>
          <Text size="xs" c="dimmed">
            {person.roles.join(' · ')}
          </Text>
        </div>
        <Menu.Divider />
        <div className="person-card">
          <SegmentedControl
            fullWidth
            size="xs"
            value={colorScheme}
            onChange={value => setColorScheme(value as 'light' | 'dark' | 'auto')}
            aria-label="Colour scheme"
            data={[
              { value: 'light', label: 'Light' },
              { value: 'dark', label: 'Dark' },
              { value: 'auto', label: 'System' },
            ]}
          />
        </div>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconKeyboard size={15} />}
          onClick={onKeys}
          rightSection={<span className="nav-key">?</span>}
        >
          Keys
        </Menu.Item>
        <Menu.Item leftSection={<IconPrinter size={15} />} onClick={() => window.print()}>
          Print this page
        </Menu.Item>
        {server.sign_in.map(way => (
          <Menu.Item
            key={way.name}
            component="a"
            href={`${way.url}?link=true&to=${encodeURIComponent('/')}`}
            leftSection={<IconLink size={15} />}
          >
            Link {way.title} to this account
          </Menu.Item>
        ))}
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
        <Menu.Divider />
        <Text size="xs" c="dimmed" px="sm" py={4}>
          Interlock {server.version}
        </Text>
      </Menu.Dropdown>
    </Menu>
  )
}
