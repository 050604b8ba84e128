import { ActionIcon, Button, Group, Switch, Text, TextInput, Tooltip } from '@mantine/core'
import { IconDownload, IconSearch, IconX } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { Problem } from '~/lib/api/client'
import { readOutput, type Step } from '~/lib/api/deployment'
import { plural, shortDigest } from '~/lib/format'
import { StatusBadge } from '~/parts/Badges'
import { Id } from '~/parts/Id'
import { ProblemView } from '~/parts/States'
import { linesOf } from './lines'

/** Characters kept on the page; the blob has all of them. */
const kept = 400_000

/** Reads a step's output from where it left off, again and again until it is complete. */
function useOutput(deployment: string, step: string) {
  const [text, setText] = useState('')
  const [complete, setComplete] = useState(false)
  const [error, setError] = useState<Problem | null>(null)
  useEffect(() => {
    let stopped = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = async (from: number) => {
      try {
        const chunk = await readOutput(deployment, step, from)
        if (stopped) return
        setError(null)
        if (chunk.text) setText(old => (old + chunk.text).slice(-kept))
        setComplete(chunk.complete)
        if (!chunk.complete || chunk.next > from)
          timer = setTimeout(() => void read(chunk.next), chunk.complete ? 0 : 1000)
      } catch (failure) {
        if (stopped) return
        if (failure instanceof Problem) setError(failure)
        timer = setTimeout(() => void read(from), 4000)
      }
    }
    void read(0)
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }, [deployment, step])
  return { text, complete, error }
}

function download(name: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}

export function OutputPanel({
  deployment,
  step,
  target,
  onClose,
}: {
  deployment: string
  step: Step
  target: string
  onClose: () => void
}) {
  const { text, complete, error } = useOutput(deployment, step.id)
  const lines = useMemo(() => linesOf(text), [text])
  const [follow, setFollow] = useState(true)
  const [search, setSearch] = useState('')
  const box = useRef<HTMLDivElement>(null)
  const shown = useMemo(
    () => (search ? lines.filter(line => line.text.toLowerCase().includes(search.toLowerCase())) : lines),
    [lines, search],
  )
  useEffect(() => {
    if (follow && box.current && shown.length >= 0) box.current.scrollTop = box.current.scrollHeight
  }, [follow, shown])
  return (
    <div className="output" data-testid="output">
      <Group justify="space-between" className="output-head" gap="xs">
        <Group gap={8}>
          <Text size="sm" fw={580}>
            {step.name} on {target}
          </Text>
          <StatusBadge status={step.status} size="sm" />
          {step.output && <Id value={step.output} show={shortDigest(step.output)} />}
        </Group>
        <Group gap={8}>
          <TextInput
            size="xs"
            aria-label="Search the output"
            placeholder="Search"
            leftSection={<IconSearch size={13} />}
            value={search}
            onChange={event => setSearch(event.currentTarget.value)}
            w={150}
          />
          <Switch
            size="xs"
            label="Follow"
            checked={follow}
            onChange={event => setFollow(event.currentTarget.checked)}
          />
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconDownload size={13} />}
            onClick={() => download(`${target}-${step.name}.log`, text)}
          >
            Download
          </Button>
          <Tooltip label="Close">
            <ActionIcon size="sm" variant="subtle" color="gray" onClick={onClose} aria-label="Close the output">
              <IconX size={14} />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      {step.summary && (
        <Text size="sm" px="md" py={6}>
          {step.code && <code className="code-chip">{step.code}</code>} {step.summary}
        </Text>
      )}
      {error && <ProblemView error={error} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <div ref={box} className="output-lines" role="log" aria-label="Output" tabIndex={0}>
        {shown.map((line, index) => (
          <div key={index} className={`output-line output-${line.kind}`}>
            <span>{line.text}</span>
          </div>
        ))}
        {shown.length === 0 && (
          <div className="output-line output-info">
            {search ? 'No line contains this.' : complete ? 'The step wrote nothing.' : 'Waiting for the first line…'}
          </div>
        )}
      </div>
      <div className="output-foot">
        {search ? `${plural(shown.length, 'line')} of ${lines.length}` : plural(lines.length, 'line')} ·{' '}
        {complete ? 'complete' : 'more to come'}
      </div>
    </div>
  )
}
