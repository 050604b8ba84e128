/** Keyboard: `g` then a letter goes somewhere; single keys act; nothing fires while somebody types. */
import { useEffect, useRef } from 'react'

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))

const dialogOpen = () => document.querySelector('[role="dialog"]') !== null

/** Keys are written as one character ("p") or two in sequence ("g r"). */
export function useKeys(bindings: Record<string, () => void>) {
  const current = useRef(bindings)
  current.current = bindings
  useEffect(() => {
    let first = ''
    let timer: ReturnType<typeof setTimeout> | undefined
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialogOpen()) return
      const chord = first ? `${first} ${event.key}` : event.key
      first = ''
      clearTimeout(timer)
      const action = current.current[chord]
      if (action) {
        event.preventDefault()
        action()
      } else if (Object.keys(current.current).some(key => key.startsWith(`${event.key} `))) {
        first = event.key
        timer = setTimeout(() => {
          first = ''
        }, 1200)
      }
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
      clearTimeout(timer)
    }
  }, [])
}
