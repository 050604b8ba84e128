import { get, query } from './client'
import type { Schemas } from './core'

export type Catalogue = Schemas['CatalogueView']
export type Controls = Schemas['Controls']

export const readControls = () => get<Controls>('/controls')
/** Where a report is read: a page to print, or a table to keep. */
export const reportAddress = (period: { from: string; to: string }, format: 'html' | 'csv' | 'json') =>
  `/api/v1/controls/report${query({ ...period, format })}`
