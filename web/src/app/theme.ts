import { Alert, Badge, Button, Card, createTheme, Modal, Table, Tooltip } from '@mantine/core'

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
    Alert: Alert.extend({ defaultProps: { radius: 'md' } }),
  },
})
