const day = (at: Date) => at.toISOString().slice(0, 10)

/** The first and the last day of the quarter that a day is in, by the calendar in UTC. */
export function quarterOf(now: Date): { from: string; to: string } {
  const first = Math.floor(now.getUTCMonth() / 3) * 3
  return {
    from: day(new Date(Date.UTC(now.getUTCFullYear(), first, 1))),
    to: day(new Date(Date.UTC(now.getUTCFullYear(), first + 3, 0))),
  }
}
