/** Ways to look at stored bytes. */

export function pretty(raw: Uint8Array): string {
  const text = new TextDecoder().decode(raw)
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** Offset, sixteen bytes in hex, the same as ASCII. */
export function hexDump(raw: Uint8Array): string {
  const lines: string[] = []
  for (let offset = 0; offset < raw.length; offset += 16) {
    const row = raw.subarray(offset, offset + 16)
    const hex = Array.from(row, b => b.toString(16).padStart(2, '0')).join(' ')
    const ascii = Array.from(row, b => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '.')).join('')
    lines.push(`${offset.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${ascii}`)
  }
  return lines.join('\n')
}
