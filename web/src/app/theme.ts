import {
  Alert,
  Badge,
  Button,
  Card,
  type CSSVariablesResolver,
  createTheme,
  Modal,
  Notification,
  Table,
  TableScrollContainer,
  Tooltip,
} from '@mantine/core'

export const theme = createTheme({
  fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  autoContrast: true,
  headings: {
    fontWeight: '620',
    sizes: { h2: { fontSize: '1.5rem', lineHeight: '1.25' }, h5: { fontSize: '0.925rem' } },
  },
  components: {
    Card: Card.extend({ defaultProps: { withBorder: true, padding: 'md', radius: 'md' } }),
    Badge: Badge.extend({ defaultProps: { radius: 'sm', tt: 'none', fw: 550 } }),
    Button: Button.extend({ styles: { label: { fontWeight: 560 } } }),
    Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, events: { hover: true, focus: true, touch: true } } }),
    Modal: Modal.extend({ defaultProps: { radius: 'lg', overlayProps: { blur: 2, backgroundOpacity: 0.4 } } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 8, horizontalSpacing: 'md', highlightOnHover: true } }),
    // What scrolls can be reached by keyboard.
    TableScrollContainer: TableScrollContainer.extend({
      defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } },
    }),
    Alert: Alert.extend({ defaultProps: { radius: 'md' } }),
    Notification: Notification.extend({
      defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } },
      styles: { description: { color: 'var(--mantine-color-text)' } },
    }),
  },
})

/** Text in colour is darker on white than the library has it: WCAG 2.2 asks for a contrast of 4.5 to 1. */
const darker: Record<string, string> = {
  teal: '#05614a',
  orange: '#9c3500',
  red: '#b42020',
  blue: '#155a99',
  indigo: '#2f43b0',
  gray: '#41474d',
}
const filled = {
  '--mantine-color-red-filled': '#c92a2a',
  '--mantine-color-red-filled-hover': '#b42020',
  '--mantine-color-teal-filled': '#087f5b',
  '--mantine-color-teal-filled-hover': '#066b4d',
  '--mantine-color-orange-filled': '#c2410c',
  '--mantine-color-orange-filled-hover': '#a8380a',
}
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...filled,
    ...Object.fromEntries(
      Object.entries(darker).flatMap(([name, color]) => [
        [`--mantine-color-${name}-text`, color],
        [`--mantine-color-${name}-light-color`, color],
        [`--mantine-color-${name}-outline`, color],
      ]),
    ),
    '--mantine-color-placeholder': '#697077',
    '--mantine-color-dimmed': '#565d66',
  },
  dark: { ...filled, '--mantine-color-placeholder': '#9aa1a9', '--mantine-color-dimmed': '#a3a9b1' },
})
