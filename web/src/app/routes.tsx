import { createBrowserRouter, Navigate } from 'react-router'
import { SignIn } from '~/features/session/SignIn'
import { Today } from '~/features/today/Today'
import { RouteError } from './RouteError'
import { Shell } from './Shell'

/** Sign-in and Today come with the first load; every other page is fetched when first opened. */
export const router = createBrowserRouter([
  { path: '/sign-in', element: <SignIn />, errorElement: <RouteError /> },
  {
    path: '/setup',
    errorElement: <RouteError />,
    lazy: async () => ({ Component: (await import('~/features/session/SetUp')).SetUp }),
  },
  {
    path: '/',
    element: <Shell />,
    errorElement: <RouteError />,
    hydrateFallbackElement: <div />,
    children: [
      {
        errorElement: <RouteError />,
        children: [
          { index: true, element: <Today /> },
          {
            path: 'calendar/rules',
            lazy: async () => ({ Component: (await import('~/features/calendar/RulesPage')).RulesPage }),
          },
          {
            path: 'calendar',
            lazy: async () => ({ Component: (await import('~/features/calendar/CalendarPage')).CalendarPage }),
          },
          {
            path: 'releases',
            lazy: async () => ({ Component: (await import('~/features/release/Releases')).Releases }),
          },
          {
            path: 'releases/:id',
            lazy: async () => ({ Component: (await import('~/features/release/ReleasePage')).ReleasePage }),
          },
          {
            path: 'changes/:tab?',
            lazy: async () => ({ Component: (await import('~/features/change/Changes')).Changes }),
          },
          {
            path: 'meetings/:id',
            lazy: async () => ({ Component: (await import('~/features/board/MeetingPage')).MeetingPage }),
          },
          {
            path: 'deployments/:id',
            lazy: async () => ({ Component: (await import('~/features/deployment/DeploymentPage')).DeploymentPage }),
          },
          {
            path: 'environments',
            lazy: async () => ({ Component: (await import('~/features/environment/Environments')).Environments }),
          },
          {
            path: 'environments/:id',
            lazy: async () => ({ Component: (await import('~/features/environment/EnvironmentPage')).EnvironmentPage }),
          },
          {
            path: 'services',
            lazy: async () => ({ Component: (await import('~/features/service/Services')).Services }),
          },
          {
            path: 'services/:id',
            lazy: async () => ({ Component: (await import('~/features/service/ServicePage')).ServicePage }),
          },
          { path: 'dora', lazy: async () => ({ Component: (await import('~/features/metrics/Metrics')).Metrics }) },
          { path: 'ledger', lazy: async () => ({ Component: (await import('~/features/ledger/Ledger')).Ledger }) },
          {
            path: 'activity',
            lazy: async () => ({ Component: (await import('~/features/activity/Activity')).Activity }),
          },
          {
            path: 'ledger/world',
            lazy: async () => ({ Component: (await import('~/features/ledger/WorldPage')).WorldPage }),
          },
          {
            path: 'ledger/:position/knowledge',
            lazy: async () => ({ Component: (await import('~/features/ledger/KnowledgePage')).KnowledgePage }),
          },
          {
            path: 'ledger/:position',
            lazy: async () => ({ Component: (await import('~/features/ledger/EntryPage')).EntryPage }),
          },
          {
            path: 'administration/:tab?',
            lazy: async () => ({
              Component: (await import('~/features/administration/Administration')).Administration,
            }),
          },
          { path: 'today', element: <Navigate to="/" replace /> },
          { path: '*', lazy: async () => ({ Component: (await import('./NotFound')).NotFound }) },
        ],
      },
    ],
  },
])
