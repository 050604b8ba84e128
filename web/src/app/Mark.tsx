/** Two tracks that meet at a set of points: the only picture the product has of itself. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-indigo-7)" />
      <path
        d="M7 21h7c2.2 0 3.3-1 4.2-2.6l1.6-2.800C20.7 14 21.8 13 24 13h1"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <path d="M7 11h6" fill="none" stroke="#fff" strokeOpacity=".55" strokeWidth="2.6" strokeLinecap="round" />
      <circle cx="24.5" cy="21" r="2.6" fill="#8ce99a" />
    </svg>
  )
}
