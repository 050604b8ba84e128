import { useEffect, useState } from 'react'

/** The present, refreshed every `every` milliseconds while the page is visible. */
export function useNow(every = 20_000): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now())
    }, every)
    return () => clearInterval(timer)
  }, [every])
  return now
}
