import { CopyButton, Tooltip, UnstyledButton } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'

/** An identifier or digest that a click copies whole, even when shown short. */
export function Id({ value, show }: { value: string; show?: string }) {
  return (
    <CopyButton value={value} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : value} openDelay={200} maw={520} multiline>
          <UnstyledButton className="id" onClick={copy}>
            <span className="visually-hidden">Copy </span>
            {show ?? value}
            {copied ? <IconCheck size={12} aria-hidden /> : <IconCopy size={12} aria-hidden className="id-icon" />}
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  )
}
