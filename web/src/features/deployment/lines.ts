/** What a step printed, as lines to show. */
export interface Line {
  kind: 'out' | 'err' | 'info'
  text: string
}

/** A line of the step protocol (JSON with a message) is shown as its message; everything else as it is. */
export function linesOf(text: string): Line[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map(line => {
    if (!line.startsWith('{')) return { kind: 'out', text: line }
    try {
      const read = JSON.parse(line) as Record<string, unknown>
      const message = read.message ?? read.log ?? read.text ?? read.summary
      if (typeof message !== 'string') return { kind: 'info', text: line }
      return { kind: read.level === 'error' || read.level === 'warn' ? 'err' : 'out', text: message }
    } catch {
      return { kind: 'out', text: line }
    }
  })
}
