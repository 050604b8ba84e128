import { Text } from '@mantine/core'
import { SeverityIcon } from '~/parts/Badges'
import type { PageSection } from './sections'

export function SectionNav({ sections }: { sections: PageSection[] }) {
  return (
    <nav className="section-nav no-print" aria-label="Parts of this release">
      {sections.map((section, index) => (
        <a key={section.id} href={`#${section.id}`} className="section-link">
          <span className="section-mark">{section.mark && <SeverityIcon severity={section.mark} size={14} />}</span>
          <span>{section.label}</span>
          {section.note && (
            <Text span size="xs" c="dimmed" className="ellipsis">
              {section.note}
            </Text>
          )}
          <span className="nav-key">{index < 9 ? index + 1 : ''}</span>
        </a>
      ))}
    </nav>
  )
}
